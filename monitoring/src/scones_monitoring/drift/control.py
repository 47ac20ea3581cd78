"""What is watched, and how far it may stray: control lines whose limits know a window's size.

A window's figure differs from the baseline's for three reasons that are no drift: it is of few
predictions, hours differ from one another, and the baseline itself is of few. A line knows the
variance of each; forgetting the second is why tests of distributions cry wolf on large windows
(Laney, "Improved control charts for attributes", Quality Engineering 14, 2002).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.special import stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scones_monitoring.capture.summary import Summary

__all__ = ["CONFIDENCE", "ControlLine", "Measure", "fit_line", "measures", "sidak", "t_quantile"]

CONFIDENCE = "confidence"
FLOOR = 0.01
"""Nearer to the center than one point is no drift that anybody would act upon."""
PRIOR_WINDOWS = 4
"""How many windows' worth of belief in `Measure.usual` a baseline starts from."""


@dataclass(frozen=True)
class Measure:
    """A figure of a window that is a mean over its predictions.

    Attributes:
        key: For programs.
        name: For people.
        usual: Standard deviation between windows of a healthy model, as believed before any is
            seen.
        value: The figure.
        variance: The variance of one prediction's part in it.
    """

    key: str
    name: str
    usual: float
    value: Callable[[Summary], float]
    variance: Callable[[Summary], float]


def measures(labels: Sequence[str], *, mix: bool = True) -> list[Measure]:
    """The three charts: below the threshold, mean confidence and, with `mix`, classes' shares."""
    # Of two classes, one share says what the other does.
    every = range(len(labels)) if len(labels) > 2 else [len(labels) - 1]  # noqa: PLR2004
    classes = every if mix else ()
    return [
        _share("below_threshold", "Share below the threshold", lambda window: window.below),
        Measure(
            CONFIDENCE,
            "Mean confidence",
            0.01,
            lambda window: window.mean_confidence,
            lambda window: max(window.confidence_variance, 1e-6),
        ),
        *(_class_share(number, labels[number]) for number in classes),
    ]


def _class_share(number: int, label: str) -> Measure:
    name = f"Share of {label}"
    return _share(f"share:{label}", name, lambda window: _at(window.classes, number))


def _at(counts: Sequence[int], number: int) -> int:
    return counts[number] if number < len(counts) else 0


def _share(key: str, name: str, count: Callable[[Summary], int]) -> Measure:
    def variance(window: Summary) -> float:
        # One more of each kind: a share that was never seen can still be 1 in some thousands.
        share = (count(window) + 1) / (window.records + 2)
        return share * (1 - share)

    return Measure(key, name, 0.02, lambda window: count(window) / window.records, variance)


@dataclass(frozen=True)
class ControlLine:
    """Where a measure should be, and the variances around it.

    Attributes:
        center: Mean over the baseline.
        of_record: Variance of one prediction.
        of_windows: Variance between windows.
        of_center: Variance of the center itself.
        degrees: Degrees of freedom of `of_windows`.
    """

    center: float
    of_record: float
    of_windows: float
    of_center: float
    degrees: float

    def deviation(self, records: int) -> float:
        """Standard deviation of a healthy window of so many predictions."""
        return math.sqrt(self.of_windows + self.of_record / records + self.of_center)

    def z(self, value: float, records: int) -> float:
        """How many such deviations a value is from the center."""
        return (value - self.center) / self.deviation(records)

    def reach(self, records: int, chance: float) -> float:
        """How far from the center a healthy window comes with that chance, at least `FLOOR`."""
        return max(FLOOR, t_quantile(chance, self.degrees) * self.deviation(records))


def fit_line(measure: Measure, windows: Sequence[Summary]) -> ControlLine:
    """Learn a line from healthy windows; from a single one, what is usual stands for the rest.

    The variance between windows is DerSimonian and Laird's estimate (1986), drawn towards
    `measure.usual` with the weight of `PRIOR_WINDOWS`.
    """
    whole = sum(windows[1:], windows[0])
    of_record = measure.variance(whole)
    observed = _between(measure, windows, of_record) if len(windows) > 1 else 0.0
    weight = len(windows) - 1
    of_windows = (PRIOR_WINDOWS * measure.usual**2 + weight * observed) / (PRIOR_WINDOWS + weight)
    weights = [1 / (of_windows + of_record / window.records) for window in windows]
    values = [measure.value(window) for window in windows]
    center = math.fsum(w * x for w, x in zip(weights, values, strict=True)) / sum(weights)
    return ControlLine(center, of_record, of_windows, 1 / sum(weights), PRIOR_WINDOWS + weight)


def _between(measure: Measure, windows: Sequence[Summary], of_record: float) -> float:
    sizes = [window.records for window in windows]
    values = [measure.value(window) for window in windows]
    total = sum(sizes)
    mean = math.fsum(n * x for n, x in zip(sizes, values, strict=True)) / total
    spread = math.fsum(n * (x - mean) ** 2 for n, x in zip(sizes, values, strict=True))
    excess = spread - (len(windows) - 1) * of_record
    return max(0.0, excess / (total - sum(n * n for n in sizes) / total))


def t_quantile(chance: float, degrees: float) -> float:
    """What Student's t exceeds, on either side, with that chance in all."""
    return float(stdtrit(degrees, 1 - chance / 2))


def sidak(chance: float, tests: int) -> float:
    """The chance for each of so many tests that gives `chance` for any of them (Sidak 1967)."""
    each: float = 1 - (1 - chance) ** (1 / tests)
    return each
