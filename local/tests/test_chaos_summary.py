from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from scones_local.chaos.faultplan import Phase
from scones_local.chaos.phaserun import PhaseResult
from scones_local.chaos.summary import (
    compare_account,
    figures_of,
    problems_of,
    summarise_chaos,
    summary_table,
    write_outcomes,
)
from scones_local.chaos.uploadbook import Sent, UploadBook

if TYPE_CHECKING:
    from pathlib import Path

PHASE = Phase(name="object-deleted")


@pytest.fixture
def book() -> UploadBook:
    """One accepted, one after a redrive, one whose deleted object's letter was discarded."""
    book = UploadBook()
    for number, form in enumerate(("plain", "plain", "deleted")):
        book.add(Sent(PHASE.name, form, f"incoming/{number}", "v", 1.0))
    first, second, third = book
    book.receive("accepted", "m0", first.key, "v")
    book.receive("dead_letter", "m1", second.key, "v")
    book.withdraw_letters([second])
    book.receive("review", "m2", second.key, "v")
    book.receive("dead_letter", "m3", third.key, "v")
    third.gone = third.discarded = True
    return book


def test_every_upload_is_counted_under_its_fault(book: UploadBook) -> None:
    result = PhaseResult(PHASE)
    result.counts.injected["event-delay"] = 2
    result.counts.runs = 5
    summary = summarise_chaos(book, [result])
    assert (summary["uploaded"], summary["lost"], summary["doubled"]) == (3, 0, 0)
    assert summary["outcomes"] == {"accepted": 1, "dead_letter": 1, "review": 1}
    fault = summary["faults"]["object-deleted"]
    assert fault["injected_by_fault"] == {"event-delay": 2, "object-deleted": 1}
    figures = ("uploads", "completed_by_redrive", "discarded", "left_as_letters")
    assert [fault[name] for name in figures] == [3, 1, 1, 0]
    assert problems_of(summary, []) == []
    assert summary_table(summary).row_count == 1


def test_what_is_lost_or_doubled_or_wrong_is_a_problem(book: UploadBook) -> None:
    result = PhaseResult(PHASE, wrong=["a letter without input"])
    result.counts.wrong, result.counts.runs = 2, 4
    book.receive("accepted", "m4", "incoming/0", "v")
    book.receive("accepted", "m5", "incoming/unknown", "v")
    book.add(Sent(PHASE.name, "plain", "incoming/3", "v", 1.0))
    problems = problems_of(summarise_chaos(book, [result]), ["accounting says otherwise"])
    assert problems == [
        "lost: 1",
        "doubled: 1",
        "doubled_orders: 1",
        "strangers: 1",
        "wrong_retries: 2",
        "object-deleted: a letter without input",
        "accounting says otherwise",
    ]


def test_an_upload_that_was_missed_stays_lost_though_accounting_had_it_run_again(
    book: UploadBook,
) -> None:
    next(iter(book)).missed = True
    assert summarise_chaos(book, [PhaseResult(PHASE)])["lost"] == 1


def test_a_letter_that_a_redrive_could_not_complete_is_a_problem(book: UploadBook) -> None:
    *_, third = book
    third.discarded = False
    problems = problems_of(summarise_chaos(book, [PhaseResult(PHASE)]), [])
    assert problems == [
        "object-deleted: the journal tells of 0 runs only",
        "object-deleted: a redrive left 1 as dead letters",
    ]


ACCOUNT = {"uploaded": 2, "missing": 0, "doubled": 0, "doubtful": 0, "under_way": 0}


def test_an_account_of_what_is_in_the_bucket_agrees(book: UploadBook) -> None:
    outcomes = {"accepted": 1, "review": 1, "dead_letter": 0}
    account = {**ACCOUNT, "outcomes": outcomes, "missing_uploads": []}
    assert compare_account(account, book) == []
    assert figures_of(account) == {**ACCOUNT, "outcomes": outcomes}


@pytest.mark.parametrize("known", [0, 1])
def test_of_what_is_unsettled_the_account_may_lack_the_outcome(
    book: UploadBook, known: int
) -> None:
    next(iter(book)).unsettled = True
    account = {**ACCOUNT, "under_way": 1 - known, "outcomes": {"accepted": known, "review": 1}}
    assert compare_account(account, book) == []
    assert compare_account({**account, "outcomes": {"accepted": 2, "review": 1}}, book) == [
        "accounting says accepted 2, not 0 to 1"
    ]


def test_an_account_with_other_figures_is_told_of(book: UploadBook) -> None:
    account = {**ACCOUNT, "missing": 1, "outcomes": {"accepted": 1, "undelivered": 2}}
    assert compare_account(account, book) == [
        "accounting says review 0, not 1",
        "accounting says undelivered 2, not 0",
        "accounting says without outcome 1, not 0",
    ]
    assert "accounting says uploaded 0, not 2" in compare_account({}, book)


def test_every_upload_has_a_line(book: UploadBook, tmp_path: Path) -> None:
    write_outcomes(tmp_path / "outcomes.jsonl", book)
    lines = [json.loads(line) for line in (tmp_path / "outcomes.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["accepted", "review", "dead_letter"]
    assert [line["redriven"] for line in lines] == [0, 1, 0]
