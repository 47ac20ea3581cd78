"""What template.yaml promises and the code must keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from scones_classifier.endpoint import ATTEMPTS, CONNECT_TIMEOUT, READ_TIMEOUT
from scones_classifier.settings import Settings


class CloudFormation(yaml.SafeLoader):
    """Reads a short intrinsic such as !Sub as its argument."""


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


def test_function_outlives_the_clients_last_attempt(function: dict[str, Any]) -> None:
    slowest_attempts = ATTEMPTS * (CONNECT_TIMEOUT + READ_TIMEOUT)
    # botocore's standard mode waits at most 50 ms after a timeout, then twice as long each time.
    backoff = sum(0.05 * 2**retry for retry in range(ATTEMPTS - 1))
    assert function["Timeout"] > slowest_attempts + backoff


def test_environment_is_exactly_the_settings_and_the_namespace(function: dict[str, Any]) -> None:
    settings = {field.alias for field in Settings.model_fields.values()}
    assert set(function["Environment"]["Variables"]) == settings | {"POWERTOOLS_METRICS_NAMESPACE"}


def test_metrics_are_in_the_stages_own_namespace(function: dict[str, Any]) -> None:
    variables = function["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "Scones/${Stage}"


def test_default_labels_are_valid_settings(template: dict[str, Any]) -> None:
    labels = template["Parameters"]["Labels"]["Default"]
    settings = Settings.from_environment({"ENDPOINT_NAME": "scones-dev", "LABELS": labels})
    assert settings.labels == ("bicycle", "motorcycle")


def test_role_may_invoke_one_endpoint_only(template: dict[str, Any]) -> None:
    (policy,) = template["Resources"]["Role"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    (invoke,) = (one for one in statements if one["Sid"] == "InvokeTheEndpoint")
    assert invoke["Action"] == "sagemaker:InvokeEndpoint"
    assert invoke["Resource"].endswith(":endpoint/${EndpointName}")
