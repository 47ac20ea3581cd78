"""Many answers or times decoded at once, where they are of the usual kind.

What is not is refused by an exception, and read one by one instead: `record.py` decides.
"""

from __future__ import annotations

from binascii import a2b_base64
from itertools import chain
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from scones_monitoring.capture.columns import Metadata  # noqa: TC001 - msgspec reads annotations
from scones_monitoring.capture.record import (
    LONGEST_ANSWER,
    MOST_CLASSES,
    TOLERANCE,
    hour_of,
    parse_answer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "Capture",
    "Unusual",
    "decode_answers",
    "decode_captures",
    "decode_rows",
    "hours_of",
    "hours_of_rows",
    "probability_rows",
]

CERTAIN = TOLERANCE - 1e-6
"""What is within this of its bound is within `TOLERANCE`, however a sum was rounded."""
JSON_SPACE = " \t\r\n"
_ENDS_OF_HOUR = (":00:00Z", ":59:59Z")


class _Output(msgspec.Struct, gc=False):
    data: str
    encoding: str


class _CaptureData(msgspec.Struct, gc=False):
    output: _Output = msgspec.field(name="endpointOutput")


class Capture(msgspec.Struct, gc=False):
    """What is decoded of a record."""

    data: _CaptureData = msgspec.field(name="captureData")
    metadata: Metadata = msgspec.field(name="eventMetadata")


class Unusual(Exception):
    """This way of reading cannot vouch for what it reads; the next, slower one can."""


_CAPTURE = msgspec.json.Decoder(Capture)
_NUMBERS = msgspec.json.Decoder(list[float])


def decode_captures(lines: bytes) -> list[Capture]:
    """Decode captures, a line each; raises msgspec.DecodeError."""
    return _CAPTURE.decode_lines(lines)


def decode_rows(texts: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Decode JSON lists of equally many numbers, a row of ASCII each, filled up with spaces.

    All rows become one list, which is quicker to decode: each bracket that opens one a space, each
    that closes one a comma. Overwrites `texts`; raises Unusual or msgspec.DecodeError.
    """
    opening, closing = texts == ord("["), texts == ord("]")
    commas = (texts == ord(",")).sum(axis=1)
    each_once = opening[:, 0].all() and closing.any(axis=1).all()
    if not (each_once and opening.sum() == closing.sum() == len(texts) and np.ptp(commas) == 0):
        raise Unusual
    texts[:, 0] = ord(" ")
    texts[closing] = ord(",")
    texts[-1, closing[-1]] = ord(" ")
    numbers = np.array(_NUMBERS.decode(b"[" + texts.tobytes() + b"]"))
    if len(numbers) != len(texts) * (commas[0] + 1):
        raise Unusual
    return _checked(numbers.reshape(len(texts), -1))


def decode_answers(outputs: list[_Output]) -> Sequence[Sequence[float]]:
    """The probabilities of each answer; plain lists of numbers at once, others one by one."""
    texts = [_text(output) for output in outputs]
    joined = "\n".join(texts)
    if joined.count("\n") != len(texts) - 1:
        raise Unusual
    try:
        answers = _NUMBERS.decode_lines(joined)
    except msgspec.DecodeError:
        return [parse_answer(output.data, output.encoding) for output in outputs]
    if len(answers) != len(texts):
        raise Unusual  # an empty answer is no line to it
    return answers


def _text(output: _Output) -> str:
    """An answer as one line of JSON, if it is one list in any of the encodings."""
    text, encoding = output.data, output.encoding
    if len(text) > LONGEST_ANSWER:
        raise Unusual
    if encoding == "BASE64":
        text = a2b_base64(text, strict_mode=True).decode("ascii")
        encoding = "JSON" if text.lstrip(JSON_SPACE).startswith(("[", "{")) else "CSV"
    if encoding == "JSON":
        return text.strip(JSON_SPACE)
    if encoding == "CSV":
        return f"[{text.strip(JSON_SPACE)}]"
    raise Unusual


def probability_rows(lists: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Lists of probabilities as rows; raises Unusual for what could be no probabilities."""
    if len(set(map(len, lists))) != 1:
        raise Unusual
    numbers = np.fromiter(chain.from_iterable(lists), np.float64)
    return _checked(numbers.reshape(len(lists), -1))


def _checked(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    if not 2 <= rows.shape[1] <= MOST_CLASSES:  # noqa: PLR2004 - a choice needs two
        raise Unusual
    off = np.abs(rows.sum(axis=1) - 1.0).max()
    if not (rows.min() >= -CERTAIN and rows.max() <= 1 + CERTAIN and off <= CERTAIN):
        raise Unusual
    return rows


def hours_of(times: list[str]) -> list[str]:
    """The UTC hour of each inference time; all at once if they are written to the second."""
    if set(map(len, times)) != {len("2026-11-22T10:00:00Z")}:
        return list(map(hour_of, times))
    digits = np.frombuffer("".join(times).encode("ascii", "replace"), np.uint8)
    return hours_of_rows(digits.reshape(len(times), -1))


def hours_of_rows(rows: NDArray[np.uint8]) -> list[str]:
    """The UTC hour of each time, a row of ASCII each; all at once if they are of one hour."""
    hour = hour_of(rows[0].tobytes().decode())
    least, most = (np.frombuffer(f"{hour}{end}".encode(), np.uint8) for end in _ENDS_OF_HOUR)
    if ((rows >= least) & (rows <= most)).all():
        return [hour] * len(rows)
    return [hour_of(row.tobytes().decode()) for row in rows]
