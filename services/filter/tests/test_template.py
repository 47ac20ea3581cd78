"""What template.yaml promises and the code must keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from scones_filter.events import Route
from scones_filter.settings import Settings


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


def test_environment_is_exactly_the_settings_and_the_namespace(function: dict[str, Any]) -> None:
    settings = {field.alias for field in Settings.model_fields.values()}
    assert set(function["Environment"]["Variables"]) == settings | {"POWERTOOLS_METRICS_NAMESPACE"}


def test_metrics_are_in_the_stages_own_namespace(function: dict[str, Any]) -> None:
    variables = function["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "Scones/${Stage}"


def test_default_parameters_are_valid_settings(template: dict[str, Any]) -> None:
    defaults = {name: one.get("Default") for name, one in template["Parameters"].items()}
    settings = Settings.from_environment(
        {
            "CONFIDENCE_THRESHOLD": str(defaults["ConfidenceThreshold"]),
            "ROUTES": defaults["Routes"],
        }
    )
    assert settings.confidence_threshold == 0.90
    assert settings.routes == {
        "bicycle": Route(orders="nearby", loading_bay="A"),
        "motorcycle": Route(orders="far", loading_bay="B"),
    }
