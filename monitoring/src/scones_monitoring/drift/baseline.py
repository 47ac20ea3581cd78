"""What a healthy model does, kept in a file that travels with it.

Made from captures of a time when all was well, hour by hour, or from the predictions on held-out
images that training writes beside the model (CSV: `truth,<label>,<label>...`, a row per image).
The latter know how often a confidence is right, but not how much hours differ.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from scones_monitoring.capture.store import open_store
from scones_monitoring.capture.summarise import Match
from scones_monitoring.capture.summary import Summary, summarise
from scones_monitoring.drift.accuracy import Truth
from scones_monitoring.drift.windows import TOO_FEW, merge_thin_hours
from scones_monitoring.errors import InvalidBaseline, InvalidUsage, NothingReadable
from scones_monitoring.report import Comparison, Estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scones_monitoring.capture.summary import Reading

__all__ = ["FEW_WINDOWS", "Baseline", "estimated_accuracy", "load_baseline"]

VERSION = 1
FEW_WINDOWS = 20
"""With fewer, limits are wider, and false alarms less certainly rare."""
SHRINKAGE = 10
"""How many predictions that are as right as they are sure a bin starts from."""
VALIDATION = "validation"
"""Stands for variant and hour of predictions that were made in training."""

Calibration = tuple[tuple[int, int, float], ...]
"""For each bin of confidence: predictions, right ones, sum of confidences."""


@dataclass(frozen=True)
class Baseline:
    """What is usual.

    Attributes:
        made_from: In words.
        labels: The classes, in class order.
        threshold: The one that the windows' `below` counts.
        windows: Of all variants, each at least `TOO_FEW` predictions unless it is the only one.
        calibration: How often confidences are right, if labels told.
    """

    made_from: str
    labels: tuple[str, ...]
    threshold: float
    windows: tuple[Summary, ...]
    calibration: Calibration | None

    @classmethod
    def from_reading(
        cls,
        reading: Reading,
        made_from: str,
        labels: Sequence[str],
        threshold: float,
        truth: Truth | None,
    ) -> Self:
        """Make a baseline of captured hours.

        Raises:
            InvalidUsage: They hold too few predictions.
        """
        variants = {variant for variant, _ in reading.summaries}
        merged = [w for variant in sorted(variants) for w in merge_thin_hours(reading.of(variant))]
        windows = tuple(window for window in merged if window.records >= TOO_FEW)
        if not windows:
            total = sum(window.records for window in merged)
            raise InvalidUsage(f"A baseline needs at least {TOO_FEW} predictions of a variant, and "
                               f"there are {total}: name captures of more hours.")  # fmt: skip
        calibration = truth.by_bin() if truth else None
        return cls(made_from, tuple(labels), threshold, windows, calibration)

    @classmethod
    def from_predictions(cls, text: str, made_from: str, threshold: float) -> Self:
        """Make a baseline of labelled predictions, in CSV.

        Raises:
            InvalidBaseline: The text is something else.
        """
        try:
            (first, *labels), *rows = csv.reader(io.StringIO(text))
            matrix = np.array([row[1:] for row in rows], dtype=np.float64)
        except ValueError as error:
            raise InvalidBaseline(f"{made_from} is no table of predictions: {error}.") from None
        if first != "truth" or matrix.ndim != 2 or matrix.shape[1] != len(labels) or not rows:  # noqa: PLR2004
            raise InvalidBaseline(f"{made_from} is no table of predictions: it must have the "
                                  "columns truth and one for each label.")  # fmt: skip
        confidences, predicted = matrix.max(axis=1), matrix.argmax(axis=1)
        window = summarise(VALIDATION, VALIDATION, confidences, predicted, len(labels), threshold)
        columns = zip(rows, predicted, confidences, strict=True)
        matches = [Match(VALIDATION, VALIDATION, r[0], int(p), float(c)) for r, p, c in columns]
        truth = Truth(matches, labels)
        return cls(made_from, tuple(labels), threshold, (window,), truth.by_bin())

    def of(self, variant: str) -> tuple[Summary, ...]:
        """The windows to compare a variant with: its own, or else all."""
        return tuple(one for one in self.windows if one.variant == variant) or self.windows

    @property
    def knows_traffic(self) -> bool:
        """Whether it was made of traffic; pictures chosen for training have a mix of their own."""
        return self.windows[0].variant != VALIDATION

    @property
    def whole(self) -> Summary:
        """All windows in one."""
        return sum(self.windows[1:], self.windows[0])

    def compared(self) -> Comparison:
        """What a report says of it."""
        n, right, _ = (
            sum(column) for column in zip(*(self.calibration or [(0, 0, 0)]), strict=True)
        )
        accuracy = right / n if n else None
        return Comparison(self.made_from, len(self.windows), self.whole.records, accuracy)

    def to_json(self) -> str:
        """The file's content."""
        windows = [{**one.to_json(), "least": []} for one in self.windows]
        return json.dumps({"version": VERSION, **asdict(self), "windows": windows}) + "\n"

    @classmethod
    def from_json(cls, text: str, place: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            InvalidBaseline: It is something else.
        """
        try:
            values: Mapping[str, Any] = json.loads(text)
            baseline = cls(
                str(values["made_from"]),
                tuple(map(str, values["labels"])),
                float(values["threshold"]),
                tuple(map(Summary.from_json, values["windows"])),
                _calibration(values["calibration"]),
            )
            baseline._check(values["version"])
        except (ValueError, KeyError, TypeError):
            raise InvalidBaseline(f"{place} is no baseline: make one with `scones-monitor "
                                  "baseline`.") from None  # fmt: skip
        return baseline

    def _check(self, version: object) -> None:
        """Raise ValueError for what no baseline of ours is."""
        sizes = {len(window.classes) for window in self.windows}
        empty = any(window.records < 1 for window in self.windows)
        if version != VERSION or sizes != {len(self.labels)} or empty:
            raise ValueError(version)


def _calibration(rows: Iterable[Sequence[float]] | None) -> Calibration | None:
    return None if rows is None else tuple((int(n), int(right), s) for n, right, s in rows)


def load_baseline(place: str, threshold: float | None) -> Baseline:
    """Read a baseline, or make one of a model's predictions (a name that ends in `.csv`).

    Args:
        place: A file's path or `s3://` address.
        threshold: The one in use; None takes the baseline's, and 0.9 for predictions.

    Raises:
        InvalidBaseline: It cannot be read, or counts another threshold.
    """
    folder, _, name = place.rpartition("/")
    try:
        content = open_store(folder or ("/" if place.startswith("/") else ".")).load(name)
    except (NothingReadable, OSError) as error:
        raise InvalidBaseline(f"The baseline {place} cannot be read: {error}") from None
    if content is None:
        raise InvalidBaseline(f"There is no baseline {place}: make one with `scones-monitor "
                              "baseline`.")  # fmt: skip
    text = content.decode(errors="replace")
    if name.endswith(".csv"):
        return Baseline.from_predictions(text, place, threshold or 0.9)
    baseline = Baseline.from_json(text, place)
    if threshold not in {None, baseline.threshold}:
        raise InvalidBaseline(
            f"The baseline {place} counts what is below {baseline.threshold:g}, not below "
            f"{threshold:g}: make another with --threshold {threshold:g}."
        )
    return baseline


def estimated_accuracy(window: Summary, calibration: Calibration | None) -> Estimate:
    """Accuracy without labels: as often right as sure, corrected by what the baseline's labels say.

    Known as confidence-based performance estimation (CBPE).
    """
    if calibration is None:
        return Estimate(window.mean_confidence, "a confidence of 0.9 is right nine times in ten")
    gaps = [(right - total) / (n + SHRINKAGE) for n, right, total in calibration]
    correction = sum(n * gap for n, gap in zip(window.histogram, gaps, strict=True))
    value = window.mean_confidence + correction / window.records
    assumption = "a confidence is right as often now as it was in the baseline"
    return Estimate(min(max(value, 0.0), 1.0), assumption)
