"""Results as HTML: a fragment for notebooks, and one self-contained page that loads nothing from a network."""

from __future__ import annotations

from html import escape
from pathlib import Path

from harness.errors import BadInputError, shown
from harness.measuring.report.markup import pairs
from harness.measuring.report.parts import Parts, parts
from harness.measuring.report.provenance import provenance
from harness.measuring.results import Bias, Result

#: Rows of a table at most, in a notebook and on a page.
NOTEBOOK_ROWS, PAGE_ROWS = 20, 2000

#: What browsers may load for the page: nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def fragment(result: Result, *, bias: Bias | None = None) -> str:
    """Return a result for a notebook: answers, chart and table, in the colours of the text around it.

    Args:
        result: a `Measurement`, `Bias` or `Comparison`.
        bias: of the subject of a `Measurement`, to be shown with it.
    """
    made = parts(result, bias, NOTEBOOK_ROWS)
    return (
        f'<div class="reparam"><style>{_style("fragment.css")}</style><p><strong>{escape(made.title)}</strong>: '
        f"{escape(made.summary)}</p>{_body(made)}</div>"
    )


def write(result: Result, path: str | Path, *, bias: Bias | None = None) -> Path:
    """Write a result as one page, and return its path.

    The page holds the verdict, charts of the mean squared error, tables and the provenance: when, with what versions
    and on what processor, but no path of this machine.

    Args:
        result: a `Measurement`, `Bias` or `Comparison`.
        path: of the file; its folder exists.
        bias: of the subject of a `Measurement`, for the same page.

    Raises:
        BadInputError: the file cannot be written.
    """
    file = Path(path)
    text = page(result, bias=bias)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(file, error.strerror or type(error).__name__) from None
    except ValueError as error:
        raise _unwritable(file, str(error)) from None
    return file


def _unwritable(file: Path, reason: str) -> BadInputError:
    return BadInputError(f"{shown(str(file))} cannot be written: {reason}; give a file in a folder that can be written")


def page(result: Result, *, bias: Bias | None = None) -> str:
    """Return the page that `write` writes."""
    made = parts(result, bias, PAGE_ROWS)
    title = escape(made.title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<title>{title} · Reparam</title>\n<link rel="icon" href="data:,">\n'
        f"<style>\n{_style('page.css')}{_style('fragment.css')}</style>\n</head>\n<body>\n"
        f'<main class="reparam">\n<h1>{title}</h1>\n<p class="lead">{escape(made.summary)}</p>\n{_body(made)}\n'
        f"<h2>Provenance</h2>\n{pairs({**made.numbers, **provenance()})}\n</main>\n</body>\n</html>\n"
    )


def _style(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _body(made: Parts) -> str:
    return f'<div class="cards">{made.cards}</div>\n{made.chart}\n{made.tables}\n{made.notes}'
