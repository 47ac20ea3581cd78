"""Measure statistics and report against Evidently and NannyML, on the same predictions.

    python monitoring/bench/drift_report.py --evidently <its python> --nannyml <its python>

Each gets a frame of confidence, predicted class and window, and one of the same shape to compare
with, and writes what a person would look at. Each has an environment of its own, so that none has
to bend to another's requirements. They take turns, each time in a fresh process.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from figures import save_costs, show_costs, take_turns
from measured import run_fresh
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
OURS, RIVALS = "ours", ("Evidently", "NannyML")
SILENT = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}
"""Without these, both send to their makers who uses them."""


def main(arguments: Sequence[str]) -> None:
    """Make the frames, measure, print the figures and write them down."""
    options = _options(arguments)
    console = Console(highlight=False)
    programs = {
        OURS: (options.python, HERE / "with_ours.py"),
        "Evidently": (options.evidently, HERE / "with_evidently.py"),
        "NannyML": (options.nannyml, HERE / "with_nannyml.py"),
    }
    with TemporaryDirectory() as name:
        frames = Path(name) / "frames.npz"
        _save_frames(frames, options.records, options.windows)
        work = {
            tool: partial(run_fresh, (*program, frames, Path(name) / tool), **SILENT)
            for tool, program in programs.items()
        }
        costs = take_turns(work, options.rounds, console)
    for rival in RIVALS:
        show_costs(console, {tool: costs[tool] for tool in (rival, OURS)}, rival)
    save_costs(options.out, costs, RIVALS, options.records)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--windows", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--evidently", required=True, help="Python with Evidently 0.7")
    parser.add_argument("--nannyml", required=True, help="Python with NannyML 0.13")
    parser.add_argument("--out", type=Path, default=Path("build/bench/monitoring-statistics.json"))
    return parser.parse_args(arguments)


def _save_frames(path: Path, records: int, windows: int) -> None:
    """Write what to compare with, and predictions whose last quarter is less sure."""
    random = np.random.default_rng(0)
    window = np.arange(records) * windows // records
    usual = 1 - random.beta(1, 6, records) / 2
    unsure = 1 - random.beta(1.5, 5, records) / 2
    np.savez(
        path,
        window=window,
        baseline_confidence=1 - random.beta(1, 6, records) / 2,
        baseline_predicted=random.integers(2, size=records),
        baseline_right=random.random(records),
        confidence=np.where(window < windows * 3 // 4, usual, unsure),
        predicted=random.integers(2, size=records),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
