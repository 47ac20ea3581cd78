"""Measure the flow: throughput in a burst against calling the functions by hand, latency, memory.

The baseline is `byhand.py`. Bursts of both kinds take turns on the same stack; the ratio of their
medians is what holds on any machine. `load.py` measures the same at rates instead of in bursts.
"""

from __future__ import annotations

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from scones_local.aws import connect
from scones_local.load.byhand import ByHand
from scones_local.summary import summarise
from scones_local.supervisor import supervised
from scones_local.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import boto3

    from scones_local.pictures import Picture
    from scones_local.stack import StackSettings

__all__ = ["run_bench"]

BURST = 100
"""Uploads of one burst, all in flight at once."""
ROUNDS = 5


def run_bench(stack: StackSettings, pictures: Sequence[Picture]) -> None:
    """Measure, print the figures and write them to `bench.json` in the work folder.

    Args:
        stack: What to start.
        pictures: At least `BURST` pictures to send.
    """
    console = Console(highlight=False)
    burst = pictures[:BURST]
    with supervised(stack) as running:
        session = connect(running.environment)
        latency = _send(session, running.outputs, burst, in_flight=1)["latency_ms"]
        flow, by_hand = [], []
        for _ in track(range(ROUNDS), "Bursts, taking turns", console=console, transient=True):
            flow.append(_flow_rate(session, running.outputs, burst))
            by_hand.append(_by_hand_rate(session, burst))
        memory = _memory_mb()
    figures = {
        "pictures_in_a_burst": len(burst),
        "rounds": ROUNDS,
        "flow_events_per_s": round(statistics.median(flow), 1),
        "by_hand_events_per_s": round(statistics.median(by_hand), 1),
        "ratio_flow_to_by_hand": round(statistics.median(flow) / statistics.median(by_hand), 2),
        "latency_ms_one_in_flight": latency,
        "memory_mb_rss_of_everything": memory,
    }
    (stack.work / "bench.json").write_text(json.dumps(figures, indent=2) + "\n")
    _print(console, figures)


def _send(
    session: boto3.Session, outputs: Mapping[str, str], pictures: Sequence[Picture], in_flight: int
) -> dict[str, Any]:
    traffic = Traffic(session, outputs, lambda _upload, _outcome: None)
    traffic.send(pictures, f"bench-{time.time_ns()}", in_flight)
    return summarise(traffic.uploads.values(), 0)


def _flow_rate(
    session: boto3.Session, outputs: Mapping[str, str], pictures: Sequence[Picture]
) -> float:
    """Events a second, from the first upload until the last outcome lies in its queue."""
    traffic = Traffic(session, outputs, lambda _upload, _outcome: None)
    traffic.send(pictures, f"bench-{time.time_ns()}", len(pictures))
    uploads = traffic.uploads.values()
    last = max(outcome.at for upload in uploads for outcome in upload.outcomes)
    return len(pictures) / (last - min(upload.sent_at for upload in uploads))


def _by_hand_rate(session: boto3.Session, pictures: Sequence[Picture]) -> float:
    """Pictures a second through three `Invoke` calls each, as many at once as in the burst."""
    by_hand = ByHand(session, len(pictures))
    started = time.perf_counter()
    with ThreadPoolExecutor(len(pictures)) as pool:
        list(pool.map(lambda one: by_hand.classify(one.name, one.path.read_bytes()), pictures))
    return len(pictures) / (time.perf_counter() - started)


def _memory_mb() -> float:
    """Resident memory of the stack: our children and theirs, in MB, shared pages counted each."""
    children = psutil.Process().children(recursive=True)
    return round(sum(child.memory_info().rss for child in children) / 1e6, 0)


def _print(console: Console, figures: Mapping[str, Any]) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), json.dumps(value))
    console.print(table)
