"""Paired statistics of two models on the same pictures: is one worse, and how much could it be?

A model's rows are what it did with each picture, [n] or [n, columns], in the same order for both.
A measure makes one number of such rows; less is better.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Measure",
    "Rows",
    "bootstrap_bound",
    "discordant",
    "mcnemar",
    "share_bound",
    "swap_test",
]

Rows = NDArray[np.float64]
Measure = Callable[[Rows], float]

_ROUNDS = 1000
_SEED = 0
_ROUNDING = 1e-12
"""So that a swap which changes nothing counts as no better than what was seen."""


def discordant(candidate: Rows, current: Rows) -> tuple[int, int]:
    """Pictures on which only the candidate failed, and only the current model; rows are 0 or 1."""
    return int((candidate > current).sum()), int((current > candidate).sum())


def mcnemar(worse: int, better: int) -> float:
    """Chance of `worse` or more of the discordant pictures, if either model were as good.

    McNemar's test in its exact form, one-sided: a binomial with one half.
    """
    total = worse + better
    term = ways = math.comb(total, worse)
    for failed in range(worse, total):
        term = term * (total - failed) // (failed + 1)
        ways += term
    chance: float = ways / (1 << total)
    return chance


def share_bound(worse: int, better: int, pictures: int, confidence: float) -> float:
    """Upper bound of the difference of two paired shares, `(worse - better) / pictures`.

    Agresti and Min (2005): Wald's, after half a picture is added to each of the four cells, so that
    models which differ nowhere are still not known to be the same.
    """
    total = pictures + 2
    difference = (worse - better) / total
    deviation = math.sqrt(worse + better + 1 - total * difference**2) / total
    return difference + NormalDist().inv_cdf(confidence) * deviation


def swap_test(measure: Measure, candidate: Rows, current: Rows, rounds: int = _ROUNDS) -> float:
    """Chance of a difference like this or worse, if it were the same which model is which.

    A paired permutation test, one-sided: each picture's rows are exchanged or not, at random (with
    a fixed seed), whatever the measure.
    """
    random = np.random.default_rng(_SEED)
    seen = measure(candidate) - measure(current) - _ROUNDING
    shape = (len(candidate),) + (1,) * (candidate.ndim - 1)
    as_bad = 0
    for _ in range(rounds):
        swap = random.integers(0, 2, shape, dtype=np.int8) == 1
        first, second = np.where(swap, current, candidate), np.where(swap, candidate, current)
        as_bad += measure(first) - measure(second) >= seen
    return (as_bad + 1) / (rounds + 1)


def bootstrap_bound(
    measure: Measure, candidate: Rows, current: Rows, confidence: float, rounds: int = _ROUNDS
) -> float:
    """Upper bound of the difference of a measure: percentile bootstrap over pictures, seeded."""
    random = np.random.default_rng(_SEED)
    differences = np.empty(rounds)
    for place in range(rounds):
        drawn = random.integers(0, len(candidate), len(candidate))
        differences[place] = measure(candidate[drawn]) - measure(current[drawn])
    return float(np.quantile(differences, confidence))
