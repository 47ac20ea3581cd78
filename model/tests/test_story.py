"""From a trained file to a deployed endpoint and back, as a person types it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from model.tests.fake_endpoints import BAKING
from model.tests.world import BUCKET, GROUP, World, fake_world, package_arn

from scones_model.aws import destroy, rollback, status
from scones_model.aws.account import client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shipped_model: Path) -> Iterator[World]:
    with fake_world(monkeypatch, tmp_path, shipped_model) as made:
        yield made


def test_from_a_file_to_an_endpoint_and_back(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def said() -> str:
        told = capsys.readouterr()
        return told.out + told.err

    the_first_version_is_deployed(world, said)
    the_second_fails_in_its_canary_and_all_goes_back(world, said)
    the_third_is_compared_with_what_serves_and_goes_through(world, said)
    people_do_not_like_it_and_go_back(world, said)
    nothing_is_left_but_what_is_to_stay(world, said)


def the_first_version_is_deployed(world: World, said: Callable[[], str]) -> None:
    assert world.register(1) == 0
    assert package_arn(1) in said()
    assert world.deploy() == 2
    assert "No version of vehicles is approved" in said()
    assert world.approve(1, None) == 0
    assert world.deploy() == 0
    assert "Endpoint CREATE_COMPLETE" in said()
    assert world.serves() == package_arn(1)
    assert world.deploy() == 0
    assert "Nothing to change" in said()


def the_second_fails_in_its_canary_and_all_goes_back(world: World, said: Callable[[], str]) -> None:
    assert world.register(2) == 0
    assert world.approve(2, 1) == 0
    world.endpoints.symptoms[package_arn(2)] = "Invocation5XXErrors"
    said()
    assert world.deploy() == 1
    told = said()
    assert "new fleet 50% of the traffic, Baking" in told
    assert "Alarm scones-dev-endpoint-server-errors rang: Threshold Crossed" in told
    assert "UPDATE_ROLLBACK_COMPLETE" in told
    assert "vehicles:1 serves, as before." in told
    assert world.serves() == package_arn(1)
    assert {share for share, _ in world.endpoints.courses} == {0.5}  # only ever the canary
    approval, why = world.approval(2)
    assert approval == "Rejected"
    assert "scones-dev-endpoint-server-errors rang" in why


def the_third_is_compared_with_what_serves_and_goes_through(
    world: World, said: Callable[[], str]
) -> None:
    assert world.register(3) == 0
    assert world.approve(3, 2) == 2
    assert "vehicles:1 is approved" in said()
    assert world.approve(3, 1) == 0
    assert world.deploy() == 0
    assert world.serves() == package_arn(3)
    assert [share for share, _ in world.endpoints.courses][-2 * BAKING :] == (
        [0.5] * BAKING + [1.0] * BAKING
    )
    said()
    assert status.main(["--json"]) == 0
    told = json.loads(said())
    assert (told["package"]["name"], told["previous"]) == ("vehicles:3", "vehicles:1")


def people_do_not_like_it_and_go_back(world: World, said: Callable[[], str]) -> None:
    assert rollback.main(["--reason", "calls every scooter a bicycle"]) == 0
    assert world.serves() == package_arn(1)
    assert world.approval(3) == ("Rejected", "calls every scooter a bicycle")
    said()
    assert rollback.main([]) == 2
    assert "No version of vehicles before 1 is approved" in said()


def nothing_is_left_but_what_is_to_stay(world: World, said: Callable[[], str]) -> None:
    bucket = world.outputs()["CaptureBucket"]
    client("s3").put_object(Bucket=bucket, Key="captures/scones-dev/one.jsonl", Body=b"{}")
    said()
    assert destroy.main(["--yes", "--packages", GROUP]) == 0
    told = said()
    assert "Nothing is left of the endpoint" in told
    assert f"1 objects, 2 bytes in s3://{bucket}" in told
    assert everything_that_costs_money() == []


def everything_that_costs_money() -> list[Any]:
    """But captures; and what costs nothing by itself."""
    sagemaker, scaling = client("sagemaker"), client("application-autoscaling")
    return [
        *sagemaker.list_endpoint_configs()["EndpointConfigs"],
        *sagemaker.list_models()["Models"],
        *sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"],
        *scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"],
        *client("cloudwatch").describe_alarms()["MetricAlarms"],
        *client("logs").describe_log_groups()["logGroups"],
        *client("iam").list_roles()["Roles"],
        *client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", []),
    ]
