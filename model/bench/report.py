"""The figures of the serving benchmark: medians over rounds, and how many times better ours is."""

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

FIGURES = {
    "model_ms": "model, ms",
    "model_p95_ms": "  95th percentile",
    "batch_pictures_per_s": "  32 at once, a second",
    "http_ms": "HTTP, ms",
    "http_p95_ms": "  95th percentile",
    "http_per_s": "  1 connection, a second",
    "http_many_per_s": "  8 connections, a second",
}

Rounds = Mapping[str, Sequence[Mapping[str, float]]]
"""For each runtime, the figures of every round."""


def show(console: Console, rounds: Rounds, ours: str) -> None:
    """Print a table; beside each rival's figure, how many times better ours is."""
    middle, better = _medians(rounds), _times_better(rounds, ours)
    table = Table(box=None, pad_edge=False)
    table.add_column("medians", no_wrap=True)
    for name in rounds:
        table.add_column(name, justify="right", no_wrap=True)
        if name != ours:
            table.add_column("ours", justify="right")
    for figure, title in FIGURES.items():
        cells = []
        for name in rounds:
            cells.append(_number(middle[name][figure]))
            if name != ours:
                cells.append(f"{better[name][figure]:.1f}x")
        table.add_row(title, *cells)
    console.print(table)
    console.print(f"{len(rounds[ours])} rounds, {os.cpu_count()} cores, load {_load():.1f}")


def save(path: Path, rounds: Rounds, ours: str, about: Mapping[str, object]) -> None:
    """Write every measurement, medians and ratios as JSON."""
    document = {
        **about,
        "cores": os.cpu_count(),
        "load": _load(),
        "median": _medians(rounds),
        "times_better_than": _times_better(rounds, ours),
        "measured": rounds,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def _medians(rounds: Rounds) -> dict[str, dict[str, float]]:
    return {
        name: {figure: median(each[figure] for each in of_one) for figure in FIGURES}
        for name, of_one in rounds.items()
    }


def _times_better(rounds: Rounds, ours: str) -> dict[str, dict[str, float]]:
    """Less for milliseconds, more for what is done in a second."""
    middle = _medians(rounds)
    return {
        name: {
            figure: value / middle[ours][figure]
            if figure.endswith("_ms")
            else middle[ours][figure] / value
            for figure, value in of_one.items()
        }
        for name, of_one in middle.items()
        if name != ours
    }


def _load() -> float:
    return round(os.getloadavg()[0], 2)


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004
