"""From capture files to summaries: in several processes, and each folder only when it has changed.

What came of a folder is kept in `_summaries/` beside the captures, under a fingerprint of the
folder's files: a rerun reads new hours, and hours that more was delivered to. Where that cannot be
written, everything works as before, only not as fast the next time.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from scones_monitoring.capture.reader import CaptureReader
from scones_monitoring.capture.summary import UNREADABLE, Reading, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from multiprocessing.context import BaseContext

    from scones_monitoring.capture.columns import Records
    from scones_monitoring.capture.layout import CaptureFolder
    from scones_monitoring.capture.store import Store

__all__ = ["CACHE", "Match", "Part", "Work", "divide", "read_work", "summarise_captures"]

CACHE = "_summaries"
FORMAT = 1
"""Of what is kept; another number, and all is read anew."""
SHARE_BYTES = 16 << 20
"""About what one process reads at once."""
ALONE_BYTES = 64 << 20
"""Up to this, starting processes takes longer than reading."""


class Match(NamedTuple):
    """A prediction whose true label is known."""

    variant: str
    hour: str
    label: str
    predicted: int
    confidence: float


@dataclass(frozen=True)
class Part:
    """What came of some capture files; parts add up.

    Attributes:
        reading: Summaries, and malformed lines.
        matches: Predictions that have a label among those asked for, by the id that joined them.
    """

    reading: Reading
    matches: Mapping[str, Match]

    def __add__(self, other: Part) -> Part:
        return Part(self.reading + other.reading, {**self.matches, **other.matches})


@dataclass(frozen=True)
class Work:
    """Files that one process reads in one go.

    Attributes:
        folder: The number of the folder they lie in.
        variant: The production variant.
        names: Their names in the store.
        size: Their bytes.
    """

    folder: int
    variant: str
    names: tuple[str, ...]
    size: int


def summarise_captures(  # noqa: PLR0913 - each is the caller's to choose
    store: Store,
    folders: Sequence[CaptureFolder],
    threshold: float,
    *,
    labels: Mapping[str, str] | None = None,
    cache: bool = True,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Part:
    """Read capture files, or take what is known of them.

    Args:
        store: Where they lie.
        folders: What to read.
        threshold: Predictions are counted that have a confidence below it.
        labels: True labels by inference or event id. With them every file is read.
        cache: Whether to use and to keep summaries beside the captures.
        progress: Told how many bytes are done, and of how many.
    """
    prints = [_fingerprint(folder, threshold) for folder in folders]
    known = {
        number: reading
        for number, folder in enumerate(folders)
        if cache and labels is None
        if (reading := _load(store, folder, prints[number])) is not None
    }
    work = [one for n, folder in enumerate(folders) if n not in known for one in divide(n, folder)]
    parts = {number: Part(reading, {}) for number, reading in known.items()}
    for one, part in _read_all(store, work, threshold, labels, progress):
        parts[one.folder] = parts[one.folder] + part if one.folder in parts else part
    if cache:
        for number in parts.keys() - known.keys():
            if UNREADABLE not in parts[number].reading.malformed.reasons:  # it may be, next time
                _save(store, folders[number], prints[number], parts[number].reading)
    return sum((parts[number] for number in sorted(parts)), Part(Reading(), {}))


def divide(number: int, folder: CaptureFolder) -> Iterator[Work]:
    """Divide a folder, which has this number among others, into shares of about equal size."""
    names: list[str] = []
    size = 0
    for file in folder.files:
        names.append(file.name)
        size += file.size
        if size >= SHARE_BYTES:
            yield Work(number, folder.variant, tuple(names), size)
            names, size = [], 0
    if names:
        yield Work(number, folder.variant, tuple(names), size)


def _read_all(
    store: Store,
    work: Sequence[Work],
    threshold: float,
    labels: Mapping[str, str] | None,
    progress: Callable[[int, int], None],
) -> Iterator[tuple[Work, Part]]:
    read = partial(read_work, store, threshold, labels)
    total = sum(one.size for one in work)
    done = 0
    for one, part in zip(work, _in_processes(read, work, total), strict=True):
        done += one.size
        progress(done, total)
        yield one, part


def _in_processes(read: Callable[[Work], Part], work: Sequence[Work], total: int) -> Iterator[Part]:
    processes = min(os.cpu_count() or 1, len(work))
    if processes < 2 or total < ALONE_BYTES:  # noqa: PLR2004 - one is no company
        yield from map(read, work)
        return
    with ProcessPoolExecutor(processes, mp_context=_context()) as pool:
        yield from pool.map(read, work)


def _context() -> BaseContext:
    """How to start processes: by fork if it is safe, which spares each the imports.

    A fork copies locks but not the threads that would release them, and macOS's libraries start
    threads of their own.
    """
    alone = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork" if alone else "forkserver")


def read_work(store: Store, threshold: float, labels: Mapping[str, str] | None, work: Work) -> Part:
    """Read one share; with labels, also which predictions have one."""
    tally = Tally(work.variant, threshold)
    matches: dict[str, Match] = {}
    streams = store.streams(work.names, tally.refuse)
    for records in CaptureReader(ids=bool(labels)).read(streams):
        tally.add(records)
        if labels:
            matches.update(_matches(records, labels, work.variant))
    return Part(tally.reading(), matches)


def _matches(
    records: Records, labels: Mapping[str, str], variant: str
) -> Iterator[tuple[str, Match]]:
    """Predictions by the id that has a label: the caller's, else SageMaker's."""
    for row, about in enumerate(records.metadata):
        for name in (about.inference_id, about.event_id):
            if name is not None and name in labels:
                predicted, confidence = records.predicted[row], records.confidences[row]
                yield (
                    name,
                    Match(
                        variant, records.hours[row], labels[name], int(predicted), float(confidence)
                    ),
                )
                break


def _fingerprint(folder: CaptureFolder, threshold: float) -> str:
    known = json.dumps([FORMAT, threshold, folder.variant, folder.files])
    return hashlib.sha256(known.encode(errors="surrogatepass")).hexdigest()


def _place(folder: CaptureFolder) -> str:
    return f"{CACHE}/{folder.name or 'here'}.json"


def _load(store: Store, folder: CaptureFolder, fingerprint: str) -> Reading | None:
    try:
        kept = json.loads(store.load(_place(folder)) or b"null")
        if kept["fingerprint"] == fingerprint:
            return Reading.from_json(kept)
    except (ValueError, KeyError, TypeError, OSError):
        return None  # something else, something old, or not ours to read
    return None


def _save(store: Store, folder: CaptureFolder, fingerprint: str, reading: Reading) -> None:
    content = json.dumps({"fingerprint": fingerprint, **reading.to_json()})
    with suppress(OSError):
        store.save(_place(folder), content.encode())
