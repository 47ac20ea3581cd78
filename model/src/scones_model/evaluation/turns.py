"""The time that models take, measured in turns: what else the machine does meets them all."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["in_turns"]

_ROUNDS = 30
_CALLS = 20
"""Of each model in a round; a round's figure is their median, which forgets a few slow ones."""


def in_turns(
    models: Sequence[Callable[[], object]], clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Milliseconds that a call of each takes in its quietest round.

    Other work on the machine only adds to a time, so the least is nearest to the model's own. Every
    other round goes through the models backwards; one round before them warms up. `clock` tells
    seconds.
    """
    quietest = [float("inf")] * len(models)
    for turn in range(_ROUNDS + 1):
        for place in range(len(models))[:: -1 if turn % 2 else 1]:
            taken = 1000 * median(_seconds(models[place], clock) for _ in range(_CALLS))
            if turn:
                quietest[place] = min(quietest[place], taken)
    return quietest


def _seconds(call: Callable[[], object], clock: Callable[[], float]) -> float:
    started = clock()
    call()
    return clock() - started
