"""From class probabilities to an evaluation's figures: numpy only, no pictures and no model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from scones_model.evaluation import figures
from scones_model.evaluation.result import Bin, Measures, Neither, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from scones_model.evaluation.figures import Classes, Probabilities

__all__ = ["as_figures", "measure", "neither", "operations", "reliability"]

BINS = 10
_THRESHOLDS = (*(percent / 100 for percent in range(50, 100)), 0.995)
"""Each is the number that its decimals read as, so that a card's `.9` is the .9 of the services."""


def measure(probabilities: Probabilities, truth: Classes, threshold: float) -> Measures:
    """Figures of probabilities [n, classes] against true class numbers [n], n at least 1."""
    right = figures.is_right(probabilities, truth)
    low, high = figures.wilson(int(right.sum()), len(truth))
    share, accuracy_among = figures.coverage(probabilities, truth, threshold)
    return Measures(
        images=len(truth),
        accuracy=float(right.mean()),
        accuracy_low=low,
        accuracy_high=high,
        nll=figures.nll(probabilities, truth),
        ece=figures.expected_calibration_error(probabilities, truth, BINS),
        coverage=share,
        accepted_accuracy=accuracy_among,
    )


def as_figures(measures: Measures, part: str) -> dict[str, float]:
    """The plain numbers as `<part>_<name>`, rounded, for the model file's metadata."""
    return {f"{part}_{name}": round(value, 4) for name, value in asdict(measures).items()}


def operations(
    probabilities: Probabilities,
    truth: Classes,
    of_neither: Probabilities | None,
    own: float,
) -> Iterator[Operation]:
    """What thresholds from .50 on would do, the model's `own` among them, least first."""
    sure, right = figures.confidence(probabilities), figures.is_right(probabilities, truth)
    others = None if of_neither is None else figures.confidence(of_neither)
    for threshold in sorted({*_THRESHOLDS, own}):
        accepted = sure >= threshold
        count, good = int(accepted.sum()), int(right[accepted].sum())
        low, high = figures.wilson(good, count)
        yield Operation(
            threshold=threshold,
            coverage=count / len(sure),
            accuracy=good / count if count else 1.0,
            accuracy_low=low,
            accuracy_high=high,
            errors=count - good,
            neither_passed=None if others is None else float((others >= threshold).mean()),
        )


def reliability(probabilities: Probabilities, truth: Classes) -> Iterator[Bin]:
    """The bins of the calibration error that hold a picture, least confident first."""
    sure, right = figures.confidence(probabilities), figures.is_right(probabilities, truth)
    numbers = figures.bin_numbers(sure, BINS)
    for number in np.unique(numbers).tolist():
        held = numbers == number
        yield Bin(
            low=number / BINS,
            high=(number + 1) / BINS,
            images=int(held.sum()),
            confidence=float(sure[held].mean()),
            accuracy=float(right[held].mean()),
        )


def neither(
    probabilities: Probabilities, kinds: NDArray[np.integer], names: Sequence[str], threshold: float
) -> Neither:
    """How many pictures of no class pass; `kinds` [n] counts in `names`, their own classes."""
    passed = figures.confidence(probabilities) >= threshold
    images = np.bincount(kinds, minlength=len(names)).tolist()
    through = np.bincount(kinds[passed], minlength=len(names)).tolist()
    by_class = sorted(
        zip(names, images, through, strict=True), key=lambda row: (-row[2], row[1], row[0])
    )
    return Neither(images=len(passed), passed=int(passed.sum()), by_class=by_class)
