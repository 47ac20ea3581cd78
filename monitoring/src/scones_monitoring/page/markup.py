"""Pieces of HTML that the report's sections are made of; every foreign text goes through `text`."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from scones_monitoring.phrases import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from scones_monitoring.report import Verdict

__all__ = ["css_class", "figure", "legend", "section", "table", "text", "verdict_chip"]


def text(anything: object) -> str:
    """Anything as text of HTML or SVG."""
    return escape(printable(anything))


def css_class(verdict: Verdict) -> str:
    """The class that gives a verdict its colour."""
    return verdict.name.lower().replace("_", "-")


def verdict_chip(verdict: Verdict) -> str:
    """A verdict as a coloured word."""
    return f'<span class="chip {css_class(verdict)}">{text(verdict)}</span>'


def section(title: str, body: str, note: str = "") -> str:
    """A section with its heading; `title` is plain text, `note` and `body` are HTML."""
    said = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{text(title)}</h2>{said}{body}</section>"


def figure(title: str, drawing: str, value: str = "", css: str = "chart") -> str:
    """A drawing under its name; `title` and `value` are plain text. Empty without a drawing."""
    if not drawing:
        return ""
    latest = f" <span>{text(value)}</span>" if value else ""
    caption = f"<figcaption><b>{text(title)}</b>{latest}</figcaption>"
    return f'<figure class="{css}">{caption}{drawing}</figure>'


def legend(**keys: str) -> str:
    """What the marks mean: class of the mark, and its meaning as plain text."""
    items = "".join(
        f'<li><i class="key {css}"></i>{text(meaning)}</li>' for css, meaning in keys.items()
    )
    return f'<ul class="legend" aria-hidden="true">{items}</ul>'


def table(
    name: str, head: Sequence[str], rows: Iterable[Sequence[str]], words: Collection[int] = ()
) -> str:
    """A table that scrolls sideways where it is too wide.

    Args:
        name: What it shows, for those who cannot see it; plain text.
        head: The columns' names, plain text.
        rows: Cells as HTML; the first of a row is its heading.
        words: Numbers of the columns that hold words; figures are set to the right.
    """
    css = ['<td class="words">' if column in words else "<td>" for column in range(len(head))]
    top = "".join(
        f'<th scope="col"{" class=words" if column in {0, *words} else ""}>{text(one)}</th>'
        for column, one in enumerate(head)
    )
    lines = "".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(f"{css[column]}{cell}</td>" for column, cell in enumerate(others, 1))
        + "</tr>"
        for first, *others in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{text(name)}"><table>'
        f"<thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>"
    )
