"""What is shown of what would be too much for a page: the unusual first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones_monitoring.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_monitoring.report import (
        Chart,
        LabelledAccuracy,
        Report,
        ThresholdFigures,
        VariantReport,
        Window,
    )

__all__ = [
    "ChosenCharts",
    "chosen_charts",
    "chosen_thresholds",
    "chosen_windows",
    "frequent_confusions",
    "is_unusual",
]

CLASS_SHARE = "share:"
MOST_CLASS_CHARTS = 6
MOST_CONFUSIONS = 12
MOST_THRESHOLDS = 16


@dataclass(frozen=True)
class ChosenCharts:
    """The charts to draw, and how many class shares are left out, how many of those unusual."""

    shown: tuple[Chart, ...]
    left_out: int
    left_out_unusual: int


def chosen_charts(variant: VariantReport) -> ChosenCharts:
    """Of many classes, those most often outside their limits come first."""
    others = tuple(chart for chart in variant.charts if not chart.key.startswith(CLASS_SHARE))
    shares = [chart for chart in variant.charts if chart.key.startswith(CLASS_SHARE)]
    shares.sort(key=lambda chart: (_times_outside(chart), _latest(chart)), reverse=True)
    rest = shares[MOST_CLASS_CHARTS:]
    unusual = sum(_times_outside(chart) > 0 for chart in rest)
    return ChosenCharts((*others, *shares[:MOST_CLASS_CHARTS]), len(rest), unusual)


def _times_outside(chart: Chart) -> int:
    return sum(point.outside for point in chart.points)


def _latest(chart: Chart) -> float:
    return chart.points[-1].value if chart.points else 0.0


def is_unusual(window: Window) -> bool:
    """Whether a window raised a warning or an alarm."""
    return window.verdict in (Verdict.ALARM, Verdict.WARNING)


def chosen_windows(windows: Sequence[Window], most: int) -> list[Window]:
    """The newest first: half of the room is for unusual ones, however long ago they were."""
    newest = range(len(windows) - 1, -1, -1)
    unusual = [number for number in newest if is_unusual(windows[number])]
    chosen = dict.fromkeys((*unusual[: most // 2], *newest))
    return [windows[number] for number in sorted(list(chosen)[:most], reverse=True)]


def frequent_confusions(
    found: LabelledAccuracy, labels: Sequence[str]
) -> list[tuple[str, str, int]]:
    """The most frequent errors: true class, predicted class, how often."""
    wrong = [
        (label, labels[column], number)
        for row, label in enumerate(labels)
        for column, number in enumerate(found.confusion[row])
        if number and row != column
    ]
    return sorted(wrong, key=lambda one: -one[2])[:MOST_CONFUSIONS]


def chosen_thresholds(report: Report) -> list[ThresholdFigures]:
    """Some of the thresholds, evenly, with the one in use and the one that is wanted."""
    figures = report.thresholds
    every = max(1, math.ceil(len(figures) / MOST_THRESHOLDS))
    chosen = {one.threshold: one for one in figures[::every]}
    chosen |= {one.threshold: one for one in figures if one.threshold == report.threshold}
    if report.threshold_for_wanted is not None:
        chosen[report.threshold_for_wanted.threshold] = report.threshold_for_wanted
    return [chosen[threshold] for threshold in sorted(chosen)]
