"""Figures of merit of class probabilities [n, classes] against true classes [n]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["accuracy", "confusion", "coverage", "expected_calibration_error", "nll"]

Probabilities = NDArray[np.floating]
Classes = NDArray[np.integer]


def accuracy(probabilities: Probabilities, truth: Classes) -> float:
    """Share of rows whose most probable class is the true one."""
    return float((probabilities.argmax(axis=1) == truth).mean())


def nll(probabilities: Probabilities, truth: Classes) -> float:
    """Mean negative log-likelihood of the true class, in nats."""
    of_truth = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(of_truth, 1e-12)).mean())


def expected_calibration_error(
    probabilities: Probabilities, truth: Classes, bins: int = 10
) -> float:
    """Mean distance of confidence from accuracy over equal-width bins (Guo et al. 2017)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(truth))


def coverage(probabilities: Probabilities, truth: Classes, threshold: float) -> tuple[float, float]:
    """Share of rows at or over a confidence, and the accuracy among them (1.0 when none is)."""
    kept = probabilities.max(axis=1) >= threshold
    if not kept.any():
        return 0.0, 1.0
    return float(kept.mean()), accuracy(probabilities[kept], truth[kept])


def confusion(probabilities: Probabilities, truth: Classes) -> NDArray[np.int64]:
    """Counts [true class, predicted class]."""
    counts = np.zeros((probabilities.shape[1],) * 2, dtype=np.int64)
    np.add.at(counts, (truth, probabilities.argmax(axis=1)), 1)
    return counts
