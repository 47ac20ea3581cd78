"""Verdicts in words: what strayed, how far, since when."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from scones_monitoring.drift.control import CONFIDENCE
from scones_monitoring.drift.windows import TOO_FEW
from scones_monitoring.phrases import decimal, hour, percent
from scones_monitoring.report import WORST_FIRST, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_monitoring.drift.control import ControlLine, Measure
    from scones_monitoring.drift.detector import ChartReading, Judgement
    from scones_monitoring.report import Chart, VariantReport, Window

__all__ = ["explained", "overall_reason", "variant_reason"]


def explained(
    window: Window, judged: Judgement, measures: Sequence[Measure], lines: Sequence[ControlLine]
) -> Window:
    """The window with the reason of its verdict."""
    if window.verdict is Verdict.NOT_ENOUGH_DATA:
        reason = f"{window.records} predictions; at least {TOO_FEW} say something"
        return replace(window, reason=reason)
    told = [
        _strayed(measure, line, reading)
        for measure, line, reading in zip(measures, lines, judged.readings, strict=True)
        if reading.twice or reading.gathered or reading.far
    ]
    return replace(window, reason="; ".join(told) or "within limits")


def _strayed(measure: Measure, line: ControlLine, reading: ChartReading) -> str:
    shown = decimal if measure.key == CONFIDENCE else percent
    told = f"{_lower(measure.name)} {shown(reading.value)}"
    if reading.outside and reading.low is not None and reading.high is not None:
        again = ", for the second window in a row" if reading.twice else ""
        return f"{told} (limits {shown(reading.low)} to {shown(reading.high)}){again}"
    return f"{told}, off the usual {shown(line.center)} for several windows"


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def variant_reason(windows: Sequence[Window], charts: Sequence[Chart], verdict: Verdict) -> str:
    """Why a variant got its verdict."""
    if verdict is Verdict.NOT_COMPARED:
        return "there is no baseline to compare with"
    if verdict is Verdict.NOT_ENOUGH_DATA:
        most = max(window.records for window in windows)
        return f"the largest window has {most} predictions, and at least {TOO_FEW} are needed"
    outside = [any(chart.points[n].outside for chart in charts) for n in range(len(windows))]
    judged = [
        (window, strayed)
        for window, strayed in zip(windows, outside, strict=True)
        if window.verdict is not Verdict.NOT_ENOUGH_DATA
    ]
    if verdict is Verdict.OK:
        return _all_well([window for window, _ in judged])
    worst = min((window.verdict for window, _ in judged), key=WORST_FIRST.index)
    return _episode(judged, worst)


def _all_well(windows: Sequence[Window]) -> str:
    strayed = sum(window.verdict is Verdict.WARNING for window in windows)
    if strayed:
        times = "once" if strayed == 1 else f"{strayed} times, none of them for long"
        latest = f"the latest of {len(windows)} windows is within its limits"
        return f"{latest}; earlier ones strayed {times}"
    if len(windows) == 1:
        return "the only window is within its limits"
    return f"all {len(windows)} windows are within their limits"


def _episode(judged: Sequence[tuple[Window, bool]], verdict: Verdict) -> str:
    """The last time of a verdict, since windows first strayed, and whether it is over."""
    windows = [window for window, _ in judged]
    last = max(n for n, window in enumerate(windows) if window.verdict is verdict)
    first = last
    while first and (windows[first - 1].verdict is verdict or judged[first - 1][1]):
        first -= 1
    since = f"since {hour(windows[first].first)}"
    if last < len(windows) - 1:
        begin, end = hour(windows[first].first), hour(windows[last].last)
        when = f"at {begin}" if begin == end else f"from {begin} to {end}"
        settled = all(window.verdict is Verdict.OK for window in windows[last + 1 :])
        since = f"{when}, and {'within limits again' if settled else 'not settled'} after that"
    return f"{windows[last].reason}, {since}"


def overall_reason(variants: Sequence[VariantReport], verdict: Verdict) -> str:
    """Why the report has its verdict: what the variants say that have it too."""
    same = [variant for variant in variants if variant.verdict is verdict]
    if not same:
        return "no prediction was captured in this period"
    if len(variants) > 1:
        return ". ".join(f"{variant.variant}: {variant.reason}" for variant in same) + "."
    reason = same[0].reason
    return f"{reason[:1].upper()}{reason[1:]}."
