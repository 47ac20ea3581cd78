"""Measure serving against the same network, of the same weights, in PyTorch.

    python model/bench/serving.py --torch <Python with PyTorch and onnx> [--model <.onnx>]

Each runtime has a process that runs the model alone and one that serves it, with the same program
around it. They take turns, round by round. PyTorch is measured with its own choice of threads and
with one, as each suits another figure.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from contender import HERE, Runtime, started
from http_load import burst, picture_request
from report import save, show
from rich.console import Console
from rich.progress import track

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contender import Contender

OURS = "scones-model"
TOLERANCE = 1e-4
PICTURES, MANY = 32, 8
"""In a batch; connections at once."""


def main(arguments: Sequence[str]) -> int:
    """Measure, print the figures and write them down; status 1 when the answers differ."""
    options = _options(arguments)
    console = Console(highlight=False)
    runtimes = _runtimes(options)
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(started(runtime, options.model))
            for name, runtime in runtimes.items()
        }
        gap = _greatest_gap(list(running.values()))
        if gap > TOLERANCE:
            console.print(f"The runtimes' answers differ by {gap:.2g}: nothing to compare.")
            return 1
        rounds = _take_turns(running, options.rounds, console)
    console.print(f"{options.model}: answers differ by {gap:.1g} at most")
    show(console, rounds, OURS)
    save(options.out, rounds, OURS, {"model": options.model.name, "greatest_difference": gap})
    return 0


def _runtimes(options: argparse.Namespace) -> Mapping[str, Runtime]:
    rival = (options.torch, "pytorch", (str(HERE / "torch_server.py"),))
    return {
        OURS: Runtime(options.python, "onnxruntime", ("-m", "scones_model.serving.serve"), {}),
        "PyTorch": Runtime(*rival, {}),
        "PyTorch, 1 thread": Runtime(*rival, {"OMP_NUM_THREADS": "1"}),
    }


def _greatest_gap(running: Sequence[Contender]) -> float:
    answers = [np.array(each.ask(PICTURES, 0)) for each in running]
    return max(float(np.abs(each - answers[0]).max()) for each in answers)


def _take_turns(
    running: Mapping[str, Contender], rounds: int, console: Console
) -> dict[str, list[dict[str, float]]]:
    """Measure everybody once a round, every other round backwards; the first only warms up."""
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in running}
    for turn in track(range(rounds + 1), "Measuring", console=console, transient=True):
        for name in list(running)[:: -1 if turn % 2 else 1]:
            measured[name].append(_measure(running[name]))
    return {name: of_one[1:] for name, of_one in measured.items()}


def _measure(one: Contender) -> dict[str, float]:
    request = picture_request(32)
    alone, together = one.ask(1, 100), one.ask(PICTURES, 5)
    times, rate = burst(one.port, request, 1, 150)
    _, busy_rate = burst(one.port, request, MANY, 50)
    return {
        "model_ms": 1000 * median(alone),
        "model_p95_ms": 1000 * float(np.quantile(alone, 0.95)),
        "batch_pictures_per_s": PICTURES / median(together),
        "http_ms": 1000 * median(times),
        "http_p95_ms": 1000 * float(np.quantile(times, 0.95)),
        "http_per_s": rate,
        "http_many_per_s": busy_rate,
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=HERE.parent / "weights" / "vehicles.onnx")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--python", default=sys.executable, help="Python with scones-model")
    parser.add_argument("--torch", required=True, help="Python with scones-model and PyTorch")
    parser.add_argument("--out", type=Path, default=Path("build/bench/model.json"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
