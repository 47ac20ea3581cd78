"""What follows from an evaluation's figures, as numbers that no rendering works out by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from scones_model.evaluation.figures import wilson
from scones_model.evaluation.result import Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_model.evaluation.result import Bin, Change, Evaluation, Measures, Neither

__all__ = [
    "Kind",
    "Outcomes",
    "chance_error",
    "chosen",
    "clearly_more_wrong",
    "clearly_worse",
    "confusions",
    "costliest",
    "evenly",
    "kinds",
    "mean_confidence",
    "operating_points",
    "outcomes",
    "passed_share",
    "spread",
]

Item = TypeVar("Item")


@dataclass(frozen=True)
class Outcomes:
    """Shares of pictures at the model's threshold: answered right, answered wrong, for people."""

    right: float
    wrong: float
    people: float


@dataclass(frozen=True)
class Kind:
    """One class: its pictures, how many are answered right, how many answers name it."""

    label: str
    images: int
    right: int
    answers: int

    @property
    def recognised(self) -> float:
        """Share of its pictures that are answered right; 1 without any."""
        return self.right / self.images if self.images else 1.0


def outcomes(measures: Measures) -> Outcomes:
    """What becomes of pictures of the model's classes."""
    right = measures.coverage * measures.accepted_accuracy
    return Outcomes(right, measures.coverage - right, 1 - measures.coverage)


def passed_share(neither: Neither | None) -> float | None:
    """Share of pictures of no class that are answered all the same; None when not measured."""
    return neither.passed / neither.images if neither and neither.images else None


def chosen(evaluation: Evaluation) -> Operation:
    """What the model's own threshold does to the test pictures."""
    test = evaluation.test
    accepted = round(test.coverage * test.images)
    right = round(accepted * test.accepted_accuracy)
    low, high = wilson(right, accepted)
    return Operation(
        threshold=evaluation.model.threshold,
        coverage=test.coverage,
        accuracy=test.accepted_accuracy,
        accuracy_low=low,
        accuracy_high=high,
        errors=accepted - right,
        neither_passed=passed_share(evaluation.neither),
    )


def operating_points(evaluation: Evaluation, most: int) -> list[Operation]:
    """About `most` thresholds, rising, the model's own among them."""
    point = chosen(evaluation)
    others = [
        one for one in evaluation.operations if not math.isclose(one.threshold, point.threshold)
    ]
    return sorted([*evenly(others, most), point], key=lambda one: one.threshold)


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` of some items and the last one, at even distances."""
    step = math.ceil(len(items) / most) or 1
    return [*items[:-1:step], *items[-1:]]


def spread(one: Bin) -> tuple[float, float]:
    """Bounds of a bin's accuracy with 95 %."""
    return wilson(round(one.accuracy * one.images), one.images)


def mean_confidence(bins: Sequence[Bin]) -> float | None:
    """Of all pictures; None without any."""
    images = sum(one.images for one in bins)
    return (
        sum(one.images * one.confidence for one in bins if one.images) / images if images else None
    )


def chance_error(bins: Sequence[Bin]) -> float | None:
    """The calibration error (ECE) that a perfectly honest model would show, on average.

    With so few pictures the share of right answers in a bin misses the confidence by chance, as
    a normal variable's mean distance from its mean: its deviation times the root of 2 / pi. Takes
    all pictures of a bin to have its mean confidence; None without any pictures.
    """
    images = sum(one.images for one in bins)
    if not images:
        return None
    variances = (one.images * one.confidence * (1 - one.confidence) for one in bins if one.images)
    return math.sqrt(2 / math.pi) * sum(map(math.sqrt, variances)) / images


def kinds(evaluation: Evaluation) -> list[Kind]:
    """Each class, in class order."""
    table = evaluation.confusion
    answers = [sum(column) for column in zip(*table, strict=True)]
    return [
        Kind(label, sum(table[number]), table[number][number], answers[number])
        for number, label in enumerate(evaluation.model.labels)
    ]


def confusions(evaluation: Evaluation) -> list[tuple[str, str, int]]:
    """Wrong answers as (true class, answered class, pictures), the most frequent first."""
    labels = evaluation.model.labels
    wrong = [
        (labels[truth], labels[answer], pictures)
        for truth, row in enumerate(evaluation.confusion)
        for answer, pictures in enumerate(row)
        if pictures and truth != answer
    ]
    return sorted(wrong, key=lambda item: -item[2])


def clearly_worse(changed: Measures, unchanged: Measures) -> bool:
    """Whether the accuracy falls by more than chance explains: the intervals do not meet."""
    return changed.accuracy_high < unchanged.accuracy_low


def clearly_more_wrong(changed: Measures, unchanged: Measures) -> bool:
    """Whether more is answered wrong, over the threshold, than chance explains."""
    return _wrong(changed)[0] > _wrong(unchanged)[1]


def _wrong(measures: Measures) -> tuple[float, float]:
    """Bounds of the share that is answered wrong, with 95 %."""
    return wilson(round(outcomes(measures).wrong * measures.images), measures.images)


def costliest(evaluation: Evaluation) -> list[Change]:
    """The changes with clearly more wrong answers over the threshold, most first."""
    harmful = [
        one for one in evaluation.robustness if clearly_more_wrong(one.measures, evaluation.test)
    ]
    return sorted(harmful, key=lambda one: -outcomes(one.measures).wrong)
