"""Pieces of HTML that the page is made of; every foreign text goes through `text`."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from scones_model.card.phrases import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scones_model.card.tables import Table

__all__ = ["details", "figure", "grid", "legend", "section", "statements", "table", "text"]


def text(anything: object) -> str:
    """Anything as text of HTML or SVG."""
    return escape(printable(anything))


def section(title: str, note: str, body: str) -> str:
    """A section under its heading; `title` and `note` are plain text, `body` is HTML."""
    return f'<section><h2>{text(title)}</h2><p class="note">{text(note)}</p>{body}</section>'


def figure(title: str, value: str, drawing: str) -> str:
    """A drawing under its name and what to see in it, both plain text."""
    caption = f"<figcaption><b>{text(title)}</b> <span>{text(value)}</span></figcaption>"
    return f"<figure>{caption}{drawing}</figure>"


def details(summary: str, body: str) -> str:
    """HTML that is folded away under some plain words."""
    return f"<details><summary>{text(summary)}</summary>{body}</details>"


def statements(told: Iterable[tuple[str, str]]) -> str:
    """A list of topics, each with a sentence on it."""
    lines = (f"<div><dt>{text(name)}</dt><dd>{text(said)}</dd></div>" for name, said in told)
    return f'<dl class="statements">{"".join(lines)}</dl>'


def legend(**keys: str) -> str:
    """What the marks mean: class of the mark, and its meaning as plain text."""
    marks = (f'<li><i class="key {css}"></i>{text(said)}</li>' for css, said in keys.items())
    return f'<ul class="legend" aria-hidden="true">{"".join(marks)}</ul>'


def table(content: Table) -> str:
    """A table's plain cells as HTML."""
    rows = [[text(cell) for cell in row] for row in content.rows]
    return grid(content, rows)


def grid(content: Table, rows: Sequence[Sequence[str]]) -> str:
    """A table, which scrolls sideways where it is too wide, with its cells as HTML."""
    css = ["words" if column in {0, *content.words} else "" for column in range(len(content.head))]
    top = "".join(
        f"<th scope=col{_class(name)}>{text(head)}</th>"
        for name, head in zip(css, content.head, strict=True)
    )
    lines = "".join(
        f"<tr{_class('marked' if number == content.marked else '')}>"
        f"<th scope=row>{row[0]}</th>"
        + "".join(
            f"<td{_class(name)}>{cell}</td>" for name, cell in zip(css[1:], row[1:], strict=True)
        )
        + "</tr>"
        for number, row in enumerate(rows)
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{text(content.name)}">'
        f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _class(name: str) -> str:
    return f" class={name}" if name else ""
