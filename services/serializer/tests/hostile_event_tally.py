"""How many distinct inputs a run of hostile ones had, and how each ended."""

from __future__ import annotations

import hashlib
import marshal
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import HealthCheck, seed, settings

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Tally", "fuzzed"]

Test = TypeVar("Test", bound="Callable[..., None]")

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
"""Made-up inputs for each property; `make fuzz` asks for more."""
SEED = os.environ.get("FUZZ_SEED", "0")
"""A number, or `random`."""


def fuzzed(test: Test) -> Test:
    """Run a property on so many made-up inputs: the same ones for the same seed."""
    made = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )(test)
    return made if SEED == "random" else seed(int(SEED))(made)


@dataclass
class Tally:
    """Counts inputs once, and outcomes by their name."""

    inputs: set[bytes] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, made: Any, outcome: str) -> None:
        """Count an input; marshal knows every JSON value, unpaired surrogates too."""
        self.inputs.add(hashlib.sha256(marshal.dumps(made)).digest())
        self.outcomes[outcome] += 1

    def __str__(self) -> str:
        told = ", ".join(f"{name} {count}" for name, count in sorted(self.outcomes.items()))
        return f"{len(self.inputs)} distinct inputs, seed {SEED}: {told}"
