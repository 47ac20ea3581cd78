"""A deployment in an account of moto's, of small templates with the parts' parameters and outputs.

What CloudFormation itself makes of the real ones is shown on the local engine.
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from scones_operations.account import Failed
from scones_operations.building.build import Zip
from scones_operations.releasing.publication import Publication
from scones_operations.repository import SERVICES
from scones_operations.stacks import deploy
from scones_operations.stacks.cloudformation import Stack, apply_stack, find_stack, stack_name
from scones_operations.stacks.parts import PARTS, template_path
from scones_operations.stacks.showing import change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")  # moto's

STAGE = "small"
TAKES: dict[str, dict[str, str | None]] = {
    "artifacts": {"ArtifactBucket": None},
    "serializer": {"ImageWidth": "32", "MaxConcurrency": "10"},
    "classifier": {"EndpointName": None, "MaxConcurrency": "10"},
    "orchestration": {"UploadBucket": None, "SerializerFunctionArn": None},
    "monitoring": {"ImageUri": None, "ReportBucket": None},
}
"""Parameters of parts, and their defaults."""
GIVES: dict[str, dict[str, Any]] = {
    "artifacts": {"ArtifactBucket": {"Ref": "Bucket"}},
    "serializer": {"SerializerFunctionArn": "arn:serializer:live"},
    "orchestration": {"UploadBucket": {"Ref": "Bucket"}, "ReviewQueueUrl": "https://sqs/review"},
}
BUCKETS = {"artifacts": "ArtifactBucket", "orchestration": "UploadBucket"}


def template(part: str) -> dict[str, Any]:
    resources: dict[str, Any] = {"Topic": {"Type": "AWS::SNS::Topic"}}
    if part in BUCKETS:
        name = {"BucketName": {"Ref": BUCKETS[part]}}
        resources["Bucket"] = {"Type": "AWS::S3::Bucket", "Properties": name}
    if part == "backfill":
        definition = {"DefinitionUri": "small.asl.json"}
        resources["Map"] = {"Type": "AWS::Serverless::StateMachine", "Properties": definition}
    parameters = {
        name: {"Type": "String"} | ({} if default is None else {"Default": default})
        for name, default in {"Stage": None, **TAKES.get(part, {})}.items()
    }
    told = {name: {"Value": value} for name, value in GIVES.get(part, {}).items()}
    return {"Parameters": parameters, "Resources": resources, "Outputs": told}


class Publishing:
    """Stands in for building and publishing: a service's stack is made, without a function."""

    def __init__(self) -> None:
        self.given: dict[str, Mapping[str, str]] = {}
        self.failing: set[str] = set()
        self.together = threading.Barrier(len(SERVICES), timeout=30)

    def build(self, root: Path, service: str, arch: str) -> Zip:
        return Zip(root / "none.zip", "0" * 64, 1, "1.0.0", service, arch)

    def publish(  # noqa: PLR0917 - publish_service's
        self,
        stage: str,
        zip: Zip,  # noqa: A002
        template: Mapping[str, Any],
        parameters: Mapping[str, str],
        commit: str,
        tell: Callable[[str], None],
    ) -> Publication:
        self.together.wait()
        self.given[zip.service] = parameters
        if zip.service in self.failing:
            raise Failed(f"{zip.service}: alarm new-version-errors")
        name = stack_name(stage, zip.service)
        stack = apply_stack(name, template, {"Stage": stage, **parameters}, tell)
        return Publication(zip.service, None, "1", stack)


@pytest.fixture
def publishing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Publishing]:
    """A repository of small templates, and an empty account."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("STAGE", raising=False)
    for part in PARTS:
        path = template_path(tmp_path, part)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(template(part)))
    (tmp_path / "orchestration" / "small.asl.json").write_text("{}")
    made = Publishing()
    monkeypatch.setattr(deploy, "find_root", lambda: tmp_path)
    monkeypatch.setattr(deploy, "build_service", made.build)
    monkeypatch.setattr(deploy, "publish_service", made.publish)
    monkeypatch.setattr(deploy, "_commit", lambda *_: "0123456")
    with mock_aws():
        boto3.setup_default_session()
        yield made


def run(*more: str) -> int:
    return deploy.main(["--stage", STAGE, "--set", "EndpointName=mine", *more])


def parameters(part: str) -> Mapping[str, str]:
    stack = find_stack(stack_name(STAGE, part))
    assert stack is not None
    return stack.parameters


@pytest.mark.usefixtures("publishing")
def test_a_stage_is_made_each_stack_wired_to_those_before_it(tmp_path: Path) -> None:
    assert run("--json", str(tmp_path / "told.json")) == 0
    assert parameters("orchestration")["SerializerFunctionArn"] == "arn:serializer:live"
    assert find_stack(stack_name(STAGE, "monitoring")) is None
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["UploadBucket"] == f"scones-{STAGE}-uploads-123456789012-eu-central-1"
    assert told["SerializerFunctionArn"] == "arn:serializer:live"


def test_services_get_only_what_was_said_or_wired(publishing: Publishing) -> None:
    assert run("--set", "ImageWidth=64") == 0
    assert publishing.given["serializer"] == {"Stage": STAGE, "ImageWidth": "64"}
    assert publishing.given["classifier"] == {"Stage": STAGE, "EndpointName": "mine"}


def test_a_setting_stays_until_another_is_set(publishing: Publishing) -> None:
    assert run("--set", "MaxConcurrency=5") == 0
    publishing.given.clear()
    assert run() == 0
    assert "MaxConcurrency" not in publishing.given["serializer"]
    assert parameters("serializer")["MaxConcurrency"] == "5"


@pytest.mark.usefixtures("publishing")
def test_a_definition_lies_in_the_artifact_bucket_under_its_content() -> None:
    assert run() == 0
    bucket = parameters("artifacts")["ArtifactBucket"]
    (key,) = (one["Key"] for one in boto3.client("s3").list_objects_v2(Bucket=bucket)["Contents"])
    body = boto3.client("cloudformation").get_template(StackName=stack_name(STAGE, "backfill"))
    told = json.loads(json.dumps(body["TemplateBody"]))
    assert told["Resources"]["Map"]["Properties"]["DefinitionUri"] == {
        "Bucket": bucket, "Key": key,
    }  # fmt: skip


def test_each_service_that_fails_says_why_and_what_comes_after_is_not_touched(
    publishing: Publishing, capsys: pytest.CaptureFixture[str]
) -> None:
    publishing.failing = {"serializer", "filter"}
    assert run() == 1
    told = capsys.readouterr().err
    assert "serializer: alarm new-version-errors\nfilter: alarm new-version-errors" in told
    assert find_stack(stack_name(STAGE, "classifier")) is not None
    assert find_stack(stack_name(STAGE, "orchestration")) is None


@pytest.mark.usefixtures("publishing")
def test_one_part_alone_leaves_the_others_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    capsys.readouterr()
    assert run("--only", "observability") == 0
    assert "orchestration is" not in capsys.readouterr().out


@pytest.mark.usefixtures("publishing")
def test_dry_run_changes_nothing_and_tells_where_each_value_is_from(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--dry-run") == 0
    told = capsys.readouterr().out
    assert "output of a stack that is not there yet" in told
    assert "--set" in told
    assert boto3.client("cloudformation").describe_stacks()["Stacks"] == []


@pytest.mark.usefixtures("publishing")
def test_without_an_endpoint_nothing_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy.main(["--stage", STAGE]) == 2
    assert "classifier needs EndpointName" in capsys.readouterr().err
    assert boto3.client("cloudformation").describe_stacks()["Stacks"] == []


# --- what is told ------------------------------------------------------------------------------

BEFORE = Stack("one", "arn:one", "CREATE_COMPLETE", {"Labels": "a,b", "LiveVersion": ""}, {})
AFTER = replace(BEFORE, status="UPDATE_COMPLETE", updated=datetime.now(UTC))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, AFTER, "it is new"),
        (BEFORE, BEFORE, "nothing"),
        (BEFORE, AFTER, "template or code"),
        (
            BEFORE,
            replace(AFTER, parameters={"Labels": "[a]", "LiveVersion": "1"}),
            "Labels: a,b -> [a], LiveVersion: - -> 1",
        ),
    ],
)
def test_what_changed_is_told_by_parameters(before: Stack | None, after: Stack, told: str) -> None:
    assert change(before, after) == told
