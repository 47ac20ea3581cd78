"""From captures, baseline and labels to a report: the one road that every command takes."""

from __future__ import annotations

from datetime import UTC, datetime
from heapq import nsmallest
from typing import TYPE_CHECKING

from scones_monitoring.capture.summary import EDGES, LEAST
from scones_monitoring.drift import wording
from scones_monitoring.drift.accuracy import coverage
from scones_monitoring.drift.baseline import (
    FEW_WINDOWS,
    Baseline,
    estimated_accuracy,
    load_baseline,
)
from scones_monitoring.drift.variants import variant_report
from scones_monitoring.errors import InvalidBaseline
from scones_monitoring.evidence import Evidence, ReportSettings, gather, numbered, write_summaries
from scones_monitoring.page.gallery import gallery
from scones_monitoring.page.markdown import render_markdown
from scones_monitoring.page.page import render_page
from scones_monitoring.phrases import span
from scones_monitoring.report import (
    WORST_FIRST,
    Histogram,
    MalformedLine,
    Period,
    RecordCounts,
    Report,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from scones_monitoring.capture.summary import Summary

__all__ = ["ReportSettings", "make_baseline", "make_report", "write_report", "write_summaries"]

NONE = (
    "There is no baseline, so nothing was compared: `scones-monitor baseline` makes one from "
    "captures of a time when all was well."
)
NO_TRUTH = (
    "None of the captured predictions has a label whose id is its inference or event id ({} labels "
    "were read): accuracy is not known."
)
FEW = (
    "The baseline has {} windows; from {} on, false alarms are as rare as simulated. Until then "
    "limits are wider, and some of what is usual from hour to hour is assumed."
)
ONE = (
    "The baseline is a single set of predictions: how much hours differ is assumed (2 points of a "
    "share, 1 point of mean confidence)."
)
UNKNOWN_MIX = (
    "The baseline was made of pictures that were chosen for training, whose mix of classes is not "
    "that of traffic: shares of classes are not judged."
)


def make_baseline(
    settings: ReportSettings,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Baseline:
    """Make a baseline of captures of a time when all was well.

    Raises:
        MonitoringError: They cannot be read, or are too few.
    """
    evidence = gather(settings, progress=progress)
    period = _period(list(evidence.reading.summaries.values()))
    hours = f", {span(period.first, period.last)} UTC, {period.last[:4]}" if period else ""
    made_from = f"captures of endpoint {evidence.endpoint}{hours}"
    truth = evidence.truth if evidence.truth is not None and len(evidence.truth) else None
    return Baseline.from_reading(
        evidence.reading, made_from, evidence.labels, evidence.threshold, truth
    )


def make_report(
    settings: ReportSettings,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Read what there is, compare it and put it into words.

    Raises:
        MonitoringError: Nothing can be read, the baseline is another model's, and the like.
    """
    baseline = load_baseline(settings.baseline, settings.threshold) if settings.baseline else None
    threshold = baseline.threshold if baseline else None
    evidence = gather(settings, threshold, _names(baseline), progress)
    if baseline and not _same_classes(baseline, evidence):
        raise InvalidBaseline(f"The baseline is of the classes {', '.join(baseline.labels)}, not "
                              f"{', '.join(evidence.labels)}.")  # fmt: skip
    return _report(settings, evidence, baseline)


def _names(baseline: Baseline | None) -> tuple[str, ...] | None:
    """What the baseline calls the classes; labels may know better than one that only counts."""
    if baseline is None or baseline.labels == numbered(len(baseline.labels)):
        return None
    return baseline.labels


def _same_classes(baseline: Baseline, evidence: Evidence) -> bool:
    if _names(baseline) is None:
        return len(baseline.labels) == len(evidence.labels)
    return baseline.labels == evidence.labels


def write_report(report: Report, out: Path) -> None:
    """Write `report.html`, `report.md` and `report.json` into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.html").write_text(render_page(report), encoding="utf-8")
    (out / "report.md").write_text(render_markdown(report), encoding="utf-8")
    (out / "report.json").write_text(report.to_json(), encoding="utf-8")


def _report(settings: ReportSettings, evidence: Evidence, baseline: Baseline | None) -> Report:
    hours = list(evidence.reading.summaries.values())
    whole = sum(hours[1:], hours[0]) if hours else None
    names = sorted({hour.variant for hour in hours})
    variants = tuple(
        variant_report(evidence.reading.of(name), baseline, evidence.labels, len(names))
        for name in names
    )
    verdict = min((one.verdict for one in variants), key=WORST_FIRST.index,
                  default=Verdict.NOT_ENOUGH_DATA)  # fmt: skip
    malformed = evidence.reading.malformed
    truth = evidence.truth if evidence.truth is not None and len(evidence.truth) else None
    calibration = baseline.calibration if baseline else None
    thresholds = truth.thresholds(evidence.threshold) if truth else (
        coverage(whole, evidence.threshold) if whole else ()
    )  # fmt: skip
    least = nsmallest(LEAST, ((one, hour.variant) for hour in hours for one in hour.least))
    return Report(
        verdict=verdict,
        reason=wording.overall_reason(variants, verdict),
        notes=(*_baseline_notes(baseline), *evidence.notes, *_truth_notes(evidence)),
        endpoint=evidence.endpoint,
        captures=evidence.place,
        made_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        period=_period(hours),
        threshold=evidence.threshold,
        labels=evidence.labels,
        records=RecordCounts(whole.records if whole else 0, malformed.count),
        malformed=tuple(MalformedLine(*line) for line in malformed.lines),
        malformed_reasons=dict(malformed.reasons),
        baseline=baseline.compared() if baseline else None,
        variants=variants,
        histogram=_histogram(whole, baseline),
        gallery=gallery(evidence.store, [(name, one) for one, name in least], evidence.labels),
        estimated_accuracy=estimated_accuracy(whole, calibration) if whole else None,
        accuracy=truth.accuracy(evidence.unmatched) if truth else None,
        thresholds=thresholds,
        wanted_accuracy=settings.wanted_accuracy,
        threshold_for_wanted=truth.reaching(settings.wanted_accuracy) if truth else None,
    )


def _period(hours: Sequence[Summary]) -> Period | None:
    if not hours:
        return None
    return Period(min(hour.first for hour in hours), max(hour.last for hour in hours))


def _baseline_notes(baseline: Baseline | None) -> tuple[str, ...]:
    if baseline is None:
        return (NONE,)
    if len(baseline.windows) == 1:
        return (ONE,) if baseline.knows_traffic else (ONE, UNKNOWN_MIX)
    if len(baseline.windows) < FEW_WINDOWS:
        return (FEW.format(len(baseline.windows), FEW_WINDOWS),)
    return ()


def _truth_notes(evidence: Evidence) -> tuple[str, ...]:
    if evidence.truth is None or len(evidence.truth):
        return ()
    return (NO_TRUTH.format(evidence.unmatched),)


def _histogram(whole: Summary | None, baseline: Baseline | None) -> Histogram:
    def shares(of: Summary) -> tuple[float, ...]:
        return tuple(count / of.records for count in of.histogram)

    current = shares(whole) if whole else (0.0,) * (len(EDGES) - 1)
    return Histogram(EDGES, current, shares(baseline.whole) if baseline else None)
