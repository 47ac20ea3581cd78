"""Captured predictions in columns, and where in which file each of them lies."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Metadata", "Records", "Segment"]


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
        metadata: Time and ids of each record; may be empty if the reader was not asked for ids.
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

    @classmethod
    def of(
        cls,
        matrix: NDArray[np.float64],
        hours: list[str],
        metadata: list[Metadata],
        starts: list[int],
        segments: Sequence[Segment],
    ) -> Self:
        """Records of probabilities, a row each."""
        return cls(
            confidences=np.minimum(matrix.max(axis=1), 1.0),
            predicted=matrix.argmax(axis=1),
            classes=matrix.shape[1],
            hours=hours,
            metadata=metadata,
            malformed=[],
            starts=starts,
            segments=tuple(segments),
        )

    @classmethod
    def none(cls, segments: Sequence[Segment], malformed: list[tuple[int, str]]) -> Self:
        """No record, but perhaps lines that are none."""
        empty = np.empty(0), np.empty(0, dtype=np.intp)
        return cls(*empty, 0, [], [], malformed, [], tuple(segments))
