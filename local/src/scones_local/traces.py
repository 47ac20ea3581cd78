"""Read a run's traces back through X-Ray's own API."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scones_local.tracetree import InvalidTrace, parse_document, trace_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    import boto3

__all__ = ["fetch_traces", "inference_ids", "is_whole"]

Documents = list[dict[str, Any]]
IDS_A_CALL = 5
"""The most that BatchGetTraces takes."""


def fetch_traces(session: boto3.Session, since: float) -> list[Documents]:
    """Return the documents of every trace that began after `since` (epoch seconds)."""
    xray = session.client("xray")
    pages = xray.get_paginator("get_trace_summaries").paginate(
        StartTime=datetime.fromtimestamp(since, UTC), EndTime=datetime.now(UTC)
    )
    ids = [summary["Id"] for page in pages for summary in page["TraceSummaries"]]
    groups = [ids[i : i + IDS_A_CALL] for i in range(0, len(ids), IDS_A_CALL)]
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda group: xray.batch_get_traces(TraceIds=group), groups)
        return [
            [parse_document(segment["Document"]) for segment in trace["Segments"]]
            for answer in answers
            for trace in answer["Traces"]
        ]


def is_whole(documents: Documents, names: Sequence[str]) -> bool:
    """Whether a trace has one root and holds a span of every name."""
    tree = trace_tree(documents)
    try:
        _ = tree.root
    except InvalidTrace:
        return False
    return all(tree.find(name) for name in names)


def inference_ids(documents: Documents) -> set[str]:
    """Return the inference ids that a trace's annotations name."""
    return {
        str(span.annotations["inference_id"])
        for _, span in trace_tree(documents).walk()
        if "inference_id" in span.annotations
    }
