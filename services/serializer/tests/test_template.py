"""What template.yaml promises and the code must keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from scones_serializer.handler import s3
from scones_serializer.settings import Settings


class CloudFormation(yaml.SafeLoader):
    """Reads a short intrinsic such as !Ref as its argument."""


CloudFormation.add_multi_constructor("!", lambda _loader, _tag, node: node.value)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    text = (Path(__file__).parents[1] / "template.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, CloudFormation)  # noqa: S506 - a SafeLoader
    return loaded


@pytest.fixture(scope="module")
def function(template: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = template["Resources"]["Function"]["Properties"]
    return properties


def test_defaults_of_template_and_code_are_the_same(
    template: dict[str, Any], function: dict[str, Any]
) -> None:
    variables = dict(function["Environment"]["Variables"])
    del variables["POWERTOOLS_METRICS_NAMESPACE"]  # Powertools' own
    defaults = {
        name: str(template["Parameters"][parameter]["Default"])
        for name, parameter in variables.items()
    }
    assert set(variables) == {field.alias for field in Settings.model_fields.values()}
    assert Settings.from_environment(defaults) == Settings.from_environment({})


def test_metrics_are_in_the_stages_own_namespace(function: dict[str, Any]) -> None:
    variables = function["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "Scones/${Stage}"


def test_function_outlives_the_clients_last_attempt(function: dict[str, Any]) -> None:
    config: Any = s3.meta.config
    attempts = config.retries["total_max_attempts"]
    assert attempts == 3
    slowest_answer = attempts * (config.connect_timeout + config.read_timeout)
    assert function["Timeout"] >= slowest_answer + 3, "the picture still has to be decoded"


def test_role_reads_objects_of_the_upload_bucket_only(template: dict[str, Any]) -> None:
    (policy,) = template["Resources"]["Role"]["Properties"]["Policies"]
    on_s3 = {
        action: statement["Resource"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
        if action.startswith("s3:")
    }
    bucket = "arn:${AWS::Partition}:s3:::${UploadBucket}"
    assert on_s3 == {
        "s3:GetObject": f"{bucket}/*",
        "s3:GetObjectVersion": f"{bucket}/*",
        "s3:ListBucket": bucket,
    }
