from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scones_model.evaluation import figures

PROBABILITIES = np.array([[0.95, 0.05], [0.7, 0.3], [0.35, 0.65], [0.05, 0.95]])
TRUTH = np.array([0, 1, 1, 1])


def test_accuracy_counts_the_most_probable_class() -> None:
    assert figures.accuracy(PROBABILITIES, TRUTH) == 0.75


def test_nll_is_the_mean_surprise_at_the_truth() -> None:
    expected = -(math.log(0.95) + math.log(0.3) + math.log(0.65) + math.log(0.95)) / 4
    assert figures.nll(PROBABILITIES, TRUTH) == pytest.approx(expected)


def test_calibration_error_weighs_the_gap_of_each_bin() -> None:
    # Bins: .95 and .95 (both right), .7 (wrong), .65 (right).
    expected = (2 * 0.05 + 0.7 + 0.35) / 4
    assert figures.expected_calibration_error(PROBABILITIES, TRUTH) == pytest.approx(expected)


def test_coverage_is_the_share_over_the_threshold_and_its_accuracy() -> None:
    assert figures.coverage(PROBABILITIES, TRUTH, 0.7) == pytest.approx((0.75, 2 / 3))
    assert figures.coverage(PROBABILITIES, TRUTH, 0.99) == (0.0, 1.0)


def test_confusion_counts_truth_by_row() -> None:
    assert figures.confusion(PROBABILITIES, TRUTH).tolist() == [[1, 0], [1, 2]]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_calibration_error_is_between_0_and_1(rows: list[tuple[float, bool]]) -> None:
    probabilities = np.array([[share, 1 - share] for share, _ in rows])
    truth = np.array([int(second) for _, second in rows])
    assert 0 <= figures.expected_calibration_error(probabilities, truth) <= 1
