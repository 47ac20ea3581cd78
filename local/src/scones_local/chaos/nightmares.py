"""What happens to processes while a chaos run uploads: some are killed, again and again."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

__all__ = ["NIGHTMARES", "Nightmare", "nightmares"]

SERVING = "scones_model.serving.serve"
WORKER = "awslambdaric"


@dataclass(frozen=True)
class Nightmare:
    """One kind of process dies.

    Attributes:
        fault: Its name where injected faults are counted.
        program: A word of the command line of those that die; one at a time.
        pause_s: Shortest and longest pause before the next.
        forks: Whether forks of such a process die, and not itself.
    """

    fault: str
    program: str
    pause_s: tuple[float, float]
    forks: bool = False


NIGHTMARES = {
    "endpoint-killed": Nightmare("endpoint-killed", SERVING, (5, 12)),
    "endpoint-killed now and then": Nightmare("endpoint-killed", SERVING, (10, 30)),
    "workers-killed": Nightmare("workers-killed", WORKER, (0.3, 1.5)),
    "decoders-killed": Nightmare("decoders-killed", WORKER, (0.01, 0.05), forks=True),
    "workers-killed now and then": Nightmare("workers-killed", WORKER, (3, 8)),
}


@contextmanager
def nightmares(names: Sequence[str], chance: random.Random) -> Iterator[Counter[str]]:
    """Have these happen while the context is open; yields how often each did."""
    waking = threading.Event()
    counts: Counter[str] = Counter()
    dreams = [
        threading.Thread(target=_dream, args=(NIGHTMARES[name], chance, waking, counts))
        for name in names
    ]
    for dream in dreams:
        dream.start()
    try:
        yield counts
    finally:
        waking.set()
        for dream in dreams:
            dream.join()


def _dream(
    nightmare: Nightmare, chance: random.Random, waking: threading.Event, counts: Counter[str]
) -> None:
    while not waking.is_set():
        running = _running(nightmare)
        if running:
            with suppress(psutil.NoSuchProcess):
                chance.choice(running).kill()
                counts[nightmare.fault] += 1
        waking.wait(chance.uniform(*nightmare.pause_s))


def _running(nightmare: Nightmare) -> list[psutil.Process]:
    """Our descendants that run its program, or their forks: never somebody else's process."""
    found = {}
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if nightmare.program in child.cmdline():
                found[child.pid] = (child, child.ppid())
    return [child for child, parent in found.values() if (parent in found) == nightmare.forks]
