from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from scones_local.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

LINES = 500


def test_a_line_says_when_and_what(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "engine.jsonl"
    before = time.time()
    Journal(path).write(what="event", key="incoming/ö \ud800.jpg", fault=None)
    line = json.loads(path.read_text())
    assert before - 0.001 <= line.pop("at") <= time.time() + 0.001
    assert line == {"what": "event", "key": "incoming/ö \ud800.jpg", "fault": None}


def test_lines_of_many_threads_and_of_who_comes_back_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "engine.jsonl"
    long = "x" * 10_000
    for _ in range(2):
        journal = Journal(path)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: journal.write(n=number, long=long), range(LINES)))  # noqa: B023
        journal.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(line["n"] for line in lines) == sorted([*range(LINES)] * 2)
    assert all(line["long"] == long for line in lines)


def test_a_reader_sees_a_line_as_soon_as_it_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "endpoint.jsonl")
    with (tmp_path / "endpoint.jsonl").open() as reader:
        for number in range(3):
            journal.write(n=number)
            assert json.loads(reader.readline())["n"] == number
