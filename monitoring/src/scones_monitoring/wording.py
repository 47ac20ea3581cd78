"""Verdicts in words: what strayed, how far, since when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from scones_monitoring.report import Verdict
from scones_monitoring.windows import TOO_FEW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_monitoring.control import ControlLine, Measure
    from scones_monitoring.detector import Judgement, Reading
    from scones_monitoring.report import Chart, VariantReport, Window

__all__ = ["explained", "overall_reason", "shown_hour", "variant_reason"]


def shown_hour(hour: str) -> str:
    """`2026-11-22T10` as `22 Nov 10:00`; what is no hour stays as it is."""
    try:
        return f"{datetime.fromisoformat(f'{hour}:00'):%d %b %H:00}"
    except ValueError:
        return hour


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


def _strayed(measure: Measure, line: ControlLine, reading: Reading) -> str:
    if reading.outside and reading.low is not None and reading.high is not None:
        limits = f"(limits {reading.low:.1%} to {reading.high:.1%})"
        again = ", for the second window in a row" if reading.twice else ""
        return f"{_lower(measure.name)} {reading.value:.1%} {limits}{again}"
    return (
        f"{_lower(measure.name)} {reading.value:.1%}, off the usual {line.center:.1%} "
        "for several windows"
    )


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
        return _all_well(len(judged))
    return _episode(judged, verdict)


def _all_well(windows: int) -> str:
    return "the only window is within its limits" if windows == 1 else (
        f"all {windows} windows are within their limits"
    )  # fmt: skip


def _episode(judged: Sequence[tuple[Window, bool]], verdict: Verdict) -> str:
    """The last time of a verdict, since windows first strayed, and whether it is over."""
    windows = [window for window, _ in judged]
    last = max(n for n, window in enumerate(windows) if window.verdict is verdict)
    first = last
    while first and (windows[first - 1].verdict is verdict or judged[first - 1][1]):
        first -= 1
    since = f"since {shown_hour(windows[first].first)}"
    if last < len(windows) - 1:
        begin, end = shown_hour(windows[first].first), shown_hour(windows[last].last)
        when = f"at {begin}" if begin == end else f"from {begin} to {end}"
        since = f"{when}, and within limits again after that"
    return f"{windows[last].reason}, {since}"


def overall_reason(variants: Sequence[VariantReport], verdict: Verdict) -> str:
    """Why the report has its verdict: what the variants say that have it too."""
    same = [variant for variant in variants if variant.verdict is verdict]
    if not same:
        return "no prediction was captured in this period"
    if len(variants) == 1:
        reason = same[0].reason
    else:
        reason = ". ".join(f"{variant.variant}: {variant.reason}" for variant in same)
    return f"{reason[:1].upper()}{reason[1:]}."
