"""What a run came to, in figures."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from scones_local.traffic import Upload

__all__ = ["outcome_line", "summarise"]


def outcome_line(upload: Upload) -> dict[str, Any]:
    """Describe one upload and what became of it, for `outcomes.jsonl`."""
    first = upload.outcomes[0] if upload.outcomes else None
    body = first.body if first else {}
    without = ("not_uploaded", upload.failure) if upload.failure else ("lost", "Nothing names it")
    outcome, reason = (first.kind, first.reason) if first else without
    return {
        "key": upload.key,
        "version_id": upload.version_id,
        "outcome": outcome,
        "outcomes": len(upload.outcomes),
        "reason": reason,
        "expected": upload.picture.label,
        "latency_ms": round(upload.latency_ms, 1) if upload.latency_ms is not None else None,
        **{name: body.get(name) for name in ("label", "confidence", "route", "inference_id")},
    }


def summarise(uploads: Collection[Upload], traces: int) -> dict[str, Any]:
    """Count outcomes, measure accuracy where labels are known, and latency.

    Args:
        uploads: Every upload of the run.
        traces: How many whole traces the run left.

    Returns:
        The content of `summary.json`. An accuracy is None without labelled uploads that count
        towards it; `accuracy_all` leaves out dead letters, which have no prediction.
    """
    lines = [outcome_line(upload) for upload in uploads]
    kinds = [line["outcome"] for line in lines]
    return {
        "uploaded": len(lines) - kinds.count("not_uploaded"),
        "not_uploaded": kinds.count("not_uploaded"),
        "accepted": kinds.count("accepted"),
        "review": kinds.count("review"),
        "dead_letter": kinds.count("dead_letter") + kinds.count("undelivered"),
        "lost": kinds.count("lost"),
        "duplicates": sum(max(0, line["outcomes"] - 1) for line in lines),
        "accuracy_accepted": _accuracy([x for x in lines if x["outcome"] == "accepted"]),
        "accuracy_all": _accuracy(lines),
        "latency_ms": _latency([x["latency_ms"] for x in lines if x["latency_ms"] is not None]),
        "traces": traces,
    }


def _accuracy(lines: list[dict[str, Any]]) -> float | None:
    right = [
        line["label"] == line["expected"] for line in lines if line["label"] and line["expected"]
    ]
    return round(sum(right) / len(right), 4) if right else None


def _latency(values: list[float]) -> Mapping[str, float | None]:
    if not values:
        return {"p50": None, "p95": None}
    if len(values) == 1:
        return {"p50": values[0], "p95": values[0]}
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return {"p50": round(cuts[9], 1), "p95": round(cuts[18], 1)}
