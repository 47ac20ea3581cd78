"""The phases of a chaos run: which faults, how many uploads, and which errors they may end in.

Shares are chosen so that each phase shows what the fault can lead to: retries that help, retries
that do not, and dead letters; where a retry costs 5 to 40 s, uploads are few. The last phase has
everything at once and takes the uploads that the others leave.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CONTROL", "EVERYTHING", "LEAST_UPLOADS", "PHASES", "Phase", "divide"]

LEAST_UPLOADS = 100
"""Fewer would leave some fault without uploads."""
LEAST_EACH = 3
CONTROL = "none"
EVERYTHING = "everything at once"
LAMBDA_ENDED = ("Runtime.ExitError", "Lambda.Unknown")
LAMBDA_LATE = ("Sandbox.Timedout", "States.Timeout")
NO_IMAGE = ("NotAnImage", "TruncatedImage")


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Some uploads under some faults.

    Attributes:
        name: For people, and in the summary.
        part: Of all uploads, the part that this phase gets.
        at_most: Uploads, however many there are in all.
        shares: What `faults.json` says while the phase uploads.
        forms: How things are uploaded, in turn; see `uploading`.
        nightmares: What is done to processes meanwhile; see `nightmares`.
        errors: Names that its dead letters may give.
        hopeless: Of these names, those that a redrive cannot mend: their letters are discarded.
        in_flight: Uploads that wait for their outcome at a time; None leaves it to the run.
    """

    name: str
    part: float = 0.03
    at_most: int = 1_000_000
    shares: Mapping[str, float] = field(default_factory=dict)
    forms: Sequence[str] = ("plain",)
    nightmares: Sequence[str] = ()
    errors: Sequence[str] = ()
    hopeless: Sequence[str] = ()
    in_flight: int | None = None


SINGLE = (
    Phase(name=CONTROL),
    Phase(
        name="endpoint-killed",
        nightmares=("endpoint-killed",),
        errors=("EndpointUnavailable", "ModelFailed"),
    ),
    Phase(
        name="endpoint-slow",
        part=0.01,
        at_most=8,
        shares={"endpoint-slow": 0.55},
        errors=("EndpointUnavailable", *LAMBDA_LATE),
        in_flight=2,
    ),
    Phase(
        name="endpoint-throttles",
        part=0.01,
        shares={"endpoint-throttles": 0.6},
        errors=("EndpointThrottled",),
    ),
    Phase(
        name="endpoint-fails",
        shares={"endpoint-fails": 0.75},
        errors=("EndpointUnavailable", "ModelFailed"),
    ),
    Phase(
        name="endpoint-malformed",
        shares={"endpoint-malformed": 0.2},
        errors=("MalformedAnswer",),
    ),
    Phase(
        name="endpoint-denied",
        shares={"endpoint-denied": 0.2},
        errors=("EndpointAccessDenied",),
    ),
    Phase(name="lambda-crash", part=0.02, shares={"lambda-crash": 0.3}, errors=LAMBDA_ENDED),
    Phase(
        name="lambda-timeout",
        part=0.01,
        at_most=30,
        shares={"lambda-timeout:filter": 0.5},
        errors=LAMBDA_LATE,
        in_flight=4,
    ),
    Phase(
        name="workers-killed",
        part=0.02,
        nightmares=("workers-killed",),
        errors=(*LAMBDA_ENDED, *LAMBDA_LATE),
    ),
    Phase(
        name="decoders-killed",
        part=0.02,
        nightmares=("decoders-killed",),
        errors=("DecodingInterrupted",),
    ),
    Phase(name="event-duplicate", part=0.05, shares={"event-duplicate": 0.7}),
    Phase(name="event-delay", shares={"event-delay": 0.5}),
    Phase(
        name="duplicates of delayed events",
        shares={"event-delay": 0.5, "event-duplicate": 0.5, "execution-twice": 0.3},
    ),
    Phase(name="execution-twice", part=0.05, shares={"execution-twice": 0.7}),
    Phase(name="s3-denied", shares={"s3-denied": 0.2}, errors=("ObjectAccessDenied",)),
    Phase(name="s3-unavailable", shares={"s3-unavailable": 0.75}, errors=("StorageUnavailable",)),
    Phase(
        name="object-deleted",
        shares={"event-delay": 1.0},
        forms=("deleted", "plain"),
        errors=("ObjectNotFound",),
        hopeless=("ObjectNotFound",),
    ),
    Phase(name="object-overwritten", shares={"event-delay": 0.5}, forms=("overwritten",)),
    Phase(name="delete-marker", shares={"event-delay": 0.5}, forms=("marked", "plain")),
    Phase(
        name="hostile-bodies",
        forms=("text", "truncated", "empty", "plain"),
        errors=NO_IMAGE,
        hopeless=NO_IMAGE,
    ),
    Phase(name="bus-refuses", shares={"bus-refuses": 0.5}, errors=("EventBridge",)),
    Phase(
        name="review-refused",
        shares={"queue-refuses:review": 0.7},
        errors=("SQS",),
    ),
    Phase(
        name="dead-letter-refused",
        part=0.02,
        shares={"queue-refuses:dead-letter": 0.5, "s3-denied": 0.3},
        errors=("ObjectAccessDenied",),
    ),
    Phase(
        name="dead-letter-refused for good",
        part=0.01,
        at_most=60,
        shares={"queue-refuses:dead-letter": 1.0, "s3-denied": 0.6},
        errors=("ObjectAccessDenied",),
    ),
    Phase(name="ledger-refuses", shares={"ledger-refuses": 0.4}, errors=("DynamoDB",)),
    Phase(name="ledger-forgets", shares={"ledger-forgets": 0.4}, errors=("DynamoDB",)),
)
PHASES = (
    *SINGLE,
    Phase(
        name=EVERYTHING,
        shares={
            "lambda-crash": 0.01,
            "lambda-timeout:filter": 0.001,
            "event-duplicate": 0.1,
            "event-delay": 0.1,
            "execution-twice": 0.1,
            "s3-denied": 0.02,
            "s3-unavailable": 0.1,
            "bus-refuses": 0.05,
            "queue-refuses": 0.1,
            "ledger-refuses": 0.02,
            "ledger-forgets": 0.02,
            "endpoint-throttles": 0.05,
            "endpoint-fails": 0.05,
            "endpoint-malformed": 0.01,
            "endpoint-denied": 0.01,
            "endpoint-slow": 0.0005,
        },
        forms=(*("plain",) * 16, "overwritten", "deleted", "marked", "text", "truncated"),
        nightmares=("workers-killed now and then", "endpoint-killed now and then"),
        errors=tuple(dict.fromkeys(error for phase in SINGLE for error in phase.errors)),
        hopeless=("ObjectNotFound", *NO_IMAGE),
    ),
)


def divide(uploads: int, phases: Sequence[Phase]) -> list[int]:
    """Uploads of each phase; the last one takes what the others leave."""
    counts = [
        min(phase.at_most, max(LEAST_EACH, round(uploads * phase.part))) for phase in phases[:-1]
    ]
    return [*counts, uploads - sum(counts)]
