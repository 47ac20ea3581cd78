from __future__ import annotations

import base64
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitoring.tests.capturing import capture, line

from scones_monitoring.capture.record import MalformedRecord, hour_of, parse_answer, parse_line

ANSWER = (0.97, 0.03)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("[0.97, 0.03]", "JSON"),
        ("[[0.97, 0.03]]", "JSON"),
        ('{"predictions": [0.97, 0.03]}', "JSON"),
        ('{"predictions": [[0.97, 0.03]]}', "JSON"),
        ('{"predictions": [{"probabilities": [0.97, 0.03]}]}', "JSON"),
        ('{"probabilities": [0.97, 0.03]}', "JSON"),
        ('{"probabilities": [[0.97, 0.03]]}', "JSON"),
        ("0.97,0.03", "CSV"),
        (" 0.97, 0.03 \n", "CSV"),
        (encoded("[0.97, 0.03]"), "BASE64"),
        (encoded(' {"probabilities": [0.97, 0.03]}'), "BASE64"),
        (encoded("0.97,0.03\n"), "BASE64"),
    ],
)
def test_an_answer_is_read_in_every_form_and_encoding(data: str, encoding: str) -> None:
    assert parse_answer(data, encoding) == ANSWER


def test_more_than_two_classes_and_whole_numbers_are_probabilities() -> None:
    assert parse_answer("[0, 1, 0]", "JSON") == (0.0, 1.0, 0.0)


def test_a_rounding_error_is_forgiven_and_cut_off() -> None:
    assert parse_answer("[1.0005, -0.0002]", "JSON") == (1.0, 0.0)


@pytest.mark.parametrize(
    ("data", "encoding", "reason"),
    [
        (None, "JSON", "not captured"),
        ("[0.97, 0.03]", "PROTOBUF", "encoding"),
        ("[0.97, 0.03]", None, "encoding"),
        ("[0.97, 0.03", "JSON", "no JSON"),
        ("[" * 100_000, "JSON", "no JSON"),
        ("[[0.9, 0.1], [0.2, 0.8]]", "JSON", "2 rows"),
        ("0.9,0.1\n0.2,0.8", "CSV", "2 rows"),
        ("", "CSV", "0 rows"),
        ("bicycle,0.9", "CSV", "no CSV"),
        ("0.97", "JSON", "no list"),
        ("[0.97]", "JSON", "no list"),
        ("[]", "JSON", "no list"),
        ("{}", "JSON", "neither"),
        ('["a", "b"]', "JSON", "than numbers"),
        ("[true, false]", "JSON", "than numbers"),
        ("[NaN, 0.5]", "JSON", "[0, 1]"),
        ("[3.1, -2.1]", "JSON", "[0, 1]"),
        ("[97, 3]", "JSON", "[0, 1]"),
        ("[0.5, 0.4]", "JSON", "sum to 1"),
        ("%%%", "BASE64", "base64"),
        (base64.b64encode(b"\xff\xfe").decode(), "BASE64", "base64"),
    ],
)
def test_what_is_no_list_of_probabilities_is_refused_by_reason(
    data: str | None, encoding: str | None, reason: str
) -> None:
    with pytest.raises(MalformedRecord, match=re.escape(reason)):
        parse_answer(data, encoding)


def test_nested_lists_without_end_are_refused() -> None:
    deep = json.dumps({"predictions": [[[[[[0.9, 0.1]]]]]]})
    assert parse_answer(deep, "JSON") == (0.9, 0.1)
    with pytest.raises(MalformedRecord):
        parse_answer("[" * 900 + "]" * 900, "JSON")


@pytest.mark.parametrize("time", ["2026-11-22T10:59:59Z", "2026-11-22T10:59:59.123+00:00"])
def test_an_hour_is_that_of_utc(time: str) -> None:
    assert hour_of(time) == "2026-11-22T10"


@pytest.mark.parametrize(
    "time", [None, 5, "", "2026-11-22", "2026-11-22T10:00:00", "2026-13-22T10:00:00Z",
             "2026-11-22T24:00:00Z", "2026-11-22T10:00:00+02:00", "2026-11-22T10:00:00Z\n"]
)  # fmt: skip
def test_what_is_no_utc_time_has_no_hour(time: object) -> None:
    with pytest.raises(MalformedRecord, match="inferenceTime"):
        hour_of(time)


def test_a_line_gives_prediction_hour_and_ids() -> None:
    assert parse_line(line(capture(ANSWER))) == (ANSWER, "2026-11-22T10", "e-1", "i-1")


def test_ids_and_the_input_may_be_absent() -> None:
    record = capture(ANSWER, event_id=None, inference_id=None, image=None)
    assert parse_line(line(record)) == (ANSWER, "2026-11-22T10", None, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "no JSON"),
        (b"null", "no captureData"),
        (b"[]", "no captureData"),
        (b'{"captureData": {}}', "no endpointOutput"),
        (b'{"captureData": {"endpointOutput": {}}}', "no eventMetadata"),
        (line(capture()).replace(b'"e-1"', b"7"), "eventId"),
        (line(capture())[:200], "no JSON"),
        (b"\xff\xfe", "no JSON"),
    ],
)
def test_a_line_that_is_no_capture_is_refused_by_reason(text: bytes, reason: str) -> None:
    with pytest.raises(MalformedRecord, match=reason):
        parse_line(text)


@given(st.binary())
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    try:
        assert sum(parse_line(text).probabilities) == pytest.approx(1, abs=0.01)
    except MalformedRecord as error:
        assert str(error)  # noqa: PT017 - most bytes are refused, and that is fine
