"""Named figures and laws of the literature, made again with this project's estimators: `reparam reproduce NAME`.

One file per paper holds data only: figures, grids, laws. `table.PAPERS` lists them, `plan` makes the cells, `verdict`
judges every point against its exact value, `laws` what is said of a whole curve.
"""
