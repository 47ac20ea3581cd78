"""Charts over time: control charts, and distances against their limits.

Nothing is told by colour alone: what lies outside its limits is a square among dots, and what was
not judged is hollow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones_monitoring.page.drawing import (
    WIDTH,
    Label,
    Scale,
    curve,
    frame,
    marks,
    steps,
    value_rules,
)
from scones_monitoring.phrases import counted, decimal, hour, percent
from scones_monitoring.report import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scones_monitoring.report import Chart, Distance, Window

__all__ = ["control_chart", "distance_chart"]

MOST_DOTS = 80
"""Of more windows only what lies outside has marks."""
MOST_NAMED = 8
FEWEST_FOR_MIDDLE = 5
LEAST_EXTENT = 0.02
"""No chart shows less than this, so that noise does not look like a mountain range."""


@dataclass(frozen=True)
class _Course:
    """Points over the windows, and how their values are worded and drawn."""

    windows: Sequence[Window]
    points: Sequence[Point]
    center: float | None
    words: Callable[[float], str]
    scale: Scale

    def x(self, number: int) -> int:
        """Where the window of this number begins; it lasts until the next begins."""
        return round(WIDTH * number / len(self.points))

    def places(self) -> list[tuple[int, int]]:
        """Where each point lies: in the middle of its window."""
        return [
            ((self.x(number) + self.x(number + 1)) // 2, self.scale.y(point.value))
            for number, point in enumerate(self.points)
        ]


def control_chart(ident: str, chart: Chart, windows: Sequence[Window]) -> str:
    """A control chart: the points, the baseline's mean, and each window's limits as a band.

    Args:
        ident: Of the drawing on its page.
        chart: Has at least one point.
        windows: One for each point.
    """
    words = decimal if chart.key == "confidence" else percent
    more = () if chart.center is None else (chart.center,)
    scale = Scale.around((*_extent(chart.points), *more), LEAST_EXTENT, 1.0)
    course = _Course(windows, chart.points, chart.center, words, scale)
    return _drawn(ident, chart.name, course)


def distance_chart(
    ident: str, name: str, distances: Sequence[Distance | None], windows: Sequence[Window]
) -> str:
    """Distances over the windows that have one, with their limits; empty if none has.

    Args:
        ident: Of the drawing on its page.
        name: Of the distance.
        distances: One for each window.
        windows: The windows.
    """
    pairs = [(one, window) for one, window in zip(distances, windows, strict=True) if one]
    if not pairs:
        return ""
    points = [_distance_point(one) for one, _ in pairs]
    scale = Scale.around((0.0, *_extent(points)), LEAST_EXTENT)
    judged = [window for _, window in pairs]
    return _drawn(ident, name, _Course(judged, points, None, decimal, scale))


def _distance_point(one: Distance) -> Point:
    low = None if one.limit is None else 0.0
    return Point(one.value, low, one.limit, one.limit is not None and one.value > one.limit)


def _extent(points: Iterable[Point]) -> list[float]:
    return [
        value
        for point in points
        for value in (point.value, point.low, point.high)
        if value is not None
    ]


def _drawn(ident: str, name: str, course: _Course) -> str:
    y = course.scale.y
    center = "" if course.center is None else f"M0 {y(course.center)}h{WIDTH}"
    plot = (
        _bands(course)
        + (f'<path class="center" d="{center}"/>' if center else "")
        + f'<path class="course" d="{curve(course.places())}"/>'
        + _marks(course)
    )
    drawn = (value_rules(course.scale, shares=course.words is percent), plot)
    return frame(ident, name, _told(course), drawn, _hours(course.windows))


def _bands(course: _Course) -> str:
    """One area for each run of judged windows: along the upper limits, back along the lower."""
    path, begin = "", 0
    points = course.points
    for number in range(len(points) + 1):
        if number < len(points) and points[number].low is not None:
            continue
        if number > begin:
            path += _band(course, begin, number)
        begin = number + 1
    return f'<path class="band" d="{path}"/>' if path else ""


def _band(course: _Course, begin: int, end: int) -> str:
    points, y = course.points[begin:end], course.scale.y
    edges = [course.x(number) for number in range(begin, end + 1)]
    highs = [y(point.high) for point in points if point.high is not None]
    lows = [y(point.low) for point in points if point.low is not None]
    back = steps(edges[::-1], lows[::-1])
    return f"{steps(edges, highs)}L{back[1:]}z"


def _marks(course: _Course) -> str:
    pairs = list(zip(course.points, course.places(), strict=True))
    hollow = [place for point, place in pairs if point.low is None and not point.outside]
    inside = [place for point, place in pairs if point.low is not None and not point.outside]
    return (
        (marks("dot", inside) if len(pairs) <= MOST_DOTS else "")
        + (marks("ring", hollow) + marks("hollow", hollow) if len(hollow) <= MOST_DOTS else "")
        + marks("outside", (place for point, place in pairs if point.outside))
    )


def _hours(windows: Sequence[Window]) -> list[Label]:
    """The first, the middle and the last window's hour: a phone has room for three."""
    number = len(windows)
    if number == 1:
        return [Label(50, hour(windows[0].first))]
    ends = [Label(0, hour(windows[0].first)), Label(100, hour(windows[-1].first))]
    if number < FEWEST_FOR_MIDDLE:
        return ends
    middle = number // 2
    return [*ends, Label(100 * (middle + 0.5) / number, hour(windows[middle].first))]


def _told(course: _Course) -> str:
    """A control chart in words."""
    windows, points, words = course.windows, course.points, course.words
    values = [point.value for point in points]
    least, most = values.index(min(values)), values.index(max(values))
    reach = f"{hour(windows[0].first)} to {hour(windows[-1].first)} UTC"
    sentences = [
        f"{counted(len(points), 'window')}, {reach}.",
        f"Latest {words(values[-1])}{_limits(points[-1], words)}.",
        f"Lowest {words(values[least])} at {hour(windows[least].first)}.",
        f"Highest {words(values[most])} at {hour(windows[most].first)}.",
    ]
    if course.center is not None:
        sentences.append(f"Baseline mean {words(course.center)}.")
    return " ".join((*sentences, *_exceptions(course)))


def _limits(point: Point, words: Callable[[float], str]) -> str:
    if point.low is None or point.high is None:
        return ", not judged"
    return f", limits {words(point.low)} to {words(point.high)}"


def _exceptions(course: _Course) -> Iterable[str]:
    pairs = list(zip(course.points, course.windows, strict=True))
    outside = [
        f"{hour(window.first)} ({course.words(point.value)})"
        for point, window in pairs
        if point.outside
    ]
    more = len(outside) - MOST_NAMED
    if outside:
        listed = ", ".join(outside[-MOST_NAMED:]) + (f" and {more} before" if more > 0 else "")
        yield f"Outside the limits: {len(outside)}: {listed}."
    else:
        yield "None outside the limits."
    unjudged = sum(point.low is None for point in course.points)
    if unjudged:
        yield f"Not judged: {unjudged}."
