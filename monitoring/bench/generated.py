"""Capture files as an endpoint would have written them; the same every time."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["generate_captures"]

A_DAY = 200_000
"""Records of the day that is written; further days are links to it, and take no room."""
HOURS = 24
IN_A_FILE = 30
IMAGES = 256
IMAGE_BYTES = (2300, 3100)
"""From and to; as base64 3.6 KB on average, so that a line has about 4 KB."""
MONTH = "scones/AllTraffic/2026/11"
FIRST_DAY = 20

_LINE = (
    b'{"captureData":{"endpointInput":{"observedContentType":"image/png","mode":"INPUT","data":"%b"'
    b',"encoding":"BASE64"},"endpointOutput":{"observedContentType":"application/json",'
    b'"mode":"OUTPUT","data":"[%b, %b]","encoding":"JSON"}},"eventMetadata":{"eventId":"%b",'
    b'"inferenceId":"%b","inferenceTime":"2026-11-20T%02d:%02d:%02dZ"},"eventVersion":"0"}\n'
)


def generate_captures(folder: Path, records: int, progress: Callable[[int], None]) -> None:
    """Write captures of one endpoint and variant below an empty folder.

    Args:
        folder: Where the endpoint's folder comes to lie.
        records: How many; over `A_DAY`, a multiple of it.
        progress: Told of each file how many records it has.
    """
    month = folder / MONTH
    _write_day(month / str(FIRST_DAY), min(records, A_DAY), progress)
    for day in range(1, records // A_DAY):
        _link_day(month / str(FIRST_DAY), month / str(FIRST_DAY + day))
        progress(A_DAY)


def _write_day(day: Path, records: int, progress: Callable[[int], None]) -> None:
    random = np.random.default_rng(0)
    images = [b64encode(random.bytes(size)) for size in random.integers(*IMAGE_BYTES, IMAGES)]
    for hour in range(HOURS):
        place = day / f"{hour:02}"
        place.mkdir(parents=True)
        share = records // HOURS + (hour < records % HOURS)
        for first in range(0, share, IN_A_FILE):
            numbers = range(first, min(first + IN_A_FILE, share))
            lines = b"".join(_lines(random, images, hour, numbers, share))
            second = 3600 * first // share
            unique = _uuid(random.bytes(16).hex()).decode()
            name = f"{second // 60:02}-{second % 60:02}-000-{unique}.jsonl"
            (place / name).write_bytes(lines)
            progress(len(numbers))


def _lines(
    random: np.random.Generator, images: list[bytes], hour: int, numbers: range, share: int
) -> Iterator[bytes]:
    confidences = 1 - random.beta(1, 6, len(numbers)) / 2
    choices = random.integers(len(images), size=len(numbers))
    firsts = random.integers(2, size=len(numbers))
    names = random.bytes(48 * len(numbers)).hex()
    for row, (number, confidence, choice, first) in enumerate(
        zip(numbers, confidences.tolist(), choices.tolist(), firsts.tolist(), strict=True)
    ):
        minute, second = divmod(3600 * number // share, 60)
        pair = repr(confidence).encode(), repr(1 - confidence).encode()
        name = names[96 * row : 96 * row + 96]
        ids = _uuid(name[:32]), name[32:].encode()
        answer = pair[first], pair[1 - first]
        yield _LINE % (images[choice], *answer, *ids, hour, minute, second)


def _uuid(digits: str) -> bytes:
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(parts).encode()


def _link_day(day: Path, other: Path) -> None:
    for hour in sorted(day.iterdir()):
        (other / hour.name).mkdir(parents=True)
        for file in hour.iterdir():
            os.link(file, other / hour.name / file.name)
