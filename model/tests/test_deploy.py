"""Which version is deployed, with which settings, and what is said when that fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from model.tests.fake_account import Refusal
from model.tests.fake_endpoints import BAKING
from model.tests.world import BUCKET, GROUP, World, fake_world, package_arn

from scones_model.aws import approve, deploy, status
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


# --- what is deployed ----------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [[], ["--reject", "it is bad"]], ids=["pending", "rejected"])
def test_only_an_approved_version_is_deployed(
    world: World, capsys: pytest.CaptureFixture[str], verdict: list[str]
) -> None:
    world.register(1)
    if verdict:
        approve.main([GROUP, *verdict])
    assert world.deploy("--version", "1") == 2
    assert "only an approved version is deployed" in capsys.readouterr().err
    assert not world.account.named("CreateChangeSet")


def test_the_newest_approved_version_is_deployed(world: World) -> None:
    for version in (1, 2, 3):
        world.register(version)
    for version in (1, 2):
        approve.main([f"{GROUP}:{version}", "--override", "a test"])
    assert world.deploy() == 0
    assert world.serves() == package_arn(2)


def test_the_stack_learns_where_model_and_image_are(deployed: World) -> None:
    assert deployed.deploy() == 0
    asked = deployed.parameters()
    assert (asked["ModelBucket"], asked["ModelPrefix"]) == (BUCKET, f"models/{GROUP}")
    repository = "arn:aws:ecr:eu-west-1:123456789012:repository/scones/model"
    assert asked["ImageRepositoryArn"] == repository
    assert asked["PreviousModelPackageArn"] == package_arn(1)


def test_settings_stay_until_they_are_set_again(deployed: World) -> None:
    assert deployed.deploy("--set", "BakeSeconds=300") == 0
    deployed.register(3)
    approve.main([f"{GROUP}:3", "--override", "a test"])
    assert deployed.deploy() == 0
    assert deployed.parameters()["BakeSeconds"] == "300"


def test_one_instance_has_no_part_that_could_be_a_canary(world: World) -> None:
    for version in (1, 2):
        world.register(version)
        approve.main([f"{GROUP}:{version}", "--override", "a test"])
        few = ("--set", "MinInstances=1", "--set", "MaxInstances=1")
        assert world.deploy("--version", str(version), *few) == 0
    assert world.parameters()["TrafficShift"] == "ALL_AT_ONCE"
    assert [share for share, _ in world.endpoints.courses] == [1.0] * BAKING


def test_instances_that_scaling_added_stay(deployed: World) -> None:
    deployed.endpoints.there["scones-dev"].count = 4
    assert deployed.deploy() == 0
    assert deployed.endpoints.there["scones-dev"].count == 4


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("Colour=red", "--set Colour is not possible, but BakeSeconds"),
        ("ModelBucket=other", "--set ModelBucket is not possible"),
        ("MinInstances=two", "MinInstances=two is no number of instances"),
        ("MaxInstances=1", "MaxInstances is less than MinInstances"),
        ("InstanceType=ml.m5.large", "refuses another InstanceType while the endpoint scales"),
    ],
)
def test_what_aws_would_refuse_late_is_refused_at_once(
    deployed: World, capsys: pytest.CaptureFixture[str], setting: str, said: str
) -> None:
    assert deployed.deploy("--set", setting) == 2
    assert said in capsys.readouterr().err
    assert deployed.changed() == []


def test_dry_run_of_deploy_shows_the_change_set(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert deployed.deploy("--dry-run") == 0
    made, executed = json.loads(capsys.readouterr().out)
    assert made["operation"] == "CreateChangeSet"
    assert made["parameters"]["ChangeSetType"] == "UPDATE"
    assert executed["parameters"]["ChangeSetName"] == made["parameters"]["ChangeSetName"]
    assert deployed.changed() == []


def test_what_could_not_be_created_is_removed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.register(1)
    approve.main([GROUP, "--override", "a test"])

    def refuse(_: Any) -> None:
        raise Refusal("ResourceLimitExceeded", "The account-level service limit is 0 Instances")

    world.account.handle("sagemaker.CreateEndpoint", refuse)
    assert world.deploy() == 1
    told = capsys.readouterr().err
    assert "the account-level service limit is 0 instances" in told.lower()
    assert "Nothing is left of it." in told
    assert world.account.named("CreateChangeSet")[0]["OnStackFailure"] == "DELETE"
    assert client("s3").list_buckets()["Buckets"][0]["Name"] == BUCKET
    assert world.approval(1)[0] == "Approved"  # no alarm has spoken against it


def test_deploy_waits_for_no_other_deployment(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    statuses = []
    deployed.once_when(deployed.moves_traffic, lambda: statuses.append(deployed.deploy()))
    assert deployed.deploy() == 0
    assert statuses == [2]
    assert "UPDATE_IN_PROGRESS: wait, or `scones-model rollback" in capsys.readouterr().err


@pytest.mark.parametrize("metric", ["Invocation5XXErrors", "Invocation4XXErrors", "ModelLatency"])
def test_each_alarm_brings_the_endpoint_back(deployed: World, metric: str) -> None:
    deployed.endpoints.symptoms[package_arn(2)] = metric
    assert deployed.deploy() == 1
    assert deployed.serves() == package_arn(1)


def test_keep_leaves_a_refused_version_approved(deployed: World) -> None:
    deployed.endpoints.symptoms[package_arn(2)] = "ModelLatency"
    assert deployed.deploy("--keep") == 1
    assert deployed.approval(2)[0] == "Approved"


def test_a_failing_model_can_be_replaced_while_it_fails(deployed: World) -> None:
    client("cloudwatch").set_alarm_state(
        AlarmName="scones-dev-endpoint-server-errors", StateValue="ALARM", StateReason="it fails"
    )

    def evaluate() -> None:
        """CloudWatch looks at the new fleet's metric, which has no data."""
        client("cloudwatch").set_alarm_state(
            AlarmName="scones-dev-endpoint-server-errors", StateValue="OK", StateReason="no data"
        )

    def watches_the_new_fleet() -> bool:
        return deployed.endpoints.there["scones-dev"].pending is not None

    deployed.once_when(watches_the_new_fleet, evaluate)
    assert deployed.deploy() == 0
    assert deployed.serves() == package_arn(2)


def test_a_return_that_cloudformation_overlooks_is_seen(
    deployed: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.endpoints.symptoms[package_arn(2)] = "Invocation5XXErrors"
    deployed.stacks.work.overlooks = True
    monkeypatch.setattr(deployed.stacks.work.resources, "delete", lambda *_: None)
    assert deployed.deploy() == 1
    assert "CloudFormation has not noticed" in capsys.readouterr().err
    assert deployed.approval(2)[0] == "Rejected"
    assert status.main([]) == 0
    assert "it runs another configuration than the stack says" in capsys.readouterr().out


# --- faults of AWS -------------------------------------------------------------------------------


def test_a_refusal_of_aws_is_a_sentence(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: Any) -> None:
        raise Refusal("AccessDenied", "User is not authorized")

    deployed.account.handle("cloudformation.CreateChangeSet", refuse)
    assert deployed.deploy() == 1
    told = capsys.readouterr().err
    assert told == "CreateChangeSet was refused, AccessDenied: User is not authorized\n"


def test_a_template_that_is_not_there_is_told(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy.main(["--group", GROUP, "--template", "nowhere.yaml"]) == 2
    assert "nowhere.yaml cannot be read" in capsys.readouterr().err
