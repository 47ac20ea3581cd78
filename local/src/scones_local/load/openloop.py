"""Calls that start on a clock, however long the earlier ones take.

A closed loop asks again once it has its answer: when the system stalls it asks less, and the waits
of those who would have come meanwhile are in no figure (coordinated omission). Here each call has
a time at which it is due. Its latency counts from then, also where no thread was free to start it.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["THREADS", "call_on_clock", "due_times"]

THREADS = 64
"""Calls under way at once; those that find no thread wait for one, and their latency with them."""


def due_times(start: float, rate: float, calls: int) -> list[float]:
    """When each of `calls` calls is due, `rate` of them a second, the first at `start`."""
    return [start + number / rate for number in range(calls)]


def call_on_clock(call: Callable[[int, float], None], dues: Sequence[float]) -> None:
    """Call `call(number, due)` at each of the times, in epoch seconds; return when all returned.

    Raises:
        Exception: What the first call that failed raised; the others are made all the same.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        calls = []
        for number, due in enumerate(dues):
            time.sleep(max(0.0, due - time.time()))
            calls.append(pool.submit(call, number, due))
    for each in calls:
        each.result()
