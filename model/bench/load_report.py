"""The figures of the load benchmark: what each reached, and ours beside it in the same round."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

__all__ = ["save", "show"]

Rounds = Mapping[str, Sequence[Mapping[str, float]]]
"""For each contender, the figures of every round."""


def show(console: Console, rounds: Rounds, ours: str, connections: Sequence[int]) -> None:
    """Print medians; beside rate and p99, ours divided by it, with the range of the rounds."""
    for many in connections:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for title in (f"{many} at once", "a second", "ours", "p50 ms", "p99 ms", "ours"):
            table.add_column(title, justify="right", no_wrap=True)
        ratios = [_ratios(rounds, ours, f"{figure}, {many}") for figure in ("per_s", "p99_ms")]
        for name, of_one in rounds.items():
            rate, middle, late = (
                _number(median(each[f"{figure}, {many}"] for each in of_one))
                for figure in ("per_s", "p50_ms", "p99_ms")
            )
            better, later = (each[name] for each in ratios)
            own = name == ours
            compared = ("", "") if own else (_range(better), f"{_number(median(later))}x")
            table.add_row(name, rate, compared[0], middle, late, compared[1])
        console.print(table)
    load = os.getloadavg()[0]
    console.print(f"{len(rounds[ours])} rounds, {os.cpu_count()} cores, load {load:.1f}")


def save(path: Path, rounds: Rounds, ours: str, about: Mapping[str, object]) -> None:
    """Write every measurement, and the ratios of ours to each, as JSON."""
    figures = list(rounds[ours][0])
    document = {
        **about,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "ours_to_theirs": {
            figure: {name: median(each) for name, each in _ratios(rounds, ours, figure).items()}
            for figure in figures
        },
        "measured": rounds,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def _ratios(rounds: Rounds, ours: str, figure: str) -> dict[str, list[float]]:
    return {
        name: [own[figure] / other[figure] for own, other in zip(rounds[ours], of_one, strict=True)]
        for name, of_one in rounds.items()
    }


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"  # noqa: PLR2004


def _range(ratios: Sequence[float]) -> str:
    return f"{_number(median(ratios))}x ({_number(min(ratios))}-{_number(max(ratios))})"
