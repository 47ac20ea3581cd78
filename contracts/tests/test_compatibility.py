from __future__ import annotations

import copy
from typing import Any

import pytest
from compatibility import breaking_changes

COMMITTED: dict[str, Any] = {
    "$id": "example/v1.schema.json",
    "$defs": {
        "Route": {
            "type": "object",
            "properties": {"bay": {"type": "string"}},
            "required": ["bay"],
        }
    },
    "type": "object",
    "description": "As it was.",
    "properties": {
        "label": {"type": "string", "title": "Label"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "title": {"type": "string"},
        "route": {"anyOf": [{"$ref": "#/$defs/Route"}, {"type": "null"}]},
    },
    "required": ["label", "confidence", "route"],
}


@pytest.fixture
def schema() -> dict[str, Any]:
    return copy.deepcopy(COMMITTED)


@pytest.mark.parametrize("sent_by_others", [True, False])
def test_new_optional_field_is_safe(schema: dict[str, Any], sent_by_others: bool) -> None:
    schema["properties"]["model"] = {"type": "string"}
    schema["$defs"]["Route"]["properties"]["dock"] = {"type": "string"}
    assert breaking_changes(COMMITTED, schema, sent_by_others=sent_by_others) == []


@pytest.mark.parametrize("sent_by_others", [True, False])
def test_new_words_and_definition_names_are_safe(
    schema: dict[str, Any],
    sent_by_others: bool,
) -> None:
    schema["description"] = "As it is."
    schema["properties"]["label"]["title"] = "What it shows"
    schema["$defs"] = {"Way": schema["$defs"]["Route"]}
    schema["properties"]["route"]["anyOf"][0] = {"$ref": "#/$defs/Way"}
    assert breaking_changes(COMMITTED, schema, sent_by_others=sent_by_others) == []


def test_new_required_field_breaks_those_who_send(schema: dict[str, Any]) -> None:
    schema["properties"]["model"] = {"type": "string"}
    schema["required"].append("model")
    assert breaking_changes(COMMITTED, schema, sent_by_others=False) == []
    assert breaking_changes(COMMITTED, schema, sent_by_others=True) == [
        "message.model is now demanded"
    ]


def test_lapsed_promise_breaks_those_who_read(schema: dict[str, Any]) -> None:
    schema["required"].remove("label")
    assert breaking_changes(COMMITTED, schema, sent_by_others=True) == []
    assert breaking_changes(COMMITTED, schema, sent_by_others=False) == [
        "message.label is no longer promised"
    ]


@pytest.mark.parametrize("name", ["label", "title"])
def test_lost_field_is_named(schema: dict[str, Any], name: str) -> None:
    del schema["properties"][name]
    assert breaking_changes(COMMITTED, schema, sent_by_others=False) == [f"message.{name} is gone"]


def test_lost_nested_field_is_named_with_its_path(schema: dict[str, Any]) -> None:
    del schema["$defs"]["Route"]["properties"]["bay"]
    assert breaking_changes(COMMITTED, schema, sent_by_others=False) == [
        "message.route/anyOf/0.bay is gone"
    ]


@pytest.mark.parametrize(
    ("keyword", "value", "change"),
    [
        ("type", "string", "message.confidence/type was 'number' and is 'string'"),
        ("maximum", 100, "message.confidence/maximum was 1 and is 100"),
        ("exclusiveMinimum", 0, "message.confidence/exclusiveMinimum was None and is 0"),
    ],
)
def test_field_that_means_something_else_is_named(
    schema: dict[str, Any], keyword: str, value: object, change: str
) -> None:
    schema["properties"]["confidence"][keyword] = value
    assert breaking_changes(COMMITTED, schema, sent_by_others=False) == [change]


def test_field_that_may_no_longer_be_null_is_named(schema: dict[str, Any]) -> None:
    schema["properties"]["route"]["anyOf"].pop()
    (change,) = breaking_changes(COMMITTED, schema, sent_by_others=False)
    assert change == "message.route/anyOf/1 was {'type': 'null'} and is None"
