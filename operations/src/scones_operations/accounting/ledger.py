"""What the workflow has recorded: the ledger, a DynamoDB table with an item an upload."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from scones_operations.account import Failed, client

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

__all__ = ["UNSENT", "Record", "begun_at", "read_records", "recorded_ids"]

UNSENT = "unsent"
"""The outcome of an upload whose dead letter was refused, too."""
_BATCH = 100
"""DynamoDB's most for one BatchGetItem."""
_TRIES = 8
"""Answers that put off all that was asked, one after another, until it is given up."""
_LONGEST_PAUSE_S = 5.0


class Record(NamedTuple):
    """What the ledger knows of one upload.

    Attributes:
        run: The walk through the workflow that holds the claim; empty without one.
        lease_until: Until when nobody else may take it, in seconds since 1970.
        outcome: accepted, review, dead_letter, UNSENT; empty while there is none.
        reason: Why UNSENT.
        requested: The last outcome that a person or a backfill asked for and was given.
    """

    run: str = ""
    lease_until: float = 0
    outcome: str = ""
    reason: str = ""
    requested: str = ""


def begun_at(table: str) -> datetime:
    """Since when the ledger is kept, to the second, as S3 tells times."""
    told: datetime = client("dynamodb").describe_table(TableName=table)["Table"]["CreationDateTime"]
    return told.replace(microsecond=0)


def read_records(table: str, ids: Iterable[str]) -> dict[str, Record]:
    """Records of uploads by their inference_id; those that have none are absent."""
    found: dict[str, Record] = {}
    distinct = iter(dict.fromkeys(ids))  # BatchGetItem refuses a key that comes twice
    while some := list(itertools.islice(distinct, _BATCH)):
        found |= {item["upload"]["S"]: _record(item) for item in _items(table, some)}
    return found


def recorded_ids(table: str) -> Iterator[str]:
    """Every key of the ledger; of a request that read no object it is no inference_id."""
    pages = client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=table, ProjectionExpression="upload"):
        yield from (item["upload"]["S"] for item in page["Items"])


def _items(table: str, ids: list[str]) -> Iterator[Mapping[str, Any]]:
    """The items of at most a batch, however often DynamoDB has to be asked for its rest.

    Read consistently: a record that was written a moment ago must not be taken for none.
    """
    keys: Any = [{"upload": {"S": one}} for one in ids]
    in_vain = 0
    while keys:
        asked = {table: {"Keys": keys, "ConsistentRead": True}}
        told = client("dynamodb").batch_get_item(RequestItems=asked)
        yield from told["Responses"].get(table, [])
        rest = told.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        in_vain = in_vain + 1 if len(rest) == len(keys) else 0
        if keys := rest:
            _wait(in_vain, table)


def _wait(in_vain: int, table: str) -> None:
    if in_vain == _TRIES:
        raise Failed(
            f"DynamoDB has put off all that was asked of {table} {_TRIES} times: it is throttled. "
            "Nothing was changed; run the command again later."
        )
    # Not the same pause for everybody who was put off at the same time.
    time.sleep(min(_LONGEST_PAUSE_S, 0.05 * 2**in_vain) * random.uniform(0.5, 1))  # noqa: S311


def _record(item: Mapping[str, Any]) -> Record:
    def text(name: str) -> str:
        return str(item.get(name, {}).get("S", ""))

    lease_until = float(item.get("lease_until", {}).get("N", 0))
    reason, requested = text("unsent_reason"), text("requested_outcome")
    return Record(text("run"), lease_until, text("outcome"), reason, requested)
