"""What `reader.py` measures, each in a process of its own: `reading.py <way> <folder>`.

Each way imports what it needs itself, as imports are part of what it costs.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from measured import cpu_seconds, tell_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scones_monitoring.capture.summary import Reading

THRESHOLD = 0.9


def read_with_json(folder: Path) -> None:
    """Read every line and its answer with `json.loads`, and do nothing else."""
    paths = sorted(folder.rglob("*.jsonl"))
    begun = cpu_seconds()
    confidences, hours = [], []
    for path in paths:
        with path.open() as file:
            for line in file:
                record = json.loads(line)
                answer = json.loads(record["captureData"]["endpointOutput"]["data"])
                confidences.append(max(answer))
                hours.append(record["eventMetadata"]["inferenceTime"][:13])
    tell_cost({"records": len(hours), "confidence": sum(confidences) / len(confidences)}, begun)


def read_with_ours(folder: Path) -> None:
    """Read with our reader what `read_with_json` reads."""
    from scones_monitoring.capture.reader import CaptureReader

    paths = sorted(folder.rglob("*.jsonl"))
    begun = cpu_seconds()
    total, hours = 0.0, []
    for records in CaptureReader(ids=False).read(_opened(paths)):
        total += float(records.confidences.sum())
        hours += records.hours
    tell_cost({"records": len(hours), "confidence": total / len(hours)}, begun)


def read_and_count(folder: Path) -> None:
    """Read and count as each of our processes does."""
    from scones_monitoring.capture.reader import CaptureReader
    from scones_monitoring.capture.summary import Tally

    paths = sorted(folder.rglob("*.jsonl"))
    begun = cpu_seconds()
    tally = Tally("AllTraffic", THRESHOLD)
    for records in CaptureReader(ids=False).read(_opened(paths)):
        tally.add(records)
    tell_cost(_result(tally.reading()), begun)


def _opened(paths: list[Path]) -> Iterator[tuple[str, io.FileIO]]:
    for path in paths:
        with io.FileIO(path) as file:
            yield path.name, file


def summarise(folder: Path) -> None:
    """Summarise as the command line does, without what it remembers of the last time."""
    begun, result = _summarise(folder, lambda _done, _total: None)
    tell_cost(result, begun, processes=os.cpu_count() or 1)


def watch_memory(folder: Path) -> None:
    """Summarise, and print at every tenth what memory all processes have together."""
    samples = [0.0]

    def watch(done: int, total: int) -> None:
        memory = _memory_mb(os.getpid())
        if len(samples) <= 10 * done // total:
            print(f"{10 * done // total * 10:3} %  {memory:6.1f} MB", flush=True)
            samples.extend([memory] * (10 * done // total + 1 - len(samples)))
        samples[0] = max(samples[0], memory)

    _, result = _summarise(folder, watch)
    print(f"peak   {samples[0]:6.1f} MB  {result}")


def _summarise(
    folder: Path, progress: Callable[[int, int], None]
) -> tuple[float, dict[str, float]]:
    from scones_monitoring.capture.layout import Selection, capture_folders
    from scones_monitoring.capture.store import open_store
    from scones_monitoring.capture.summarise import summarise_captures

    store = open_store(str(folder))
    folders = capture_folders(store, Selection())
    begun = cpu_seconds()
    part = summarise_captures(store, folders, THRESHOLD, cache=False, progress=progress)
    return begun, _result(part.reading)


def _result(reading: Reading) -> dict[str, float]:
    summaries = reading.summaries.values()
    records = sum(each.records for each in summaries)
    total = sum(each.mean_confidence * each.records for each in summaries)
    return {"records": records, "confidence": total / records}


def _memory_mb(process: int) -> float:
    """Resident memory of a process and all below it, by Linux's books; shared pages count each."""
    about = Path(f"/proc/{process}")
    try:
        resident = int((about / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        below = (about / f"task/{process}/children").read_text().split()
    except OSError:  # it has just ended
        return 0.0
    return resident + sum(_memory_mb(int(child)) for child in below)


WAYS: dict[str, Callable[[Path], None]] = {
    "json": read_with_json,
    "reader": read_with_ours,
    "counted": read_and_count,
    "summarise": summarise,
    "memory": watch_memory,
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]))
