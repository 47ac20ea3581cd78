"""Read a run's traces back through X-Ray's own API."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scones_local.tracetree import InvalidTrace, parse_document, trace_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def is_whole(documents: Documents, functions: Mapping[str, str]) -> bool:
    """Whether a trace is joined: one root, and below each state the function that it calls.

    Args:
        documents: The trace.
        functions: The function's name for each state that calls one.
    """
    try:
        states = trace_tree(documents).root.children
    except InvalidTrace:
        return False
    calls = {state.name: [child.name for child in state.children] for state in states}
    expected = {name: functions[name] for name in calls.keys() & functions.keys()}
    return bool(expected) and all(name in calls[state] for state, name in expected.items())


def inference_ids(documents: Documents) -> set[str]:
    """Return the inference ids that a trace's annotations name."""
    return {
        str(span.annotations["inference_id"])
        for _, span in trace_tree(documents).walk()
        if "inference_id" in span.annotations
    }
