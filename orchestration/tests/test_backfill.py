"""The backfill's state machine and its stack, against the workflow that it runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "orchestration" / "backfill.asl.json").read_text(encoding="utf-8")
MAP: dict[str, Any] = json.loads(TEXT)["States"]["RunOverObjects"]
STATES: dict[str, dict[str, Any]] = MAP["ItemProcessor"]["States"]
EXPRESS_LIMIT_S = 300


class _Loader(yaml.SafeLoader):
    """CloudFormation's short functions, as their plain arguments."""


def _plain(loader: _Loader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_Loader.add_multi_constructor("!", _plain)


def template(name: str) -> dict[str, Any]:
    text = (ROOT / "orchestration" / name).read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    return read


BACKFILL, ORCHESTRATION = template("backfill.yaml"), template("template.yaml")
MACHINE = BACKFILL["Resources"]["Backfill"]["Properties"]
(POLICY,) = BACKFILL["Resources"]["BackfillRole"]["Properties"]["Policies"]
RIGHTS = {one["Sid"]: one for one in POLICY["PolicyDocument"]["Statement"]}


def test_what_an_item_becomes_is_an_upload_by_its_contract() -> None:
    item = {"$.bucket": "photos", "$$.Map.Item.Value.Key": "a b.jpg", "$$.Map.Item.Value.Size": 9}
    made = {
        name.removesuffix(".$"): item[value] if name.endswith(".$") else value
        for name, value in MAP["ItemSelector"].items()
    }
    schema = json.loads((ROOT / "contracts" / "upload" / "v1.schema.json").read_text())
    jsonschema.validate(made, schema)
    assert (made["s3_bucket"], made["s3_key"]) == ("photos", "a b.jpg")


def test_no_object_stops_the_others() -> None:
    assert MAP["ToleratedFailurePercentage"] == 100
    (catch,) = STATES["RunWorkflow"]["Catch"]
    assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "DescribeFault")
    assert STATES["HasOutcome"]["Default"] == "DescribeFault"
    assert STATES["DescribeFault"]["Next"] == "SendDeadLetter"


def test_a_workflow_that_does_not_answer_is_a_dead_letter_before_express_ends_its_caller() -> None:
    timeout, _ = STATES["RunWorkflow"]["Retry"]
    assert (timeout["ErrorEquals"], timeout["MaxAttempts"]) == (["States.Timeout"], 0)
    send = STATES["SendDeadLetter"]
    (again,) = send["Retry"]
    waits = (
        again["IntervalSeconds"] * again["BackoffRate"] ** n for n in range(again["MaxAttempts"])
    )
    sending = send["TimeoutSeconds"] * (1 + again["MaxAttempts"]) + sum(waits)
    assert STATES["RunWorkflow"]["TimeoutSeconds"] + sending < EXPRESS_LIMIT_S


def test_its_letters_are_made_as_the_workflows_are() -> None:
    workflow = json.loads((ROOT / "orchestration" / "workflow.asl.json").read_text())["States"]
    mine, theirs = STATES["SendDeadLetter"]["Arguments"], workflow["SendDeadLetter"]["Arguments"]
    assert mine == theirs
    described, usual = (states["DescribeFault"]["Output"] for states in (STATES, workflow))
    assert described.keys() == usual.keys()
    assert described["error"].keys() == usual["error"].keys()


def test_everything_the_definition_asks_for_is_substituted() -> None:
    assert MACHINE["DefinitionSubstitutions"].keys() == set(re.findall(r"\$\{(\w+)\}", TEXT))


def test_every_parameter_comes_from_an_earlier_stack_or_from_the_stage() -> None:
    named = {"Stage", "LogRetentionDays", "UploadBucket", "ArtifactBucket"}
    assert BACKFILL["Parameters"].keys() <= named | ORCHESTRATION["Outputs"].keys()
    assert not BACKFILL["Outputs"].keys() & ORCHESTRATION["Outputs"].keys()


@pytest.mark.parametrize(
    ("sid", "end"),
    [
        ("StartChildren", ":stateMachine:{machine}"),
        ("FollowStopAndRedriveChildren", ":execution:{machine}:*"),
        ("FollowStopAndRedriveChildren", ":execution:{machine}/{label}:*"),
        ("QueueDeadLetters", ":{queue}"),
        ("WriteOutcomes", ":::${{ArtifactBucket}}/{prefix}/*"),
    ],
)
def test_what_the_role_names_is_what_the_resources_are_named(sid: str, end: str) -> None:
    queue = ORCHESTRATION["Resources"]["DeadLetters"]["Properties"]["QueueName"]
    prefix = MAP["ResultWriter"]["Parameters"]["Prefix"]
    names = {"machine": MACHINE["Name"], "label": MAP["Label"], "queue": queue, "prefix": prefix}
    resources = RIGHTS[sid]["Resource"]
    listed = resources if isinstance(resources, list) else [resources]
    assert any(resource.endswith(end.format(**names)) for resource in listed)


def test_every_state_is_reached_and_leads_on_or_ends() -> None:
    reached, waiting = set(), [MAP["ItemProcessor"]["StartAt"]]
    while waiting:
        state = STATES[name := waiting.pop()]
        reached.add(name)
        branches = [state, *state.get("Catch", []), *state.get("Choices", [])]
        following = {branch["Next"] for branch in branches if "Next" in branch}
        following |= {state["Default"]} if "Default" in state else set()
        assert bool(following) != bool(state.get("End"))
        waiting += following - reached
    assert reached == STATES.keys()
