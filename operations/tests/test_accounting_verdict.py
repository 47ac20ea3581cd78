"""What a record and messages come to, for every combination that the workflow can leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scones_operations.accounting.ledger import Record
from scones_operations.accounting.sightings import Sighting
from scones_operations.accounting.uploads import Upload
from scones_operations.accounting.verdict import Circumstances, Verdict, judge

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OVER, RUNS = NOW.timestamp() - 1, NOW.timestamp() + 60
QUEUES = {"accepted", "review", "dead_letter", "undelivered"}
DAY_S = 86_400


def verdict(
    record: Record | None = None,
    *messages: str | Sighting,
    age: timedelta = timedelta(days=2),
    key: str = "incoming/a.jpg",
    unread: set[str] | None = None,
) -> Verdict:
    upload = Upload("photos", key, "v1", "e1", 3, NOW - age)
    sightings = [
        one if isinstance(one, Sighting) else Sighting(one, f"message-{number}")
        for number, one in enumerate(messages)
    ]
    around = Circumstances(NOW, DAY_S, 30 * DAY_S, unread or set())
    return judge(upload, record, sightings, around)


def settled(outcome: str = "accepted", requested: str = "") -> Record:
    return Record("run-1", OVER, outcome, requested=requested)


def letter(run: str = "run-1", message: str = "0b6c") -> Sighting:
    return Sighting("dead_letter", message, run)


@pytest.mark.parametrize("message", [Sighting("accepted", "1"), Sighting("review", "1"), letter()])
@pytest.mark.parametrize("waits", [True, False])
def test_a_recorded_outcome_is_one_whether_or_not_its_message_was_taken(
    message: Sighting, waits: bool
) -> None:
    told = verdict(settled(message.outcome), *([message] if waits else []))
    assert told == Verdict(message.outcome)


def test_decisions_that_were_asked_for_come_on_top_of_the_events_outcome() -> None:
    record = settled("review", requested="accepted")
    assert verdict(record, "review", "accepted", "accepted").fate == "review"
    assert verdict(record, "accepted", "accepted").fate == "review"
    assert verdict(settled("dead_letter", "review"), letter(), "review").fate == "dead_letter"


@pytest.mark.parametrize(
    ("record", "messages"),
    [
        (settled(), ["accepted", "accepted"]),
        (settled(), ["review"]),
        (settled("review"), ["review", "accepted"]),
        (settled("dead_letter"), ["accepted"]),
        (None, ["accepted", "accepted"]),
        (None, ["accepted", "dead_letter"]),
        (Record("run-1", OVER), ["accepted", "accepted"]),
        (Record("run-1", OVER, requested="review"), ["accepted", "dead_letter", "dead_letter"]),
        (Record("run-1", OVER, "unsent"), ["dead_letter", "dead_letter"]),
    ],
)
def test_more_than_event_and_requests_explain_is_doubled(
    record: Record | None, messages: list[str]
) -> None:
    told = verdict(record, *messages)
    assert told.fate == "doubled"
    assert told.why
    assert "tell who" in told.remedy


def test_why_it_is_doubled_says_what_was_found() -> None:
    told = verdict(settled(), "accepted", "review", "accepted")
    assert told.why == "the ledger has accepted; queues have 2 accepted, 1 review"
    assert (
        verdict(None, "review", "review").why == "the ledger has no outcome; queues have 2 review"
    )


@pytest.mark.parametrize("requested", ["", "accepted"])
@pytest.mark.parametrize("outcome", ["accepted", "review", "dead_letter"])
@pytest.mark.parametrize("its_own", [True, False])
def test_another_runs_letter_is_doubled_and_redriving_it_takes_it_away(
    requested: str, outcome: str, its_own: bool
) -> None:
    own = [letter(message="own") if outcome == "dead_letter" else outcome] if its_own else []
    told = verdict(settled(outcome, requested), letter("run-0"), *own)
    assert told.fate == "doubled"
    assert told.remedy.startswith("redrive --message 0b6c: ")


def test_the_same_letter_twice_is_doubled_and_one_is_to_be_discarded() -> None:
    told = verdict(settled("dead_letter"), letter(), letter(message="copy"))
    assert told.fate == "doubled"
    assert told.remedy.startswith("redrive --message copy --discard: ")


def test_a_claim_is_under_way_until_its_lease_is_over() -> None:
    for messages in ([], ["accepted"], ["undelivered"]):
        assert verdict(Record("run-1", RUNS), *messages).fate == "under_way"
        assert verdict(Record("run-1", NOW.timestamp()), *messages).fate == "under_way"
    assert verdict(Record("run-1", OVER)).fate == "doubtful"


def test_a_claim_whose_run_ended_without_a_word_is_doubtful_as_a_rerun_may_be_a_second_order() -> (
    None
):
    told = verdict(Record("run-1", OVER))
    assert told.fate == "doubtful"
    assert "run-1" in told.why
    assert "2026-11-28 11:59:59" in told.why
    assert "trace" in told.remedy
    assert "--rerun" not in told.remedy


@pytest.mark.parametrize("record", [None, Record("run-1", OVER), Record("run-1", OVER, "unsent")])
@pytest.mark.parametrize("outcome", ["accepted", "review", "dead_letter"])
def test_an_outcome_that_was_not_recorded_is_told_by_its_message(
    record: Record | None, outcome: str
) -> None:
    assert verdict(record, outcome).fate == outcome


@pytest.mark.parametrize("age", [timedelta(), timedelta(days=2)])
def test_what_could_not_even_become_a_dead_letter_is_missing_at_once(age: timedelta) -> None:
    record = Record("run-1", RUNS, "unsent", "NotAnImage: the object is ...")
    told = verdict(record, age=age)
    assert told.fate == "missing"
    assert "NotAnImage: the object is ..." in told.why
    assert "--rerun" in told.remedy


@pytest.mark.parametrize("record", [None, Record("run-1", OVER), settled()])
def test_an_event_that_waits_to_be_delivered_is_no_outcome_and_not_lost(
    record: Record | None,
) -> None:
    expected = "accepted" if record == settled() else "undelivered"
    assert verdict(record, "undelivered").fate == expected
    assert verdict(record, "undelivered", "undelivered").fate == expected


@pytest.mark.parametrize("run", ["", "run-1"])
@pytest.mark.parametrize("outcome", ["", "unsent"])
def test_where_only_requests_were_answered_that_is_told(run: str, outcome: str) -> None:
    record = Record(run, OVER, outcome if run else "", requested="review")
    for messages in ([], ["accepted"], ["accepted", "review"], ["undelivered"]):
        assert verdict(record, *messages).fate == "requested"
    assert verdict(record, "accepted", "dead_letter").fate == "dead_letter"


def test_an_upload_without_a_trace_is_under_way_then_missing_then_cannot_be_told() -> None:
    ages = [-5, 0, DAY_S, DAY_S + 1, 30 * DAY_S, 30 * DAY_S + 1]
    fates = [verdict(age=timedelta(seconds=one)).fate for one in ages]
    assert fates == ["under_way"] * 3 + ["missing"] * 2 + ["forgotten"]


@pytest.mark.parametrize("age", [timedelta(), timedelta(days=2), timedelta(days=40)])
def test_outside_incoming_a_letter_or_a_record_tells_and_else_nothing_does(age: timedelta) -> None:
    assert verdict(key="notes/a.jpg", age=age).fate == "not_incoming"
    assert verdict(None, "dead_letter", key="notes/a.jpg", age=age).fate == "dead_letter"
    assert verdict(settled("review"), key="notes/a.jpg", age=age).fate == "review"


@pytest.mark.parametrize("queue", sorted(QUEUES))
def test_what_a_message_might_answer_that_was_not_read_is_doubtful(queue: str) -> None:
    ran = verdict(Record("run-1", OVER), unread={queue})
    assert ran.fate == "doubtful"
    assert queue in ran.why
    never_ran = verdict(unread={queue})
    # Accepted and review messages come from runs, and of a run there is a record.
    expected = "missing" if queue in {"accepted", "review"} else "doubtful"
    assert never_ran.fate == expected


def test_what_the_ledger_says_needs_no_message() -> None:
    assert verdict(settled(), unread=QUEUES).fate == "accepted"
    assert verdict(Record("run-1", OVER, "unsent"), unread=QUEUES).fate == "missing"
    assert verdict(Record("run-1", RUNS), unread=QUEUES).fate == "under_way"
    assert verdict(unread=QUEUES, age=timedelta()).fate == "under_way"


def test_an_outcome_of_a_later_workflow_is_counted_under_its_name() -> None:
    record: Any = settled("returned")
    assert verdict(record).fate == "returned"
