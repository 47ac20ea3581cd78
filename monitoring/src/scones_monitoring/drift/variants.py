"""One variant's hours, judged: its windows, charts and verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_monitoring.drift import wording
from scones_monitoring.drift.accuracy import wilson
from scones_monitoring.drift.baseline import estimated_accuracy
from scones_monitoring.drift.detector import Detector
from scones_monitoring.drift.distances import ks, ks_limits, psi, psi_limits
from scones_monitoring.drift.windows import TOO_FEW, merge_thin_hours
from scones_monitoring.report import Chart, Distance, Point, VariantReport, Verdict, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_monitoring.capture.summary import Summary
    from scones_monitoring.drift.baseline import Baseline
    from scones_monitoring.drift.detector import Judgement

__all__ = ["variant_report"]


def variant_report(
    hours: Sequence[Summary], baseline: Baseline | None, labels: Sequence[str], variants: int
) -> VariantReport:
    """Judge a variant.

    Args:
        hours: Its summaries; at least one.
        baseline: What is usual; None compares with nothing.
        labels: The classes.
        variants: How many variants are judged beside one another.
    """
    merged = merge_thin_hours(hours)
    whole = sum(merged[1:], merged[0])
    windows, charts = _judged(merged, baseline, labels, variants)
    verdict = _now(windows)
    unknown = [0] * (len(labels) - len(whole.classes))  # one of two models may know fewer
    counts = zip(labels, [*whole.classes, *unknown], strict=True)
    return VariantReport(
        variant=whole.variant,
        verdict=verdict,
        reason=wording.variant_reason(windows, charts, verdict),
        records=whole.records,
        below_threshold=wilson(whole.below, whole.records),
        mean_confidence=whole.mean_confidence,
        estimated_accuracy=estimated_accuracy(whole, baseline.calibration if baseline else None),
        class_shares={label: count / whole.records for label, count in counts},
        windows=windows,
        charts=charts,
    )


def _now(windows: Sequence[Window]) -> Verdict:
    """The latest window's verdict, so that a long period is no likelier to be called an alarm.

    An alarm that is over leaves a warning. A window that is too small to judge says nothing.
    """
    verdicts = [w.verdict for w in windows if w.verdict is not Verdict.NOT_ENOUGH_DATA]
    if not verdicts:
        return Verdict.NOT_ENOUGH_DATA
    over = Verdict.ALARM in verdicts and verdicts[-1] is not Verdict.ALARM
    return Verdict.WARNING if over else verdicts[-1]


def _judged(
    merged: Sequence[Summary], baseline: Baseline | None, labels: Sequence[str], variants: int
) -> tuple[tuple[Window, ...], tuple[Chart, ...]]:
    healthy = baseline.of(merged[0].variant) if baseline else merged
    mix = baseline is None or baseline.knows_traffic
    detector = Detector(healthy, labels, variants, mix=mix)
    judgements = detector.judge(merged)
    if baseline is None:
        windows = tuple(_window(one, Verdict.NOT_COMPARED, None, None, None) for one in merged)
    else:
        windows = _compared(merged, judgements, detector, baseline)
    return windows, _charts(detector, judgements, compared=baseline is not None)


def _compared(
    merged: Sequence[Summary],
    judgements: Sequence[Judgement],
    detector: Detector,
    baseline: Baseline,
) -> tuple[Window, ...]:
    healthy = baseline.of(merged[0].variant)
    reference = sum(healthy[1:], healthy[0])
    limits = psi_limits(healthy), ks_limits(healthy)
    windows = []
    for summary, judged in zip(merged, judgements, strict=True):
        distances = (
            Distance(psi(summary, reference), limits[0](summary.records)),
            Distance(ks(summary, reference), limits[1](summary.records)),
        )
        window = _window(summary, _verdict(summary, judged), judged, distances, baseline)
        windows.append(wording.explained(window, judged, detector.measures, detector.lines))
    return tuple(windows)


def _verdict(summary: Summary, judged: Judgement) -> Verdict:
    if summary.records < TOO_FEW:
        return Verdict.NOT_ENOUGH_DATA
    if judged.alarm:
        return Verdict.ALARM
    return Verdict.WARNING if judged.warning else Verdict.OK


def _window(
    summary: Summary,
    verdict: Verdict,
    judged: Judgement | None,
    distances: tuple[Distance, Distance] | None,
    baseline: Baseline | None,
) -> Window:
    calibration = baseline.calibration if baseline else None
    return Window(
        first=summary.first,
        last=summary.last,
        records=summary.records,
        verdict=verdict,
        reason="",
        below_threshold=wilson(summary.below, summary.records),
        mean_confidence=summary.mean_confidence,
        estimated_accuracy=estimated_accuracy(summary, calibration).value,
        psi=distances[0] if distances else None,
        ks=distances[1] if distances else None,
        cusum=max(reading.cusum for reading in judged.readings) if judged else None,
    )


def _charts(
    detector: Detector, judgements: Sequence[Judgement], *, compared: bool
) -> tuple[Chart, ...]:
    charts = []
    for number, measure in enumerate(detector.measures):
        readings = [judged.readings[number] for judged in judgements]
        points = (
            Point(one.value, one.low, one.high, one.outside)
            if compared
            else Point(one.value, None, None, outside=False)
            for one in readings
        )
        center = detector.lines[number].center if compared else None
        charts.append(Chart(measure.key, measure.name, center, tuple(points)))
    return tuple(charts)
