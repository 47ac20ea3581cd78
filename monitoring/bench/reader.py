"""Measure the reader against a plain `json.loads` loop on the same generated captures.

    python monitoring/bench/reader.py
    python monitoring/bench/reader.py --records 1000000 --memory

The ways take turns, each time in a fresh process; the ratios of their medians are what holds on
any machine. With `--memory` the captures are summarised once, while resident memory is watched.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from figures import save_costs, show_costs, take_turns
from generated import generate_captures
from measured import child_environment, run_fresh
from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

WORK = Path(__file__).with_name("reading.py")
AS_COMMAND_LINE = {"OPENBLAS_NUM_THREADS": "1"}
"""What `scones-monitor` sets too."""
BASELINE = "plain json.loads loop"
WAYS = {
    BASELINE: "json",
    "our reader": "reader",
    "with summaries": "counted",
    "with summaries, all cores": "summarise",
}


def main(arguments: Sequence[str]) -> None:
    """Generate captures, measure, print the figures and write them down."""
    options = _options(arguments)
    console = Console(highlight=False)
    with TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        _generate(folder, options.records, console)
        if options.memory:
            command = (options.python, WORK, "memory", folder)
            subprocess.run(command, env=child_environment(), check=True)
            return
        work = {
            name: partial(run_fresh, (options.python, WORK, way, folder), **AS_COMMAND_LINE)
            for name, way in WAYS.items()
        }
        for measure in work.values():
            measure()  # files into the machine's memory, modules compiled
        costs = take_turns(work, options.rounds, console)
    show_costs(console, costs, BASELINE)
    save_costs(options.out, costs, [BASELINE], options.records)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--folder", help="where to generate; else where temporary files go")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--out", type=Path, default=Path("build/bench/monitoring-reader.json"))
    return parser.parse_args(arguments)


def _generate(folder: Path, records: int, console: Console) -> None:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Captures", total=records)
        generate_captures(folder, records, lambda count: progress.advance(task, count))


if __name__ == "__main__":
    main(sys.argv[1:])
