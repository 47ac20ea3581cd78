"""Stopping a deployment, and going back to the version before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from model.tests.fake_account import Refusal
from model.tests.world import GROUP, World, fake_world, package_arn

from scones_model.aws import approve, rollback, status
from scones_model.aws.account import client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shipped_model: Path) -> Iterator[World]:
    with fake_world(monkeypatch, tmp_path, shipped_model) as made:
        yield made


@pytest.fixture
def deployed(world: World) -> World:
    """Version 1 serves, version 2 is approved."""
    world.deploy_the_first_of_two()
    return world


# --- rolling back --------------------------------------------------------------------------------


def test_a_deployment_under_way_is_stopped(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    statuses = []

    def stop() -> None:
        statuses.append(rollback.main(["--reason", "the wrong file"]))

    deployed.once_when(deployed.moves_traffic, stop)
    assert deployed.deploy() == 1
    assert statuses == [0]
    assert deployed.serves() == package_arn(1)
    assert "vehicles:1 serves, as before." in capsys.readouterr().out
    assert deployed.approval(2)[0] == "Rejected"
    assert "the wrong file" in deployed.approval(2)[1]
    states = {one["AlarmName"]: one["StateValue"] for one in alarms()}
    assert states["scones-dev-endpoint-roll-back"] == "OK"  # or it would stop the next one


def alarms() -> list[Any]:
    return list(client("cloudwatch").describe_alarms()["MetricAlarms"])


def test_a_deployment_is_cancelled_before_the_endpoint_moves(deployed: World) -> None:
    statuses = []

    def model_is_made() -> bool:
        return "CreateModel" in deployed.changed()

    deployed.once_when(model_is_made, lambda: statuses.append(rollback.main([])))
    assert deployed.deploy() == 1
    assert statuses == [0]
    assert "CancelUpdateStack" in deployed.changed()
    assert "UpdateEndpoint" not in deployed.changed()
    assert deployed.approval(2)[0] == "Rejected"


def test_a_rollback_that_got_stuck_goes_on(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = deployed.account._handlers["sagemaker.UpdateEndpoint"]

    def refuse(_: Any) -> None:
        raise Refusal("ValidationException", "Cannot update in-progress endpoint")

    def has_moved() -> bool:
        return deployed.endpoints.there["scones-dev"].config != before

    def cancel() -> None:
        deployed.account.handle("sagemaker.UpdateEndpoint", refuse)
        client("cloudformation").cancel_update_stack(StackName="scones-dev-endpoint")

    before = deployed.endpoints.there["scones-dev"].config
    deployed.once_when(has_moved, cancel)
    assert deployed.deploy("--set", "MaxInstances=6") == 1
    told = capsys.readouterr().err
    assert "could not undo it: `scones-model rollback --stage dev`" in told
    deployed.account.handle("sagemaker.UpdateEndpoint", moved)
    assert rollback.main([]) == 0
    assert "ContinueUpdateRollback" in deployed.changed()
    assert deployed.serves() == package_arn(1)


def test_rollback_moves_at_once_and_forgets_what_it_left(deployed: World) -> None:
    assert deployed.deploy() == 0
    deployed.endpoints.courses.clear()
    assert rollback.main([]) == 0
    assert {share for share, _ in deployed.endpoints.courses} == {1.0}
    assert deployed.parameters()["PreviousModelPackageArn"] == ""
    assert deployed.serves() == package_arn(1)


def test_rollback_goes_where_it_is_told(deployed: World) -> None:
    deployed.register(3)
    approve.main([f"{GROUP}:3", "--override", "a test"])
    assert deployed.deploy() == 0
    assert rollback.main(["--to", "2", "--keep"]) == 0
    assert deployed.serves() == package_arn(2)
    assert deployed.approval(3)[0] == "Approved"


def test_rollback_does_not_go_to_a_rejected_version(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployed.deploy() == 0
    approve.main([f"{GROUP}:1", "--reject", "worse still"])
    assert rollback.main([]) == 2
    assert rollback.main(["--to", "1"]) == 2
    assert "vehicles:1 is Rejected (worse still)" in capsys.readouterr().err
    assert deployed.serves() == package_arn(2)


def test_dry_run_of_rollback_shows_all_of_it(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployed.deploy() == 0
    deployed.account.calls.clear()
    capsys.readouterr()
    assert rollback.main(["--dry-run"]) == 0
    shown = [one["operation"] for one in json.loads(capsys.readouterr().out)]
    assert shown == ["CreateChangeSet", "ExecuteChangeSet", "UpdateModelPackage"]
    assert deployed.changed() == []


@pytest.mark.parametrize("command", [rollback, status])
def test_without_a_stack_there_is_nothing_to_tell(
    world: World, capsys: pytest.CaptureFixture[str], command: Any
) -> None:
    assert command.main(["--stage", "elsewhere"]) == 2
    assert "There is no stack scones-elsewhere-endpoint" in capsys.readouterr().err
