"""Whether an upload has exactly one outcome: what its record and its messages come to."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from scones_operations.accounting.ledger import UNSENT, Record
from scones_operations.accounting.sightings import DEAD_LETTER, UNDELIVERED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from scones_operations.accounting.sightings import Sighting
    from scones_operations.accounting.uploads import Upload

__all__ = [
    "DOUBLED",
    "DOUBTFUL",
    "FAULTS",
    "FORGOTTEN",
    "MISSING",
    "NOT_INCOMING",
    "REQUESTED",
    "UNDER_WAY",
    "Circumstances",
    "Verdict",
    "judge",
]

REQUESTED, NOT_INCOMING, FORGOTTEN = "requested", "not_incoming", "forgotten"
UNDER_WAY, MISSING, DOUBLED, DOUBTFUL = "under_way", "missing", "doubled", "doubtful"
FAULTS = (MISSING, DOUBLED, DOUBTFUL)
_INCOMING = "incoming/"
"""What the keys begin with that the rule Uploaded matches."""


class Circumstances(NamedTuple):
    """What an upload is judged by besides its own traces.

    Attributes:
        now: The time, before the ledger was read.
        patience_s: An upload without a trace may be so old: its event may still be delivered.
        memory_s: After so long the ledger has forgotten an upload.
        unread: Queues of which not every message was read.
    """

    now: datetime
    patience_s: float
    memory_s: float
    unread: Collection[str]


class Verdict(NamedTuple):
    """What became of an upload.

    Attributes:
        fate: Its outcome, or where it is else; one of FAULTS where it has not exactly one.
        why: What a fault is judged by.
        remedy: What to do about a fault.
    """

    fate: str
    why: str = ""
    remedy: str = ""


def judge(
    upload: Upload, record: Record | None, sightings: Sequence[Sighting], around: Circumstances
) -> Verdict:
    """Judge one upload by its record in the ledger and by its messages in the queues."""
    record = record or Record()
    answers = [one for one in sightings if one.outcome != UNDELIVERED]
    if record.outcome not in {"", UNSENT}:
        return _settled(record, answers)
    if record.run and not record.outcome and record.lease_until >= around.now.timestamp():
        return Verdict(UNDER_WAY)
    known = _by_messages(record, answers)
    if known:
        return known
    if sightings:
        return Verdict(UNDELIVERED)
    return (
        _without_outcome(upload, record, around) if record.run else _without_trace(upload, around)
    )


def _settled(record: Record, answers: Sequence[Sighting]) -> Verdict:
    """The ledger has an outcome of its event: a message more was asked for, or is another one."""
    others = _of_event(record, answers)
    its_own = next((one for one in others if _is_of(record, one)), None)
    if its_own:
        others.remove(its_own)
    if not others:
        return Verdict(record.outcome)
    why = f"the ledger has {record.outcome}; {_found(answers)}"
    return Verdict(DOUBLED, why, _remedy(record, others))


def _is_of(record: Record, one: Sighting) -> bool:
    """Whether a message is the outcome in the ledger; a letter says which run sent it."""
    if one.outcome != record.outcome:
        return False
    return one.outcome != DEAD_LETTER or one.run == record.run


def _by_messages(record: Record, answers: Sequence[Sighting]) -> Verdict | None:
    """What messages say where the ledger has no outcome of an event; None where there is none."""
    of_event = _of_event(record, answers)
    if len(of_event) > 1:
        return Verdict(DOUBLED, f"the ledger has no outcome; {_found(answers)}", _TELL)
    if of_event:
        return Verdict(of_event[0].outcome)
    return Verdict(REQUESTED) if record.requested else None


def _of_event(record: Record, answers: Sequence[Sighting]) -> list[Sighting]:
    """The messages that no request explains.

    The ledger does not count requests: where there was one, each decision may be of another. A
    request's letter names no upload, so that a letter is always of an event.
    """
    return [one for one in answers if one.outcome == DEAD_LETTER or not record.requested]


def _without_outcome(upload: Upload, record: Record, around: Circumstances) -> Verdict:
    """A run that recorded nothing may have died before its outcome, or between it and the record.

    In the second case its message is taken by now, and a rerun would be a second order.
    """
    if record.outcome == UNSENT:
        why = f"not even its dead letter could be sent: {record.reason}"
        return Verdict(MISSING, why, "mend what refused the letter, then --rerun")
    over = datetime.fromtimestamp(record.lease_until, UTC)
    why = f"run {record.run} was to end by {over:%Y-%m-%d %H:%M:%S} UTC and recorded no outcome"
    if around.unread:
        return _missing(why, around.unread)
    source = f"s3://{upload.bucket}/{upload.key}"
    remedy = f"its trace shows whether it published; if not, scones-ops backfill {source}"
    return Verdict(DOUBTFUL, why, remedy)


def _without_trace(upload: Upload, around: Circumstances) -> Verdict:
    age = (around.now - upload.uploaded).total_seconds()
    if not upload.key.startswith(_INCOMING):
        return Verdict(NOT_INCOMING)
    if age > around.memory_s:
        return Verdict(FORGOTTEN)
    if age <= around.patience_s:
        return Verdict(UNDER_WAY)
    # What has reached no run can only be where events and letters wait.
    return _missing("no run, no message", {DEAD_LETTER, UNDELIVERED} & set(around.unread))


def _missing(why: str, unread: Collection[str]) -> Verdict:
    if not unread:
        return Verdict(MISSING, why, "--rerun")
    why += f"; not every message was read: {', '.join(sorted(unread))}"
    return Verdict(DOUBTFUL, why, "look again, with --queues, while nobody else reads them")


def _found(answers: Sequence[Sighting]) -> str:
    counted = Counter(one.outcome for one in answers)
    return "queues have " + ", ".join(f"{counted[one]} {one}" for one in sorted(counted))


def _remedy(record: Record, others: Sequence[Sighting]) -> str:
    """What to do about messages besides the one of the outcome in the ledger."""
    letter = next((one for one in others if one.outcome == DEAD_LETTER), None)
    if letter is None:
        return _TELL
    if letter.run == record.run:
        return f"redrive --message {letter.message} --discard: it is the same letter again"
    return f"redrive --message {letter.message}: its run lost the claim, so that it only goes away"


_TELL = "tell who takes the messages: they have this inference_id in common"
