from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from scones_local.chaos.journaltail import JournalTail
from scones_local.chaos.retryrules import WorkflowRules
from scones_local.chaos.runaudit import RunAudit
from scones_local.chaos.uploadbook import Sent, UploadBook

if TYPE_CHECKING:
    from pathlib import Path

RULES = WorkflowRules(
    {
        "StartAt": "Claim",
        "States": {
            "Claim": {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:updateItem",
                "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}],
                "Catch": [{"ErrorEquals": ["Taken"], "Next": "Taken"}],
                "Next": "Send",
            },
            "Send": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage",
                "End": True,
            },
            "Taken": {"Type": "Succeed"},
        },
    }
)
UPLOAD = {"key": "incoming/a", "version": "v1"}


@pytest.fixture
def book() -> UploadBook:
    book = UploadBook()
    book.add(Sent("phase", "plain", "incoming/a", "v1", 1.0))
    return book


def attempt(state: str, error: str | None = None, walk: int = 1, **more: str) -> dict[str, Any]:
    line = {"what": "attempt", "execution": "e", "walk": walk, "state": state, "error": error}
    return {**line, **UPLOAD, "fault": None, **more}


def run(status: str = "SUCCEEDED", fault: str | None = None) -> dict[str, Any]:
    return {"what": "run", "execution": "e", "status": status, "fault": fault, **UPLOAD}


def test_a_run_is_judged_when_it_has_ended(book: UploadBook) -> None:
    audit = RunAudit(RULES, book)
    audit.take(attempt("Claim", "Busy", fault="ledger-refuses"))
    assert (audit.going_on, audit.counts.runs) == (1, 0)
    for line in (attempt("Claim"), attempt("Send"), run()):
        audit.take(line)
    counts = audit.counts
    assert (audit.going_on, counts.runs, counts.wrong, counts.suppressed) == (0, 1, 0, 0)
    assert (dict(counts.retries), dict(counts.injected)) == ({"Claim": 1}, {"ledger-refuses": 1})
    assert counts.retries_of == {"e": [{"Claim": 1}]}


def test_two_runs_of_one_execution_are_judged_each_by_itself(book: UploadBook) -> None:
    audit = RunAudit(RULES, book)
    lines = [
        attempt("Claim"), attempt("Claim", "Taken", walk=2), run(fault="execution-twice"),
        attempt("Send"), run(),
    ]  # fmt: skip
    for line in lines:
        audit.take(line)
    assert (audit.counts.runs, audit.counts.wrong, audit.counts.suppressed) == (2, 0, 1)


def test_a_failed_run_is_entered_in_the_book(book: UploadBook) -> None:
    audit = RunAudit(RULES, book)
    for line in (attempt("Claim"), attempt("Send", "Refused"), run("FAILED")):
        audit.take(line)
    (upload,) = book
    assert (upload.failed, audit.counts.failed, audit.counts.wrong) == (True, 1, 0)


def test_departures_are_counted_and_told(book: UploadBook) -> None:
    audit = RunAudit(RULES, book)
    for line in (attempt("Claim", "Busy"), run("FAILED")):
        audit.take(line)
    assert audit.counts.wrong == 1
    assert audit.counts.wrong_in_words == ["e: Claim was not tried again after Busy"]
    audit.begin()
    assert audit.counts.wrong == 0


def test_an_endpoint_journal_tells_faults_alone(book: UploadBook) -> None:
    audit = RunAudit(RULES, book)
    audit.take({"inference_id": "5f", "answer": 429, "fault": "endpoint-throttles"})
    assert dict(audit.counts.injected) == {"endpoint-throttles": 1}


def test_a_journal_is_read_in_whole_lines_each_once(tmp_path: Path) -> None:
    journal = JournalTail(tmp_path / "engine.jsonl")
    assert list(journal.new_lines()) == []
    first, second = (json.dumps({"number": number}) for number in (1, 2))
    with (tmp_path / "engine.jsonl").open("a") as file:
        file.write(f"{first}\n{second[:5]}")
        file.flush()
        assert list(journal.new_lines()) == [{"number": 1}]
        file.write(f"{second[5:]}\n")
    assert list(journal.new_lines()) == [{"number": 2}]
    assert list(journal.new_lines()) == []
