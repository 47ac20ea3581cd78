"""Seeing what is deployed, and removing all of it that costs money."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from model.tests.world import GROUP, World, fake_world, package_arn

from scones_model.aws import destroy, status
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


# --- status --------------------------------------------------------------------------------------


def test_status_tells_all_there_is(deployed: World, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert status.main(["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["endpoint"]["status"] == "InService"
    assert told["endpoint"]["fleets"][0]["package"] == "vehicles:1"
    assert told["package"]["approval"] == "Approved"
    assert told["package"]["figures"]["accuracy"] == 0.95
    assert told["scaling"] == {"min": 2, "max": 4}
    assert len(told["alarms"]) == 4
    bucket = deployed.outputs()["CaptureBucket"]
    assert told["captures"] == f"s3://{bucket}/captures/scones-dev/AllTraffic"


def test_status_shows_a_canary_and_then_why_it_failed(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []

    def look() -> None:
        capsys.readouterr()
        status.main([])
        seen.append(capsys.readouterr().out)

    deployed.once_when(deployed.moves_traffic, look)
    deployed.endpoints.symptoms[package_arn(2)] = "ModelLatency"
    assert deployed.deploy() == 1
    assert "fleet      vehicles:1, 50% of the traffic, 2 of 2 instances" in seen[0]
    assert "new fleet  vehicles:2, 50% of the traffic, 2 of 2 instances, Baking" in seen[0]
    capsys.readouterr()
    assert status.main([]) == 0
    told = capsys.readouterr().out
    assert "UPDATE_ROLLBACK_COMPLETE" in told
    assert "           scones-dev-endpoint-latency rang: Threshold Crossed" in told
    assert "           Endpoint: Endpoint is back in service" in told


# --- destroying ----------------------------------------------------------------------------------


def test_destroy_asks_for_the_stages_name(
    deployed: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "prod")
    assert destroy.main([]) == 2
    assert "Nothing was deleted" in capsys.readouterr().err
    assert deployed.changed() == []
    monkeypatch.setattr("builtins.input", lambda _: "dev")
    assert destroy.main([]) == 0


def test_an_empty_bucket_goes_and_captures_stay(deployed: World) -> None:
    bucket = deployed.outputs()["CaptureBucket"]
    assert destroy.main(["--yes"]) == 0
    assert bucket not in buckets()
    assert world_has_packages()


def test_captures_go_when_asked(deployed: World) -> None:
    bucket = deployed.outputs()["CaptureBucket"]
    for number in range(3):
        client("s3").put_object(Bucket=bucket, Key=f"captures/{number}.jsonl", Body=b"{}")
    assert destroy.main(["--yes", "--captures"]) == 0
    assert bucket not in buckets()


def buckets() -> list[str]:
    return [one["Name"] for one in client("s3").list_buckets()["Buckets"]]


def world_has_packages() -> bool:
    found = client("sagemaker").list_model_packages(ModelPackageGroupName=GROUP)
    return len(found["ModelPackageSummaryList"]) == 2


def test_packages_stay_while_another_stage_runs_one(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployed.deploy("--stage", "prod") == 0
    assert destroy.main(["--yes", "--packages", GROUP]) == 2
    assert "scones-prod-endpoint runs vehicles:2" in capsys.readouterr().err
    assert deployed.serves() == package_arn(1)


def test_what_is_left_is_told_and_is_a_failure(
    deployed: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.account.handle("sagemaker.DeleteEndpoint", lambda _: {})
    monkeypatch.setattr(deployed.endpoints, "uses", lambda _: False)
    assert destroy.main(["--yes"]) == 1
    assert "STILL THERE: endpoint scones-dev, which costs money" in capsys.readouterr().out


def test_destroy_dry_run_deletes_nothing(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert destroy.main(["--dry-run", "--captures", "--packages", GROUP]) == 0
    shown = [one["operation"] for one in json.loads(capsys.readouterr().out)]
    assert shown == [
        "DeleteStack", "DeleteBucket", "DeleteObjects", "DeleteModelPackage", "DeleteObjects",
        "DeleteModelPackage", "DeleteModelPackageGroup",
    ]  # fmt: skip
    assert deployed.changed() == []


def test_a_running_deployment_is_not_destroyed(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    statuses = []
    deployed.once_when(deployed.moves_traffic, lambda: statuses.append(destroy.main(["--yes"])))
    assert deployed.deploy() == 0
    assert statuses == [2]
    assert "stop that first" in capsys.readouterr().err
