"""The state machine against the services it calls: names, timeouts, and the Express limit."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = json.loads((ROOT / "orchestration" / "workflow.asl.json").read_text())
STATES: dict[str, dict[str, Any]] = WORKFLOW["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
SERVICES = {"Serialize": "serializer", "Classify": "classifier", "Filter": "filter"}
EXPRESS_LIMIT_S = 300
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
AWS_ERROR = re.compile(r"(States|Lambda|Sandbox|Runtime)\.\w+")


def retried(state: dict[str, Any]) -> set[str]:
    return {name for retry in state["Retry"] for name in retry["ErrorEquals"]}


def exception_classes(service: str) -> set[str]:
    source = ROOT / "services" / service / "src" / f"scones_{service}" / "errors.py"
    classes = [
        node for node in ast.parse(source.read_text()).body if isinstance(node, ast.ClassDef)
    ]
    parents = {base.id for node in classes for base in node.bases if isinstance(base, ast.Name)}
    return {node.name for node in classes} - parents


def documented_errors(service: str) -> dict[str, bool]:
    """Each error of the README's table, and whether its `again` column says yes."""
    text = (ROOT / "services" / service / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", text, re.MULTILINE)
    return {name: again == "yes" for name, again in rows}


def seconds_at_most(state: dict[str, Any]) -> float:
    """The longest a task can take: every attempt to its timeout, every wait in full."""
    total = float(state["TimeoutSeconds"])
    for retry in state["Retry"]:
        for attempt in range(retry["MaxAttempts"]):
            wait = retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt
            total += state["TimeoutSeconds"] + min(wait, retry["MaxDelaySeconds"])
    return total


@pytest.mark.parametrize(("state", "service"), SERVICES.items())
def test_every_retried_name_is_awss_or_an_exception_of_that_service(
    state: str, service: str
) -> None:
    own = {name for name in retried(TASKS[state]) if not AWS_ERROR.fullmatch(name)}
    assert own <= exception_classes(service)


@pytest.mark.parametrize(("state", "service"), SERVICES.items())
def test_exactly_the_errors_documented_as_worth_another_try_are_retried(
    state: str, service: str
) -> None:
    documented = documented_errors(service)
    assert documented.keys() == exception_classes(service)
    assert {name for name, again in documented.items() if again} == {
        name for name in retried(TASKS[state]) if not AWS_ERROR.fullmatch(name)
    }


AFTER_THE_OUTCOME = {"SendDeadLetter", "Settle", "RecordUnsent"}
CLAIMED = "DynamoDB.ConditionalCheckFailedException"


@pytest.mark.parametrize("name", TASKS.keys() - AFTER_THE_OUTCOME)
def test_every_fault_of_every_task_goes_to_the_dead_letter_with_its_state_named(name: str) -> None:
    *_, catch = TASKS[name]["Catch"]
    assert catch["ErrorEquals"] == ["States.ALL"]
    assert catch["Next"] == "DescribeFault"
    assert catch["Output"]["failed_state"] == name
    assert STATES["DescribeFault"]["Next"] == "SendDeadLetter"


def test_a_claim_that_another_run_holds_is_no_fault_and_is_not_asked_for_again() -> None:
    retry, others = STATES["Claim"]["Retry"]
    catch, _ = STATES["Claim"]["Catch"]
    assert retry == {"ErrorEquals": [CLAIMED], "MaxAttempts": 0}
    assert others["ErrorEquals"] == ["States.ALL"]
    assert (catch["ErrorEquals"], catch["Next"]) == ([CLAIMED], "AlreadyClaimed")
    assert STATES["AlreadyClaimed"]["Type"] == "Succeed"


@pytest.mark.parametrize("name", ["PublishAccepted", "SendToReview", "SendDeadLetter"])
def test_every_outcome_is_settled_and_a_fault_there_leaves_the_outcome_as_it_is(name: str) -> None:
    (catch,) = STATES["Settle"]["Catch"]
    assert STATES[name]["Next"] == "Settle"
    assert STATES[catch["Next"]]["Type"] == "Succeed"


def test_what_cannot_even_become_a_dead_letter_fails_the_execution_once_it_is_recorded() -> None:
    (catch,) = STATES["SendDeadLetter"]["Catch"]
    recorded = STATES[catch["Next"]]
    assert recorded["Next"] == recorded["Catch"][0]["Next"] == "Unsent"
    assert STATES["Unsent"]["Type"] == "Fail"


def test_a_claim_is_held_for_as_long_as_an_execution_can_live() -> None:
    lease = STATES["Claim"]["Arguments"]["ExpressionAttributeValues"][":lease_until"]["N"]
    (seconds,) = re.findall(r"\+ (\d+)\)", lease)
    assert int(seconds) > EXPRESS_LIMIT_S


@pytest.mark.parametrize(("state", "service"), SERVICES.items())
def test_a_function_times_out_by_itself_before_its_state_does(state: str, service: str) -> None:
    text = (ROOT / "services" / service / "template.yaml").read_text()
    (timeout,) = re.findall(r"^ {6}Timeout: (\d+)", text, re.MULTILINE)
    assert int(timeout) < TASKS[state]["TimeoutSeconds"]


def test_the_slowest_possible_path_ends_before_express_would_end_it() -> None:
    path = ["Claim", "Serialize", "Classify", "Filter", "PublishAccepted", "SendDeadLetter"]
    last = max(map(seconds_at_most, (TASKS["Settle"], TASKS["RecordUnsent"])))
    worst = sum(seconds_at_most(TASKS[name]) for name in path) + last
    assert worst < WORKFLOW["TimeoutSeconds"] <= EXPRESS_LIMIT_S


class _Loader(yaml.SafeLoader):
    """CloudFormation's short functions, as their plain arguments."""


_Loader.add_multi_constructor("!", lambda _loader, _suffix, node: node.value)
TEMPLATE_TEXT = (ROOT / "orchestration" / "template.yaml").read_text()
TEMPLATE = yaml.load(TEMPLATE_TEXT, _Loader)["Resources"]  # noqa: S506 - a SafeLoader


def test_every_object_of_the_bucket_matches_exactly_one_of_the_two_rules() -> None:
    taken, left = (
        TEMPLATE[rule]["Properties"]["EventPattern"] for rule in ("Uploaded", "OtherUploaded")
    )
    (prefix,) = taken["detail"]["object"].pop("key")
    assert left["detail"]["object"].pop("key") == [{"anything-but": prefix}]
    assert taken == left


def test_what_a_rule_makes_of_an_event_uses_only_placeholders_that_eventbridge_fills() -> None:
    for resource in TEMPLATE.values():
        for target in resource["Properties"].get("Targets", []):
            made = target.get("InputTransformer", {"InputTemplate": ""})
            placeholders = set(re.findall(r"<([^>]*)>", made["InputTemplate"]))
            known = {"aws.events.event.json", *made.get("InputPathsMap", {})}
            assert placeholders <= known


def test_every_state_is_reached_and_leads_on_or_ends() -> None:
    reached, waiting = set(), [WORKFLOW["StartAt"]]
    while waiting:
        name = waiting.pop()
        state = STATES[name]
        reached.add(name)
        branches = [state, *state.get("Catch", []), *state.get("Choices", [])]
        following = [branch["Next"] for branch in branches if "Next" in branch]
        following += [state["Default"]] if "Default" in state else []
        ends = state.get("End") or state["Type"] in {"Succeed", "Fail"}
        assert bool(following) != bool(ends) or "Catch" in state
        waiting += set(following) - reached
    assert reached == STATES.keys()
