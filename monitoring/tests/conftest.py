"""Reports of many kinds, for what shows them."""

from __future__ import annotations

import base64
import io
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from scones_monitoring.report import (
    Chart,
    Comparison,
    Distance,
    Estimate,
    GalleryImage,
    Histogram,
    LabelledAccuracy,
    MalformedLine,
    Period,
    Point,
    RecordCounts,
    ReliabilityBin,
    Report,
    Share,
    ThresholdFigures,
    VariantReport,
    Verdict,
    Window,
)

# How long an example takes says something of the machine alone.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

BEGUN = datetime(2026, 11, 22, 10, tzinfo=UTC)
BINS = 50
LABELS = ("bicycle", "motorcycle")
Anything = TypeVar("Anything")
MakeReport = Callable[..., Report]
Poison = Callable[[Report, str], Report]


def hour_after(hours: int) -> str:
    return f"{BEGUN + timedelta(hours=hours):%Y-%m-%dT%H}"


def share_of(value: float, records: int) -> Share:
    z = 1.96
    middle = (value + z * z / (2 * records)) / (1 + z * z / records)
    half = z * math.sqrt(value * (1 - value) / records + (z / (2 * records)) ** 2)
    half /= 1 + z * z / records
    return Share(value, max(0.0, middle - half), min(1.0, middle + half))


def picture(seed: int) -> str:
    """A picture as large, in bytes, as a photo of 32 x 32 pixels: 3 KB as a `data:` URI."""
    values = random.Random(seed).randbytes(28 * 28 * 3)
    written = io.BytesIO()
    Image.frombytes("RGB", (28, 28), values).save(written, "PNG")
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()


class ReportMaker:
    """Draws the parts of a report from one random number generator."""

    def __init__(
        self, *, windows: int, labels: tuple[str, ...], baseline: bool, drift: bool
    ) -> None:
        self.random = random.Random(7)
        self.windows = windows
        self.labels = labels
        self.baseline = baseline
        self.drift = drift

    def point(self, number: int, center: float, spread: float, up: int = 1) -> Point:
        shift = 4.5 * spread * up if self.drift and number >= self.windows - 2 else 0.0
        value = min(1.0, max(0.0, self.random.gauss(center, spread) + shift))
        if not self.baseline or number == 1:
            return Point(value, None, None, outside=False)
        reach = spread * (2.8 + 0.4 * math.sin(number))
        low, high = max(0.0, center - reach), min(1.0, center + reach)
        return Point(value, low, high, outside=not low <= value <= high)

    def chart(self, key: str, name: str, center: float, spread: float, up: int = 1) -> Chart:
        points = [self.point(number, center, spread, up) for number in range(self.windows)]
        return Chart(key, name, center if self.baseline else None, tuple(points))

    def window(self, number: int, below: Point, mean: Point) -> Window:
        verdict = Verdict.OK if self.baseline else Verdict.NOT_COMPARED
        reason = "Inside all limits." if self.baseline else "There is no baseline."
        if below.outside:
            verdict = Verdict.WARNING if number < self.windows - 1 else Verdict.ALARM
            reason = "Share below the threshold is outside its limits, twice in a row."
        records = self.random.randint(300, 700)
        near = abs(self.random.gauss(0.02, 0.01))
        psi, ks = Distance(near, 0.055), Distance(near * 2, 0.09)
        return Window(
            hour_after(number), hour_after(number), records, verdict, reason,
            share_of(below.value, records), mean.value, mean.value + 0.001,
            psi if self.baseline else None, ks if self.baseline else None,
            self.random.random() * 4 if self.baseline else None,
        )  # fmt: skip

    def variant(self, name: str) -> VariantReport:
        below = self.chart("below_threshold", "Share below the threshold", 0.121, 0.014)
        mean = self.chart("confidence", "Mean confidence", 0.953, 0.005, up=-1)
        classes = tuple(
            self.chart(f"share:{label}", f"Share of {label}", 1 / len(self.labels), 0.02)
            for label in self.labels
        )
        windows = tuple(
            self.window(number, below.points[number], mean.points[number])
            for number in range(self.windows)
        )
        records = sum(window.records for window in windows)
        verdict = max((window.verdict for window in windows[-2:]), key=list(Verdict).index)
        return VariantReport(
            name, verdict, windows[-1].reason, records, share_of(0.134, records), 0.951,
            Estimate(0.951, "the model's probabilities are still calibrated."),
            {label: 1 / len(self.labels) for label in self.labels},
            windows, (below, mean, *(classes if len(classes) > 2 else classes[-1:])),
        )  # fmt: skip

    def histogram(self) -> Histogram:
        def shares(strength: float) -> tuple[float, ...]:
            raw = [0.0 if at < BINS // 2 else math.exp(strength * at) for at in range(BINS)]
            return tuple(one / sum(raw) for one in raw)

        edges = tuple(at / BINS for at in range(BINS + 1))
        return Histogram(edges, shares(0.2), shares(0.3) if self.baseline else None)

    def accuracy(self) -> LabelledAccuracy:
        size = len(self.labels)
        confusion = tuple(
            tuple(480 if row == column else 20 for column in range(size)) for row in range(size)
        )
        bins = tuple(
            ReliabilityBin(
                low / 10,
                (low + 1) / 10,
                40 * low,
                low / 10 + 0.06,
                share_of(low / 10 + 0.02, 40 * low),
            )
            for low in range(5, 10)
        )
        return LabelledAccuracy(1000, 12, 3, share_of(0.948, 1000), 0.021, confusion, bins)

    def thresholds(self, *, labelled: bool) -> tuple[ThresholdFigures, ...]:
        found = []
        for at in range(50, 100):
            coverage = 1 - ((at - 50) / 60) ** 2
            passed = round(1000 * coverage)
            right = share_of(0.948 + (at - 50) / 1000, passed)
            known = ThresholdFigures(at / 100, coverage, right.value, right.low, right.high, passed)
            unknown = ThresholdFigures(at / 100, coverage, None, None, None, passed)
            found.append(known if labelled else unknown)
        return tuple(found)


def gallery(images: int, labels: tuple[str, ...]) -> tuple[GalleryImage, ...]:
    return tuple(
        GalleryImage(
            0.501 + number / 500, labels[number % len(labels)], "AllTraffic",
            f"scones/AllTraffic/2026/11/22/{10 + number}/04-12-123-5f3a9c.jsonl", 4096 * number,
            picture(number) if number % 5 != 4 else None,
            "output-only capture" if number % 5 == 4 else None,
        )
        for number in range(images)
    )  # fmt: skip


def build_report(
    *,
    windows: int = 40,
    variants: int = 1,
    labels: tuple[str, ...] = LABELS,
    baseline: bool = True,
    labelled: bool = True,
    drift: bool = True,
    images: int = 12,
    verdict: Verdict | None = None,
    malformed: int = 3,
) -> Report:
    made = ReportMaker(windows=windows, labels=labels, baseline=baseline, drift=drift)
    names = ["AllTraffic", *(f"candidate-{number}" for number in range(1, variants))]
    parts = tuple(made.variant(name) for name in names[:variants])
    records = sum(part.records for part in parts)
    thresholds = made.thresholds(labelled=labelled)
    return Report(
        verdict=verdict or max((one.verdict for one in parts), key=list(Verdict).index),
        reason="The share below the threshold was outside its limits in two windows in a row "
        "(23 Nov 15:00 and 16:00): 18.9 % and 19.4 %, where 8.3 % to 15.9 % was expected.",
        notes=(
            "The baseline has fewer than 20 windows: its limits are wide.",
            "Hours with few predictions were put together.",
        ),
        endpoint="scones-dev-vehicles",
        captures="s3://scones-dev-captures/scones-dev-vehicles",
        made_at="2026-11-24T03:05:00Z",
        period=Period(hour_after(0), hour_after(windows - 1)),
        threshold=0.9,
        labels=labels,
        records=RecordCounts(records, malformed),
        malformed=tuple(
            MalformedLine(f"2026/11/22/10/{number:02}.jsonl", 77 * number, "line is no JSON")
            for number in range(malformed)
        ),
        malformed_reasons={"line is no JSON": malformed} if malformed else {},
        baseline=Comparison("captures of 22 Nov", 18, 9_000, 0.957) if baseline else None,
        variants=parts,
        histogram=made.histogram(),
        gallery=gallery(images, labels),
        estimated_accuracy=Estimate(0.951, "the model's probabilities are still calibrated."),
        accuracy=made.accuracy() if labelled else None,
        thresholds=thresholds,
        wanted_accuracy=0.98,
        threshold_for_wanted=thresholds[33] if labelled else None,
    )


def without_records() -> Report:
    made = ReportMaker(windows=0, labels=LABELS, baseline=False, drift=False)
    empty = replace(made.histogram(), current=(0.0,) * BINS, baseline=None)
    return replace(
        build_report(baseline=False, labelled=False, images=0),
        verdict=Verdict.NOT_ENOUGH_DATA, reason="No captured prediction was found.", notes=(),
        period=None, records=RecordCounts(0, 0), malformed=(), malformed_reasons={},
        variants=(), histogram=empty, estimated_accuracy=None, thresholds=(),
    )  # fmt: skip


def with_texts(part: Any, hostile: str) -> Any:
    """The same with every text replaced, down to the keys of its mappings."""
    if isinstance(part, Verdict):
        return part
    if isinstance(part, str):
        return hostile
    if isinstance(part, tuple):
        return tuple(with_texts(one, hostile) for one in part)
    if isinstance(part, Mapping):
        return {f"{hostile}{number}": value for number, value in enumerate(part.values())}
    if is_dataclass(part) and not isinstance(part, type):
        changes = {one.name: getattr(part, one.name) for one in fields(part)}
        return type(part)(**{name: with_texts(value, hostile) for name, value in changes.items()})
    return part


@pytest.fixture(scope="session")
def make_report() -> MakeReport:
    return build_report


@pytest.fixture(scope="session")
def poisoned() -> Poison:
    return with_texts


@pytest.fixture(scope="session")
def empty_report() -> Report:
    return without_records()
