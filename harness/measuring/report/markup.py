"""Tables and lists as HTML; every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape


def table(caption: str, headings: Mapping[str, str], rows: Iterable[Sequence[str]], below: str = "") -> str:
    """Return a table that scrolls where it has no room.

    Args:
        caption: above it.
        headings: of the columns, each with "left" or "right"; the first column names the row.
        rows: cells.
        below: a sentence under the table.
    """
    places = [' class="n"' if place == "right" else "" for place in headings.values()]
    head = "".join(
        f'<th scope="col"{place}>{escape(heading)}</th>' for heading, place in zip(headings, places, strict=True)
    )
    body = "".join(f"<tr>{_cells(row, places)}</tr>" for row in rows)
    more = f"<p>{escape(below)}</p>" if below else ""
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}"
    )


def _cells(row: Sequence[str], places: Sequence[str]) -> str:
    first, *rest = (escape(cell) for cell in row)
    return f'<th scope="row">{first}</th>' + "".join(
        f"<td{place}>{cell}</td>" for cell, place in zip(rest, places[1:], strict=True)
    )


def pairs(rows: Mapping[str, str]) -> str:
    """Return headings with their texts."""
    return f"<dl>{''.join(f'<dt>{escape(key)}</dt><dd>{escape(text)}</dd>' for key, text in rows.items())}</dl>"


def paragraphs(texts: Iterable[str]) -> str:
    """Return a paragraph for each text."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def card(question: str, answer: str, sentences: Iterable[str], state: str = "plain") -> str:
    """Return a question with its answer in large letters.

    Args:
        question: its heading.
        answer: in a few words.
        sentences: under it.
        state: "good", "bad", "open" or "plain".
    """
    return (
        f'<section class="card {state}"><h2>{escape(question)}</h2><p class="answer">{escape(answer)}</p>'
        f"{paragraphs(sentences)}</section>"
    )
