from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scones_model.evaluation import figures, measures

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


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_calibration_error_adds_up_from_the_bins(rows: list[tuple[float, bool]]) -> None:
    probabilities = np.array([[share, 1 - share] for share, _ in rows])
    truth = np.array([int(second) for _, second in rows])
    error = figures.expected_calibration_error(probabilities, truth)
    assert 0 <= error <= 1
    bins = list(measures.reliability(probabilities, truth))
    assert sum(one.images for one in bins) == len(rows)
    gaps = [one.images * abs(one.confidence - one.accuracy) for one in bins]
    assert sum(gaps) / len(rows) == pytest.approx(error)


def test_interval_of_a_share_is_wilsons() -> None:
    # The example of Newcombe 1998, table I: 15 of 148.
    assert figures.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert figures.wilson(0, 0) == (0, 1)


@settings(deadline=None)
@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_of_a_share_holds_the_share(counts: tuple[int, int]) -> None:
    low, high = figures.wilson(*counts)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1
    assert high - low < 1


def test_confidence_is_compared_as_the_services_compare_it() -> None:
    answer = np.array([[0.9, 0.1]], dtype=np.float32)
    assert answer[0, 0].item() < 0.9
    assert figures.coverage(answer, np.array([0]), 0.9) == (0, 1)


def test_operations_tell_what_each_threshold_does() -> None:
    others = np.array([[0.7, 0.3], [0.5, 0.5]])
    found = {one.threshold: one for one in measures.operations(PROBABILITIES, TRUTH, others, 0.7)}
    assert list(found) == sorted(found)
    assert (found[0.5].coverage, found[0.5].errors, found[0.5].neither_passed) == (1, 1, 1)
    assert (found[0.7].coverage, found[0.7].errors, found[0.7].neither_passed) == (0.75, 1, 0.5)
    assert found[0.7].accuracy == pytest.approx(2 / 3)
    assert (found[0.71].coverage, found[0.71].errors, found[0.71].neither_passed) == (0.5, 0, 0)
    nothing = found[0.99]
    assert (nothing.coverage, nothing.accuracy_low, nothing.accuracy_high) == (0, 0, 1)


def test_operations_hold_the_models_own_threshold() -> None:
    found = measures.operations(PROBABILITIES, TRUTH, None, 0.874)
    assert [one.neither_passed for one in found if one.threshold == 0.874] == [None]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_a_higher_threshold_never_accepts_more(rows: list[tuple[float, bool]]) -> None:
    probabilities = np.array([[share, 1 - share] for share, _ in rows])
    truth = np.array([int(second) for _, second in rows])
    found = list(measures.operations(probabilities, truth, probabilities, 0.9))
    for lower, higher in itertools.pairwise(found):
        assert higher.coverage <= lower.coverage
        assert higher.errors <= lower.errors
        assert higher.neither_passed == higher.coverage
