"""What a model did with each picture, as rows that paired statistics compare: less is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scones_model.evaluation import figures
from scones_model.evaluation.measures import BINS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scones_model.evaluation.paired import Measure, Rows

__all__ = ["LOSSES", "Answers", "Loss"]


@dataclass(frozen=True)
class Answers:
    """Class probabilities [n, classes] of the pictures that show `truth` [n], and of neither's.

    `threshold` is the model's own.
    """

    test: figures.Probabilities
    truth: figures.Classes
    neither: figures.Probabilities | None
    threshold: float


@dataclass(frozen=True)
class Loss:
    """A figure that can get worse.

    Attributes:
        name: In words.
        rows: A row a picture; none when there are no such pictures.
        of_rows: From rows to the loss; None for the share of pictures on which the model failed,
            whose rows are 0 or 1.
        is_rest: The figure is 1 less the loss.
        chosen: It follows from the threshold, which trades it for another figure.
    """

    name: str
    rows: Callable[[Answers], Rows]
    of_rows: Measure | None = None
    is_rest: bool = False
    chosen: bool = False

    def figure(self, rows: Rows) -> float:
        """The figure that people read."""
        loss = self.of_rows(rows) if self.of_rows else float(rows.mean())
        return 1 - loss if self.is_rest else loss


def _wrong(answers: Answers) -> Rows:
    return (~figures.is_right(answers.test, answers.truth)).astype(np.float64)


def _surprise(answers: Answers) -> Rows:
    of_truth = answers.test[np.arange(len(answers.truth)), answers.truth].astype(np.float64)
    return -np.log(np.maximum(of_truth, 1e-12))


def _mean(rows: Rows) -> float:
    return float(rows.mean())


def _gaps(answers: Answers) -> Rows:
    """The bin that each confidence is in, and by how much the answer was better than that."""
    sure = figures.confidence(answers.test)
    gap = figures.is_right(answers.test, answers.truth) - sure
    return np.column_stack([figures.bin_numbers(sure, BINS), gap])


def _miscalibration(rows: Rows) -> float:
    """As `figures.expected_calibration_error`, of bins found once for all resamples."""
    gaps = np.bincount(rows[:, 0].astype(np.int64), weights=rows[:, 1])
    return float(np.abs(gaps).sum() / len(rows))


def _held_back(answers: Answers) -> Rows:
    return (figures.confidence(answers.test) < answers.threshold).astype(np.float64)


def _accepted(answers: Answers) -> Rows:
    accepted = 1 - _held_back(answers)
    return np.column_stack([accepted, accepted * _wrong(answers)])


def _mistaken(rows: Rows) -> float:
    accepted, mistakes = rows.sum(axis=0)
    return float(mistakes / max(accepted, 1))


def _passed(answers: Answers) -> Rows:
    if answers.neither is None:
        return np.empty(0)
    return (figures.confidence(answers.neither) >= answers.threshold).astype(np.float64)


LOSSES: Mapping[str, Loss] = {
    "accuracy": Loss("accuracy", _wrong, is_rest=True),
    "nll": Loss("NLL", _surprise, _mean),
    "ece": Loss("calibration error", _gaps, _miscalibration),
    "coverage": Loss("coverage at its own threshold", _held_back, is_rest=True, chosen=True),
    "accepted_accuracy": Loss(
        "accuracy of what is accepted", _accepted, _mistaken, is_rest=True, chosen=True
    ),
    "neither_passed": Loss("accepted share of pictures of no class", _passed, chosen=True),
}
