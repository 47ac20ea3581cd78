from __future__ import annotations

import json
import os
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from monitoring.tests.capturing import Traffic, capture, line

from scones_monitoring.capture import summarise
from scones_monitoring.capture.layout import Selection, capture_folders
from scones_monitoring.capture.store import Folder
from scones_monitoring.capture.summarise import CACHE, Part, summarise_captures
from scones_monitoring.capture.summary import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from scones_monitoring.capture.reader import Stream

TEN = datetime.fromisoformat("2026-11-22T10:00")


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    traffic = Traffic(tmp_path, records=70)
    traffic.hours("2026-11-22T10", 3)
    traffic.file("captures", TEN, "9999.jsonl", [line(capture())[:100]])
    return traffic


def read(traffic: Traffic, threshold: float = 0.9, *, cache: bool = True) -> Part:
    store = Folder(Path(traffic.captures))
    return summarise_captures(store, capture_folders(store, Selection()), threshold, cache=cache)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the capture files that are read."""
    names: list[str] = []
    streams = Folder.streams

    def watched(
        self: Folder, wanted: Iterable[str], refused: Callable[[str], None]
    ) -> Iterator[tuple[str, Stream]]:
        names.extend(wanted)
        return streams(self, wanted, refused)

    monkeypatch.setattr(Folder, "streams", watched)
    return names


def test_every_hour_is_summarised_and_what_is_malformed_counted(traffic: Traffic) -> None:
    reading = read(traffic).reading
    assert [summary.records for summary in reading.summaries.values()] == [70, 70, 70]
    assert reading.malformed.reasons == {"no JSON": 1}


def test_a_second_reading_opens_no_capture_and_says_the_same(
    traffic: Traffic, opened: list[str]
) -> None:
    first = read(traffic)
    assert len(opened) == 10
    assert read(traffic) == first
    assert len(opened) == 10


def test_only_an_hour_that_more_was_delivered_to_is_read_again(
    traffic: Traffic, opened: list[str]
) -> None:
    read(traffic)
    opened.clear()
    late = line(capture(time="2026-11-22T11:59:59Z"))
    traffic.file("captures", TEN.replace(hour=11), "9999.jsonl", [late])
    reading = read(traffic).reading
    assert {name.rpartition("/")[0][-2:] for name in opened} == {"11"}
    assert [summary.records for summary in reading.summaries.values()] == [70, 71, 70]


def test_another_threshold_is_counted_anew(traffic: Traffic) -> None:
    below = [sum(one.below for one in read(traffic, each).reading.summaries.values())
             for each in (0.9, 0.6, 0.9)]  # fmt: skip
    assert below[0] == below[2] > below[1]


@pytest.mark.parametrize("content", ["", "null", "[]", "{}", "no json", '{"fingerprint": 1}'])
def test_a_damaged_summary_is_replaced(traffic: Traffic, content: str) -> None:
    first = read(traffic)
    kept = list(Path(traffic.captures, CACHE).rglob("*.json"))
    assert len(kept) == 3
    for path in kept:
        path.write_text(content)
    assert read(traffic) == first
    assert all("summaries" in json.loads(path.read_text()) for path in kept)


def test_where_nothing_can_be_kept_everything_is_read_all_the_same(traffic: Traffic) -> None:
    Path(traffic.captures, CACHE).write_text("a file where the folder should be")
    assert read(traffic) == read(traffic)


def test_nothing_is_kept_unless_wanted(traffic: Traffic) -> None:
    read(traffic, cache=False)
    assert not Path(traffic.captures, CACHE).exists()


@pytest.mark.parametrize("threads", [1, 2])
def test_several_processes_read_the_same(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    """Forked where there is one thread, else started anew."""
    monkeypatch.setattr(threading, "active_count", lambda: threads)
    alone = read(traffic, cache=False)
    monkeypatch.setattr(summarise, "ALONE_BYTES", 0)
    monkeypatch.setattr(summarise, "SHARE_BYTES", 20_000)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert read(traffic, cache=False) == alone


def test_a_file_that_cannot_be_read_is_counted_and_read_the_next_time(traffic: Traffic) -> None:
    gone = next(Path(traffic.captures).rglob("12/0030.jsonl"))
    content = gone.read_bytes()
    store = Folder(Path(traffic.captures))
    folders = capture_folders(store, Selection())
    gone.unlink()
    reading = summarise_captures(store, folders, 0.9).reading
    assert reading.malformed.reasons == {"no JSON": 1, "the file cannot be read": 1}
    assert sum(one.records for one in reading.summaries.values()) == 180
    gone.write_bytes(content)
    assert sum(one.records for one in read(traffic).reading.summaries.values()) == 210


def test_progress_is_told_in_bytes_up_to_the_end(traffic: Traffic) -> None:
    store = Folder(Path(traffic.captures))
    told: list[tuple[int, int]] = []
    folders = capture_folders(store, Selection())
    summarise_captures(store, folders, 0.9, progress=lambda *both: told.append(both))
    size = sum(path.stat().st_size for path in store.path.rglob("*.jsonl"))
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_labels_are_joined_by_the_callers_id_before_sagemakers(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path)
    records = [
        capture([0.9, 0.1], inference_id="mine", event_id="theirs"),
        capture([0.2, 0.8], inference_id=None, event_id="theirs-2"),
        capture([0.3, 0.7], inference_id="unknown", event_id="theirs-3"),
        capture([0.4, 0.6], inference_id="nobody", event_id="nobody's"),
    ]
    traffic.file("captures", TEN, "a.jsonl", [line(record) for record in records])
    store = Folder(Path(traffic.captures))
    labels = {"mine": "a", "theirs": "wrong", "theirs-2": "b", "theirs-3": "c", "absent": "d"}
    part = summarise_captures(store, capture_folders(store, Selection()), 0.9, labels=labels)
    joined = {name: (match.label, match.predicted) for name, match in part.matches.items()}
    assert joined == {"mine": ("a", 0), "theirs-2": ("b", 1), "theirs-3": ("c", 1)}


def test_parts_add_up() -> None:
    assert Part(Reading(), {}) + Part(Reading(), {}) == Part(Reading(), {})
