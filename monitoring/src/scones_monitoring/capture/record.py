"""One line of Data Capture, read with care: what was predicted, when, and under which id.

This reading is the authority: `reader.py` is faster on lines of the usual shape and hands every
other line here, so what counts as malformed is decided in one place.
"""

from __future__ import annotations

import binascii
import json
import math
import re
from base64 import b64decode
from datetime import datetime
from typing import Any, NamedTuple, cast

__all__ = [
    "LONGEST_ANSWER",
    "MOST_CLASSES",
    "TOLERANCE",
    "MalformedRecord",
    "Prediction",
    "hour_of",
    "parse_answer",
    "parse_line",
]

TOLERANCE = 1e-3
"""How far probabilities may sum from 1, or lie outside [0, 1]: float32 and four decimals pass."""

LONGEST_ANSWER = 1 << 20
"""Characters; read into numbers, they take about thirty times as much memory."""
MOST_CLASSES = 32_768
"""More than any image classifier has; a report has a line for each."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)", re.ASCII)


class MalformedRecord(ValueError):
    """The line is no captured prediction; the message says why, without quoting the line."""


class Prediction(NamedTuple):
    """One captured prediction.

    Attributes:
        probabilities: One for each class, in class order; at least two.
        hour: UTC hour of the inference, `2026-11-22T10`.
        event_id: SageMaker's id of the invocation, if the record has one.
        inference_id: The caller's id, if it sent one.
    """

    probabilities: tuple[float, ...]
    hour: str
    event_id: str | None
    inference_id: str | None


def parse_line(line: bytes) -> Prediction:
    """Read one line of a capture file.

    Raises:
        MalformedRecord: It is no JSON, no capture, or its answer is no list of probabilities.
    """
    record = _json(line, "no JSON")
    side = _part(_part(record, "captureData"), "endpointOutput")
    metadata = _part(record, "eventMetadata")
    probabilities = parse_answer(side.get("data"), side.get("encoding"))
    hour = hour_of(metadata.get("inferenceTime"))
    ids = (_optional_text(metadata, name) for name in ("eventId", "inferenceId"))
    return Prediction(probabilities, hour, *ids)


def _json(text: bytes | str, otherwise: str) -> Any:  # noqa: ANN401 - JSON is any JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # also bad UTF-8, and integers without end
        raise MalformedRecord(otherwise) from None


def _part(record: object, name: str) -> dict[str, Any]:
    part = record.get(name) if isinstance(record, dict) else None
    if not isinstance(part, dict):
        raise MalformedRecord(f"no {name}")
    return part


def _optional_text(metadata: dict[str, Any], name: str) -> str | None:
    value = metadata.get(name)
    if value is not None and not isinstance(value, str):
        raise MalformedRecord(f"{name} is no text")
    return value


def hour_of(time: object) -> str:
    """The UTC hour, `2026-11-22T10`, of an inference time as SageMaker writes it.

    Raises:
        MalformedRecord: It is no such time.
    """
    if not isinstance(time, str) or not _TIME.fullmatch(time):
        raise MalformedRecord("inferenceTime is no UTC time")
    try:
        datetime.fromisoformat(time[:19])
    except ValueError:
        raise MalformedRecord("inferenceTime is no UTC time") from None
    return time[:13]


def parse_answer(data: object, encoding: object) -> tuple[float, ...]:
    """Read the endpoint's answer: a JSON list, `predictions`, `probabilities`, or CSV.

    Args:
        data: The captured text.
        encoding: `JSON`, `CSV` or `BASE64`; base64 hides one of the other two, whichever it is.

    Raises:
        MalformedRecord: It is not one list of at least two probabilities.
    """
    if not isinstance(data, str):
        raise MalformedRecord("the answer was not captured")
    if len(data) > LONGEST_ANSWER:
        raise MalformedRecord("the answer is longer than 1 MiB")
    if encoding == "BASE64":
        return _probabilities(_json_or_csv(_decoded(data)))
    if encoding == "JSON":
        return _probabilities(_json(data, "the answer is no JSON"))
    if encoding == "CSV":
        return _probabilities(_csv(data))
    raise MalformedRecord("the answer's encoding is not JSON, CSV or BASE64")


def _decoded(data: str) -> str:
    try:
        return b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        raise MalformedRecord("the answer is no base64 of text") from None


def _json_or_csv(text: str) -> object:
    return _json(text, "the answer is no JSON") if text.lstrip()[:1] in {"[", "{"} else _csv(text)


def _csv(text: str) -> list[object]:
    rows = text.strip().splitlines()
    if len(rows) != 1:
        raise MalformedRecord(f"the answer has {len(rows)} rows, not one")
    try:
        return [float(cell) for cell in rows[0].split(",")]
    except ValueError:
        raise MalformedRecord("the answer is no CSV of numbers") from None


def _probabilities(answer: object) -> tuple[float, ...]:
    while not _is_plain_list(answer):
        answer = _named(answer) if isinstance(answer, dict) else _only_row(answer)
    return _checked(cast("list[object]", answer))


def _is_plain_list(answer: object) -> bool:
    return isinstance(answer, list) and len(answer) > 1 and not isinstance(answer[0], list | dict)


def _only_row(answer: object) -> object:
    """What an outer list holds: serving programs answer a batch, and ours has one image."""
    if not isinstance(answer, list) or not answer or not isinstance(answer[0], list | dict):
        raise MalformedRecord("the answer is no list of class probabilities")
    if len(answer) > 1:
        raise MalformedRecord(f"the answer has {len(answer)} rows, not one")
    return answer[0]


def _named(answer: dict[str, object]) -> object:
    for name in ("predictions", "probabilities"):
        if name in answer:
            return answer[name]
    raise MalformedRecord("the answer has neither predictions nor probabilities")


def _checked(values: list[object]) -> tuple[float, ...]:
    if len(values) > MOST_CLASSES:
        raise MalformedRecord(f"the answer has more than {MOST_CLASSES:,} classes")
    numbers = [_probability(value) for value in values]
    if abs(math.fsum(numbers) - 1) > TOLERANCE:
        raise MalformedRecord("the answer's probabilities do not sum to 1")
    return tuple(min(max(number, 0.0), 1.0) for number in numbers)


def _probability(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedRecord("the answer's list holds something else than numbers")
    if not -TOLERANCE <= value <= 1 + TOLERANCE:  # NaN fails too
        raise MalformedRecord("the answer's numbers are no probabilities in [0, 1]")
    return float(value)
