"""The figures of a benchmark: medians, and how many times less than the baseline, for people."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from statistics import median
from typing import TYPE_CHECKING

from rich.progress import Progress
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from measured import Cost
    from rich.console import Console

__all__ = ["save_costs", "show_costs", "take_turns"]

FIGURES = {"cpu_s": "CPU s", "work_s": "no start", "wall_s": "wall s", "peak_mb": "peak MB"}


def take_turns(
    work: Mapping[str, Callable[[], Cost]], rounds: int, console: Console
) -> dict[str, list[Cost]]:
    """Do every piece of work once a round, so that what else the machine does meets them all."""
    costs: dict[str, list[Cost]] = {name: [] for name in work}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=rounds * len(work))
        for _ in range(rounds):
            for name, measure in work.items():
                progress.update(task, description=name)
                costs[name].append(measure())
                progress.advance(task)
    return costs


def _middle(costs: Sequence[Cost]) -> dict[str, float]:
    return {name: median(getattr(cost, name) for cost in costs) for name in FIGURES}


def _less(costs: Mapping[str, Sequence[Cost]], than: str) -> dict[str, dict[str, float]]:
    middles = {name: _middle(of_one) for name, of_one in costs.items()}
    return {
        name: {figure: round(middles[than][figure] / value, 2) for figure, value in middle.items()}
        for name, middle in middles.items()
    }


def show_costs(console: Console, costs: Mapping[str, Sequence[Cost]], baseline: str) -> None:
    """Print a table; each column of ratios says how many times less than the baseline."""
    table = Table(box=None, pad_edge=False)
    table.add_column("medians", no_wrap=True)
    for title in FIGURES.values():
        table.add_column(title, justify="right")
        table.add_column("less", justify="right")
    less = _less(costs, baseline)
    for name, of_one in costs.items():
        cells = [
            (f"{value:.2f}", f"{less[name][key]:.1f}x") for key, value in _middle(of_one).items()
        ]
        table.add_row(name, *(cell for pair in cells for cell in pair))
    console.print(table)
    for name, of_one in costs.items():
        console.print(f"{name}: {json.dumps(of_one[-1].result)}")
    console.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def save_costs(
    path: Path, costs: Mapping[str, Sequence[Cost]], baselines: Sequence[str], records: int
) -> None:
    """Write every measurement, medians and ratios as JSON."""
    document = {
        "records": records,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "median": {name: _middle(of_one) for name, of_one in costs.items()},
        "times_less_than": {baseline: _less(costs, baseline) for baseline in baselines},
        "measured": {name: [asdict(cost) for cost in of_one] for name, of_one in costs.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
