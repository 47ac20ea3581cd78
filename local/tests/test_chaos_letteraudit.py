from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scones_local.chaos.letteraudit import LetterAudit, inference_id

CONTRACTS = Path(__file__).parents[2] / "contracts"
UPLOADED = {"bucket": {"name": "uploads"}, "object": {"key": "incoming/é", "version-id": "v1"}}
LETTER: dict[str, Any] = {
    "input": {"detail": UPLOADED},
    "failed_state": "Serialize",
    "retries": 2,
    "error": {"name": "SQS.Refused", "reason": "no", "cause": "no, in JSON"},
    "execution": "arn:e",
    "run": "5f",
    "inference_id": inference_id("uploads", "incoming/é", "v1"),
}


def audit() -> LetterAudit:
    return LetterAudit("uploads", {"Serialize"}, ["NotAnImage", "SQS"])


def test_a_letter_with_all_that_a_redrive_needs_is_right() -> None:
    schema = json.loads((CONTRACTS / "dead-letter" / "v1.schema.json").read_text())
    jsonschema.validate(LETTER, schema)
    letters = audit()
    letters.take(LETTER)
    assert letters.wrong == []
    assert dict(letters.by_error) == {"SQS.Refused": 1}
    assert letters.retries == {"arn:e": ("Serialize", 2)}


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("input", "detail", "bucket", "name"), "other", "another bucket"),
        (("input", "detail", "object", "key"), "incoming/x", "another upload's inference_id"),
        (("input",), {"cut": "{"}, "without KeyError('detail')"),
        (("error", "name"), "SQSRefused", "is none of NotAnImage, SQS"),
        (("error", "cause"), "", "no reason or cause"),
        (("failed_state",), "Nowhere", "no state of the workflow"),
        (("retries",), "2", "no count of retries"),
        (("run",), None, "no execution or run"),
    ],
)
def test_a_letter_that_lacks_something_is_told_of(
    path: tuple[str, ...], value: object, told: str
) -> None:
    letter = copy.deepcopy(LETTER)
    inner = letter
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    letters = audit()
    letters.take(letter)
    (wrong,) = letters.wrong
    assert told in wrong


@pytest.mark.parametrize(
    ("journal", "miscounted"),
    [
        ([{"Serialize": 2}], 0),
        ([{}, {"Serialize": 2}], 0),  # of an execution that ran twice, one run sent it
        ([{"Serialize": 1}], 1),
        ([{"Classify": 2}], 1),
        ([], 1),
    ],
)
def test_a_letter_counts_retries_as_the_journal_does(
    journal: list[dict[str, int]], miscounted: int
) -> None:
    letters = audit()
    letters.take(LETTER)
    assert len(letters.miscounted({"arn:e": journal})) == miscounted


def test_an_identity_is_what_the_contract_says() -> None:
    for example in json.loads((CONTRACTS / "upload" / "identity.json").read_text()):
        version = example["version_id"]
        if version in {None, "null"}:
            version = example["etag"].strip('"')
        identity = inference_id(example["bucket"], example["key"], version)
        assert identity == example["inference_id"]
