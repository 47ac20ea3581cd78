"""A line chart as SVG: no script, no font, nothing fetched; its colours come from the page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Chart", "Line", "draw_chart"]

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 12, 44
TICKS = 5


@dataclass(frozen=True)
class Line:
    """One line: its name in the legend, CSS class, and points in order of x."""

    name: str
    css: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """What to draw: axes begin at 0, unless `logarithmic` makes the upright one of powers of 10."""

    title: str
    x_axis: str
    y_axis: str
    lines: Sequence[Line]
    logarithmic: bool = False


def draw_chart(chart: Chart) -> str:
    """Draw a chart and its legend.

    Raises:
        ValueError: It has no point.
    """
    points = [point for line in chart.lines for point in line.points]
    if not points:
        raise ValueError(f"{chart.title}: nothing to draw")
    x_ticks = _even_ticks(max(x for x, _ in points))
    heights = [y for _, y in points]
    y_ticks = _powers(heights) if chart.logarithmic else _even_ticks(max(heights))
    x_at = _scale(x_ticks, LEFT, WIDTH - RIGHT, identity)
    y_at = _scale(y_ticks, HEIGHT - BOTTOM, TOP, math.log10 if chart.logarithmic else identity)
    drawn = "".join(
        (
            *(_grid_across(y_at(tick), tick) for tick in y_ticks),
            *(_tick_below(x_at(tick), tick) for tick in x_ticks),
            *(_drawn(line, x_at, y_at) for line in chart.lines),
            _axis_name(chart.x_axis),
        )
    )
    title = escape(chart.title)
    legend = "".join(
        f'<li><i class="{line.css}"></i>{escape(line.name)}</li>' for line in chart.lines
    )
    return (
        f"<figure><figcaption>{title} <small>{escape(chart.y_axis)}</small></figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{drawn}</svg>'
        f'<ul class="legend">{legend}</ul></figure>'
    )


def identity(value: float) -> float:
    """Leave a value as it is."""
    return value


def _even_ticks(most: float) -> list[float]:
    """At most `TICKS` round steps from 0 to at least `most`."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]


def _powers(values: Sequence[float]) -> list[float]:
    """The powers of 10 around all values; what is not above 0 counts as 1."""
    above = [value for value in values if value > 0] or [1.0]
    first = math.floor(math.log10(min(above)))
    last = max(first + 1, math.ceil(math.log10(max(above))))
    return [10.0**power for power in range(first, last + 1)]


def _scale(
    ticks: Sequence[float], begin: float, end: float, bend: Callable[[float], float]
) -> Callable[[float], float]:
    low, high = bend(ticks[0]), bend(ticks[-1])

    def place(value: float) -> float:
        return begin + (end - begin) * (bend(max(value, ticks[0])) - low) / (high - low)

    return place


def _axis_name(name: str) -> str:
    x, y = WIDTH - RIGHT, HEIGHT - 6
    return f'<text class="axis" x="{x}" y="{y}" text-anchor="end">{escape(name)}</text>'


def _grid_across(y: float, tick: float) -> str:
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:,g}</text>'
    )


def _tick_below(x: float, tick: float) -> str:
    y = HEIGHT - BOTTOM + 16
    return f'<text class="tick" x="{x:.1f}" y="{y}" text-anchor="middle">{tick:,g}</text>'


def _drawn(line: Line, x_at: Callable[[float], float], y_at: Callable[[float], float]) -> str:
    places = [(x_at(x), y_at(y)) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = ""
    if len(places) <= WIDTH // 24:  # more would run into one another
        dots = "".join(
            f'<circle class="{line.css}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">'
            f"<title>{escape(line.name)}: {at:,g}, {value:,g}</title></circle>"
            for (x, y), (at, value) in zip(places, line.points, strict=True)
        )
    return f'<polyline class="{line.css}" points="{path}"/>{dots}'
