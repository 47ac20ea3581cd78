"""Traces and execution logs, over the templates of everything that an upload goes through."""

from __future__ import annotations

from typing import Any

import pytest
from observability.tests.inventory import SERVICES
from observability.tests.reading import ROOT

from scones_operations.stacks.template import read_template

PATHS = [
    *(ROOT / "services" / service / "template.yaml" for service in SERVICES),
    *sorted((ROOT / "orchestration").glob("*.yaml")),
]
FOUND = {
    f"{path.relative_to(ROOT)}:{name}": resource
    for path in PATHS
    for name, resource in read_template(path)["Resources"].items()
}
FUNCTIONS = {name: one for name, one in FOUND.items() if one["Type"] == "AWS::Serverless::Function"}
MACHINES = {
    name: one for name, one in FOUND.items() if one["Type"] == "AWS::Serverless::StateMachine"
}


def test_functions_and_workflows_are_all_looked_at() -> None:
    assert len(FUNCTIONS) == len(SERVICES)
    assert {"orchestration/template.yaml:Workflow", "orchestration/backfill.yaml:Backfill"} == set(
        MACHINES
    )
    assert not [
        name
        for name, one in FOUND.items()
        if one["Type"] in {"AWS::Lambda::Function", "AWS::StepFunctions::StateMachine"}
    ]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_function_is_traced(function: dict[str, Any]) -> None:
    assert function["Properties"]["Tracing"] == "Active"


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_every_workflow_is_traced_and_logs_its_errors(machine: dict[str, Any]) -> None:
    assert machine["Properties"]["Tracing"] == {"Enabled": True}
    assert machine["Properties"]["Logging"]["Level"] == "ERROR"


def test_the_workflow_that_holds_the_image_logs_no_execution_data() -> None:
    """Those are inputs and outputs; errors and causes are logged without them, too.

    At level ERROR only FailStateEntered has an input, and there is no Fail state; at ALL every
    state would log the image. https://docs.aws.amazon.com/step-functions/latest/dg/cloudwatch-log-level.html
    """
    workflow = MACHINES["orchestration/template.yaml:Workflow"]["Properties"]
    assert workflow["Logging"]["IncludeExecutionData"] is False
