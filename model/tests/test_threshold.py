from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scones_model.evaluation.threshold import choose_threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]


def two_classes(sure: Sequence[float] | Rows) -> NDArray[np.float64]:
    """Probabilities [n, 2] that answer class 0 with the given confidences."""
    confidences = np.asarray(sure, dtype=np.float64)
    return np.stack([confidences, 1 - confidences], axis=1)


def sure_rows(*groups: tuple[float, int, int]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities and truths of groups of (confidence, right answers, wrong answers)."""
    sure = np.concatenate([[confidence] * (right + wrong) for confidence, right, wrong in groups])
    truth = np.concatenate([[0] * right + [1] * wrong for _, right, wrong in groups])
    return two_classes(sure), truth


def test_it_is_the_least_that_is_right_often_enough() -> None:
    probabilities, truth = sure_rows((0.999, 95, 0), (0.9, 5, 0), (0.6, 8, 2))
    chosen = choose_threshold(probabilities, truth)
    # All at .9 and over are right; at .600 and under, two of the 110 are wrong.
    assert (chosen.value, chosen.reached) == (0.601, True)
    assert (chosen.images, chosen.accepted, chosen.right) == (110, 100, 100)


def test_a_lucky_count_is_not_enough() -> None:
    probabilities, truth = sure_rows((0.995, 60, 0), (0.8, 40, 0))
    chosen = choose_threshold(probabilities, truth)
    assert (chosen.value, chosen.accepted) == (0.801, 60)


def test_an_expectation_that_the_count_breaks_is_not_enough() -> None:
    probabilities, truth = sure_rows((0.999, 100, 0), (0.992, 10, 5))
    chosen = choose_threshold(probabilities, truth)
    assert (chosen.value, chosen.accepted) == (0.993, 100)


def test_one_mislabelled_picture_does_not_decide_alone() -> None:
    probabilities, truth = sure_rows((0.999, 49, 1), (0.99, 70, 0), (0.55, 10, 10))
    chosen = choose_threshold(probabilities, truth)
    assert chosen.reached
    assert (chosen.accepted, chosen.right) == (120, 119)


def test_pictures_of_no_class_raise_it() -> None:
    probabilities, truth = sure_rows((0.999, 90, 0), (0.95, 10, 0))
    others = two_classes([0.97] * 2 + [0.93] * 2 + [0.5] * 16)
    assert choose_threshold(probabilities, truth).value == 0.5
    chosen = choose_threshold(probabilities, truth, others)
    assert (chosen.value, chosen.neither_passed) == (0.931, 0.1)
    stricter = choose_threshold(probabilities, truth, others, most_neither=0.05)
    assert (stricter.value, stricter.accepted) == (0.971, 90)
    assert "Of the pictures of no class, 0.0% pass." in stricter.told()


def test_no_class_at_half_or_more_accepts_nothing_and_says_so() -> None:
    probabilities = np.full((30, 3), 1 / 3)
    chosen = choose_threshold(probabilities, np.arange(30) % 3)
    assert (chosen.value, chosen.reached, chosen.accepted) == (0.999, False, 0)
    assert chosen.told().startswith("No threshold does what was asked for; closest is 0.999")


def test_where_none_reaches_it_the_closest_is_told() -> None:
    probabilities, truth = sure_rows((0.96, 48, 2), (0.7, 30, 20))
    chosen = choose_threshold(probabilities, truth)
    assert (chosen.value, chosen.reached) == (0.701, False)
    assert chosen.accuracy == 0.96
    assert "accepts 50, 48 of them rightly (95 %: 0.865 to 0.989; expected: 0.9" in chosen.told()


def test_among_too_many_pictures_of_no_class_the_strictest_is_told() -> None:
    probabilities, truth = sure_rows((1.0, 20, 0))
    chosen = choose_threshold(probabilities, truth, two_classes([1.0] * 5))
    assert (chosen.value, chosen.reached, chosen.neither_passed) == (0.999, False, 1.0)


def test_perfect_model_may_answer_everything() -> None:
    assert choose_threshold(np.eye(3)[[0, 1, 2, 1]], np.array([0, 1, 2, 1])).value == 0.5


CONFIDENCES = st.lists(st.tuples(st.floats(0.5, 1), st.booleans()), min_size=1, max_size=60)


@settings(deadline=None)
@given(CONFIDENCES, st.lists(st.floats(0.5, 1), max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_asking_for_more_never_lowers_it(
    rows: list[tuple[float, bool]], others: list[float], one: float, other: float
) -> None:
    probabilities = two_classes([sure for sure, _ in rows])
    truth = np.array([int(wrong) for _, wrong in rows])
    little, much = sorted((one, other))
    strangers = two_classes(others) if others else None

    lax = choose_threshold(probabilities, truth, strangers, wanted_accuracy=little)
    strict = choose_threshold(probabilities, truth, strangers, wanted_accuracy=much)
    assert not strict.reached or (lax.reached and lax.value <= strict.value)

    lax = choose_threshold(probabilities, truth, strangers, most_neither=much)
    strict = choose_threshold(probabilities, truth, strangers, most_neither=little)
    assert not strict.reached or (lax.reached and lax.value <= strict.value)


@settings(deadline=None)
@given(CONFIDENCES, st.floats(0.5, 1))
def test_a_reached_threshold_keeps_its_word(rows: list[tuple[float, bool]], wanted: float) -> None:
    probabilities = two_classes([sure for sure, _ in rows])
    truth = np.array([int(wrong) for _, wrong in rows])
    chosen = choose_threshold(probabilities, truth, wanted_accuracy=wanted)
    assert 0.5 <= chosen.value < 1
    assert chosen.value == float(f"{chosen.value:.3f}")
    if chosen.reached:
        assert min(chosen.accuracy, chosen.expected) >= wanted


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.5, 1, width=32), st.booleans()), min_size=1, max_size=60))
def test_the_predictions_file_gives_the_same_threshold(rows: list[tuple[float, bool]]) -> None:
    of_model = two_classes([sure for sure, _ in rows]).astype(np.float32)
    of_file = np.array([[float(f"{value:.6f}") for value in row] for row in of_model.tolist()])
    truth = np.array([int(wrong) for _, wrong in rows])
    assert choose_threshold(of_model, truth) == choose_threshold(of_file, truth)


STEPS = np.arange(500, 1000) / 1000


@pytest.mark.parametrize(
    ("of_odds", "for_others"),
    [(1.0, 0.0), (0.8, 0.0), (1.3, 0.0), (1.0, 0.2)],
    ids=["calibrated", "too sure", "not sure enough", "share kept for pictures of no class"],
)
def test_over_redrawn_sets_it_keeps_to_what_was_asked(of_odds: float, for_others: float) -> None:
    draw = np.random.default_rng(0)

    def pictures(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Confidences, and the chances that they are right: some 96 % on average."""
        odds = draw.gamma(3, 2, count)
        kept = for_others * draw.random(count) * np.exp(-odds / 6)
        return (1 - kept) / (1 + np.exp(-odds)) + kept / 2, 1 / (1 + np.exp(-of_odds * odds))

    everybody, chances = pictures(20_000)
    wrong_from = {step: 1 - chances[everybody >= step].mean() for step in STEPS.tolist()}
    wrong = []
    for _ in range(200):
        sure, chance = pictures(150)
        right = draw.random(150) < chance
        value = choose_threshold(two_classes(sure), (~right).astype(np.int64)).value
        wrong.append([wrong_from[value], wrong_from[least_by_count(sure, right)]])
    chosen, by_count = np.mean(wrong, axis=0)
    assert 0.006 < chosen < min(0.0125, by_count)
    often, often_by_count = np.mean(np.array(wrong) > 0.02, axis=0)
    assert often <= 0.6 * often_by_count


def least_by_count(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    accepted = sure >= STEPS[:, None]
    enough = (accepted & right).sum(axis=1) >= 0.99 * np.maximum(accepted.sum(axis=1), 1)
    return float(STEPS[enough.argmax()])
