"""The report: one object, which the page, Markdown and metrics show in their ways.

Its JSON (`report.json`) is these classes, field by field. Shares, confidences and accuracies are
from 0 to 1; hours are UTC, `2026-11-22T10`; a window ends with the hour it names last.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "WORST_FIRST",
    "Chart",
    "Comparison",
    "Distance",
    "Estimate",
    "GalleryImage",
    "Histogram",
    "LabelledAccuracy",
    "MalformedLine",
    "Period",
    "Point",
    "RecordCounts",
    "ReliabilityBin",
    "Report",
    "Share",
    "ThresholdFigures",
    "VariantReport",
    "Verdict",
    "Window",
]


class Verdict(StrEnum):
    """Whether the model can still be trusted."""

    OK = "OK"
    WARNING = "WARNING"
    ALARM = "ALARM"
    NOT_ENOUGH_DATA = "NOT ENOUGH DATA"
    NOT_COMPARED = "NOT COMPARED"  # there was no baseline


WORST_FIRST = (
    Verdict.ALARM,
    Verdict.WARNING,
    Verdict.OK,
    Verdict.NOT_COMPARED,
    Verdict.NOT_ENOUGH_DATA,
)


@dataclass(frozen=True)
class Share:
    """A share with its 95 % Wilson interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """Accuracy without labels (CBPE); right only as long as the assumption holds."""

    value: float
    assumption: str


@dataclass(frozen=True)
class Period:
    """First and last hour of which there are records."""

    first: str
    last: str


@dataclass(frozen=True)
class RecordCounts:
    """How many captured predictions were read, and how many lines are none."""

    read: int
    malformed: int


@dataclass(frozen=True)
class MalformedLine:
    """Where a line lies that is no captured prediction, and why it is none."""

    file: str
    offset: int
    reason: str


@dataclass(frozen=True)
class Comparison:
    """What the captures were compared with.

    Attributes:
        made_from: In words: which captures, or which predictions.
        windows: How many windows it has; fewer than 20 make wider limits.
        records: How many predictions.
        accuracy: Its accuracy, where it has labels.
    """

    made_from: str
    windows: int
    records: int
    accuracy: float | None


@dataclass(frozen=True)
class Point:
    """A window's value on a control chart; limits are None where it was not judged."""

    value: float
    low: float | None
    high: float | None
    outside: bool


@dataclass(frozen=True)
class Chart:
    """One control chart of one variant; `points` go with the variant's `windows`.

    Attributes:
        key: `below_threshold`, `confidence`, or `share:<label>`.
        name: What it shows, in words.
        center: The baseline's mean, None without a baseline.
        points: One for each window.
    """

    key: str
    name: str
    center: float | None
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Distance:
    """A distance between distributions, and the limit for this many records (None: no baseline)."""

    value: float
    limit: float | None


@dataclass(frozen=True)
class Window:
    """One or more consecutive hours of one variant, judged together.

    Attributes:
        first: Its first hour.
        last: Its last hour.
        records: How many predictions.
        verdict: Of this window.
        reason: In words.
        below_threshold: Share of predictions that a person would have to look at.
        mean_confidence: Mean of the greatest probabilities.
        estimated_accuracy: CBPE.
        psi: Population stability index of the confidence; shown, never an alarm alone.
        ks: Kolmogorov-Smirnov distance of the confidence; likewise.
        cusum: The greatest cumulative sum of its charts; past `CUSUM_LIMIT` is an alarm.
    """

    first: str
    last: str
    records: int
    verdict: Verdict
    reason: str
    below_threshold: Share
    mean_confidence: float
    estimated_accuracy: float
    psi: Distance | None
    ks: Distance | None
    cusum: float | None


@dataclass(frozen=True)
class VariantReport:
    """What one production variant did."""

    variant: str
    verdict: Verdict
    reason: str
    records: int
    below_threshold: Share
    mean_confidence: float
    estimated_accuracy: Estimate
    class_shares: Mapping[str, float]
    windows: tuple[Window, ...]
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class Histogram:
    """Shares of predictions by confidence; bin i reaches from `edges[i]` to `edges[i + 1]`."""

    edges: tuple[float, ...]
    current: tuple[float, ...]
    baseline: tuple[float, ...] | None


@dataclass(frozen=True)
class GalleryImage:
    """One of the least confident predictions.

    Attributes:
        confidence: Its confidence.
        predicted: The label it was given.
        variant: Which variant gave it.
        file: Its capture file.
        offset: Byte offset of its line.
        image: A `data:` URI of at most a few KB, or None.
        missing: Why there is no image.
    """

    confidence: float
    predicted: str
    variant: str
    file: str
    offset: int
    image: str | None
    missing: str | None


@dataclass(frozen=True)
class ReliabilityBin:
    """Labelled predictions of about one confidence: how sure, and how often right."""

    low: float
    high: float
    records: int
    confidence: float
    accuracy: Share


@dataclass(frozen=True)
class LabelledAccuracy:
    """Accuracy by ground truth.

    Attributes:
        labelled: Predictions with a label.
        unmatched: Labels without a prediction in the period, most often as they are of another.
        unknown: Labels that name no class, among the matched.
        accuracy: Share that is right.
        ece: Expected calibration error over ten bins.
        confusion: Counts, [true class][predicted class].
        reliability: Ten bins, empty ones left out.
    """

    labelled: int
    unmatched: int
    unknown: int
    accuracy: Share
    ece: float
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True)
class ThresholdFigures:
    """What passes at a threshold.

    Attributes:
        threshold: The least confidence that passes.
        coverage: Share of the labelled predictions that pass; of all of them without labels.
        accuracy: Share of those that is right; None without labels, or when none passes.
        low: Its 95 % Wilson interval.
        high: Likewise.
        passed: How many pass.
    """

    threshold: float
    coverage: float
    accuracy: float | None
    low: float | None
    high: float | None
    passed: int


@dataclass(frozen=True)
class Report:
    """Everything a report says.

    Attributes:
        verdict: The worst of the variants', each as of its latest window.
        reason: One or two sentences in words.
        notes: What a reader should know to trust it rightly (few baseline windows, and so on).
        endpoint: The endpoint's name.
        captures: Where the captures were read.
        made_at: UTC, to the second.
        period: None when there was no record.
        threshold: The least confidence to accept.
        labels: The classes, in class order.
        records: Read and malformed.
        malformed: The first of the malformed lines.
        malformed_reasons: How many of each reason.
        baseline: None when nothing could be compared.
        variants: By name.
        histogram: Of all variants together.
        gallery: The least confident first.
        estimated_accuracy: Over all variants; None without records.
        accuracy: None without ground truth.
        thresholds: Ascending; without labels coverage alone.
        wanted_accuracy: What was asked of `threshold_for_wanted`.
        threshold_for_wanted: The least threshold that reaches it; None if none does.
    """

    verdict: Verdict
    reason: str
    notes: tuple[str, ...]
    endpoint: str
    captures: str
    made_at: str
    period: Period | None
    threshold: float
    labels: tuple[str, ...]
    records: RecordCounts
    malformed: tuple[MalformedLine, ...]
    malformed_reasons: Mapping[str, int]
    baseline: Comparison | None
    variants: tuple[VariantReport, ...]
    histogram: Histogram
    gallery: tuple[GalleryImage, ...]
    estimated_accuracy: Estimate | None
    accuracy: LabelledAccuracy | None
    thresholds: tuple[ThresholdFigures, ...]
    wanted_accuracy: float
    threshold_for_wanted: ThresholdFigures | None

    def to_json(self) -> str:
        """The report as JSON, without the gallery's images, which the page has."""
        document = asdict(self)
        for image in document["gallery"]:
            del image["image"]
        return json.dumps(document, indent=2) + "\n"
