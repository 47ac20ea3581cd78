"""Capture files, read fast: the image of a record is jumped over, the rest decoded in batches.

Nearly all of a capture file is base64 of images. Records of one endpoint begin alike, so a line's
image is found by comparing its first bytes with those of the line before, and its end by searching
for a quote; what remains of all lines is decoded at once. A batch in which anything is unusual is
halved until it is not, and the few lines that are left go to `record.parse_line`, whose word is
final: reading here is never less strict than that, and a property test holds both together.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np

from scones_monitoring.capture.batches import (
    Unusual,
    decode_answers,
    decode_captures,
    decode_rows,
    hours_of,
    hours_of_rows,
    probability_rows,
)
from scones_monitoring.capture.columns import Metadata, Records, Segment
from scones_monitoring.capture.record import MalformedRecord, parse_line
from scones_monitoring.capture.shape import HEAD, QUOTE, Shape, windows

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from scones_monitoring.capture.record import Prediction

__all__ = ["CaptureReader", "Stream"]

BUFFER_BYTES = 2 << 20
LONGEST_LINE = 32 << 20
"""Bytes; an invocation has at most 6 MiB, whose base64 is 8 MiB."""
FEW_BYTES = 2048
"""In fewer, lines are read one by one: no more than one of them is a record with an image."""
NEWLINE = 0x0A
DATA = b'"data":"'
BACKSLASH = 0x5C


class Stream(Protocol):
    """Anything that fills a buffer with its next bytes: an open file, the body of an S3 object."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer's start; return how many bytes, 0 at the end."""


# ValueError: base64 that is none, or no ASCII; a malformed record; and the like.
_DOUBTS = (Unusual, ValueError, msgspec.DecodeError, RecursionError)


class CaptureReader:
    """Reads capture files one after the other into one reused buffer, many small ones at a time.

    Args:
        ids: Whether `Records.metadata` is wanted; it is empty where reading without it is quicker.
    """

    def __init__(self, *, ids: bool = True) -> None:
        self._ids = ids
        self._buffer = bytearray(BUFFER_BYTES)
        self._prefix = HEAD
        self._shape: Shape | None = None

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
            yield Records.none(segments, [(0, "the line is longer than 32 MiB")])
            skipped, kept = self._skip_line(stream)
            segments[:] = [Segment(0, last.file, last.offset + filled - last.start + skipped)]
            return kept
        if end == 0:
            self._buffer.extend(bytes(len(self._buffer)))
        self._buffer[: filled - end] = self._buffer[end:filled]
        segments[:] = [Segment(0, last.file, last.offset + end - last.start)]
        return filled - end

    def _skip_line(self, stream: Stream) -> tuple[int, int]:
        """Read on until a line ends.

        Returns how many bytes that were, and how many of the next line the buffer begins with.
        """
        skipped, room = 0, memoryview(self._buffer)[:-1]
        while count := stream.readinto(room):
            end = self._buffer.find(NEWLINE, 0, count) + 1
            if end:
                room[: count - end] = bytes(room[end:count])
                return skipped + end, count - end
            skipped += count
        return skipped, 0

    def _lines(self, start: int, end: int, segments: Sequence[Segment]) -> Iterator[Records]:
        """Read whole lines of the buffer.

        A batch that cannot be vouched for is halved, so that one bad line slows down few others.
        """
        if start == end:
            return
        try:
            yield self._batch(start, end, segments)
        except _DOUBTS:
            middle = self._between_lines(start, end) if end - start > FEW_BYTES else None
            if middle is None:
                yield from self._carefully(start, end, segments)
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

    def _carefully(self, start: int, end: int, segments: Sequence[Segment]) -> Iterator[Records]:
        """Read lines one by one."""
        malformed = []
        for line in bytes(self._buffer[start : end - 1]).split(b"\n"):
            try:
                if line.strip():
                    yield _record(parse_line(line), start, segments)
            except MalformedRecord as error:
                malformed.append((start, str(error)))
            start += len(line) + 1
        yield Records.none(segments, malformed)

    def _batch(self, start: int, end: int, segments: Sequence[Segment]) -> Records:
        if not self._buffer.startswith(self._prefix, start):
            self._prefix = _prefix_of(self._buffer[start : self._buffer.find(b"\n", start)])
        quotes, newlines = self._marks(start, end)
        if not self._is_plain(start, newlines):
            raise Unusual
        starts = np.concatenate(([start], newlines[:-1] + 1))
        jumped, escaped = self._may_be_jumped(starts, quotes, end)
        quickly = jumped and not escaped and not self._ids
        if quickly and (alike := self._alike(quotes, newlines + 1)):
            return Records.of(*alike, [], starts.tolist(), segments)
        lines = self._shortened(quotes, newlines) if jumped else bytes(self._buffer[start:end])
        captures = decode_captures(lines)
        if len(starts) != len(captures):
            raise Unusual
        answers = decode_answers([capture.data.output for capture in captures])
        metadata = [capture.metadata for capture in captures]
        hours = hours_of([about.time for about in metadata])
        rows = probability_rows(answers)
        return Records.of(rows, hours, metadata, starts.tolist(), segments)

    def _marks(self, start: int, end: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Of each line, where the quote after its image is, and its newline.

        Both are searched for without a bound, as that is quicker. A quote of a later line leaves a
        newline that is none of these, and `_is_plain` finds it.
        """
        if self._buffer.find(QUOTE, start, end) < 0:
            raise Unusual  # else each part of a long text without a quote would search all of it
        index, jump, place = self._buffer.index, len(self._prefix), start
        marks: list[int] = []
        note = marks.append
        try:
            while place < end:
                note(quote := index(QUOTE, place + jump))
                note(newline := index(NEWLINE, quote))
                place = newline + 1
        except ValueError:
            raise Unusual from None
        if place != end:
            raise Unusual
        pairs = np.array(marks, np.intp)
        return pairs[::2], pairs[1::2]

    def _is_plain(self, start: int, newlines: NDArray[np.intp]) -> bool:
        """Whether all is printable ASCII but for these newlines.

        JSON allows control characters between its tokens alone, and bytes beyond ASCII may be no
        UTF-8: neither is looked for where images are jumped over.
        """
        codes = np.frombuffer(self._buffer, np.int8)
        codes[newlines] = ord(" ")
        least = codes[start : newlines[-1] + 1].min()  # bytes beyond ASCII are negative
        codes[newlines] = NEWLINE
        return bool(least >= ord(" "))

    def _may_be_jumped(
        self, starts: NDArray[np.intp], quotes: NDArray[np.intp], end: int
    ) -> tuple[bool, bool]:
        """Whether each line has an image up to its quote; whether there is a backslash anywhere."""
        buffer, prefix = self._buffer, self._prefix
        escaped = buffer.find(BACKSLASH, starts[0], end) >= 0
        head = np.frombuffer(prefix, np.uint8)
        if not prefix or (windows(buffer, len(prefix))[starts] != head).any():
            return False, escaped
        images = zip(starts.tolist(), quotes.tolist(), strict=True)
        inside = escaped and any(buffer.find(BACKSLASH, *image) >= 0 for image in images)
        return not inside, escaped

    def _alike(
        self, quotes: NDArray[np.intp], ends: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], list[str]] | None:
        found = self._shape.split(self._buffer, quotes, ends) if self._shape else None
        if found is None:
            self._shape = Shape.of(bytes(self._buffer[quotes[-1] : ends[-1]]))
            found = self._shape.split(self._buffer, quotes, ends) if self._shape else None
        if found is None:
            return None
        answers, times = found
        return decode_rows(answers), hours_of_rows(times)

    def _shortened(self, quotes: NDArray[np.intp], newlines: NDArray[np.intp]) -> bytes:
        """The lines without their images."""
        places = zip(quotes.tolist(), (newlines + 1).tolist(), strict=True)
        return HEAD + HEAD.join([self._buffer[quote:end] for quote, end in places])


def _prefix_of(line: bytearray) -> bytes:
    """What precedes the image of a line, if that is nothing else of interest; else nothing."""
    prefix = bytes(line[: line.find(DATA) + len(DATA)])
    try:
        document = json.loads(prefix + b'"}}}')
    except (ValueError, RecursionError):
        return b""
    match document:
        case {"captureData": {"endpointInput": {"data": ""}} as sides}:
            if len(document) == len(sides) == 1:
                return prefix
    return b""


def _record(prediction: Prediction, start: int, segments: Sequence[Segment]) -> Records:
    rows = np.array([prediction.probabilities])
    about = Metadata(prediction.hour, prediction.event_id, prediction.inference_id)
    return Records.of(rows, [prediction.hour], [about], [start], segments)
