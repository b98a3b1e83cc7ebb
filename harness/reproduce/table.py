"""The reproductions by name. A new one is a file with a `PAPER`, and a row here."""

from __future__ import annotations

from harness.errors import unknown
from harness.reproduce import (
    dong2020,
    jang2017,
    mohamed2020,
    paulus2021,
    rainforth2018,
    rezende2014,
    roeder2017,
    tucker2017,
)
from harness.reproduce.rows import Paper

PAPERS: dict[str, Paper] = {
    "mohamed2020": mohamed2020.PAPER,
    "rainforth2018": rainforth2018.PAPER,
    "roeder2017": roeder2017.PAPER,
    "jang2017": jang2017.PAPER,
    "tucker2017": tucker2017.PAPER,
    "rezende2014": rezende2014.PAPER,
    "paulus2021": paulus2021.PAPER,
    "dong2020": dong2020.PAPER,
}

#: Stands for every row.
ALL = "all"


def chosen(names: tuple[str, ...]) -> list[str]:
    """Return the names of reproductions, `ALL` spelled out.

    Raises:
        BadInputError: there is no such reproduction.
    """
    for name in names:
        if name != ALL and name not in PAPERS:
            raise unknown("reproduction", name, [*PAPERS, ALL], "reparam reproduce --help")
    return list(PAPERS) if ALL in names else list(dict.fromkeys(names))
