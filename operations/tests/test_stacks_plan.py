"""A deployment of the real templates, planned in an empty account."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from scones_operations.account import CannotBeDone
from scones_operations.repository import find_root
from scones_operations.stacks.parts import BUCKETS, ENDPOINT, ORDER, PARTS, template_path
from scones_operations.stacks.plan import make_plan
from scones_operations.stacks.template import read_template

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = find_root(Path(__file__).parent)
STAGE = "planned"
OWN_ENDPOINT = {"EndpointName": "mine"}
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/monitoring:1"
TEMPLATE_BODY_LIMIT = 51_200
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        boto3.setup_default_session()
        yield


def create_endpoints_stack(outputs: dict[str, str]) -> None:
    """A stack with the outputs of model/template.yaml, made of what moto can make."""
    template = {
        "Resources": {"Any": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(
        StackName=f"scones-{STAGE}-{ENDPOINT}", TemplateBody=json.dumps(template)
    )


@pytest.mark.parametrize("part", PARTS)
def test_every_template_fits_in_a_request(part: str) -> None:
    template = read_template(template_path(ROOT, part))
    assert len(json.dumps(template, separators=(",", ":"))) < TEMPLATE_BODY_LIMIT


def test_outputs_have_one_owner_each() -> None:
    names: list[str] = []
    for part in PARTS:
        names += read_template(template_path(ROOT, part)).get("Outputs", {})
    assert len(names) == len(set(names))


def test_with_an_endpoint_of_ones_own_nothing_else_has_to_be_said_and_monitoring_waits() -> None:
    plan, stacks = make_plan(ROOT, STAGE, (), OWN_ENDPOINT)
    assert stacks == {}
    assert "ImageUri" in plan.skipped
    assert plan.rows == (*ORDER[:-1], ("backfill", "observability"))


def test_the_endpoints_stack_feeds_services_and_monitoring() -> None:
    outputs = {"EndpointName": "scones-planned", "CaptureBucket": "caught", "Labels": "a,b,c"}
    create_endpoints_stack(outputs)
    plan, stacks = make_plan(ROOT, STAGE, (), {"ImageUri": IMAGE})
    assert plan.rows == ORDER
    assert plan.wire("classifier", stacks)["Labels"].value == "a,b,c"
    assert plan.wire("monitoring", stacks)["CaptureBucket"].value == "caught"


def test_without_an_endpoint_the_refusal_says_how_to_get_one() -> None:
    with pytest.raises(CannotBeDone, match=r"(?s)Nothing was deployed.*EndpointName.*GROUP="):
        make_plan(ROOT, STAGE, (), {})


def test_one_part_alone_needs_the_stacks_before_it() -> None:
    with pytest.raises(CannotBeDone, match="orchestration needs SerializerFunctionArn"):
        make_plan(ROOT, STAGE, ("orchestration",), {})


def test_monitoring_that_was_asked_for_is_not_left_out() -> None:
    with pytest.raises(CannotBeDone, match="monitoring needs ImageUri"):
        make_plan(ROOT, STAGE, ("monitoring",), OWN_ENDPOINT)


def test_a_setting_that_no_template_knows_is_refused() -> None:
    with pytest.raises(CannotBeDone, match="no template has a parameter EndpiontName"):
        make_plan(ROOT, STAGE, (), {"EndpiontName": "mine"})


@pytest.mark.parametrize("name", ["Stage", "Architecture", "LiveVersion"])
def test_what_something_else_decides_cannot_be_set(name: str) -> None:
    with pytest.raises(CannotBeDone, match=f"--set: {name} is decided by"):
        make_plan(ROOT, STAGE, (), {**OWN_ENDPOINT, name: "1"})


def test_values_that_would_be_refused_in_the_end_are_all_named_at_once() -> None:
    wrong = {"MaxConcurrency": "many", "AlarmReviewHours": "3"}
    with pytest.raises(CannotBeDone, match="Nothing was deployed") as refusal:
        make_plan(ROOT, STAGE, (), OWN_ENDPOINT | wrong)
    told = str(refusal.value).splitlines()[1:]
    assert [line.split(",")[0] for line in told] == [
        "  serializer: MaxConcurrency is 'many' (--set)",
        "  classifier: MaxConcurrency is 'many' (--set)",
        "  filter: MaxConcurrency is 'many' (--set)",
        "  observability: AlarmReviewHours is '3' (--set)",
    ]


def test_a_stage_that_cannot_be_a_name_is_refused() -> None:
    with pytest.raises(CannotBeDone, match="Stage is 'Dev'"):
        make_plan(ROOT, "Dev", (), OWN_ENDPOINT)


def test_a_bucket_that_an_earlier_stage_left_is_taken_over() -> None:
    left: Any = {"LocationConstraint": "eu-central-1"}
    name = "scones-planned-uploads-123456789012-eu-central-1"
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=left)
    plan, _ = make_plan(ROOT, STAGE, (), OWN_ENDPOINT)
    assert plan.taken_over == {"orchestration": name}
    others, _ = make_plan(ROOT, STAGE, ("artifacts",), OWN_ENDPOINT)
    assert others.taken_over == {}


@pytest.mark.parametrize(("part", "parameter"), BUCKETS.items())
def test_a_template_has_the_bucket_that_it_may_take_over(part: str, parameter: str) -> None:
    resources = read_template(template_path(ROOT, part))["Resources"].values()
    (bucket,) = (one for one in resources if one["Type"] == "AWS::S3::Bucket")
    assert bucket["Properties"]["BucketName"] == {"Ref": parameter}
    assert bucket["DeletionPolicy"].startswith("Retain")


@pytest.mark.parametrize("stage", sorted(path.stem for path in (ROOT / "stages").glob("*.toml")))
def test_the_stages_that_come_with_the_repository_can_be_planned(stage: str) -> None:
    make_plan(ROOT, stage, (), OWN_ENDPOINT)
