from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scones_local.chaos.retryrules import Attempt, WorkflowRules

ROOT = Path(__file__).parents[2]
DEFINITION: dict[str, Any] = {
    "StartAt": "Read",
    "States": {
        "Read": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Retry": [
                {"ErrorEquals": ["Never"], "MaxAttempts": 0},
                {"ErrorEquals": ["Busy"], "MaxAttempts": 2},
                {"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1},
            ],
            "Catch": [
                {"ErrorEquals": ["Never"], "Next": "Enough"},
                {"ErrorEquals": ["States.ALL"], "Next": "Describe"},
            ],
            "Next": "Choose",
        },
        "Choose": {"Type": "Choice", "Choices": [{"Next": "Tell"}], "Default": "Enough"},
        "Describe": {"Type": "Pass", "Next": "Tell"},
        "Tell": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True},
        "Enough": {"Type": "Succeed"},
    },
}
RULES = WorkflowRules(DEFINITION)


def attempts(*told: tuple[str, str | None]) -> list[Attempt]:
    return [Attempt(*one) for one in told]


def test_what_the_definition_says_is_right_and_its_retries_are_counted() -> None:
    run = attempts(("Read", "Busy"), ("Read", "Busy"), ("Read", None), ("Tell", None))
    judged = RULES.judge(run, "SUCCEEDED")
    assert (judged.wrong, judged.retries, judged.sent) == ([], {"Read": 2}, True)


def test_a_run_that_sent_its_outcome_and_succeeded_in_spite_of_a_later_fault_is_unsettled() -> None:
    states = {
        "Tell": {"Type": "Task", "Resource": ":sqs:sendMessage", "Next": "Note"},
        "Note": {
            "Type": "Task",
            "Resource": ":dynamodb:updateItem",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Enough"}],
            "End": True,
        },
        "Enough": {"Type": "Succeed"},
    }
    rules = WorkflowRules({"StartAt": "Tell", "States": states})
    judged = rules.judge(attempts(("Tell", None), ("Note", "Busy")), "SUCCEEDED")
    assert (judged.wrong, judged.unsettled) == ([], True)
    judged = rules.judge(attempts(("Tell", None), ("Note", None)), "SUCCEEDED")
    assert (judged.wrong, judged.unsettled) == ([], False)


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (attempts(("Read", None)), "SUCCEEDED"),
        (attempts(("Read", "Never")), "SUCCEEDED"),
        (attempts(("Read", "Other"), ("Read", "Other"), ("Tell", None)), "SUCCEEDED"),
        (attempts(("Read", "States.Timeout"), ("Tell", None)), "SUCCEEDED"),
        (attempts(*[("Read", "Busy")] * 3, ("Tell", "Refused")), "FAILED"),
        (attempts(("Read", "Busy")), "TIMED_OUT"),
    ],
)
def test_every_way_through_the_definition_is_right(run: list[Attempt], status: str) -> None:
    assert RULES.judge(run, status).wrong == []


@pytest.mark.parametrize(
    ("run", "status", "told"),
    [
        (attempts(("Read", "Busy"), ("Tell", None)), "SUCCEEDED", "was not tried again after Busy"),
        (
            attempts(*[("Read", "Busy")] * 4, ("Tell", None)),
            "SUCCEEDED",
            "was tried again after Busy",
        ),
        (attempts(("Read", None), ("Read", None)), "SUCCEEDED", "was tried again after None"),
        (attempts(("Read", "Never"), ("Read", "Never")), "SUCCEEDED", "tried again after Never"),
        (attempts(("Read", "Never"), ("Tell", None)), "SUCCEEDED", "after Read came Tell"),
        (attempts(*[("Read", "Other")] * 2), "SUCCEEDED", "after Read came SUCCEEDED, not Tell"),
        (attempts(("Tell", None)), "SUCCEEDED", "after the start came Tell, not Read"),
        (attempts(("Read", None), ("Tell", None)), "FAILED", "after Tell came FAILED"),
    ],
)
def test_every_departure_from_the_definition_is_told(
    run: list[Attempt], status: str, told: str
) -> None:
    (wrong,) = RULES.judge(run, status).wrong
    assert told in wrong


def test_the_deployed_workflow_is_understood() -> None:
    rules = WorkflowRules.read(ROOT / "orchestration" / "workflow.asl.json")
    assert {"Serialize", "Classify", "Filter", "SendDeadLetter"} <= rules.tasks
    failing = [Attempt("Serialize", "StorageUnavailable")] * 3
    first = [Attempt(task, None) for task in ("Claim",) if task in rules.tasks]
    last = [Attempt(task, None) for task in ("SendDeadLetter", "Settle") if task in rules.tasks]
    judged = rules.judge([*first, *failing, *last], "SUCCEEDED")
    assert (judged.wrong, judged.retries) == ([], {"Serialize": 2})
