"""The static site: what the records say, as pages that open from disk without a network.

`build.build` makes it. One module per area turns records into a `Section`; templates turn sections into HTML.
"""
