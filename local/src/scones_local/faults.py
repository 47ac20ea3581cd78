"""Which faults are injected now: a file that the chaos program changes while the stack runs."""

from __future__ import annotations

import json
import logging
import os
import threading
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["ENDPOINT_FAULTS", "ENGINE_FAULTS", "PLAN", "Faults", "read_plan"]

LOGGER = logging.getLogger(__name__)
PLAN = "faults.json"
"""File in the faults' folder: `{"seed": 7, "lambda-crash": 0.05, "lambda-crash:filter": 1}`."""
ENGINE_FAULTS = (
    "lambda-crash", "lambda-timeout", "event-delay", "event-duplicate", "execution-twice",
    "s3-denied", "s3-unavailable", "bus-refuses", "queue-refuses", "ledger-refuses",
    "ledger-forgets",
)  # fmt: skip
ENDPOINT_FAULTS = (
    "endpoint-slow", "endpoint-throttles", "endpoint-fails", "endpoint-malformed",
    "endpoint-denied",
)  # fmt: skip
SEED = "seed"


class Faults:
    """The faults of a folder's plan, drawn by their shares.

    Each fault has a generator of its own, begun anew with each plan: the n-th call that could
    meet it does or does not, whatever other faults there are.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / PLAN
        self._seen: tuple[int, int, int] | None = None
        self._shares: Mapping[str, float] = {}
        self._generators: dict[str, Random] = {}
        self._lock = threading.Lock()

    def first(self, faults: Iterable[str], place: str = "") -> str | None:
        """The first of these faults that strikes now, if one does.

        Args:
            faults: Their names, without a place.
            place: The name of what would be hit: `fault:filter` hits only names ending in
                `-filter`, `fault` hits all.
        """
        with self._lock:
            self._read_when_changed()
            if not self._shares:
                return None
            return next((fault for fault in faults if self._strikes(fault, place)), None)

    def between(self, low: float, high: float) -> float:
        """A number to vary a fault with."""
        with self._lock:
            return self._generator("").uniform(low, high)

    def _strikes(self, fault: str, place: str) -> bool:
        named = (f"{fault}:{end}" for end in _ends(place))
        chances = [name for name in (fault, *named) if name in self._shares]
        return any(self._generator(name).random() < self._shares[name] for name in chances)

    def _generator(self, name: str) -> Random:
        if name not in self._generators:
            seed = self._shares.get(SEED, 0)
            self._generators[name] = Random(f"{seed}:{name}")  # noqa: S311 - nothing secret
        return self._generators[name]

    def _read_when_changed(self) -> None:
        seen = _version(self._path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._shares = read_plan(self._path.read_bytes())
        except FileNotFoundError:
            self._shares = {}
        except ValueError as error:
            LOGGER.warning("%s is left out: %s", self._path, error)
            return
        self._generators.clear()


def _version(path: Path) -> tuple[int, int, int] | None:
    with suppress(FileNotFoundError):
        status = os.stat(path)  # noqa: PTH116 - of every call: a quarter of Path.stat's time
        return status.st_ino, status.st_mtime_ns, status.st_size
    return None


def _ends(place: str) -> Iterator[str]:
    """Of `scones-local-dead-letter`: `local-dead-letter`, `dead-letter`, `letter`."""
    while "-" in place:
        place = place.partition("-")[2]
        yield place


def read_plan(text: bytes) -> dict[str, float]:
    """Check a plan.

    Raises:
        ValueError: It is no JSON object of known faults with shares from 0 to 1, and a seed.
    """
    plan: Any = json.loads(text)
    if not isinstance(plan, dict):
        raise ValueError("a plan is a JSON object")  # noqa: TRY004 - JSON's fault, not a caller's
    for name, value in plan.items():
        if name != SEED and name.partition(":")[0] not in {*ENGINE_FAULTS, *ENDPOINT_FAULTS}:
            raise ValueError(f"there is no fault {name!r}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{name}: {value!r} is no number")  # noqa: TRY004 - as above
        if name != SEED and not 0 <= value <= 1:
            raise ValueError(f"{name}: {value!r} is no share from 0 to 1")
    return plan
