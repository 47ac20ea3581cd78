"""Figures of merit of class probabilities [n, classes] against true classes [n].

Confidence is the probability of the most probable class. It is compared as a 64-bit number, as the
services do with what the endpoint answers: in 32 bits, .9 and the answer below it would be equal.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "accuracy",
    "bin_numbers",
    "confidence",
    "confusion",
    "coverage",
    "expected_calibration_error",
    "is_right",
    "nll",
    "wilson",
]

Probabilities = NDArray[np.floating]
Classes = NDArray[np.integer]

_Z = NormalDist().inv_cdf(0.975)


def confidence(probabilities: Probabilities) -> NDArray[np.float64]:
    """The greatest probability of each row, [n]."""
    greatest: NDArray[np.float64] = probabilities.max(axis=1).astype(np.float64)
    return greatest


def is_right(probabilities: Probabilities, truth: Classes) -> NDArray[np.bool_]:
    """Whether the most probable class is the true one, [n]."""
    right: NDArray[np.bool_] = probabilities.argmax(axis=1) == truth
    return right


def accuracy(probabilities: Probabilities, truth: Classes) -> float:
    """Share of rows whose most probable class is the true one."""
    return float(is_right(probabilities, truth).mean())


def nll(probabilities: Probabilities, truth: Classes) -> float:
    """Mean negative log-likelihood of the true class, in nats."""
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.maximum(of_truth, 1e-12)).mean())


def expected_calibration_error(
    probabilities: Probabilities, truth: Classes, bins: int = 10
) -> float:
    """Mean distance of confidence from accuracy over equal-width bins (Guo et al. 2017)."""
    sure = confidence(probabilities)
    gaps = np.bincount(
        bin_numbers(sure, bins), weights=is_right(probabilities, truth) - sure, minlength=bins
    )
    return float(np.abs(gaps).sum() / len(truth))


def bin_numbers(sure: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Which of `bins` equal-width bins of [0, 1] each confidence [n] is in; 1 is in the last."""
    return np.minimum((sure * bins).astype(np.int64), bins - 1)


def coverage(probabilities: Probabilities, truth: Classes, threshold: float) -> tuple[float, float]:
    """Share of rows at or over a confidence, and the accuracy among them (1.0 when none is)."""
    kept = confidence(probabilities) >= threshold
    if not kept.any():
        return 0.0, 1.0
    return float(kept.mean()), accuracy(probabilities[kept], truth[kept])


def confusion(probabilities: Probabilities, truth: Classes) -> NDArray[np.int64]:
    """Counts [true class, predicted class]."""
    counts = np.zeros((probabilities.shape[1],) * 2, dtype=np.int64)
    np.add.at(counts, (truth, probabilities.argmax(axis=1)), 1)
    return counts


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Bounds of a share that hold with 95 % (Wilson 1927); 0 and 1 when nothing was tried."""
    if trials == 0:
        return 0.0, 1.0
    share, weight = successes / trials, _Z**2 / trials
    middle = share + weight / 2
    reach = _Z * math.sqrt(share * (1 - share) / trials + weight / trials / 4)
    low, high = (middle - reach) / (1 + weight), (middle + reach) / (1 + weight)
    # Rounding must not leave the share itself outside.
    return min(max(low, 0.0), share), max(min(high, 1.0), share)
