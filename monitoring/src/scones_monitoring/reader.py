"""Capture files, read fast: the image of a record is jumped over, the rest decoded in batches.

Nearly all of a capture file is base64 of images. Records of one endpoint begin alike, so a line's
image is found by comparing its first bytes with those of the line before, and its end by searching
for a quote; what remains of all lines is decoded at once. A batch in which anything is unusual is
read line by line, and a line that even then is unusual goes to `record.parse_line`, whose word is
final: reading here is never less strict than that, and a property test holds both together.
"""

from __future__ import annotations

import json
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from bisect import bisect
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec
import numpy as np

from scones_monitoring.record import (
    TOLERANCE,
    MalformedRecord,
    hour_of,
    parse_answer,
    parse_line,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["CaptureReader", "Records", "Stream"]

BUFFER_BYTES = 1 << 20
LONGEST_LINE = 32 << 20
"""Bytes; an invocation has at most 6 MiB, whose base64 is 8 MiB."""
CERTAIN = TOLERANCE - 1e-6
"""What is within this of its bound is within `TOLERANCE`, however a sum was rounded."""
NEWLINE = 0x0A
DATA = b'"data":"'
HEAD = b'{"captureData":{"endpointInput":{"data":"'
"""Stands for what precedes an image; a line is shortened to this and what follows its image."""
JSON_SPACE = " \t\r\n"
_ENDS_OF_HOUR = (":00:00Z", ":59:59Z")


class Stream(Protocol):
    """Anything that fills a buffer with its next bytes: an open file, the body of an S3 object."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer's start; return how many bytes, 0 at the end."""


class Metadata(msgspec.Struct, gc=False):
    """A record's `inferenceTime`, SageMaker's `eventId`, and the caller's `inferenceId`."""

    time: str = msgspec.field(name="inferenceTime")
    event_id: str | None = msgspec.field(name="eventId", default=None)
    inference_id: str | None = msgspec.field(name="inferenceId", default=None)


class Segment(NamedTuple):
    """From `start` on, the buffer holds `file`, from its byte `offset` on."""

    start: int
    file: str
    offset: int


@dataclass(frozen=True)
class Records:
    """Consecutive records in columns, and the lines among them that are none.

    Attributes:
        confidences: The greatest probability of each record.
        predicted: The class that has it.
        classes: How many classes the answers have.
        hours: UTC hour of each record, `2026-11-22T10`.
        metadata: Time and ids of each record.
        malformed: Start and reason of each line that is no captured prediction.
        starts: Where each record's line starts; `place` says what that means.
        segments: How starts lie in files.
    """

    confidences: NDArray[np.float64]
    predicted: NDArray[np.intp]
    classes: int
    hours: list[str]
    metadata: list[Metadata]
    malformed: list[tuple[int, str]]
    starts: list[int]
    segments: tuple[Segment, ...]

    def place(self, start: int) -> tuple[str, int]:
        """The file, and the byte offset in it, of the line that starts at `start`."""
        segment = self.segments[bisect(self.segments, start, key=attrgetter("start")) - 1]
        return segment.file, segment.offset + start - segment.start


class _Output(msgspec.Struct, gc=False):
    data: str
    encoding: str


class _CaptureData(msgspec.Struct, gc=False):
    output: _Output = msgspec.field(name="endpointOutput")


class _Capture(msgspec.Struct, gc=False):
    data: _CaptureData = msgspec.field(name="captureData")
    metadata: Metadata = msgspec.field(name="eventMetadata")


class _Unusual(Exception):
    """This way of reading cannot vouch for what it reads; the next, slower one can."""


_CAPTURE = msgspec.json.Decoder(_Capture)
_ANSWER = msgspec.json.Decoder(list[float])
_DOUBTS = (
    _Unusual, MalformedRecord, msgspec.DecodeError, Base64Error, UnicodeError, RecursionError,
)  # fmt: skip


class CaptureReader:
    """Reads capture files one after the other into one reused buffer, many small ones at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray(BUFFER_BYTES)
        self._prefix = HEAD

    def read(self, files: Iterable[tuple[str, Stream]]) -> Iterator[Records]:
        """Read named files, about a megabyte at a time; a stream is done with before the next."""
        filled = 0
        segments: list[Segment] = []
        for name, stream in files:
            segments.append(Segment(filled, name, 0))
            while count := stream.readinto(memoryview(self._buffer)[filled:-1]):
                filled += count
                if filled == len(self._buffer) - 1:
                    filled = yield from self._drain(filled, segments, stream)
            if filled > segments[-1].start and self._buffer[filled - 1] != NEWLINE:
                self._buffer[filled] = NEWLINE
                filled += 1
            if filled >= len(self._buffer) - 1:
                filled = yield from self._drain(filled, segments, stream)
        yield from self._lines(0, filled, segments)

    def _drain(
        self, filled: int, segments: list[Segment], stream: Stream
    ) -> Generator[Records, None, int]:
        """Read the whole lines of a full buffer; keep what is left. Returns how much that is."""
        end = self._buffer.rfind(b"\n", 0, filled) + 1
        last = segments[-1]
        yield from self._lines(0, end, segments)
        if end == 0 and len(self._buffer) >= LONGEST_LINE:
            yield _none(segments, [(0, "the line is longer than 32 MiB")])
            end = filled + _skip_line(stream)
            filled = end
        elif end == 0:
            self._buffer.extend(bytes(len(self._buffer)))
        self._buffer[: filled - end] = self._buffer[end:filled]
        segments[:] = [Segment(0, last.file, last.offset + end - last.start)]
        return filled - end

    def _lines(self, start: int, end: int, segments: Sequence[Segment]) -> Iterator[Records]:
        """Read whole lines of the buffer.

        A batch that cannot be vouched for is halved, so that one bad line slows down few others.
        """
        if start == end:
            return
        try:
            yield self._batch(start, end, segments)
        except _DOUBTS:
            middle = self._between_lines(start, end)
            if middle is None:
                yield self._line(start, end - 1, segments)
            else:
                yield from self._lines(start, middle, segments)
                yield from self._lines(middle, end, segments)

    def _between_lines(self, start: int, end: int) -> int | None:
        """A place near the middle where a line begins; None when there is but one line."""
        middle = (start + end) // 2
        newline = self._buffer.find(b"\n", middle, end - 1)
        if newline < 0:
            newline = self._buffer.rfind(b"\n", start, middle)
        return None if newline < 0 else newline + 1

    def _line(self, start: int, end: int, segments: Sequence[Segment]) -> Records:
        line = bytes(self._buffer[start:end])
        if not line.strip():
            return _none(segments, [])
        try:
            prediction = parse_line(line)
        except MalformedRecord as error:
            return _none(segments, [(start, str(error))])
        matrix = np.array([prediction.probabilities])
        about = Metadata(prediction.hour, prediction.event_id, prediction.inference_id)
        return _columns(matrix, [prediction.hour], [about], [start], segments)

    def _batch(self, start: int, end: int, segments: Sequence[Segment]) -> Records:
        starts, lines = self._shorten(start, end)
        if not self._is_plain(starts, end):
            raise _Unusual
        captures = _CAPTURE.decode_lines(lines)
        if len(starts) != len(captures):
            raise _Unusual
        matrix = _matrix(_answers([capture.data.output for capture in captures]))
        metadata = [capture.metadata for capture in captures]
        hours = _hours_of([about.time for about in metadata])
        return _columns(matrix, hours, metadata, starts, segments)

    def _is_plain(self, starts: list[int], end: int) -> bool:
        """Whether all is printable ASCII but for a newline before each start and the end.

        JSON allows control characters between its tokens alone, and bytes beyond ASCII may be no
        UTF-8: neither is looked for where images are jumped over.
        """
        codes = np.frombuffer(self._buffer, np.int8)
        newlines = np.array([*starts[1:], end]) - 1
        codes[newlines] = ord(" ")
        least = codes[starts[0] : end].min()  # bytes beyond ASCII are negative
        codes[newlines] = NEWLINE
        return bool(least >= ord(" "))

    def _shorten(self, start: int, end: int) -> tuple[list[int], bytes]:
        """Where each line starts, and the lines without their images, if they have any.

        A quote or newline is searched for without a bound, as that is quicker: were it another
        line's, there would be fewer lines here than newlines, and the batch is not trusted.
        """
        buffer, prefix, starts, parts = self._buffer, self._prefix, [], []
        find, jump, place = buffer.find, len(prefix), start
        escaped = find(b"\\", start, end) >= 0
        while place < end:
            if not buffer.startswith(prefix, place):
                prefix = self._learn(buffer[place : find(b"\n", place)])
                jump = len(prefix)
            quote = find(b'"', place + jump, end)
            if not prefix or quote < 0 or (escaped and find(b"\\", place + jump, quote) >= 0):
                return self._whole(start, end)
            newline = find(b"\n", quote, end)
            starts.append(place)
            parts.append(buffer[quote : newline + 1])
            place = newline + 1
        return starts, HEAD + HEAD.join(parts)

    def _whole(self, start: int, end: int) -> tuple[list[int], bytes]:
        lines = bytes(self._buffer[start:end])
        return [start, *(start + match.end() for match in re.finditer(b"\n", lines[:-1]))], lines

    def _learn(self, line: bytearray) -> bytes:
        """What precedes the image of a line, if that is nothing else of interest; else nothing."""
        prefix = bytes(line[: line.find(DATA) + len(DATA)])
        try:
            document = json.loads(prefix + b'"}}}')
        except (ValueError, RecursionError):
            return b""
        match document:
            case {"captureData": {"endpointInput": {"data": ""}} as sides}:
                if len(document) == len(sides) == 1:
                    self._prefix = prefix
                    return prefix
        return b""


def _hours_of(times: list[str]) -> list[str]:
    """The UTC hour of each inference time; all at once if they are of one hour, to the second."""
    hour = hour_of(times[0])
    if set(map(len, times)) == {len("2026-11-22T10:00:00Z")}:
        digits = np.frombuffer("".join(times).encode("ascii", "replace"), np.uint8)
        rows = digits.reshape(len(times), -1)
        least, most = (np.frombuffer(f"{hour}{end}".encode(), np.uint8) for end in _ENDS_OF_HOUR)
        if ((rows >= least) & (rows <= most)).all():
            return [hour] * len(times)
    return list(map(hour_of, times))


def _skip_line(stream: Stream) -> int:
    """Read on until just behind the next newline; return how many bytes that were."""
    skipped, one = 0, memoryview(bytearray(1))
    while stream.readinto(one):
        skipped += 1
        if one[0] == NEWLINE:
            break
    return skipped


def _answers(outputs: list[_Output]) -> Sequence[Sequence[float]]:
    """The probabilities of each answer; plain lists of numbers at once, others one by one."""
    texts = [_text(output) for output in outputs]
    joined = "\n".join(texts)
    if joined.count("\n") != len(texts) - 1:
        raise _Unusual
    try:
        return _ANSWER.decode_lines(joined)
    except msgspec.DecodeError:
        return [parse_answer(output.data, output.encoding) for output in outputs]


def _text(output: _Output) -> str:
    """An answer as one line of JSON, if it is one list in any of the encodings."""
    text, encoding = output.data, output.encoding
    if encoding == "BASE64":
        text = a2b_base64(text, strict_mode=True).decode("ascii")
        encoding = "JSON" if text.lstrip(JSON_SPACE).startswith(("[", "{")) else "CSV"
    if encoding == "JSON":
        return text.strip(JSON_SPACE)
    if encoding == "CSV":
        return f"[{text.strip(JSON_SPACE)}]"
    raise _Unusual


def _matrix(answers: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Rows of probabilities; refuses what could be no row of at least two, summing to 1."""
    if len(set(map(len, answers))) != 1 or len(answers[0]) < 2:  # noqa: PLR2004
        raise _Unusual
    matrix = np.fromiter(chain.from_iterable(answers), np.float64).reshape(len(answers), -1)
    off = np.abs(matrix.sum(axis=1) - 1.0).max()
    if not (matrix.min() >= -CERTAIN and matrix.max() <= 1 + CERTAIN and off <= CERTAIN):
        raise _Unusual
    return matrix


def _columns(
    matrix: NDArray[np.float64],
    hours: list[str],
    metadata: list[Metadata],
    starts: list[int],
    segments: Sequence[Segment],
) -> Records:
    return Records(
        confidences=np.minimum(matrix.max(axis=1), 1.0),
        predicted=matrix.argmax(axis=1),
        classes=matrix.shape[1],
        hours=hours,
        metadata=metadata,
        malformed=[],
        starts=starts,
        segments=tuple(segments),
    )


def _none(segments: Sequence[Segment], malformed: list[tuple[int, str]]) -> Records:
    return Records(
        np.empty(0), np.empty(0, dtype=np.intp), 0, [], [], malformed, [], tuple(segments)
    )
