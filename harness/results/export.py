"""Stored records as one tidy table in a file that other programs read: parquet or CSV."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from harness.errors import BadInputError, unknown
from harness.requirements import missing
from harness.results import disk, provenance, store
from harness.results.schema import AnyRecord, Record, flat, meanings, types

if TYPE_CHECKING:
    import pandas as pd

#: What stands before a record's own columns.
RUN_COLUMNS = {
    "run": "the run, MACHINE/DATE-COMMIT-PROFILE",
    "machine": "the machine that measured the record",
    "profile": "of the run",
    "started": "when the measuring process started, ISO 8601",
    "commit": "of the source tree",
    "run_seed": "of the run",
    "cell": "the cell that the record is of",
}

_TYPES = {"str": "string", "int": "Int64", "float": "Float64", "bool": "boolean"}


def kinds() -> dict[str, type[Record]]:
    """Return the classes of records by what they are called."""
    return {row.__struct_config__.tag: row for row in get_args(AnyRecord)}


def find(kind: str) -> type[Record]:
    """Return the class of records that is called `kind`.

    Raises:
        BadInputError: there is none.
    """
    if kind not in kinds():
        raise unknown("kind of record", kind, kinds())
    return kinds()[kind]


def columns(kind: str) -> dict[str, str]:
    """Return what each column of the table means, in their order.

    Raises:
        BadInputError: there is no such kind.
    """
    own = meanings(find(kind))
    return RUN_COLUMNS | {f"record_{name}" if name in RUN_COLUMNS else name: text for name, text in own.items()}


def table(root: Path, kind: str, backends: Sequence[str] = (), dtypes: Sequence[str] = ()) -> pd.DataFrame:
    """Return the records of one kind, a row each, with nullable types that do not depend on what was measured.

    Args:
        root: a results folder, that of a machine, or of a run.
        kind: of the records, such as "variance".
        backends: keep only their records; none keeps all.
        dtypes: keep only records of these types; none keeps all.

    Raises:
        BadInputError: there is no such kind or folder, or a file cannot be read.
    """
    import pandas as pd

    wanted = find(kind)
    names = list(columns(kind))
    rows: list[tuple[Any, ...]] = []
    for folder in store.folders(root):
        run = store.read_run(folder, folder.parent.parent)
        for own in [] if run is None else run.by_machine():
            told = own.provenance
            facts = (told.get(name) for name in ("profile", "started", "commit", "seed"))
            about = (own.name, provenance.machine_of(told), *facts)
            rows += [
                (*about, key, *flat(record).values())
                for key, cell in own.cells.items()
                for record in cell
                if isinstance(record, wanted)
                and (not backends or record.backend in backends)
                and (not dtypes or record.dtype in dtypes)
            ]
    of_runs = {name: "Int64" if name == "run_seed" else "string" for name in RUN_COLUMNS}
    own_types = (_TYPES[text.partition(" ")[0]] for text in types(wanted).values())
    found = dict(zip(names, (*of_runs.values(), *own_types), strict=True))
    return pd.DataFrame(rows, columns=names).astype(found)


def _parquet(frame: pd.DataFrame, meaning: dict[str, str]) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise BadInputError(f"{missing('pyarrow', 'parquet')}, or name a file that ends in .csv") from None
    made = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [field.with_metadata({"description": meaning[field.name]}) for field in made.schema]
    buffer = io.BytesIO()
    pq.write_table(made.cast(pa.schema(fields)), buffer)
    return buffer.getvalue()


def write(frame: pd.DataFrame, kind: str, path: Path) -> None:
    """Write a table, its columns documented in the file where it is parquet (metadata "description" of each field).

    Args:
        frame: from `table`.
        kind: of its records.
        path: ends in .parquet or .csv; a file that is there is replaced when the new one is whole.

    Raises:
        BadInputError: the name ends otherwise, pyarrow is missing, or the disk cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in {".parquet", ".csv"}:
        raise BadInputError(f"{path} ends in {ending or 'nothing'}; allowed: .parquet or .csv; as in variance.parquet")
    data = _parquet(frame, columns(kind)) if ending == ".parquet" else frame.to_csv(index=False).encode()
    with disk.said(path, "then give the same command again"):
        disk.replace(path, data)
