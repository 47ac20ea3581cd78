"""Load on the local stack: uploads at rising rates until it no longer keeps up, then a long run.

Each step is an open loop (`openloop.py`), in turns with the same rate of calling the three
functions by hand. The long run goes on at a part of the highest rate that the stack kept up with.
What has been stored is removed on the way: what grows then is kept by somebody for nothing.
"""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scones_local.aws import connect
from scones_local.load.byhand import ByHand
from scones_local.load.clockedtraffic import ClockedTraffic
from scones_local.load.expiry import Expiry
from scones_local.load.growth import STEADY_MB, measure_growth
from scones_local.load.openloop import THREADS
from scones_local.load.page import render_load_page
from scones_local.load.programwatch import CLIENT, ProgramWatch
from scones_local.load.ramp import Ramp
from scones_local.summary import summarise
from scones_local.supervisor import supervised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scones_local.load.programwatch import Sample
    from scones_local.load.ramp import Step
    from scones_local.pictures import Picture
    from scones_local.stack import RunningStack, StackSettings
    from scones_local.traffic import Outcome, Upload

__all__ = ["PICTURES", "RATES", "LoadSettings", "run_load"]

PICTURES = 200
"""Different pictures; they are sent again and again, under a new key each time."""
RATES = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 100.0, 120.0, 160.0, 200.0)
"""Uploads a second; the first that the stack does not keep up with is the last."""
LONG_RUN_PART = 0.6
"""The long run's rate, as a part of the highest one that the stack kept up with."""
FULL_AFTER = 1000
"""Uploads after which the engine has as many executions and events as it keeps."""
TRACES_KEPT = 1000
"""Fewer than a stack keeps otherwise, so that they are full before growth is judged."""
LONG_RUN_S = 30.0
"""The least that a long run lasts: a few samples say nothing about memory."""
VERDICTS = {True: "[red]yes[/]", False: "no", None: "too short to say"}
COUNTED = {
    "uploaded": "uploaded", "accepted": "accepted", "review": "review",
    "dead_letter": "dead_letter", "lost": "lost", "doubled": "duplicates",
}  # fmt: skip
"""What is counted, and its name in `summary.py`."""


@dataclass(frozen=True)
class LoadSettings:
    """How much to load, and where the results go.

    Attributes:
        out: Folder for `load.json` and `load.html`.
        uploads: Those of the long run; more where it would last less than half a minute.
        rates: Uploads a second of the steps, rising.
    """

    out: Path
    uploads: int
    rates: Sequence[float] = RATES


def run_load(stack: StackSettings, pictures: Sequence[Picture], load: LoadSettings) -> bool:
    """Measure, print, and write `load.json` and `load.html`.

    Returns:
        Whether every upload had exactly one outcome and no program of the stack grew.

    Raises:
        StartFailed: The stack did not start.
    """
    console = Console(highlight=False)
    load.out.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        supervised(replace(stack, traces=TRACES_KEPT)) as running,
        Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress,
    ):
        figures = _measure(running, pictures, load, progress)
    (load.out / "load.json").write_text(json.dumps(figures, indent=2) + "\n")
    (load.out / "load.html").write_text(render_load_page(figures))
    _print(console, figures, load.out)
    grown = any(growth["grows"] for growth in figures["growth"].values())
    return not (grown or figures["counts"]["lost"] or figures["counts"]["doubled"])


def _measure(
    running: RunningStack, pictures: Sequence[Picture], load: LoadSettings, progress: Progress
) -> dict[str, Any]:
    session = connect(running.environment)
    task = progress.add_task("Warming up")
    expiry = Expiry(session, running.outputs, running.captures)

    def on_outcome(upload: Upload, outcome: Outcome) -> None:
        progress.advance(task)
        expiry.add(upload, outcome)

    def on_step(rate: float, count: int) -> None:
        progress.reset(task, total=count, description=f"{rate:g} uploads/s")

    traffic = ClockedTraffic(session, running.outputs, pictures, on_outcome)
    watch = ProgramWatch(lambda: len(traffic.uploads))
    bodies = [picture.path.read_bytes() for picture in pictures]
    ramp = Ramp(traffic, ByHand(session, THREADS), watch, bodies, on_step)
    with traffic.receiving(), expiry:
        ramp.warm_up()
        steps = list(ramp.steps(load.rates))
        rate = max(1.0, round(LONG_RUN_PART * _sustained(steps)))
        with watch:
            count = max(load.uploads, round(rate * LONG_RUN_S))
            long_run, cpu_ms = ramp.through_flow(rate, count)
    summary = summarise(traffic.uploads.values(), 0)
    return {
        "counts": {name: summary[of_summary] for name, of_summary in COUNTED.items()},
        "processors": os.cpu_count(),
        "pictures": len(pictures),
        "sustained_per_s": _sustained(steps),
        "ratio_p50_flow_to_by_hand": _ratio(steps),
        "steps": [asdict(step) for step in steps],
        "long_run": {**asdict(long_run), "cpu_ms": cpu_ms},
        "growth_limit_mb_per_1000_uploads": STEADY_MB,
        "growth": _growth(watch.samples),
        "memory": [_of_long_run(sample, watch.samples[0]) for sample in watch.samples],
    }


def _sustained(steps: Sequence[Step]) -> float:
    """The highest rate that the flow kept up with; if none, what it achieved at the first."""
    kept_up = [step.flow.asked_per_s for step in steps if step.flow.kept_up]
    return max(kept_up, default=steps[0].flow.achieved_per_s)


def _ratio(steps: Sequence[Step]) -> float | None:
    """How many times the latency by hand an event takes: the median of all steps kept up with."""
    ratios = [
        step.flow.p50_ms / step.by_hand.p50_ms
        for step in steps
        if step.by_hand and step.by_hand.kept_up and step.flow.kept_up
    ]
    return round(statistics.median(ratios), 2) if ratios else None


def _growth(samples: Sequence[Sample]) -> dict[str, dict[str, Any]]:
    """How the memory of each program went that was there from the first sample to the last."""
    programs = set.intersection(*(set(sample.rss_mb) for sample in samples)) - {CLIENT}
    return {
        name: asdict(
            measure_growth([(one.uploads, one.rss_mb[name]) for one in samples], FULL_AFTER)
        )
        for name in sorted(programs)
    }


def _of_long_run(sample: Sample, first: Sample) -> dict[str, Any]:
    memory = {name: round(mb, 1) for name, mb in sample.rss_mb.items() if name != CLIENT}
    return {"uploads": sample.uploads - first.uploads, "rss_mb": memory}


def _print(console: Console, figures: Mapping[str, Any], out: Path) -> None:
    for table in (_step_table(figures), _processor_table(figures), _growth_table(figures)):
        console.print(table)
        console.print()
    for name, value in figures["counts"].items():
        console.print(f"{name.replace('_', ' '):<15}{value}")
    console.print(f"{'kept up with':<15}{figures['sustained_per_s']:g} uploads/s")
    console.print(f"{'p50 to by hand':<15}{figures['ratio_p50_flow_to_by_hand']}")
    console.print(f"\nFigures        {out / 'load.json'}", soft_wrap=True)
    console.print(f"A picture      {out / 'load.html'}", soft_wrap=True)


def _steps_and_long_run(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    long_run = figures["long_run"]
    return [*figures["steps"], {"flow": long_run, "by_hand": None, "cpu_ms": long_run["cpu_ms"]}]


def _step_table(figures: Mapping[str, Any]) -> Table:
    table = _table("Latency from when an upload was due; last the long run", "asked/s")
    for column in ("outcomes/s", "p50 ms", "p95 ms", "p99 ms", "by hand p50", "p99", "kept up"):
        table.add_column(column, justify="right")
    for step in _steps_and_long_run(figures):
        flow, hand = step["flow"], step["by_hand"]
        table.add_row(
            f"{flow['asked_per_s']:g}",
            *(f"{flow[name]:.1f}" for name in ("achieved_per_s", "p50_ms", "p95_ms", "p99_ms")),
            *(f"{hand[name]:.1f}" if hand else "" for name in ("p50_ms", "p99_ms")),
            "yes" if flow["kept_up"] else "[red]no[/]",
        )
    return table


def _processor_table(figures: Mapping[str, Any]) -> Table:
    table = _table("Processor milliseconds of an upload", "asked/s")
    programs = sorted(figures["long_run"]["cpu_ms"])
    for program in programs:
        table.add_column(program, justify="right")
    for step in _steps_and_long_run(figures):
        spent = (f"{step['cpu_ms'].get(program, 0.0):.1f}" for program in programs)
        table.add_row(f"{step['flow']['asked_per_s']:g}", *spent)
    return table


def _growth_table(figures: Mapping[str, Any]) -> Table:
    uploads, limit = figures["long_run"]["calls"], figures["growth_limit_mb_per_1000_uploads"]
    title = f"Memory in MB, {uploads} uploads; over {limit:g} for 1,000 in the second half grows"
    table = _table(title, "program")
    for column in ("first tenth", "middle", "last tenth", "for 1,000 uploads", "grows"):
        table.add_column(column, justify="right")
    for name, growth in figures["growth"].items():
        values = (growth[part] for part in ("first_mb", "middle_mb", "last_mb", "slope_mb"))
        table.add_row(name, *map(str, values), VERDICTS[growth["grows"]])
    return table


def _table(title: str, first: str) -> Table:
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    table.add_column(first)
    return table
