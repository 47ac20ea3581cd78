"""The services' templates: one way of releasing, thrice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scones_operations.repository import SERVICES
from scones_operations.stacks.template import read_template

ROOT = Path(__file__).parents[2]
# MaxErrorShare is a service's own.
SHARED = (
    "Architecture",
    "MaxConcurrency",
    "LiveVersion",
    "PreviousVersion",
    "TrafficShift",
    "AtOnce",
)
PARTS = ("Live", "Deployments", "DeploymentGroup", "NewVersionErrors", "DeploymentRole")


def template(service: str) -> dict[str, Any]:
    return read_template(ROOT / "services" / service / "template.yaml")


def released(service: str) -> Any:
    """All of a template that is about releasing, in the words of no service."""
    whole = template(service)
    parts = {
        "Parameters": {name: whole["Parameters"][name] for name in SHARED},
        "Conditions": whole["Conditions"],
        "Resources": {name: whole["Resources"][name] for name in PARTS},
        "Outputs": whole["Outputs"],
    }
    text = json.dumps(parts).replace(service.capitalize(), "Service").replace(service, "service")
    return json.loads(text)


def references(value: object) -> set[str]:
    """Names that intrinsic functions below a value refer to."""
    if isinstance(value, list):
        return {name for one in value for name in references(one)}
    if not isinstance(value, dict):
        return set()
    found = {name for one in value.values() for name in references(one)}
    if isinstance(value.get("Ref"), str):
        found.add(value["Ref"])
    if isinstance(value.get("Fn::GetAtt"), list):
        found.add(value["Fn::GetAtt"][0])
    if isinstance(value.get("Fn::Sub"), str):
        found.update(re.findall(r"\$\{(\w+)", value["Fn::Sub"]))
    return found


@pytest.mark.parametrize("service", SERVICES[1:])
def test_every_service_is_released_in_the_same_way(service: str) -> None:
    assert released(service) == released(SERVICES[0])


@pytest.mark.parametrize("service", SERVICES)
def test_no_default_asks_for_codedeploy_before_there_is_a_version(service: str) -> None:
    whole = template(service)
    conditional = {
        name for name, one in whole["Resources"].items() if one.get("Condition") == "IsWatched"
    }
    assert {*PARTS} - {"Live"} == conditional
    always = {n: r for n, r in whole["Resources"].items() if "Condition" not in r}
    assert not references(always) & {*PARTS}


def test_the_alarm_is_about_the_version_that_the_alias_goes_to() -> None:
    resources = template("filter")["Resources"]
    live = resources["Live"]["Properties"]
    for metric in resources["NewVersionErrors"]["Properties"]["Metrics"][1:]:
        dimensions = {
            one["Name"]: one["Value"] for one in metric["MetricStat"]["Metric"]["Dimensions"]
        }
        assert dimensions == {
            "FunctionName": live["FunctionName"],
            "Resource": {"Fn::Sub": f"${{Function}}:{live['Name']}"},
            "ExecutedVersion": live["FunctionVersion"],
        }


def test_the_alarm_and_the_deployment_group_are_there_before_the_alias_moves() -> None:
    resources = template("filter")["Resources"]
    assert "NewVersionErrors" in references(resources["Live"]["Properties"])
    assert "DeploymentGroup" in references(resources["Live"]["UpdatePolicy"])
    assert "NewVersionErrors" in references(resources["DeploymentGroup"])
