"""A report in the documents that Model Monitor's own container writes.

SageMaker Studio and whoever reads a monitoring execution find what they expect there. What the
features are: `confidence`, and `predicted`, the label.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from scones_monitoring.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scones_monitoring.report import Report, VariantReport

__all__ = ["constraints", "message", "statistics", "violations"]


def message(report: Report) -> str:
    """How the execution ended, in one line."""
    found = len(violations(report)["violations"])
    said = f"{report.verdict}: {report.reason}"
    if not found:
        return f"Completed: no violations. {said}"
    return f"CompletedWithViolations: {found} violation{'s'[: found > 1]}. {said}"


def statistics(report: Report) -> dict[str, Any]:
    """`statistics.json`: how the predictions are distributed."""
    count = report.records.read
    return {
        "version": 0.0,
        "dataset": {"item_count": count},
        "features": [_confidence(report), _predicted(report)] if count else [],
    }


def constraints(report: Report) -> dict[str, Any]:
    """`constraints.json`: what a capture should look like; limits are in the report."""
    lines = report.records.read + report.records.malformed
    completeness = report.records.read / lines if lines else 0.0
    return {
        "version": 0.0,
        "features": [
            {
                "name": "confidence",
                "inferred_type": "Fractional",
                "completeness": completeness,
                "num_constraints": {"is_non_negative": True},
            },
            {
                "name": "predicted",
                "inferred_type": "String",
                "completeness": completeness,
                "string_constraints": {"domains": list(report.labels)},
            },
        ],
    }


def violations(report: Report) -> dict[str, Any]:
    """`constraint_violations.json`: drift, malformed lines, not enough data."""
    found = [
        {"feature_name": feature, "constraint_check_type": kind, "description": description}
        for feature, kind, description in _violations(report)
    ]
    return {"violations": found}


def _violations(report: Report) -> Iterator[tuple[str, str, str]]:
    if malformed := report.records.malformed:
        reasons = ", ".join(f"{reason} ({n})" for reason, n in report.malformed_reasons.items())
        lines = f"{malformed} line{'s'[: malformed > 1]} no captured prediction: {reasons}"
        yield "captureData", "data_type_check", lines
    for variant in report.variants:
        described = f"{variant.variant}: {variant.reason}"
        if variant.verdict == Verdict.NOT_ENOUGH_DATA:
            yield "confidence", "completeness_check", described
        if variant.verdict == Verdict.ALARM:
            for feature in _drifted(variant):
                yield feature, "baseline_drift_check", described


def _drifted(variant: VariantReport) -> list[str]:
    """Charts outside in the last window that alarms; the cumulative sum may alarm without any."""
    alarms = [at for at, one in enumerate(variant.windows) if one.verdict == Verdict.ALARM]
    outside = [one.key for at in alarms[-1:] for one in variant.charts if one.points[at].outside]
    return outside or ["confidence"]


def _confidence(report: Report) -> dict[str, Any]:
    count, edges = report.records.read, report.histogram.edges
    mean = sum(one.mean_confidence * one.records for one in report.variants) / count
    buckets = [
        {"lower_bound": low, "upper_bound": high, "count": round(share * count)}
        for (low, high), share in zip(pairwise(edges), report.histogram.current, strict=True)
    ]
    numbers = {"mean": mean, "sum": mean * count, "distribution": {"kll": {"buckets": buckets}}}
    return {
        "name": "confidence",
        "inferred_type": "Fractional",
        "numerical_statistics": {"common": _common(report), **numbers},
    }


def _predicted(report: Report) -> dict[str, Any]:
    counts = dict.fromkeys(report.labels, 0.0)
    for variant in report.variants:
        for label, share in variant.class_shares.items():
            counts[label] = counts.get(label, 0.0) + share * variant.records
    buckets = [{"value": label, "count": round(count)} for label, count in counts.items()]
    distribution = {"categorical": {"buckets": buckets}}
    seen = sum(bucket["count"] != 0 for bucket in buckets)
    texts = {"distinct_count": float(seen), "distribution": distribution}
    return {
        "name": "predicted",
        "inferred_type": "String",
        "string_statistics": {"common": _common(report), **texts},
    }


def _common(report: Report) -> dict[str, int]:
    return {"num_present": report.records.read, "num_missing": report.records.malformed}
