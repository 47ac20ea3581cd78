"""Bars of what becomes of pictures: right answers from the left, wrong ones from the right.

Between them is what goes to people. As both lie against an edge, bars under one another compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scones_model.card.facts import Outcomes

__all__ = ["outcome_bar"]


def outcome_bar(outcomes: Outcomes, mark: float | None = None) -> str:
    """A bar as wide as its place.

    Args:
        outcomes: Shares of the pictures.
        mark: A share of right answers to compare with, drawn as a line.

    Returns:
        SVG without words: the figures must stand beside it.
    """
    line = "" if mark is None else f'<line x1="{_at(mark)}" x2="{_at(mark)}" y2="100%"/>'
    return (
        '<svg class="bar" aria-hidden="true">'
        f'<rect class="right" width="{_at(outcomes.right)}" height="100%"/>'
        f'<rect class="wrong" x="{_at(1 - outcomes.wrong)}" width="{_at(outcomes.wrong)}" '
        f'height="100%"/>{line}</svg>'
    )


def _at(share: float) -> str:
    return f"{100 * min(max(share, 0.0), 1.0):.4g}%"
