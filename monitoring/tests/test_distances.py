from __future__ import annotations

import numpy as np
import pytest

from scones_monitoring.capture.summary import Summary, summarise
from scones_monitoring.drift.distances import ks, ks_limits, psi, psi_limits


def drawn(seed: int, records: int = 500, a: float = 8.0) -> Summary:
    confidences = np.random.default_rng(seed).beta(a, 1.2, records) / 2 + 0.5
    return summarise("v", "h", confidences, np.zeros(records, dtype=np.intp), 2, 0.9)


REFERENCE = [drawn(seed) for seed in range(30)]
WHOLE = sum(REFERENCE[1:], REFERENCE[0])


def test_a_distribution_is_no_distance_from_itself() -> None:
    assert psi(WHOLE, WHOLE) == pytest.approx(0)
    assert ks(WHOLE, WHOLE) == 0


def test_ks_is_the_greatest_gap_of_the_cumulated_shares() -> None:
    low, high = (
        summarise("v", "h", np.array(values), np.zeros(4, dtype=np.intp), 2, 0.9)
        for values in ([0.5, 0.5, 0.7, 0.9], [0.5, 0.7, 0.9, 0.9])
    )
    assert ks(low, high) == 0.25


def test_psi_is_that_of_its_definition() -> None:
    """Two bins of equal share in the reference; 3 to 1 in the window."""
    size = 100_000
    even = np.repeat([0.6, 0.9], size // 2)
    uneven = np.repeat([0.6, 0.9], [size * 3 // 4, size // 4])
    reference, window = (
        summarise("v", "h", values, np.zeros(size, dtype=np.intp), 2, 0.9)
        for values in (even, uneven)
    )
    expected = (0.75 - 0.5) * np.log(0.75 / 0.5) + (0.25 - 0.5) * np.log(0.25 / 0.5)
    assert psi(window, reference) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(("distance", "limits"), [(psi, psi_limits), (ks, ks_limits)])
@pytest.mark.parametrize("records", [100, 500, 5000])
def test_usual_windows_of_any_size_are_within_the_limit_and_others_beyond(
    distance: object, limits: object, records: int
) -> None:
    assert callable(distance)
    assert callable(limits)
    limit = limits(REFERENCE)(records)
    usual = [distance(drawn(1000 + seed, records), WHOLE) for seed in range(40)]
    assert sum(value > limit for value in usual) <= 2
    assert distance(drawn(7, records, a=4.0), WHOLE) > limit


def test_limits_shrink_with_size() -> None:
    for limits in (psi_limits(REFERENCE), ks_limits(REFERENCE)):
        assert limits(100) > limits(500) > limits(5000)


def test_a_baseline_of_one_window_has_limits_by_chance_alone() -> None:
    assert psi_limits([WHOLE])(500) == pytest.approx(3.1 * 9 * (1 / 500 + 1 / 15_000))
