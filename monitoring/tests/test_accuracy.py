from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scones_monitoring.capture.summarise import Match
from scones_monitoring.capture.summary import summarise
from scones_monitoring.drift.accuracy import Truth, coverage, wilson

LABELS = ("bicycle", "motorcycle")


def match(confidence: float, *, right: bool, truth: str = "bicycle") -> Match:
    true = LABELS.index(truth)
    return Match("v", "2026-11-22T10", truth, true if right else 1 - true, confidence)


MATCHES = [
    match(0.95, right=True), match(0.95, right=True, truth="motorcycle"), match(0.95, right=False),
    match(0.65, right=True), match(0.62, right=False, truth="motorcycle"),
]  # fmt: skip


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    share = wilson(8, 10)
    assert (share.value, share.low, share.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_share_and_stays_within_0_and_1(hits: int, misses: int) -> None:
    share = wilson(hits, hits + misses)
    assert 0 <= share.low <= share.value <= share.high <= 1


def test_accuracy_confusion_and_calibration_are_counted() -> None:
    truth = Truth(MATCHES, LABELS).accuracy(unmatched=3)
    assert (truth.labelled, truth.unmatched, truth.unknown) == (5, 3, 0)
    assert truth.accuracy.value == 0.6
    assert truth.confusion == ((2, 1), (1, 1))
    low, high = truth.reliability
    assert (low.low, low.high, low.records, low.accuracy.value) == (0.6, 0.7, 2, 0.5)
    assert low.confidence == pytest.approx(0.635)
    assert high.records == 3
    assert high.accuracy.value == pytest.approx(2 / 3)
    assert truth.ece == pytest.approx((2 * (0.635 - 0.5) + 3 * (0.95 - 2 / 3)) / 5)


def test_labels_may_be_class_numbers_and_unknown_ones_are_counted() -> None:
    matches = [Match("v", "h", label, 1, 0.9) for label in ("1", "0", "tricycle", "2")]
    truth = Truth(matches, LABELS)
    assert (len(truth), truth.unknown) == (2, 2)
    assert truth.accuracy(0).accuracy.value == 0.5


def test_what_passes_a_threshold_is_counted_with_its_accuracy() -> None:
    at = Truth(MATCHES, LABELS).at(0.9)
    assert (at.coverage, at.passed) == (0.6, 3)
    assert at.accuracy == pytest.approx(2 / 3)
    assert Truth(MATCHES, LABELS).at(0.95).passed == 3  # at the threshold is enough
    nothing = Truth(MATCHES, LABELS).at(0.96)
    assert (nothing.coverage, nothing.passed, nothing.accuracy) == (0.0, 0, None)


def test_the_threshold_in_use_is_in_the_table() -> None:
    table = Truth(MATCHES, LABELS).thresholds(0.873)
    assert 0.873 in [one.threshold for one in table]
    assert [one.threshold for one in table] == sorted(one.threshold for one in table)
    covers = [one.coverage for one in table]
    assert covers == sorted(covers, reverse=True)


def test_the_least_threshold_that_reaches_an_accuracy_is_found() -> None:
    matches = [match(0.6, right=False), match(0.7, right=True), match(0.8, right=False),
               match(0.9, right=True), match(0.95, right=True)]  # fmt: skip
    truth = Truth(matches, LABELS)
    reached = truth.reaching(0.75)
    assert reached is not None
    assert (reached.threshold, reached.accuracy, reached.coverage) == (0.7, 0.75, 0.8)
    assert truth.reaching(1.0) == truth.at(0.9)
    assert Truth([match(0.9, right=False)], LABELS).reaching(0.5) is None


def test_equal_confidences_pass_together_or_not_at_all() -> None:
    matches = [match(0.9, right=True), match(0.9, right=False), match(0.9, right=True)]
    assert Truth(matches, LABELS).reaching(0.9) is None


@given(st.lists(st.tuples(st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9]), st.booleans()), min_size=1),
       st.sampled_from([0.5, 0.8, 1.0]))  # fmt: skip
def test_no_lower_threshold_reaches_the_accuracy(
    pairs: list[tuple[float, bool]], wanted: float
) -> None:
    truth = Truth([match(c, right=r) for c, r in pairs], LABELS)
    reached = truth.reaching(wanted)
    every = [truth.at(one) for one in sorted({c for c, _ in pairs})]
    good = [one for one in every if one.accuracy is not None and one.accuracy >= wanted]
    assert reached == (good[0] if good else None)


def test_without_labels_coverage_alone_is_known() -> None:
    confidences = np.array([0.5, 0.61, 0.9, 0.95])
    whole = summarise("v", "h", confidences, np.zeros(4, dtype=np.intp), 2, 0.93)
    table = {one.threshold: one for one in coverage(whole, 0.93)}
    assert (table[0.5].coverage, table[0.62].coverage, table[0.9].coverage) == (1.0, 0.5, 0.5)
    assert (table[0.93].coverage, table[0.93].accuracy) == (0.25, None)
