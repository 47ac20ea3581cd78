from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from scones_local.faults import ENDPOINT_FAULTS, ENGINE_FAULTS, PLAN, Faults, read_plan

if TYPE_CHECKING:
    from pathlib import Path

DRAWS = 400


def plan(folder: Path, **shares: float) -> None:
    """Rename a plan into place, as the chaos program does; `lambda_crash` is lambda-crash."""
    written = folder / "next.json"
    written.write_text(json.dumps({name.replace("_", "-"): shares[name] for name in shares}))
    written.replace(folder / PLAN)


def drawn(faults: Faults, fault: str, place: str = "") -> list[bool]:
    return [faults.first([fault], place) is not None for _ in range(DRAWS)]


def test_nothing_strikes_without_a_plan(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    assert not any(faults.first([*ENGINE_FAULTS, *ENDPOINT_FAULTS]) for _ in range(DRAWS))


def test_a_plan_that_is_renamed_into_place_holds_from_the_next_call_on(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    for share in (1, 0, 1.0, 0.0):
        plan(tmp_path, bus_refuses=share)
        assert (faults.first(["bus-refuses"]) == "bus-refuses") is bool(share)
    plan(tmp_path, bus_refuses=1)
    assert faults.first(["bus-refuses"])
    (tmp_path / PLAN).unlink()
    assert faults.first(["bus-refuses"]) is None


def test_a_fault_strikes_by_its_share(tmp_path: Path) -> None:
    plan(tmp_path, lambda_crash=0.25)
    struck = sum(drawn(Faults(tmp_path), "lambda-crash"))
    assert DRAWS * 0.15 < struck < DRAWS * 0.35


def test_the_same_seed_strikes_the_same_calls_whatever_other_faults_there_are(
    tmp_path: Path,
) -> None:
    plan(tmp_path, seed=3, lambda_crash=0.5)
    alone = drawn(Faults(tmp_path), "lambda-crash")
    plan(tmp_path, seed=3, lambda_crash=0.5, event_delay=0.5)
    faults = Faults(tmp_path)
    together = [
        (faults.first(["event-delay"]), faults.first(["lambda-crash"]))[1] is not None
        for _ in range(DRAWS)
    ]
    assert together == alone
    plan(tmp_path, seed=4, lambda_crash=0.5)
    assert drawn(Faults(tmp_path), "lambda-crash") != alone


def test_a_plan_without_a_seed_is_repeatable_too(tmp_path: Path) -> None:
    plan(tmp_path, s3_denied=0.5)
    assert drawn(Faults(tmp_path), "s3-denied") == drawn(Faults(tmp_path), "s3-denied")


def test_a_fault_with_a_place_strikes_only_there(tmp_path: Path) -> None:
    plan(tmp_path, **{"lambda-crash:filter": 1, "queue-refuses:dead-letter": 1})
    faults = Faults(tmp_path)
    assert faults.first(["lambda-crash"], "scones-local-filter") == "lambda-crash"
    assert faults.first(["lambda-crash"], "scones-local-serializer") is None
    assert faults.first(["queue-refuses"], "scones-local-dead-letter") == "queue-refuses"
    assert faults.first(["queue-refuses"], "scones-local-review") is None
    assert faults.first(["queue-refuses"]) is None


def test_the_first_of_several_that_strike_is_told(tmp_path: Path) -> None:
    plan(tmp_path, lambda_crash=1, lambda_timeout=1)
    assert Faults(tmp_path).first(["lambda-crash", "lambda-timeout"]) == "lambda-crash"
    assert Faults(tmp_path).first(["lambda-timeout", "lambda-crash"]) == "lambda-timeout"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"lambda-crash": 0.5',
        '{"muffin-crash": 0.5}',
        '{"lambda-crash": 2}',
        '{"lambda-crash": -0.1}',
        '{"lambda-crash": NaN}',
        '{"lambda-crash": true}',
        '{"lambda-crash": "0.5"}',
        '{"seed": null}',
    ],
)
def test_a_wrong_plan_is_told_and_leaves_the_one_before_in_force(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan(tmp_path, lambda_crash=1)
    faults = Faults(tmp_path)
    assert faults.first(["lambda-crash"])
    (tmp_path / PLAN).write_text(text)
    assert faults.first(["lambda-crash"])
    assert PLAN in caplog.text
    with pytest.raises(ValueError, match=r"\S"):
        read_plan(text.encode())


def test_numbers_to_vary_a_fault_with_lie_between_the_bounds(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    numbers = [faults.between(2, 3) for _ in range(DRAWS)]
    assert 2 <= min(numbers) < 2.2
    assert 2.8 < max(numbers) <= 3
