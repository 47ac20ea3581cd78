"""How often labelled predictions are right: overall, by confidence, and past a threshold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from scones_monitoring.capture.summary import EDGES
from scones_monitoring.report import (
    LabelledAccuracy,
    ReliabilityBin,
    Share,
    ThresholdFigures,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scones_monitoring.capture.summarise import Match
    from scones_monitoring.capture.summary import Summary

__all__ = ["Truth", "coverage", "wilson"]

Z_95 = 1.959964
RELIABILITY_BINS = 10
GRID = (*(edge for edge in EDGES if edge >= 1 / 2 and edge < 1), 0.99)


def wilson(hits: int, trials: int) -> Share:
    """A share with its 95 % interval (Wilson 1927), which holds for few trials and rare hits."""
    if trials == 0:
        return Share(0.0, 0.0, 1.0)
    share, z = hits / trials, Z_95
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = (
        z
        / (1 + z * z / trials)
        * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    )
    return Share(share, max(0.0, min(middle - reach, share)), min(1.0, max(middle + reach, share)))


class Truth:
    """Predictions of which the true class is known."""

    def __init__(self, matches: Iterable[Match], labels: Sequence[str]) -> None:
        """Labels are class names, or class numbers as text; others count as `unknown`."""
        numbers = {
            **{str(n): n for n in range(len(labels))},
            **{x: n for n, x in enumerate(labels)},
        }
        every = list(matches)
        known = [match for match in every if match.label in numbers]
        self.unknown = len(every) - len(known)
        self._classes = len(labels)
        self._true = np.array([numbers[match.label] for match in known], dtype=np.intp)
        self._predicted = np.array([match.predicted for match in known], dtype=np.intp)
        self._confidence = np.array([match.confidence for match in known], dtype=np.float64)
        self._right = self._true == self._predicted

    def __len__(self) -> int:
        return len(self._true)

    def by_bin(self) -> tuple[tuple[int, int, float], ...]:
        """For each bin of a summary's histogram: predictions, right ones, sum of confidences."""
        size = len(EDGES) - 1
        place = np.minimum(np.searchsorted(EDGES, self._confidence, side="right") - 1, size - 1)
        columns = (None, self._right, self._confidence)
        sums = [np.bincount(place, weights=of, minlength=size).tolist() for of in columns]
        return tuple((int(n), int(right), total) for n, right, total in zip(*sums, strict=True))

    def accuracy(self, unmatched: int) -> LabelledAccuracy:
        """Everything about accuracy; there must be a prediction."""
        confusion = np.zeros((self._classes, self._classes), dtype=np.intp)
        np.add.at(confusion, (self._true, self._predicted), 1)
        bins = self._reliability()
        gaps = (one.records * abs(one.accuracy.value - one.confidence) for one in bins)
        return LabelledAccuracy(
            labelled=len(self),
            unmatched=unmatched,
            unknown=self.unknown,
            accuracy=wilson(int(self._right.sum()), len(self)),
            ece=math.fsum(gaps) / len(self),
            confusion=tuple(tuple(map(int, row)) for row in confusion),
            reliability=tuple(bins),
        )

    def _reliability(self) -> list[ReliabilityBin]:
        place = np.minimum((self._confidence * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
        return [
            ReliabilityBin(
                low=number / RELIABILITY_BINS,
                high=(number + 1) / RELIABILITY_BINS,
                records=int(inside.sum()),
                confidence=float(self._confidence[inside].mean()),
                accuracy=wilson(int(self._right[inside].sum()), int(inside.sum())),
            )
            for number in range(RELIABILITY_BINS)
            if (inside := place == number).any()
        ]

    def thresholds(self, threshold: float) -> tuple[ThresholdFigures, ...]:
        """What passes at each threshold of a grid, and at the one in use."""
        return tuple(self.at(each) for each in sorted({*GRID, threshold}))

    def at(self, threshold: float) -> ThresholdFigures:
        """What passes at one threshold."""
        passes = self._confidence >= threshold
        passed = int(passes.sum())
        if not passed:
            return ThresholdFigures(threshold, 0.0, None, None, None, 0)
        share = wilson(int(self._right[passes].sum()), passed)
        return ThresholdFigures(
            threshold, passed / len(self), share.value, share.low, share.high, passed
        )

    def reaching(self, wanted: float) -> ThresholdFigures | None:
        """The least threshold at which the wanted share of what passes is right, if any is."""
        order = np.argsort(-self._confidence, kind="stable")
        confidence, right = self._confidence[order], np.cumsum(self._right[order])
        accuracy = right / np.arange(1, len(order) + 1)
        last_of_equal = np.append(confidence[1:] < confidence[:-1], True)
        reached = np.flatnonzero(last_of_equal & (accuracy >= wanted))
        return self.at(float(confidence[reached[-1]])) if len(reached) else None


def coverage(whole: Summary, threshold: float) -> tuple[ThresholdFigures, ...]:
    """How much passes at each threshold, of predictions without labels."""
    passed: Mapping[float, int] = {
        edge: sum(whole.histogram[number:])
        for number, edge in enumerate(EDGES[:-1])
        if edge >= 1 / 2
    }
    every = {**passed, threshold: whole.records - whole.below}
    return tuple(
        ThresholdFigures(edge, count / whole.records, None, None, None, count)
        for edge, count in sorted(every.items())
    )
