"""What a deployment prints: its plan, or what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from scones_operations.stacks.cloudformation import stack_name
from scones_operations.stacks.plan import DECIDED
from scones_operations.stacks.wiring import DERIVED, KEPT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from scones_operations.stacks.cloudformation import Stack
    from scones_operations.stacks.plan import Plan
    from scones_operations.stacks.wiring import Value

__all__ = ["change", "outputs", "show_plan", "show_stacks"]

FOR_PEOPLE = (
    "AcceptedQueueUrl", "ReviewQueueUrl", "DeadLetterQueueUrl", "DashboardUrl", "ReportUri",
)  # fmt: skip
"""Outputs that are told at the end, where there are such."""


def outputs(stacks: Mapping[str, Stack]) -> dict[str, str]:
    """All outputs of a stage, each of which one stack has."""
    return {name: value for stack in stacks.values() for name, value in stack.outputs.items()}


def show_plan(console: Console, plan: Plan, stacks: Mapping[str, Stack]) -> None:
    """Print each parameter of each stack that is to be deployed, and where its value is from."""
    for part in plan.parts:
        name = stack_name(plan.stage, part)
        if part in plan.taken_over:
            console.print(f"{name} takes over the bucket {plan.taken_over[part]}.", highlight=False)
        table = Table("parameter", "value", "from", title=name, title_justify="left")
        wired = plan.wire(part, stacks)
        for parameter in plan.templates[part].get("Parameters", {}):
            table.add_row(parameter, *map(Text, _origin(parameter, wired)))
        console.print(table)


def _origin(parameter: str, wired: Mapping[str, Value]) -> tuple[str, str]:
    if parameter not in wired:
        return "", "output of a stack that is not there yet"
    value, source = wired[parameter].value, wired[parameter].source
    if parameter in DECIDED and source != DERIVED:
        return (value if source == KEPT else ""), DECIDED[parameter]
    return value, source


def show_stacks(
    console: Console, plan: Plan, before: Mapping[str, Stack], after: Mapping[str, Stack]
) -> None:
    """Print what became of each stack, and the outputs that people need."""
    table = Table()
    for heading in ("stack", "status", "live version"):
        table.add_column(heading, no_wrap=True)
    table.add_column("what changed", overflow="fold")
    for part in plan.parts:
        stack = after[part]
        version = stack.parameters.get("LiveVersion", "")
        news = Text(change(before.get(part), stack))
        table.add_row(stack.name, stack.status, version, news)
    console.print(table)
    found = outputs(after)
    told = {name: found[name] for name in FOR_PEOPLE if name in found}
    if "UploadBucket" in found:
        told = {"Photos go to": f"s3://{found['UploadBucket']}/incoming/", **told}
    for name, value in told.items():
        console.print(f"{name}: {value}", highlight=False, soft_wrap=True)


def change(before: Stack | None, after: Stack) -> str:
    """What a deployment changed of a stack, as far as its parameters tell."""
    if before is None:
        return "it is new"
    if before.updated == after.updated:
        return "nothing"
    news = [
        f"{name}: {before.parameters.get(name) or '-'} -> {value or '-'}"
        for name, value in after.parameters.items()
        if value != before.parameters.get(name)
    ]
    return ", ".join(news) or "template or code"
