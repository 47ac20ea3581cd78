"""What the lines of one endpoint have in common: all but image, answer, ids and time.

A line that is like another byte for byte, but for those, is as good as decoded. What such a line
says is asked of `record.parse_line`, once for each shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from scones_monitoring.capture.record import LONGEST_ANSWER, MalformedRecord, parse_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HEAD", "Shape", "windows"]

HEAD = b'{"captureData":{"endpointInput":{"data":"'
"""Stands for what precedes an image."""
QUOTE = 0x22
_TIME = b"2001-02-03T04:05:06Z"
_ANSWER = b"[0.25,0.75]"
"""These two stand in their places when `parse_line` is asked."""
_TAIL = re.compile(rb'(".*?"endpointOutput":\{.*?"data":")\[[^"]*\](".*\n)')
_TEXT = re.compile(rb'"(?:eventId|inferenceId|inferenceTime)":"([^"]*)"')


@dataclass(frozen=True, eq=False)
class Shape:
    """What follows the image of a line.

    Attributes:
        front: From the quote after the image to the one before the answer.
        back: From the quote after the answer to the newline.
        free: Which bytes of `back` may be others: those of ids and time.
        quotes: How many quotes `back` has.
        time: Where in `back` the time starts.
    """

    front: NDArray[np.uint8]
    back: NDArray[np.uint8]
    free: NDArray[np.bool_]
    quotes: int
    time: int

    @classmethod
    def of(cls, tail: bytes) -> Self | None:
        """The shape of a line, from the quote after its image on; None if it has another."""
        parts = _TAIL.fullmatch(tail)
        if parts is None or b"\\" in tail:
            return None
        front, back = parts.groups()
        texts = list(_TEXT.finditer(back))
        times = [text.start(1) for text in texts if len(text[1]) == len(_TIME)]
        time = next((at for at in times if _holds(front, back, at)), None)
        if time is None:
            return None
        free = np.zeros(len(back), dtype=bool)
        for text in texts:
            free[slice(*text.span(1))] = True
        fixed = np.frombuffer(front, np.uint8), np.frombuffer(back, np.uint8)
        return cls(*fixed, free, back.count(b'"'), time)

    def split(
        self, buffer: bytearray, quotes: NDArray[np.intp], ends: NDArray[np.intp]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """Answers and times, a row of ASCII each; None unless all lines have this shape.

        Args:
            buffer: Holds lines of printable ASCII without a backslash.
            quotes: Where the quote after each image is.
            ends: Where each line ends, behind its newline.
        """
        starts, stops = quotes + len(self.front), ends - len(self.back)
        lengths = stops - starts
        # Windows as wide as the longest answer must not reach beyond the last line.
        longest = lengths.max()
        if lengths.min() < 1 or longest - lengths.min() > len(self.back):
            return None
        if longest > LONGEST_ANSWER:
            return None
        fronts = windows(buffer, len(self.front))[quotes]
        backs = windows(buffer, len(self.back))[stops]
        same = backs == self.back
        same |= self.free
        quoted = np.count_nonzero(backs == QUOTE)
        if (fronts != self.front).any() or not same.all() or quoted != self.quotes * len(backs):
            return None
        return _padded(buffer, starts, lengths), backs[:, self.time : self.time + len(_TIME)]


def _padded(
    buffer: bytearray, starts: NDArray[np.intp], lengths: NDArray[np.intp]
) -> NDArray[np.uint8]:
    """Texts of a buffer, a row each, filled up with spaces."""
    width = int(lengths.max())
    rows = windows(buffer, width)[starts]
    return np.where(np.arange(width) < lengths[:, np.newaxis], rows, np.uint8(ord(" ")))


def windows(buffer: bytearray, width: int) -> NDArray[np.uint8]:
    """All windows of a buffer, a row each; a view."""
    shape = (len(buffer) - width + 1, width)
    return np.ndarray(shape, np.uint8, buffer, strides=(1, 1))


def _holds(front: bytes, back: bytes, time: int) -> bool:
    """Whether answer and time are read from where they seem to be."""
    marked = back[:time] + _TIME + back[time + len(_TIME) :]
    try:
        read = parse_line(HEAD + front + _ANSWER + marked)
    except MalformedRecord:
        return False
    return read.probabilities == (0.25, 0.75) and read.hour == _TIME[:13].decode()
