"""Distances between distributions of confidence, shown because people ask for them.

Neither is an alarm by itself: PSI depends on a window's size, and KS on how much hours differ. The
limits here allow for both, from how far each baseline window is from the others.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from scones_monitoring.capture.summary import Summary

__all__ = ["ks", "ks_limits", "psi", "psi_limits"]

PSI_BINS = 10
DEVIATIONS = 3.0
FEWEST_WINDOWS = 5
"""With fewer, how they differ from one another is not known."""
PSI_BY_CHANCE, KS_BY_CHANCE = 3.1, 1.95
"""What one in a thousand exceeds by chance alone, in units of `_psi_unit` and `_ks_unit`."""


def psi(window: Summary, reference: Summary) -> float:
    """Population stability index over about ten bins that the reference fills evenly."""
    bins = _even_bins(reference)
    p, q = (
        _shares(np.bincount(bins, _histogram(of)).astype(np.float64)) for of in (window, reference)
    )
    return float(((p - q) * np.log(p / q)).sum())


def ks(window: Summary, reference: Summary) -> float:
    """Kolmogorov-Smirnov distance, at the histogram's edges."""
    cumulated = (np.cumsum(_histogram(of)) / of.records for of in (window, reference))
    first, second = cumulated
    return float(np.abs(first - second).max())


def psi_limits(windows: Sequence[Summary]) -> Callable[[int], float]:
    """The limit of PSI for a window's number of predictions."""
    return _limits(windows, psi, _psi_unit, PSI_BY_CHANCE)


def ks_limits(windows: Sequence[Summary]) -> Callable[[int], float]:
    """The limit of the KS distance for a window's number of predictions."""
    return _limits(windows, ks, _ks_unit, KS_BY_CHANCE)


def _limits(
    windows: Sequence[Summary],
    distance: Callable[[Summary, Summary], float],
    unit: Callable[[int, int], float],
    by_chance: float,
) -> Callable[[int], float]:
    """Three deviations above what baseline windows keep from all others, scaled by size."""
    total = sum(window.records for window in windows)
    ratio = by_chance
    if len(windows) >= FEWEST_WINDOWS:
        seen = [
            distance(window, rest) / unit(window.records, rest.records)
            for window, rest in _each_and_the_rest(windows)
        ]
        ratio = statistics.fmean(seen) + DEVIATIONS * statistics.stdev(seen)
    return lambda records: ratio * unit(records, total)


def _each_and_the_rest(windows: Sequence[Summary]) -> Iterator[tuple[Summary, Summary]]:
    for number, window in enumerate(windows):
        others = [*windows[:number], *windows[number + 1 :]]
        yield window, sum(others[1:], others[0])


def _psi_unit(records: int, reference: int) -> float:
    """What chance makes of PSI, on average."""
    return (PSI_BINS - 1) * (1 / records + 1 / reference)


def _ks_unit(records: int, reference: int) -> float:
    return math.sqrt(1 / records + 1 / reference)


def _histogram(window: Summary) -> NDArray[np.float64]:
    return np.array(window.histogram, dtype=np.float64)


def _even_bins(reference: Summary) -> NDArray[np.intp]:
    """For each bin of the histogram, which of about `PSI_BINS` even ones it goes to."""
    before = np.cumsum(_histogram(reference)) - _histogram(reference) / 2
    return np.minimum(before / reference.records * PSI_BINS, PSI_BINS - 1).astype(np.intp)


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares without a zero, whose logarithm would be endless."""
    kept = counts + 0.5
    shares: NDArray[np.float64] = kept / kept.sum()
    return shares
