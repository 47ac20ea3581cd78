"""What an evaluation found, as plain values: all that cards, gates and registries read of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Bin",
    "Change",
    "Evaluation",
    "Measures",
    "Mistake",
    "ModelFile",
    "Neither",
    "Operation",
]


@dataclass(frozen=True)
class ModelFile:
    """The model that was measured; the fields that are not its own are its metadata's."""

    name: str
    sha256: str
    size_bytes: int
    labels: Sequence[str]
    input_size: tuple[int, int]
    temperature: float
    threshold: float
    command: str
    seed: int


@dataclass(frozen=True)
class Measures:
    """Figures over `images` pictures of the model's own classes.

    `nll` in nats; `ece` over 10 equal-width bins; `accuracy_low` and `accuracy_high` bound the
    accuracy with 95 % (Wilson); `coverage` is the share answered at the model's threshold or more
    confidently, `accepted_accuracy` the accuracy among those, 1 where there are none.
    """

    images: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    nll: float
    ece: float
    coverage: float
    accepted_accuracy: float


@dataclass(frozen=True)
class Operation:
    """What a threshold would do: shares of pictures, accuracy among those accepted with its 95 %.

    Where none is accepted, the accuracy is 1 and its bounds are 0 and 1. `neither_passed` is the
    share of pictures of no class that would be accepted; None without any.
    """

    threshold: float
    coverage: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    errors: int
    neither_passed: float | None


@dataclass(frozen=True)
class Bin:
    """Pictures whose confidence is in [low, high): how many, mean confidence, share right.

    1 is in the last bin; bins without pictures are left out.
    """

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Change:
    """The test pictures, changed one way: `change` names it, `level` says how much."""

    change: str
    level: str
    measures: Measures


@dataclass(frozen=True)
class Neither:
    """Pictures that show none of the classes, and how many passed the threshold all the same.

    `by_class` has (name, pictures, passed) by their own classes, most passed first.
    """

    images: int
    passed: int
    by_class: Sequence[tuple[str, int, int]]


@dataclass(frozen=True)
class Mistake:
    """A picture answered wrongly: `picture` is a small PNG, base64."""

    path: str
    truth: str
    answer: str
    confidence: float
    picture: str


@dataclass(frozen=True)
class Evaluation:
    """A model measured on a data set.

    `test` and all below it are of the test pictures, which nothing was chosen on; `calibration` is
    of those that temperature and threshold were chosen on. `without_copies` leaves out the test
    pictures that nearly copy a training picture; None when there are none. `robustness` is of 2,000
    test pictures at most, evenly from all classes, `mistakes` of the 12 most confident ones.
    `latency_ms` is the median time of one picture through the model, with `threads` threads.
    `confusion` counts [true class][answered class]. `data` counts the pictures of `test`,
    `calibration`, `neither` and, among the test pictures, `near copies`, where there are any.
    """

    model: ModelFile
    data: Mapping[str, int]
    test: Measures
    calibration: Measures | None
    without_copies: Measures | None
    operations: Sequence[Operation]
    reliability: Sequence[Bin]
    confusion: Sequence[Sequence[int]]
    robustness: Sequence[Change]
    neither: Neither | None
    mistakes: Sequence[Mistake]
    latency_ms: float
    threads: int

    def to_json(self) -> str:
        """All of it, indented."""
        return json.dumps(self.to_dict(), indent=2)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON's kinds of values."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain
