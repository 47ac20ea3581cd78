"""What the charts are drawn with: a vertical scale, marks, and a frame that says what it shows.

A chart is as wide as its place, on a phone as on a wide screen: lines and areas lie in a nested
drawing that is stretched, texts stand at percentages and keep their size. The nested drawing is
`WIDTH` units wide and ten units a pixel high, in whole numbers, which keeps paths short. A mark is
a line of no length: its round or square cap keeps its shape when the drawing is stretched.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from scones_monitoring.page.markup import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "BOTTOM",
    "WIDTH",
    "Label",
    "Scale",
    "curve",
    "frame",
    "marks",
    "rules",
    "steps",
    "value_rules",
]

WIDTH = 10_000
HEIGHT = 150
"""Of the plot, in pixels."""
BOTTOM = 10 * HEIGHT
TOP = 10
AXIS = 26
TICKS = 5
NEAREST_TICKS = 16
"""Pixels; closer than that the labels would touch."""


@dataclass(frozen=True)
class Scale:
    """The values that a plot shows, from its bottom to its top, or from its left to its right.

    Attributes:
        low: The value at the bottom or left.
        high: The value at the top or right.
        bend: Bends the scale: an increasing function with `bend(low) < bend(high)`.
    """

    low: float
    high: float
    bend: Callable[[float], float] = float

    @classmethod
    def around(cls, values: Iterable[float], least: float, most: float = math.inf) -> Scale:
        """A scale that holds all values with a little air, nothing under 0 or over `most`."""
        given = list(values)
        low, high = min(given), max(given)
        air = max(0.08 * (high - low), (least - (high - low)) / 2)
        return cls(max(0.0, low - air), min(most, high + air))

    def y(self, value: float) -> int:
        """Units from the top of the plot; what lies outside is put on its edge."""
        low, high = self.bend(self.low), self.bend(self.high)
        part = (self.bend(min(max(value, self.low), self.high)) - low) / (high - low)
        return round(BOTTOM * (1 - part))

    def x(self, value: float) -> int:
        """Units from the left of the plot."""
        return round(WIDTH * (value - self.low) / (self.high - self.low))

    def ticks(self) -> list[tuple[float, int]]:
        """Round values in the scale, and the decimals each step of them needs."""
        rough = (self.high - self.low) / TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough * 0.999)
        digits = max(0, -math.floor(math.log10(step * 1.001)))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(number * step, digits) for number in range(first, last + 1)]


@dataclass(frozen=True)
class Label:
    """A text under the plot, and where, in percent."""

    at: float
    words: str


def curve(points: Sequence[tuple[int, int]]) -> str:
    """The path through some points."""
    begin = f"M{points[0][0]} {points[0][1]}"
    moves = (f"l{x - before_x} {y - before_y}" for (before_x, before_y), (x, y) in pairwise(points))
    return (begin + "".join(moves)).replace(" -", "-")


def steps(edges: Sequence[int], heights: Sequence[int]) -> str:
    """The path along the tops of some bars; bar i reaches from `edges[i]` to `edges[i + 1]`."""
    path, at = f"M{edges[0]} {heights[0]}", heights[0]
    for (left, right), top in zip(pairwise(edges), heights, strict=True):
        path += (f"v{top - at}" if top != at else "") + f"h{right - left}"
        at = top
    return path


def marks(css: str, points: Iterable[tuple[int, int]]) -> str:
    """One mark at each point; the style gives the marks of a class their size and shape."""
    path = "".join(f"M{x} {y}h0" for x, y in points)
    return f'<path class="{css}" d="{path}"/>' if path else ""


def rules(ticks: Iterable[tuple[int, str]]) -> str:
    """Horizontal lines over the plot with their values at its left: units from the top, words."""
    drawn, free = "", math.inf
    for y, words in sorted(ticks, reverse=True):
        at = TOP + y / 10
        if at > free:
            continue
        free = at - NEAREST_TICKS
        drawn += (
            f'<line class="rule" x2="100%" y1="{at:g}" y2="{at:g}"/>'
            f'<text class="tick" x="-8" y="{at + 4:g}" text-anchor="end">{text(words)}</text>'
        )
    return drawn


def value_rules(scale: Scale, *, shares: bool) -> str:
    """Rules at round values, in percent if they are shares."""
    if shares:
        words = [(at, f"{100 * at:.{max(0, digits - 2)}f} %") for at, digits in scale.ticks()]
    else:
        words = [(at, f"{at:.{digits}f}") for at, digits in scale.ticks()]
    return rules((scale.y(at), said) for at, said in words)


def frame(
    ident: str, title: str, description: str, drawn: tuple[str, str], labels: Iterable[Label]
) -> str:
    """A whole drawing with its name and its numbers in words.

    Args:
        ident: Of the drawing on its page: letters, digits and hyphens.
        title: What it shows.
        description: The numbers, for those who cannot see it.
        drawn: What keeps its size (rules and their texts), and what is stretched.
        labels: The texts under it.
    """
    under = "".join(map(_label, labels))
    return (
        f'<svg class="drawing" width="100%" height="{TOP + HEIGHT + AXIS}" role="img" '
        f'aria-labelledby="{ident}-name {ident}-text">'
        f'<title id="{ident}-name">{text(title)}</title>'
        f'<desc id="{ident}-text">{text(description)}</desc>{drawn[0]}'
        f'<svg class="plot" y="{TOP}" width="100%" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {BOTTOM}" preserveAspectRatio="none">{drawn[1]}</svg>'
        f"{under}</svg>"
    )


def _label(label: Label) -> str:
    anchor = "start" if label.at <= 0 else "end" if label.at >= 100 else "middle"  # noqa: PLR2004
    return (
        f'<text class="tick" x="{label.at:.4g}%" y="{TOP + HEIGHT + 19}" text-anchor="{anchor}">'
        f"{text(label.words)}</text>"
    )
