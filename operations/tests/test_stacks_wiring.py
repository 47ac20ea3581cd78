"""Where parameters take their values from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scones_operations.account import CannotBeDone
from scones_operations.stacks.wiring import (
    DEFAULT,
    KEPT,
    Source,
    Value,
    derived_names,
    missing,
    refused,
    stage_settings,
    unknown,
    wire,
)

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = {
    "Parameters": {
        "Labels": {"Type": "String", "Default": "a,b", "Description": "The classes"},
        "EndpointName": {"Type": "String", "Description": "The endpoint"},
    }
}


def wired(
    said: dict[str, str], outputs: dict[str, str], kept: dict[str, str], derived: dict[str, str]
) -> dict[str, Value]:
    sources = (Source("said", said), Source("outputs", outputs), Source("derived", derived))
    return wire(TEMPLATE, sources, kept)


def test_each_source_yields_to_the_one_before_it() -> None:
    value = {"Labels": "x"}
    assert wired(value, value, value, value)["Labels"].source == "said"
    assert wired({}, value, value, value)["Labels"].source == "outputs"
    assert wired({}, {}, value, value)["Labels"].source == KEPT
    assert wired({}, {}, {}, value)["Labels"].source == "derived"
    assert wired({}, {}, {}, {})["Labels"] == Value("a,b", DEFAULT)


def test_what_has_no_value_is_missing_unless_a_stack_before_will_have_it() -> None:
    assert missing(TEMPLATE, wired({}, {}, {}, {}), ()) == {"EndpointName": "The endpoint"}
    assert missing(TEMPLATE, wired({}, {}, {}, {}), ("EndpointName",)) == {}


@pytest.mark.parametrize(
    ("declared", "value", "why"),
    [
        ({"Type": "Number", "AllowedValues": [1, 30]}, "7", "is none of 1, 30"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "a1", "does not match [a-z]+"),
        ({"Type": "Number"}, "x", "is no number"),
        ({"Type": "Number", "MinValue": 0.5}, "0.4", "is less than 0.5"),
        ({"Type": "Number", "MaxValue": 1}, "1.5", "is more than 1"),
        ({"Type": "Number", "MinValue": 0, "MaxValue": 1}, "0", None),
        ({"Type": "Number", "AllowedValues": [1, 30]}, "30", None),
        ({"Type": "String"}, "", None),
    ],
)
def test_a_value_that_the_template_does_not_take_is_told_with_what_it_takes(
    declared: dict[str, Any], value: str, why: str | None
) -> None:
    told = refused({"Parameters": {"One": declared}}, {"One": Value(value, "said")})
    assert told == ({} if why is None else {"One": why})


def test_a_misspelt_setting_is_unknown() -> None:
    assert unknown({"Label": "x", "Labels": "y"}, [TEMPLATE]) == ["Label"]


def test_bucket_names_fit_s3_for_the_longest_stage_and_region() -> None:
    names = derived_names("s" * 16, "1" * 12, "ap-northeast-3").values
    assert all(len(name) <= 63 for key, name in names.items() if key.endswith("Bucket"))
    assert len(set(names.values())) == len(names)


def test_a_stages_file_gives_numbers_as_text(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "dev.toml").write_text('MaxConcurrency = 5\nLabels = "a,b"\n')
    assert stage_settings(tmp_path, "dev").values == {"MaxConcurrency": "5", "Labels": "a,b"}
    assert stage_settings(tmp_path, "other").values == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("SavesQueries = false", "must be a number or a text"), ("a = ", "is no TOML")],
)
def test_a_stages_file_that_cannot_be_meant_is_refused(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "dev.toml").write_text(text)
    with pytest.raises(CannotBeDone, match=sentence):
        stage_settings(tmp_path, "dev")
