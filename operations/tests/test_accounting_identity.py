"""The id of an upload, as everybody else computes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operations.tests.test_recovery_letters import JSON

from scones_operations.accounting.identity import inference_id, inference_id_of

CONTRACTS = Path(__file__).parents[2] / "contracts"
EXAMPLES = json.loads((CONTRACTS / "upload" / "identity.json").read_text(encoding="utf-8"))
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def event(bucket: Any, key: Any, **told: Any) -> dict[str, Any]:
    return {"detail": {"bucket": {"name": bucket}, "object": {"key": key, **told}}}


@pytest.mark.parametrize("one", EXAMPLES, ids=lambda one: ascii(one["key"]))
def test_the_id_is_the_contracts(one: dict[str, Any]) -> None:
    named = (one["bucket"], one["key"], one["version_id"], one["etag"])
    assert inference_id(*named) == one["inference_id"]
    versioned = {"version-id": one["version_id"], "etag": one["etag"]}
    assert inference_id_of(event(*named[:2], **versioned)) == one["inference_id"]
    if one["version_id"] is None:
        assert inference_id_of(event(*named[:2], etag=one["etag"])) == one["inference_id"]


@pytest.mark.parametrize("name", ["versioned-event", "unversioned-event"])
def test_an_event_has_the_id_that_the_serializer_gives_its_picture(name: str) -> None:
    told, picture = (
        json.loads((CONTRACTS / message / "golden" / f"{name}.json").read_text(encoding="utf-8"))
        for message in ("upload", "serialized-image")
    )
    assert inference_id_of(told) == picture["inference_id"]


@given(st.lists(TEXT, min_size=4, max_size=4), st.lists(TEXT, min_size=4, max_size=4))
def test_what_differs_in_bucket_key_or_version_has_another_id(a: Any, b: Any) -> None:
    same = effective(*a) == effective(*b)
    assert (inference_id(*a) == inference_id(*b)) == same


def effective(bucket: str, key: str, version: str, etag: str) -> tuple[str, str, str]:
    return bucket, key, etag if version == "null" else version


@pytest.mark.parametrize(
    "odd",
    [
        event("b", "k"),
        event("b", "k", **{"version-id": None, "etag": 1}),
        event("b", None, etag="e"),
        event(1, "k", etag="e"),
        event("b", "half \ud800", etag="e"),
        {"detail": {"bucket": "b", "object": []}},
        {"s3_bucket": "b", "s3_key": "k"},
    ],
)
def test_what_names_no_version_has_no_id(odd: Any) -> None:
    assert inference_id_of(odd) == ""


@given(JSON | st.builds(event, JSON, JSON, etag=JSON))
def test_nothing_is_too_odd_to_be_asked_for_its_id(odd: Any) -> None:
    assert re.fullmatch("[0-9a-f]{64}|", inference_id_of(odd))
