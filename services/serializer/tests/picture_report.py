"""What came of all the pictures that a serializer process was sent."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.serializer.tests.serializer_process import Ended, SerializerProcess

__all__ = ["Report"]


@dataclass
class Report:
    """Counts pictures once each, and keeps the worst."""

    process: SerializerProcess
    seed: int
    seen: set[bytes] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0, "")
    peaks: dict[str, int] = field(default_factory=dict)

    def is_new(self, body: bytes) -> bool:
        """Tell whether no such picture was sent yet."""
        return hashlib.sha256(body).digest() not in self.seen

    def send(self, name: str, body: bytes) -> Ended:
        """Send a picture to the process and note what comes of it."""
        ended = self.process.examine(name, body)
        self.seen.add(hashlib.sha256(body).digest())
        self.outcomes[ended.outcome] += 1
        self.slowest = max(self.slowest, (ended.seconds, name))
        self.peaks = {of: max(peak, self.peaks.get(of, 0)) for of, peak in ended.peaks.items()}
        if "decoder crashed" in ended.reason:
            self.crashes.append(name)
        return ended

    def __str__(self) -> str:
        lines = [f"{len(self.seen):,} distinct pictures, seed {self.seed}"]
        lines += [f"{count:7,} {name}" for name, count in self.outcomes.most_common()]
        lines += [f"slowest: {self.slowest[0]:.2f} s, {self.slowest[1]}"]
        lines += [f"peak while {of}: {peak / 1e6:.0f} MB" for of, peak in self.peaks.items()]
        lines += [f"crashed its decoder: {name}" for name in self.crashes]
        return "\n".join(lines)
