"""The ledger, read by many keys at a time."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from scones_operations.account import Failed, client
from scones_operations.accounting import ledger
from scones_operations.accounting.ledger import Record, read_records, recorded_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TABLE = "scones-dev-ledger"
IDS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(250)]


class Reluctant:
    """DynamoDB that answers for so many of the keys it is asked for, and puts off the rest."""

    def __init__(self, answers: Callable[[int], int]) -> None:
        self.asked: list[int] = []
        self._answers = answers

    def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803
        keys = RequestItems[TABLE]["Keys"]
        assert RequestItems[TABLE]["ConsistentRead"]
        self.asked.append(len(keys))
        some = self._answers(len(keys))
        rest = {TABLE: {"Keys": keys[some:], "ConsistentRead": True}} if keys[some:] else {}
        items = [{"upload": key["upload"], "run": {"S": "r"}} for key in keys[:some]]
        return {"Responses": {TABLE: items}, "UnprocessedKeys": rest}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        boto3.setup_default_session()
        client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "upload", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "upload", "KeyType": "HASH"}],
        )
        yield boto3.resource("dynamodb").Table(TABLE)


def test_records_come_by_their_id_and_what_has_none_is_absent(table: Any) -> None:
    for one in IDS[::2]:
        table.put_item(Item={"upload": one, "run": one[:8], "lease_until": 7})
    found = read_records(TABLE, [*IDS, *IDS[:120]])  # a key that comes twice in a batch is refused
    assert found == {one: Record(one[:8], 7.0) for one in IDS[::2]}
    assert read_records(TABLE, []) == {}


def test_every_field_of_a_record_is_read(table: Any) -> None:
    table.put_item(
        Item={
            "upload": IDS[0],
            "run": "9a7f",
            "lease_until": 1_795_590_359,
            "expires": 1_800_000_000,
            "outcome": "unsent",
            "settled_at": 1_795_590_000,
            "unsent_reason": "NotAnImage: because",
            "requested_outcome": "review",
            "requested_run": "0b6c",
        }
    )
    table.put_item(Item={"upload": IDS[1], "requested_outcome": "accepted", "requested_run": "r"})
    found = read_records(TABLE, IDS[:3])
    unsent = Record("9a7f", 1_795_590_359, "unsent", "NotAnImage: because", "review")
    assert found == {IDS[0]: unsent, IDS[1]: Record(requested="accepted")}


def test_every_key_is_told_page_by_page(table: Any) -> None:
    for one in IDS:
        table.put_item(Item={"upload": one, "unsent_reason": "x" * 20_000})  # 5 MB: several pages
    assert sorted(recorded_ids(TABLE)) == sorted(IDS)


def test_what_dynamodb_puts_off_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    reluctant = Reluctant(lambda asked: (asked + 1) // 2)
    monkeypatch.setattr(ledger, "client", lambda _: reluctant)
    assert read_records(TABLE, IDS).keys() == set(IDS)
    assert reluctant.asked[:4] == [100, 50, 25, 12]
    assert pauses


def test_while_anything_comes_it_is_not_given_up(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    turns = iter(range(10_000))
    reluctant = Reluctant(lambda asked: int(next(turns) % 7 == 6))
    monkeypatch.setattr(ledger, "client", lambda _: reluctant)
    assert read_records(TABLE, IDS[:40]).keys() == set(IDS[:40])


def test_what_is_put_off_whole_again_and_again_ends_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    reluctant = Reluctant(lambda asked: 0)
    monkeypatch.setattr(ledger, "client", lambda _: reluctant)
    with pytest.raises(Failed, match=re.compile("throttled.*again later", re.DOTALL)):
        read_records(TABLE, IDS)
    assert len(reluctant.asked) == 8
    assert max(pauses) <= 5
