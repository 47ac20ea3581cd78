from __future__ import annotations

import pytest

from scones_monitoring.drift.simulate import DRIFTS, Simulation, simulate

SMALL = Simulation(sizes=(2000,), runs=12, baseline=24, windows=16, seed=3)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, object]:
    return {one.drift: one for one in simulate(SMALL)}


def test_a_healthy_model_is_rarely_called_an_alarm_and_every_drift_is_found(
    outcomes: dict[str, object],
) -> None:
    """The claim of the README at the size where both are sharpest; `make simulate` shows more."""
    shares = {name: one.alarms for name, one in outcomes.items()}  # type: ignore[attr-defined]
    assert shares.pop("healthy") <= 0.01
    assert shares.pop("healthy, day and night") <= 0.1
    assert min(shares.values()) >= 0.75


def test_tests_of_distributions_cry_wolf_at_this_size(outcomes: dict[str, object]) -> None:
    assert outcomes["healthy"].ks > 0.2  # type: ignore[attr-defined]
    assert outcomes["mix +8 points"].psi < 0.2  # type: ignore[attr-defined]


def test_every_size_and_drift_is_tried_and_told() -> None:
    told: list[tuple[int, int]] = []
    tiny = Simulation(sizes=(100, 150), runs=2, baseline=3, windows=2)
    outcomes = simulate(tiny, lambda done, total: told.append((done, total)))
    assert [(one.size, one.drift) for one in outcomes] == [
        (s, d) for s in (100, 150) for d in DRIFTS
    ]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_same_seed_gives_the_same_table() -> None:
    tiny = Simulation(sizes=(100,), runs=2, baseline=3, windows=3, seed=5)
    assert simulate(tiny) == simulate(tiny)
