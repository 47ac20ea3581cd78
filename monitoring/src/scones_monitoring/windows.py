"""Hours to windows: what is judged together is large enough to say something."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scones_monitoring.summary import Summary

__all__ = ["ENOUGH", "TOO_FEW", "merge_thin_hours"]

TOO_FEW = 100
"""Fewer predictions are no window to judge: a share of 40 % is then known to +-10 points."""
ENOUGH = 500
"""Hours are joined until they have so many; an hour that has more stands alone."""


def merge_thin_hours(hours: Iterable[Summary]) -> list[Summary]:
    """Join consecutive hours of one variant towards `ENOUGH` predictions a window.

    The last window is what is left: it can have fewer, even fewer than `TOO_FEW`.
    """
    windows: list[Summary] = []
    for hour in sorted(hours, key=lambda summary: summary.first):
        if windows and windows[-1].records < ENOUGH and hour.records < ENOUGH:
            windows[-1] += hour
        else:
            windows.append(hour)
    return windows
