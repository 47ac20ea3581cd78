"""Everything the charts need to know of many predictions, in a few hundred numbers.

Summaries of the same variant add up: that of a whole is the sum of those of its parts, to the last
digit, however it was divided. So they are kept as whole numbers; a confidence counts in units of
`QUANTUM`, which is finer than float32 tells confidences apart.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from scones_monitoring.capture.columns import Records

__all__ = ["BINS", "EDGES", "UNREADABLE", "Least", "Malformed", "Reading", "Summary", "Tally"]

BINS = 50
EDGES = tuple(number / BINS for number in range(BINS + 1))
QUANTUM = 1e-7
LEAST = 12
"""How many of the least confident predictions a summary remembers."""
ENOUGH = 16_384
"""Records that are counted at once: many, and few enough for sums of squares in 64 bits."""
UNREADABLE = "the file cannot be read"
LISTED = 20
"""How many malformed lines are listed; all are counted."""


class Least(NamedTuple):
    """One of the least confident predictions, and where it lies; they order by confidence."""

    confidence: float
    file: str
    offset: int
    predicted: int


@dataclass(frozen=True)
class Summary:
    """Predictions of one variant in the hours from `first` to `last`.

    Attributes:
        variant: The production variant.
        first: UTC hour, `2026-11-22T10`.
        last: UTC hour, not before `first`.
        records: How many predictions.
        below: How many have a confidence below the threshold.
        total: Sum of the confidences, in units of `QUANTUM`.
        squares: Sum of their squares, in units of its square.
        classes: How often each class was predicted; its length is the number of classes.
        histogram: How many confidences lie in each of `BINS` bins of [0, 1], closed on the left.
        least: The least confident.
    """

    variant: str
    first: str
    last: str
    records: int
    below: int
    total: int
    squares: int
    classes: tuple[int, ...]
    histogram: tuple[int, ...]
    least: tuple[Least, ...] = ()

    def __add__(self, other: Summary) -> Summary:
        return Summary(
            self.variant,
            min(self.first, other.first),
            max(self.last, other.last),
            self.records + other.records,
            self.below + other.below,
            self.total + other.total,
            self.squares + other.squares,
            _added(self.classes, other.classes),
            _added(self.histogram, other.histogram),
            tuple(nsmallest(LEAST, self.least + other.least)),
        )

    @property
    def mean_confidence(self) -> float:
        """Mean of the confidences; there must be a record."""
        return self.total * QUANTUM / self.records

    @property
    def confidence_variance(self) -> float:
        """Variance of the confidences."""
        spread = self.squares * self.records - self.total * self.total
        return spread * QUANTUM**2 / self.records**2

    def to_json(self) -> dict[str, Any]:
        """Plain values, named as the attributes."""
        return {**vars(self), "least": [list(one) for one in self.least]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; raises KeyError or TypeError where that is something else."""
        counts = {name: tuple(map(int, values[name])) for name in ("classes", "histogram")}
        least = tuple(Least(*one) for one in values["least"])
        return cls(**{**values, **counts, "least": least})


def _added(these: tuple[int, ...], those: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip_longest(these, those, fillvalue=0))


def summarise(  # noqa: PLR0913, PLR0917 - the columns of a table
    variant: str,
    hour: str,
    confidences: NDArray[np.float64],
    predicted: NDArray[np.intp],
    classes: int,
    threshold: float,
) -> Summary:
    """Summarise predictions of one hour, at most about 90,000 at once."""
    quanta = np.rint(confidences / QUANTUM).astype(np.int64)
    places = np.searchsorted(EDGES, confidences, side="right") - 1
    return Summary(
        variant,
        hour,
        hour,
        len(confidences),
        int(np.count_nonzero(confidences < threshold)),
        int(quanta.sum()),
        int((quanta * quanta).sum()),
        tuple(np.bincount(predicted, minlength=classes).tolist()),
        tuple(np.bincount(np.minimum(places, BINS - 1), minlength=BINS).tolist()),
    )


@dataclass(frozen=True)
class Malformed:
    """Lines that are no captured predictions: how many for each reason, and where the first lie."""

    reasons: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[tuple[str, int, str], ...] = ()

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.reasons.values())

    def __add__(self, other: Malformed) -> Malformed:
        names = sorted({*self.reasons, *other.reasons})
        reasons = {name: self.reasons.get(name, 0) + other.reasons.get(name, 0) for name in names}
        return Malformed(reasons, tuple(nsmallest(LISTED, self.lines + other.lines)))


@dataclass(frozen=True)
class Reading:
    """What came of reading capture files; readings of parts add up to that of the whole.

    Attributes:
        summaries: One for each variant and hour, by those two.
        malformed: The lines that are no captured predictions.
    """

    summaries: Mapping[tuple[str, str], Summary] = field(default_factory=dict)
    malformed: Malformed = field(default_factory=Malformed)

    def __add__(self, other: Reading) -> Reading:
        summaries = dict(self.summaries)
        for key, summary in other.summaries.items():
            summaries[key] = summaries[key] + summary if key in summaries else summary
        return Reading(dict(sorted(summaries.items())), self.malformed + other.malformed)

    def within(self, first: str | None, last: str | None) -> Reading:
        """Only the hours from `first` up to, and without, `last`; malformed lines have no hour."""
        kept = {
            key: summary
            for key, summary in self.summaries.items()
            if (first is None or summary.first >= first) and (last is None or summary.last < last)
        }
        return Reading(kept, self.malformed)

    def of(self, variant: str) -> list[Summary]:
        """A variant's hours, in their order."""
        return [summary for (name, _), summary in sorted(self.summaries.items()) if name == variant]

    def to_json(self) -> dict[str, Any]:
        """Plain values for `from_json`."""
        return {
            "summaries": [summary.to_json() for summary in self.summaries.values()],
            "malformed": {"reasons": self.malformed.reasons, "lines": self.malformed.lines},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; raises KeyError or TypeError where that is something else."""
        summaries = [Summary.from_json(each) for each in values["summaries"]]
        lines = tuple((file, offset, why) for file, offset, why in values["malformed"]["lines"])
        malformed = Malformed(values["malformed"]["reasons"], lines)
        return cls({(each.variant, each.first): each for each in summaries}, malformed)


class Tally:
    """Counts records as they are read, some thousands at once."""

    def __init__(self, variant: str, threshold: float) -> None:
        self._variant = variant
        self._threshold = threshold
        self._reading = Reading()
        self._waiting: defaultdict[str, _Hour] = defaultdict(_Hour)

    def add(self, records: Records) -> None:
        """Count these too."""
        for hour, rows in _by_hour(records.hours).items():
            waiting = self._waiting[hour]
            waiting.add(records, rows)
            if waiting.records >= ENOUGH:
                self._count(hour, self._waiting.pop(hour))
        if records.malformed:
            lines = [(*records.place(start), reason) for start, reason in records.malformed]
            self._reading += Reading({}, malformed(lines))

    def refuse(self, file: str) -> None:
        """Count a file that cannot be read at all."""
        self._reading += Reading({}, malformed([(file, 0, UNREADABLE)]))

    def reading(self) -> Reading:
        """What came of all that was added."""
        while self._waiting:
            self._count(*self._waiting.popitem())
        return self._reading

    def _count(self, hour: str, waiting: _Hour) -> None:
        summary = waiting.summary(self._variant, hour, self._threshold)
        self._reading += Reading({(self._variant, hour): summary})


@dataclass
class _Hour:
    """Records of one hour that wait to be counted together."""

    records: int = 0
    classes: int = 0
    confidences: list[NDArray[np.float64]] = field(default_factory=list)
    predicted: list[NDArray[np.intp]] = field(default_factory=list)
    least: list[Least] = field(default_factory=list)
    bar: float = 2.0  # a confidence over it is not among the least

    def add(self, records: Records, rows: NDArray[np.intp]) -> None:
        confidences, predicted = records.confidences[rows], records.predicted[rows]
        self.records += len(rows)
        self.classes = max(self.classes, records.classes)
        self.confidences.append(confidences)
        self.predicted.append(predicted)
        low = np.flatnonzero(confidences <= self.bar)
        if len(low) > LEAST:
            low = low[confidences[low] <= np.partition(confidences[low], LEAST)[LEAST]]
        for row in low:
            place = records.place(records.starts[rows[row]])
            self.least.append(Least(float(confidences[row]), *place, int(predicted[row])))
        if len(low):
            self.least = nsmallest(LEAST, self.least)
            self.bar = self.least[-1].confidence if len(self.least) == LEAST else 2.0

    def summary(self, variant: str, hour: str, threshold: float) -> Summary:
        confidences, predicted = np.concatenate(self.confidences), np.concatenate(self.predicted)
        plain = summarise(variant, hour, confidences, predicted, self.classes, threshold)
        return replace(plain, least=tuple(self.least))


def malformed(lines: Iterable[tuple[str, int, str]]) -> Malformed:
    """Count malformed lines, each a file, an offset and a reason."""
    every = sorted(lines)
    reasons: defaultdict[str, int] = defaultdict(int)
    for *_, reason in every:
        reasons[reason] += 1
    return Malformed(dict(sorted(reasons.items())), tuple(every[:LISTED]))


def _by_hour(hours: list[str]) -> dict[str, NDArray[np.intp]]:
    if hours and hours.count(hours[0]) == len(hours):
        return {hours[0]: np.arange(len(hours))}
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row, hour in enumerate(hours):
        rows[hour].append(row)
    return {hour: np.array(of_hour) for hour, of_hour in rows.items()}
