"""The template under test, and its dashboard as CloudWatch gets it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from scones_operations.stacks.template import read_template

__all__ = [
    "DASHBOARD", "METRICS", "RESOURCES", "ROOT", "TEMPLATE", "metrics_of", "of_type", "substituted",
]  # fmt: skip

ROOT = Path(__file__).parents[2]
TEMPLATE = read_template(ROOT / "observability" / "template.yaml")
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
GIVEN = {
    "Stage": "test",  # not the default, so that a stage that is written out is none
    "AWS::Region": "eu-central-1",
    "AWS::Partition": "aws",
    "AWS::AccountId": "123456789012",
}


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Properties of the template's resources of one type, by logical name."""
    return {
        name: resource["Properties"]
        for name, resource in RESOURCES.items()
        if resource["Type"] == kind
    }


def substituted(text: str) -> str:
    """What `Fn::Sub` makes of a text: other parameters than the stage at their defaults."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name in GIVEN:
            return GIVEN[name]
        if name in TEMPLATE["Parameters"]:
            return str(TEMPLATE["Parameters"][name].get("Default", name))
        assert name.split(".")[0] in RESOURCES, name
        return name

    return re.sub(r"\$\{([^}]+)\}", value, text)


DASHBOARD: list[dict[str, Any]] = json.loads(
    substituted(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
)["widgets"]


def metrics_of(widget: dict[str, Any]) -> list[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of each metric that a chart reads without a search."""
    rows = [
        [part for part in row if isinstance(part, str)] for row in widget["properties"]["metrics"]
    ]
    return [(row[0], row[1], dict(zip(row[2::2], row[3::2], strict=True))) for row in rows if row]


METRICS = [widget for widget in DASHBOARD if widget["type"] == "metric"]
