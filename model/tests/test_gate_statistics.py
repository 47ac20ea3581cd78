from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scones_model.evaluation.paired import (
    bootstrap_bound,
    discordant,
    mcnemar,
    share_bound,
    swap_test,
)
from scones_model.evaluation.turns import in_turns

COUNTS = st.integers(0, 60)


def mean(rows: np.ndarray) -> float:
    return float(rows.mean())


def test_only_pictures_on_which_the_models_differ_are_discordant() -> None:
    assert discordant(np.array([1.0, 1, 0, 0, 1]), np.array([1.0, 0, 1, 0, 0])) == (2, 1)


@given(COUNTS, COUNTS)
def test_mcnemars_chance_is_the_tail_of_a_fair_coin(worse: int, better: int) -> None:
    total = worse + better
    tail = sum(math.comb(total, heads) for heads in range(worse, total + 1)) / 2**total
    assert mcnemar(worse, better) == pytest.approx(tail)


def test_mcnemar_takes_as_many_pictures_as_there_are() -> None:
    assert mcnemar(10_400, 10_000) == pytest.approx(0.0026, abs=0.0002)


def test_bound_is_agrestis_and_mins() -> None:
    # b = 12, c = 4, n = 200: (8 + 1.645 sqrt(17 - 64/202)) / 202
    assert share_bound(12, 4, 200, 0.95) == pytest.approx(0.0729, abs=0.0001)


@given(COUNTS, COUNTS, st.integers(120, 10_000))
def test_bound_is_over_the_difference_and_nearer_with_more_pictures(
    worse: int, better: int, pictures: int
) -> None:
    difference = (worse - better) / (pictures + 2)
    bound = share_bound(worse, better, pictures, 0.95)
    more = share_bound(3 * worse, 3 * better, 3 * pictures, 0.95)
    assert bound > difference
    assert more - difference < bound - difference + 1 / pictures


def test_models_that_differ_nowhere_may_still_differ_a_little() -> None:
    assert 0 < share_bound(0, 0, 200, 0.95) < 0.01


def test_swapping_agrees_with_mcnemar() -> None:
    candidate, current = np.zeros(100), np.zeros(100)
    candidate[:9], current[50:53] = 1, 1
    assert swap_test(mean, candidate, current, 20_000) == pytest.approx(mcnemar(9, 3), abs=0.01)


def test_swapping_equal_rows_is_certain_to_do_as_badly() -> None:
    rows = np.linspace(0, 1, 30)
    assert swap_test(mean, rows, rows) == 1


def test_bootstrap_agrees_with_the_normal_bound_of_a_mean() -> None:
    random = np.random.default_rng(0)
    candidate, current = random.normal(1.1, 1, 400), random.normal(1, 1, 400)
    difference = candidate - current
    normal = difference.mean() + 1.645 * difference.std() / 20
    assert bootstrap_bound(mean, candidate, current, 0.95) == pytest.approx(normal, abs=0.01)


class Clock:
    """Stands still but for what is added to it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def takes(self, seconds: float, *, busy_until: float = 0) -> None:
        """Work of so many seconds, ten times as many while the machine is busy."""
        self.now += seconds * (10 if self.now < busy_until else 1)


def test_models_take_turns_and_the_quietest_round_counts() -> None:
    clock = Clock()
    quick, slow = in_turns(
        [lambda: clock.takes(0.001, busy_until=5), lambda: clock.takes(0.004, busy_until=5)], clock
    )
    assert (quick, slow) == pytest.approx((1, 4))


def test_order_is_turned_round_every_time() -> None:
    order: list[str] = []
    in_turns([lambda: order.append("a"), lambda: order.append("b")], lambda: 0)
    turns = "".join(order).replace("a" * 20, "a").replace("b" * 20, "b")
    assert turns.startswith("abbaabba")
