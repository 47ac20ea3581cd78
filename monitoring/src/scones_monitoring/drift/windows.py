"""Hours to windows: what is judged together is large enough to say something."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scones_monitoring.capture.summary import Summary

__all__ = ["ENOUGH", "TOO_FEW", "merge_thin_hours"]

TOO_FEW = 100
"""Fewer predictions are no window to judge: a share of 40 % is then known to +-10 points."""
DAY = len("2026-11-22")
ENOUGH = 500
"""Hours are joined until they have so many; an hour that has more stands alone."""


def merge_thin_hours(hours: Iterable[Summary]) -> list[Summary]:
    """Join consecutive hours of one variant towards `ENOUGH` predictions a window.

    A new day begins a new window, so that its hours are joined alike in every report, whichever
    hour that begins with; but where the window before has too few, it goes on. The last window is
    what is left.
    """
    windows: list[Summary] = []
    for hour in sorted(hours, key=lambda summary: summary.first):
        if windows and _join(windows[-1], hour):
            windows[-1] += hour
        else:
            windows.append(hour)
    return windows


def _join(window: Summary, hour: Summary) -> bool:
    if window.records >= ENOUGH or hour.records >= ENOUGH:
        return False
    same_day = window.last[:DAY] == hour.first[:DAY]
    return same_day or window.records < TOO_FEW
