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
from scones_operations.stacks.parts import ENDPOINT, ORDER, PARTS, template_path
from scones_operations.stacks.plan import make_plan
from scones_operations.stacks.template import read_template

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = find_root(Path(__file__).parent)
STAGE = "planned"
OWN_ENDPOINT = {"EndpointName": "mine"}
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
    plan, stacks = make_plan(ROOT, STAGE, (), {"ImageUri": "x"})
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


def test_a_bucket_that_an_earlier_stage_left_is_named_before_anything_is_created() -> None:
    left: Any = {"LocationConstraint": "eu-central-1"}
    name = "scones-planned-uploads-123456789012-eu-central-1"
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=left)
    with pytest.raises(CannotBeDone, match=f"Bucket {name} is there"):
        make_plan(ROOT, STAGE, (), OWN_ENDPOINT)


@pytest.mark.parametrize("stage", sorted(path.stem for path in (ROOT / "stages").glob("*.toml")))
def test_the_stages_that_come_with_the_repository_can_be_planned(stage: str) -> None:
    make_plan(ROOT, stage, (), OWN_ENDPOINT)
