"""The rules of state machines: each finds its planted fault, and no machine of ours breaks one."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from scones_operations.validation.definitions import (
    Machine,
    find_machines,
    fragile_tasks,
    shown,
    substitutions,
    unreached,
)
from scones_operations.validation.templates import find_templates

ROOT = Path(__file__).parents[2]
MACHINES = [
    machine for template in find_templates(ROOT) for machine in find_machines(ROOT, template)
]
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}]
TASK = {"Type": "Task", "Resource": "${Function}", "TimeoutSeconds": 5, "Retry": [{}]}
INSIDE: dict[str, Any] = {
    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
    "StartAt": "Work",
    "States": {
        "Work": {**TASK, "Catch": CATCH, "End": True},
        "Tell": {**TASK, "End": True},
    },
}
CLEAN: dict[str, Any] = {
    "StartAt": "Choose",
    "States": {
        "Choose": {"Type": "Choice", "Choices": [{"Next": "Each"}], "Default": "Work"},
        "Each": {"Type": "Map", "ItemProcessor": INSIDE, "Next": "Work"},
        "Work": {**TASK, "Catch": CATCH, "End": True},
        "Tell": {**TASK, "End": True},
    },
}


def machine(kind: str = "EXPRESS", **changes: Any) -> Machine:
    """The clean machine, with properties of states replaced: `Each_ItemProcessor=...`."""
    definition = deepcopy(CLEAN)
    for name, value in changes.items():
        state, _, key = name.partition("_")
        definition["States"][state][key] = value
        if value is None:
            del definition["States"][state][key]
    return Machine("here M", kind, definition, frozenset({"Function"}))


def inside(state: str, key: str) -> Any:
    without = deepcopy(INSIDE)
    del without["States"][state][key]
    return without


def test_a_clean_machine_breaks_no_rule() -> None:
    for rule in (fragile_tasks, substitutions, unreached):
        assert list(rule(machine())) == []


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        (machine(Work_Retry=None), "Work has no Retry"),
        (machine(Work_TimeoutSeconds=None), "Work has no TimeoutSeconds"),
        (machine(Work_Catch=None), "Work has no Catch"),
        (machine(Each_ItemProcessor=inside("Tell", "Retry")), "Tell has no Retry"),
        # The states inside are Express ones, whatever the machine itself is.
        (machine("STANDARD", Each_ItemProcessor=inside("Work", "Catch")), "Work has no Catch"),
    ],
)
def test_a_fragile_task_is_found(faulty: Machine, said: str) -> None:
    assert f"here M: {said}" in list(fragile_tasks(faulty))


def test_a_standard_machine_may_fail_and_may_be_timed_as_a_whole() -> None:
    lenient = machine("STANDARD", Work_Catch=None, Work_TimeoutSeconds=None)
    assert [one for one in fragile_tasks(lenient) if "TimeoutSeconds" not in one] == []
    timed = {**lenient.definition, "TimeoutSeconds": 60}
    assert list(fragile_tasks(Machine("here M", "STANDARD", timed, None))) == []


def test_a_state_without_a_way_to_it_is_found_inside_a_map_too() -> None:
    assert list(unreached(machine(Choose_Default="Tell", Each_Next="Tell"))) == [
        "here M: no way leads to Work"
    ]
    assert list(unreached(machine(Each_ItemProcessor=inside("Work", "Catch")))) == [
        "here M: no way leads to Tell"
    ]


def test_what_is_asked_for_and_not_filled_in_is_found_and_the_reverse() -> None:
    given = Machine("here M", "EXPRESS", CLEAN, frozenset({"Other"}))
    assert list(substitutions(given)) == [
        "here M: nothing fills in ${Function}",
        "here M: nothing asks for Other",
    ]


def test_machines_are_found_in_files_and_in_templates_with_their_kind() -> None:
    kinds = {one.where: one.kind for one in MACHINES}
    assert kinds["orchestration/template.yaml Workflow"] == "EXPRESS"
    assert kinds["orchestration/backfill.yaml Backfill"] == "STANDARD"
    assert kinds["monitoring/template.yaml Shards"] == "STANDARD"
    (made,) = shown(machine())["Resources"].values()
    assert made["Properties"]["StateMachineType"] == "EXPRESS"


@pytest.mark.parametrize("ours", MACHINES, ids=lambda one: one.where)
def test_our_machines_break_no_rule(ours: Machine) -> None:
    rules = (fragile_tasks, substitutions, unreached)
    assert [found for rule in rules for found in rule(ours)] == []
