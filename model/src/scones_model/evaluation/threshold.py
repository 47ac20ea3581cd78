"""Choose the least confidence from which a model's answers need nobody's second look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scones_model.evaluation import figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scones_model.evaluation.figures import Classes, Probabilities

__all__ = ["Threshold", "choose_threshold"]

_STEPS = np.arange(500, 1000) / 1000
"""Thresholds are thousandths, from an even chance of being wrong on; 1.0 would accept nothing."""
_DECIMALS = 6
"""Of confidences, as in the predictions' CSV: the file and the model give the same threshold."""
_LEAST = 0.5e-6
"""Doubt that is left by a confidence that rounds to 1."""

_FACTORS = np.geomspace(0.25, 4, 161)
_USUAL = 0.3
"""Standard deviation of the factor's logarithm before a picture is seen: calibrated, more or less.
Between .2 and .5 the choice matters little; without it a set without a mistake has no likeliest
factor."""


@dataclass(frozen=True)
class Threshold:
    """A threshold and what it does to the calibration pictures it was chosen on.

    `reached` tells whether it does all that was asked for. Of `images` pictures of the model's
    classes, `accepted` are answered, `right` of them rightly, where the share `expected` was to be
    expected from their confidences. `neither_passed` is the share of the pictures of no class that
    is answered, None without any.
    """

    value: float
    reached: bool
    images: int
    accepted: int
    right: int
    expected: float
    neither_passed: float | None

    @property
    def accuracy(self) -> float:
        """Share of right answers among those accepted; 0 when none is."""
        return self.right / self.accepted if self.accepted else 0.0

    def told(self) -> str:
        """Two sentences at most, for whoever trains."""
        start = "Threshold" if self.reached else "No threshold does what was asked for; closest is"
        low, high = figures.wilson(self.right, self.accepted)
        others = ""
        if self.neither_passed is not None:
            others = f" Of the pictures of no class, {self.neither_passed:.1%} pass."
        return (
            f"{start} {self.value:.3f}: of {self.images} calibration pictures it accepts "
            f"{self.accepted}, {self.right} of them rightly (95 %: {low:.3f} to {high:.3f}; "
            f"expected: {self.expected:.3f}).{others}"
        )


def choose_threshold(
    probabilities: Probabilities,
    truth: Classes,
    neither_probabilities: Probabilities | None = None,
    *,
    wanted_accuracy: float = 0.99,
    most_neither: float = 0.10,
) -> Threshold:
    """The least threshold whose answers are right often enough and rarely of pictures of no class.

    Three things must hold at it: the share of right answers among those accepted is
    `wanted_accuracy` or more as counted, and also as expected from the confidences; and of the
    pictures of no class the share `most_neither` passes at most.

    Why count and expectation: of 150 pictures, .99 allows one wrong answer among a hundred
    accepted. The count hangs on one or two pictures, and of many thresholds the least that counts
    well is a lucky one. The expectation uses every picture and only grows with the threshold. It
    takes the confidences as they are, but for one factor on their log odds, fitted to the same
    pictures and held near 1: a model that keeps a share for pictures of no class is right about
    the others more often than it says, and would be made to refuse far too many.
    `tests/test_threshold.py` redraws sets of 150 from models that are too sure, just right and not
    sure enough: what is accepted is right .988 to .993 of the time, and under .98 half as often as
    by the count alone.

    The count need not hold at every higher threshold too: one mislabelled picture, answered surely,
    would then decide alone. A bound in its place is out of reach: .99 with 95 % (Wilson) takes 381
    accepted pictures without a fault.

    Args:
        probabilities: [n, classes] of the calibration pictures, n at least 1.
        truth: Their class numbers, [n].
        neither_probabilities: [m, classes] of pictures of no class; None without any.
        wanted_accuracy: Of the accepted answers, 0 to 1.
        most_neither: Greatest share of the pictures of no class to pass, 0 to 1.

    Returns:
        A threshold in thousandths, .500 to .999. Where none does all three, `reached` is False and
        it is the most accurate of those that let few enough pictures of no class pass; .999 where
        there is none of those either.
    """
    others = None if neither_probabilities is None else _rounded(neither_probabilities)
    tried = _try_all(_rounded(probabilities), figures.is_right(probabilities, truth), others)
    worth = np.minimum(tried.right, tried.expected) / np.maximum(tried.accepted, 1)
    usable = tried.accepted > 0
    if tried.passed is not None:
        usable &= tried.passed <= most_neither
    reached = usable & (worth >= wanted_accuracy)
    # Greatest are those that reach it; without any the closest; without any the highest threshold.
    place = np.where(reached, 2.0, np.where(usable, worth, _STEPS - 1)).argmax()
    accepted = int(tried.accepted[place])
    return Threshold(
        value=float(_STEPS[place]),
        reached=bool(reached[place]),
        images=len(truth),
        accepted=accepted,
        right=int(tried.right[place]),
        expected=float(tried.expected[place] / max(accepted, 1)),
        neither_passed=None if tried.passed is None else float(tried.passed[place]),
    )


class _Tried(NamedTuple):
    """What each of _STEPS does: accepted, right and expected right, and the share of no class."""

    accepted: NDArray[np.int64]
    right: NDArray[np.int64]
    expected: NDArray[np.float64]
    passed: NDArray[np.float64] | None


def _try_all(
    sure: NDArray[np.float64], right: NDArray[np.bool_], others: NDArray[np.float64] | None
) -> _Tried:
    order = np.argsort(sure, kind="stable")
    starts = np.searchsorted(sure[order], _STEPS)
    passed = None
    if others is not None:
        passed = (len(others) - np.searchsorted(np.sort(others), _STEPS)) / len(others)
    return _Tried(
        accepted=len(sure) - starts,
        right=_sums_from_each_on(right[order].astype(np.int64))[starts],
        expected=_sums_from_each_on(_chances(sure, right)[order])[starts],
        passed=passed,
    )


def _chances(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How likely each answer is right: its log odds times the likeliest factor, [n]."""
    bounded = np.clip(sure, _LEAST, 1 - _LEAST)
    odds = np.log(bounded / (1 - bounded))
    # Surprise at each answer's being right or wrong, [factors, n].
    surprises = np.logaddexp(0, -_FACTORS[:, None] * np.where(right, odds, -odds))
    doubt = (np.log(_FACTORS) / _USUAL) ** 2 / 2
    factor = _FACTORS[(surprises.sum(axis=1) + doubt).argmin()]
    chances: NDArray[np.float64] = 1 / (1 + np.exp(-factor * odds))
    return chances


def _sums_from_each_on(values: NDArray[Any]) -> NDArray[Any]:
    """[n + 1], the last of them 0."""
    return np.append(np.cumsum(values[::-1])[::-1], 0)


def _rounded(probabilities: Probabilities) -> NDArray[np.float64]:
    return np.round(figures.confidence(probabilities), _DECIMALS)
