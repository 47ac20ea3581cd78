from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scones_model.evaluation import figures
from scones_model.evaluation.comparison import (
    Check,
    Latencies,
    Margins,
    Minimums,
    compare,
    compare_latency,
    compare_with_minimums,
    latency_within_budget,
)
from scones_model.evaluation.losses import Answers

SKILL = 5.7
"""Mean of normal log odds of the truth; with a variance of twice that, answers are calibrated."""


def fake(
    seed: int, *, skill: float = SKILL, boldness: float = 1, pictures: int = 200, odd: float = 1.3
) -> Answers:
    """What a classifier says of two classes.

    Fakes of any seed find the same pictures hard. `boldness` multiplies all log odds, `odd` is the
    spread of those for pictures of neither class.
    """
    shared, own = np.random.default_rng(99), np.random.default_rng(seed)
    picture = 0.95 * shared.standard_normal(pictures + 500)
    noise = picture + 0.31 * own.standard_normal(pictures + 500)
    truth = np.arange(pictures) % 2
    for_truth = skill + np.sqrt(2 * skill) * noise[:pictures]
    return Answers(
        test=two_classes(boldness * np.where(truth == 0, for_truth, -for_truth)),
        truth=truth,
        neither=two_classes(boldness * odd * noise[pictures:]),
        threshold=0.9,
    )


def two_classes(log_odds: np.ndarray) -> np.ndarray:
    first = 1 / (1 + np.exp(-log_odds))
    return np.column_stack([first, 1 - first]).astype(np.float32)


def refused(candidate: Answers, current: Answers, margins: Margins | None = None) -> set[str]:
    checks = compare(candidate, current, margins or Margins())
    return {check.measure for check in checks if check.reason}


CURRENT = fake(0)


def test_calibration_error_is_that_of_the_figures() -> None:
    (found,) = (check for check in compare(CURRENT, CURRENT, Margins()) if check.measure == "ece")
    expected = figures.expected_calibration_error(CURRENT.test, CURRENT.truth)
    assert found.candidate == pytest.approx(expected)


def test_equal_model_passes() -> None:
    assert refused(fake(1), CURRENT) == set()


def test_better_model_passes() -> None:
    assert refused(fake(1, skill=9), CURRENT) == set()


def test_less_accurate_model_is_refused_with_both_figures() -> None:
    checks = {check.measure: check for check in compare(fake(1, skill=3), CURRENT, Margins())}
    accuracy = checks["accuracy"]
    assert accuracy.reason.startswith("The candidate's accuracy is worse")
    assert f"{accuracy.candidate:.3f}, was {accuracy.current:.3f}." in accuracy.reason
    assert accuracy.p_value is not None
    assert accuracy.p_value < 0.05
    assert checks["nll"].reason


@pytest.mark.parametrize("boldness", [0.4, 3])
def test_worse_calibrated_model_is_refused_though_it_answers_the_same(boldness: float) -> None:
    candidate = fake(0, boldness=boldness)
    assert (candidate.test.argmax(axis=1) == CURRENT.test.argmax(axis=1)).all()
    found = refused(candidate, CURRENT)
    assert "accuracy" not in found
    assert found & {"nll", "ece"}


def one_mistake_more(answers: Answers) -> Answers:
    right = answers.test.argmax(axis=1) == answers.truth
    test = answers.test.copy()
    test[right.argmax()] = test[right.argmax(), ::-1]
    return replace(answers, test=test)


def test_few_pictures_do_not_pass_a_model_that_did_worse_on_them() -> None:
    few = fake(0, pictures=20)
    assert "accuracy" in refused(one_mistake_more(few), few)
    assert refused(few, one_mistake_more(few)) == set()


def test_the_same_loss_among_many_pictures_is_let_pass() -> None:
    many = fake(0, pictures=3000)
    assert refused(one_mistake_more(many), many) == set()


def test_difference_without_weight_is_no_regression_though_every_picture_shows_it() -> None:
    assert refused(fake(0, boldness=0.9999), CURRENT) == set()


def test_higher_threshold_that_answers_less_is_refused() -> None:
    assert refused(replace(CURRENT, threshold=0.995), CURRENT) == {"coverage"}


def test_lower_threshold_that_lets_mistakes_and_others_pass_is_refused() -> None:
    found = refused(replace(CURRENT, threshold=0.5), CURRENT)
    assert found == {"accepted_accuracy", "neither_passed"}


def test_model_that_takes_more_of_neither_for_a_class_is_refused() -> None:
    candidate = replace(CURRENT, neither=fake(0, odd=2).neither)
    assert refused(candidate, CURRENT) == {"neither_passed"}


def test_without_pictures_of_neither_there_is_no_such_check() -> None:
    alone = replace(CURRENT, neither=None)
    assert "neither_passed" not in {check.measure for check in compare(alone, alone, Margins())}


def test_wider_margin_lets_pass_what_is_not_certain() -> None:
    candidate = replace(CURRENT, threshold=0.995)
    assert refused(candidate, CURRENT, Margins(coverage=0.5)) == set()


def test_verdict_is_the_same_every_time() -> None:
    first, second = (list(compare(fake(1), CURRENT, Margins())) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("candidate_ms", "current_ms", "passes"),
    [(0.9, 0.1, True), (4, 3, True), (4, 2, False), (0.1, 4, True)],
    ids=["in budget", "not much slower", "twice as slow", "quicker"],
)
def test_slower_model_is_refused_beyond_budget_and_ratio(
    candidate_ms: float, current_ms: float, passes: bool
) -> None:
    check = compare_latency(candidate_ms, current_ms, Latencies(ratio=1.5, budget_ms=1))
    assert (check.reason == "") is passes


def test_reason_tells_how_many_times_slower() -> None:
    assert "4.00 ms, 2.0 times as long" in compare_latency(4, 2, Latencies()).reason


def failed(checks: list[Check]) -> set[str]:
    return {check.measure for check in checks if check.reason}


def test_first_model_must_reach_every_minimum() -> None:
    minimums = Minimums()
    assert failed(list(compare_with_minimums(CURRENT, minimums))) == set()
    poor = replace(fake(1, skill=0.1, boldness=9, odd=9), threshold=0.5)
    checks = list(compare_with_minimums(poor, minimums))
    assert failed(checks) == {"accuracy", "ece", "accepted_accuracy", "neither_passed"}
    assert "required" in checks[0].reason


def test_first_model_must_keep_within_the_budget() -> None:
    assert latency_within_budget(3, Latencies(budget_ms=2)).reason
    assert not latency_within_budget(1, Latencies(budget_ms=2)).reason
