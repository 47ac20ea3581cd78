"""Charts over confidence: what each threshold would do, and whether the confidence is honest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones_model.card.facts import chosen, operating_points, spread
from scones_model.card.markup import text
from scones_model.card.phrases import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scones_model.evaluation.result import Bin, Evaluation

__all__ = ["accuracy_chart", "coverage_chart", "reliability_chart"]

_WIDTH, _HEIGHT = 440, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 428, 12, 182
_TICKS = 5
_MOST_POINTS = 160
_LEAST_EXTENT = 0.05
_COUNTS = 54
"""Height of the bars under the reliability chart."""

Point = tuple[float, float]


@dataclass(frozen=True)
class _Plane:
    """The values that a chart shows, and where they are drawn; what lies outside is on the edge."""

    first: float
    last: float
    low: float
    high: float

    def x(self, value: float) -> float:
        return _placed(value, self.first, self.last, _LEFT, _RIGHT)

    def y(self, value: float) -> float:
        return _placed(value, self.low, self.high, _BOTTOM, _TOP)

    def curve(self, points: Iterable[Point]) -> str:
        return "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)


def _placed(value: float, low: float, high: float, start: float, end: float) -> float:
    part = (min(max(value, low), high) - low) / (high - low)
    return start + part * (end - start)


def accuracy_chart(evaluation: Evaluation) -> str:
    """How many of the answers are right at each threshold, with 95 % intervals."""
    points, point = operating_points(evaluation, _MOST_POINTS), chosen(evaluation)
    least = min([point.accuracy_low, *(one.accuracy for one in points)])
    plane = _thresholds([one.threshold for one in points], least)
    high = [(one.threshold, one.accuracy_high) for one in points]
    low = [(one.threshold, one.accuracy_low) for one in points]
    right = [(one.threshold, one.accuracy) for one in points]
    drawn = (
        f'<path class="band" d="M{plane.curve(high)}L{plane.curve(low[::-1])}z"/>'
        f'<path class="course" d="M{plane.curve(right)}"/>'
        + _chosen(plane, point.threshold, [("dot", point.accuracy)])
    )
    return _frame("Right of what is answered, by threshold", plane, drawn)


def coverage_chart(evaluation: Evaluation) -> str:
    """What share is answered at each threshold: of the classes' pictures, and of others."""
    points, point = operating_points(evaluation, _MOST_POINTS), chosen(evaluation)
    plane = _thresholds([one.threshold for one in points], 0.0)
    answered = plane.curve((one.threshold, one.coverage) for one in points)
    drawn = f'<path class="course" d="M{answered}"/>'
    marks = [("dot", point.coverage)]
    if point.neither_passed is not None:
        others = [(one.threshold, one.neither_passed or 0.0) for one in points]
        drawn += f'<path class="others" d="M{plane.curve(others)}"/>'
        marks.append(("square", point.neither_passed))
    drawn += _chosen(plane, point.threshold, marks)
    return _frame("Share answered, by threshold", plane, drawn)


def _thresholds(thresholds: Sequence[float], least: float) -> _Plane:
    first = min(thresholds)
    low = min(math.floor(20 * least) / 20, 1 - _LEAST_EXTENT)
    return _Plane(first, max(1.0, first + _LEAST_EXTENT), max(low, 0.0), 1.0)


def _chosen(plane: _Plane, threshold: float, marks: Iterable[tuple[str, float]]) -> str:
    x = plane.x(threshold)
    line = f'<path class="threshold" d="M{x:.1f} {_TOP}V{_BOTTOM}"/>'
    return line + "".join(_mark(css, x, plane.y(value)) for css, value in marks)


def _mark(css: str, x: float, y: float) -> str:
    """A line of no length, whose round or square cap is the mark."""
    return f'<path class="{css}" d="M{x:.1f} {y:.1f}h0"/>'


def reliability_chart(evaluation: Evaluation) -> str:
    """How often answers of a confidence are right, and how many answers have it."""
    bins = [one for one in evaluation.reliability if one.images]
    first = min(one.low for one in bins)
    least = min(first, *(spread(one)[0] for one in bins))
    plane = _Plane(first, 1.0, math.floor(10 * least) / 10, 1.0)
    diagonal = plane.curve([(max(first, plane.low), max(first, plane.low)), (1.0, 1.0)])
    course = plane.curve((one.confidence, one.accuracy) for one in bins)
    drawn = (
        f'<path class="ideal" d="M{diagonal}"/><path class="reach" d="{_reaches(plane, bins)}"/>'
        f'<path class="course" d="M{course}"/>'
        + "".join(_mark("dot", plane.x(one.confidence), plane.y(one.accuracy)) for one in bins)
        + _counts(plane, bins)
    )
    return _frame("Right answers by confidence", plane, drawn, _COUNTS)


def _reaches(plane: _Plane, bins: Iterable[Bin]) -> str:
    """Upright lines over each bin's interval."""
    ends = ((one.confidence, *spread(one)) for one in bins)
    return "".join(f"M{plane.x(x):.1f} {plane.y(a):.1f}V{plane.y(b):.1f}" for x, a, b in ends)


def _counts(plane: _Plane, bins: Sequence[Bin]) -> str:
    """Bars of the pictures in each bin, under the chart."""
    most = max(one.images for one in bins)
    bottom = _HEIGHT + _COUNTS
    drawn = ""
    for one in bins:
        left, right = plane.x(one.low) + 1, plane.x(one.high) - 1
        tall = (_COUNTS - 18) * one.images / most
        drawn += (
            f'<rect class="count" x="{left:.1f}" y="{bottom - tall:.1f}" '
            f'width="{right - left:.1f}" height="{tall:.1f}"/>'
            f'<text x="{(left + right) / 2:.1f}" y="{bottom - tall - 4:.1f}" '
            f'text-anchor="middle">{count(one.images)}</text>'
        )
    return drawn


def _frame(name: str, plane: _Plane, drawn: str, below: int = 0) -> str:
    label = text(f"{name}; the section's table has the figures")
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT + below}" role="img" '
        f'aria-label="{label}">{_rules(plane)}{drawn}</svg>'
    )


def _rules(plane: _Plane) -> str:
    """Lines at round shares, and round confidences under the chart."""
    lines = "".join(
        f'<path class="rule" d="M{_LEFT} {plane.y(value):.1f}H{_RIGHT}"/>'
        f'<text x="{_LEFT - 8}" y="{plane.y(value) + 4:.1f}" text-anchor="end">'
        f"{100 * value:.{max(0, digits - 2)}f} %</text>"
        for value, digits in _round_values(plane.low, plane.high)
    )
    return lines + "".join(
        f'<text x="{plane.x(value):.1f}" y="{_BOTTOM + 19}" text-anchor="middle">'
        f"{value:.{digits}f}</text>"
        for value, digits in _round_values(plane.first, plane.last)
    )


def _round_values(low: float, high: float) -> list[tuple[float, int]]:
    """Round values in a range, and the decimals that tell them apart."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough * 0.999)
    digits = max(0, -math.floor(math.log10(step * 1.001)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(number * step, digits) for number in range(first, last + 1)]
