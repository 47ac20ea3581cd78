"""Rules of state machines that cfn-lint does not have.

cfn-lint checks a definition's form, and that what a state names as `Next` is there.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scones_operations.validation.templates import of_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from scones_operations.validation.templates import Template

__all__ = ["Machine", "find_machines", "fragile_tasks", "shown", "substitutions", "unreached"]


@dataclass(frozen=True)
class Machine:
    """A state machine.

    Attributes:
        where: Its template and its name there.
        kind: STANDARD or EXPRESS.
        definition: Its states, in Amazon States Language.
        filled_in: What its template fills in; None where it is written in the template.
    """

    where: str
    kind: str
    definition: Mapping[str, Any]
    filled_in: frozenset[str] | None


@dataclass(frozen=True)
class _Scope:
    """States that lead to one another: a machine's, or those inside a Map or a Parallel."""

    start: str
    states: Mapping[str, Mapping[str, Any]]
    is_express: bool
    is_timed: bool


def find_machines(root: Path, template: Template) -> Iterator[Machine]:
    """Every state machine of a template, its definition read from where it lies."""
    for name, machine in of_type(template.body, "AWS::Serverless::StateMachine"):
        file = (root / template.path).parent / machine["DefinitionUri"]
        definition = json.loads(file.read_text(encoding="utf-8"))
        filled_in = frozenset(machine.get("DefinitionSubstitutions", {}))
        kind = machine.get("Type", "STANDARD")
        yield Machine(f"{template.path} {name}", kind, definition, filled_in)
    for name, machine in of_type(template.body, "AWS::StepFunctions::StateMachine"):
        kind = machine.get("StateMachineType", "STANDARD")
        yield Machine(f"{template.path} {name}", kind, machine["Definition"], None)


def shown(machine: Machine) -> dict[str, Any]:
    """A template that shows cfn-lint the states, which SAM's DefinitionUri hides from it."""
    properties = {
        "RoleArn": "arn:aws:iam::123456789012:role/any",
        "StateMachineType": machine.kind,
        "Definition": machine.definition,
    }
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    return {"Resources": {"Machine": resource}}


def substitutions(machine: Machine) -> Iterator[str]:
    """Placeholders that nobody fills in, which stay as they are, and fillings for none."""
    if machine.filled_in is None:
        return
    asked = set(re.findall(r"\$\{(\w+)\}", json.dumps(machine.definition)))
    for name in sorted(asked - machine.filled_in):
        yield f"{machine.where}: nothing fills in ${{{name}}}"
    for name in sorted(machine.filled_in - asked):
        yield f"{machine.where}: nothing asks for {name}"


def unreached(machine: Machine) -> Iterator[str]:
    """States that no way leads to."""
    for scope in _scopes(machine):
        for name in sorted(scope.states.keys() - _reached(scope, [scope.start])):
            yield f"{machine.where}: no way leads to {name}"


def fragile_tasks(machine: Machine) -> Iterator[str]:
    """Tasks that one hiccup of AWS's ends, or that never end.

    A failed Express execution is nowhere but in a metric, so there each Task catches, but those
    that a Catch has led to. A Standard one is listed as failed, and its failure is an event.
    """
    for scope in _scopes(machine):
        caught = _reached(scope, (
            catch["Next"] for state in scope.states.values() for catch in state.get("Catch", [])
        ))  # fmt: skip
        for name, state in scope.states.items():
            if state["Type"] != "Task":
                continue
            if not {"TimeoutSeconds", "TimeoutSecondsPath"} & state.keys() and not scope.is_timed:
                yield f"{machine.where}: {name} has no TimeoutSeconds"
            if "Retry" not in state:
                yield f"{machine.where}: {name} has no Retry"
            if scope.is_express and "Catch" not in state and name not in caught:
                yield f"{machine.where}: {name} has no Catch"


def _scopes(machine: Machine) -> Iterator[_Scope]:
    yield from _inside(machine.definition, is_express=machine.kind == "EXPRESS", is_timed=False)


def _inside(part: Mapping[str, Any], *, is_express: bool, is_timed: bool) -> Iterator[_Scope]:
    mode = part.get("ProcessorConfig", {}).get("ExecutionType")
    is_express = mode == "EXPRESS" if mode else is_express
    is_timed = not is_express and (is_timed or "TimeoutSeconds" in part)
    yield _Scope(part["StartAt"], part["States"], is_express, is_timed)
    for state in part["States"].values():
        inner = [state[key] for key in ("ItemProcessor", "Iterator") if key in state]
        for one in (*inner, *state.get("Branches", [])):
            yield from _inside(one, is_express=is_express, is_timed=is_timed)


def _reached(scope: _Scope, starts: Iterable[str]) -> set[str]:
    reached: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in reached or name not in scope.states:
            continue
        reached.add(name)
        state = scope.states[name]
        ways = [state, *state.get("Catch", []), *state.get("Choices", [])]
        waiting += [way["Next"] for way in ways if "Next" in way]
        waiting += [state["Default"]] if "Default" in state else []
    return reached
