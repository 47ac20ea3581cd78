"""A serializer process that is sent hostile pictures lives, stays small, and names each one's end.

More of them: FUZZ_EXAMPLES=20000; others: FUZZ_SEED=1, or random. `pytest -s` shows the report.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest
from services.serializer.tests.bombs_of_frames import bombs_of_frames
from services.serializer.tests.bombs_of_metadata import bombs_of_metadata
from services.serializer.tests.bombs_of_pixels import bombs_of_pixels
from services.serializer.tests.bombs_of_work import bombs_of_work, largest_objects
from services.serializer.tests.picture_mutations import mutated_pictures
from services.serializer.tests.picture_report import Report
from services.serializer.tests.serializer_process import SerializerProcess
from services.serializer.tests.sound_pictures import sound_pictures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.serializer.tests.bomb import Bomb

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1000"))
"""Damaged pictures, all distinct, beside the bombs."""
SEED = os.environ.get("FUZZ_SEED", "0")
MAX_BYTES = 256 * 1000 * 1000
"""Of memory that a process has resident at any one time."""
RIGHT = "PNG RGB 32 x 32"
NAMED = {"NotAnImage", "TooManyPixels", "TruncatedImage", "UnsupportedFormat"}
BOMBS: list[Bomb] = [
    *bombs_of_pixels(),
    *bombs_of_frames(),
    *bombs_of_metadata(),
    *bombs_of_work(),
    *largest_objects(),
]


def seed() -> int:
    return random.randrange(1 << 32) if SEED == "random" else int(SEED)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    """One process for all pictures, and what came of them."""
    with SerializerProcess(tmp_path_factory.mktemp("hostile")) as process:
        made = Report(process, seed())
        yield made
    print(f"\nserializer, images: {made}")  # noqa: T201 - for `make fuzz`


def test_damaged_pictures_are_read_or_refused_by_name(report: Report) -> None:
    wanted = len(report.seen) + EXAMPLES
    for name, body in mutated_pictures(sound_pictures(), report.seed):
        if report.is_new(body):
            ended = report.send(name, body)
            assert ended.outcome in {RIGHT, *NAMED}, f"{name}: {ended.reason}"
            assert max(ended.peaks.values()) < MAX_BYTES, name
        if len(report.seen) == wanted:
            break


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.name)
def test_bomb_ends_as_it_should(report: Report, bomb: Bomb) -> None:
    ended = report.send(bomb.name, bomb.make())
    assert ended.outcome in bomb.ends, ended.reason
    assert max(ended.peaks.values()) < MAX_BYTES


@pytest.mark.parametrize("name", sound_pictures())
def test_good_picture_is_still_read_after_all_of_them(report: Report, name: str) -> None:
    assert report.send(name, sound_pictures()[name]).outcome == RIGHT


def test_process_keeps_nothing_of_the_pictures_it_was_sent(tmp_path: Path) -> None:
    lengths = (1, 33_000_000, 20_000_000, 100_000, 32_000_000, 5_000_000, 33_500_000, 1)
    with SerializerProcess(tmp_path) as process:
        kept = [process.examine(f"{length} zeros", bytes(length)).kept for length in lengths]
    assert max(kept) - kept[0] < 8_000_000
