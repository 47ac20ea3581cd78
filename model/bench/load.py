"""Measure the serving program under load: against a plain server, and against no server at all.

    python model/bench/load.py --torch <Python with PyTorch, onnx and FastAPI> [--model <.onnx>]

The floor is the bare ONNX Runtime session in one process, called by as many threads as the server
would use: on pixels that wait in memory, and on the PNG that a request brings. The rival is FastAPI
and PyTorch with the same weights, with its own choice of threads and with one. They take turns,
round by round; a ratio is the median of the rounds' ratios. With several connections, the time of
a call over HTTP has the wait for the others' in it; that of the floor has not.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from contender import HERE, Runtime, answering, served
from http_load import picture, picture_request, steady
from load_report import save, show
from rich.console import Console
from rich.progress import track

from scones_model.serving.inference import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OURS = "scones-model"
SIDE = 32
CONNECTIONS = (1, 8)

Load = tuple[list[float], float]
"""Seconds of each call, and calls a second."""


def main(arguments: Sequence[str]) -> int:
    """Measure, print the figures and write them down."""
    options = _options(arguments)
    console = Console(highlight=False)
    with ExitStack() as stack:
        contenders = _contenders(options, stack)
        rounds = _take_turns(contenders, options.rounds, options.seconds, console)
    show(console, rounds, OURS, CONNECTIONS)
    save(options.out, rounds, OURS, {"model": options.model.name, "seconds": options.seconds})
    return 0


def _contenders(
    options: argparse.Namespace, stack: ExitStack
) -> Mapping[str, Callable[[int, float], Load]]:
    """Start all; each is then called with a number of connections and the seconds to last."""
    floor = (options.python, HERE / "bare_session.py", options.model)
    to_floor, from_floor = stack.enter_context(answering(floor, os.environ))
    print(base64.b64encode(picture(SIDE)).decode(), file=to_floor, flush=True)
    ours = Runtime(options.python, "onnxruntime", ("-m", "scones_model.serving.serve"), {})
    rival = (options.torch, "pytorch", (str(HERE / "fastapi_server.py"),))
    servers = {
        OURS: ours,
        # Threads that spin as they wait make it many times slower on a machine that is busy.
        "FastAPI + PyTorch": Runtime(*rival, {"OMP_WAIT_POLICY": "PASSIVE"}),
        "... 1 thread": Runtime(*rival, {"OMP_NUM_THREADS": "1"}),
    }
    over_http = {
        name: partial(_over_http, stack.enter_context(served(runtime, options.model)))
        for name, runtime in servers.items()
    }
    return {
        **over_http,
        "bare session": partial(_bare, to_floor, from_floor, False),
        "... from PNG": partial(_bare, to_floor, from_floor, True),
    }


def _over_http(port: int, connections: int, seconds: float) -> Load:
    return steady(port, picture_request(SIDE), connections, seconds)


def _bare(
    to_floor: IO[str], from_floor: IO[str], decode: bool, connections: int, seconds: float
) -> Load:
    callers = min(connections, threads())
    asked = {"callers": callers, "seconds": seconds, "decode": decode}
    print(json.dumps(asked), file=to_floor, flush=True)
    answer = json.loads(from_floor.readline())
    return answer["times"], answer["per_s"]


def _take_turns(
    contenders: Mapping[str, Callable[[int, float], Load]],
    rounds: int,
    seconds: float,
    console: Console,
) -> dict[str, list[dict[str, float]]]:
    """Measure everybody once a round, every other round backwards; the first only warms up."""
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    for turn in track(range(rounds + 1), "Measuring", console=console, transient=True):
        for name in list(contenders)[:: -1 if turn % 2 else 1]:
            measured[name].append(_measured(contenders[name], seconds))
    return {name: of_one[1:] for name, of_one in measured.items()}


def _measured(contender: Callable[[int, float], Load], seconds: float) -> dict[str, float]:
    figures = {}
    for connections in CONNECTIONS:
        times, rate = contender(connections, seconds)
        median, late = np.quantile(times, (0.5, 0.99))
        figures[f"per_s, {connections}"] = rate
        figures[f"p50_ms, {connections}"] = 1000 * float(median)
        figures[f"p99_ms, {connections}"] = 1000 * float(late)
    return figures


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=HERE.parent / "weights" / "vehicles.onnx")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--python", default=sys.executable, help="Python with scones-model")
    parser.add_argument("--torch", required=True, help="Python with PyTorch, onnx and FastAPI")
    parser.add_argument("--out", type=Path, default=Path("build/bench/serving-load.json"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
