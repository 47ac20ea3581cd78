from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scones_local.tracetree import InvalidDocument, InvalidTrace, parse_document, trace_tree

TRACE_ID = "1-6742f1a0-0123456789abcdef01234567"
WHOLE = """\
scones-workflow
 Serialize
  scones-serialize
   ## handler
    s3
 Classify
  scones-classify
   ## handler
    runtime.sagemaker
 Filter
  scones-filter
   ## handler"""


def outline(documents: list[dict[str, Any]]) -> str:
    return "\n".join(" " * depth + span.name for depth, span in trace_tree(documents).walk())


def document(span_id: str, parent_id: str | None = None, **more: object) -> dict[str, Any]:
    times = {"start_time": 1.0, "end_time": 2.0}
    parent = {"parent_id": parent_id} if parent_id else {}
    return {"name": span_id, "id": span_id, "trace_id": TRACE_ID, **times, **parent, **more}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_documents_in_any_order_form_the_same_tree(
    data: st.DataObject, trace_documents: list[dict[str, Any]]
) -> None:
    assert outline(data.draw(st.permutations(trace_documents))) == WHOLE


def test_whole_trace_has_one_root(trace_documents: list[dict[str, Any]]) -> None:
    assert trace_tree(trace_documents).root.name == "scones-workflow"


def test_what_lost_its_parent_stays_as_a_root_of_its_own(
    trace_documents: list[dict[str, Any]],
) -> None:
    torn = [one for one in trace_documents if one["name"] != "scones-classify"]

    tree = trace_tree(torn)

    assert [root.name for root in tree.roots] == ["scones-workflow", "## handler"]
    with pytest.raises(InvalidTrace, match="has 2 roots"):
        _ = tree.root


def test_documents_that_name_each_other_as_parents_are_all_kept() -> None:
    circle = [document("a", "b"), document("b", "a"), document("c", "a"), document("d", "d")]

    names = [span.name for _, span in trace_tree(circle).walk()]

    assert sorted(names) == ["a", "b", "c", "d"]


def test_finished_version_of_a_span_counts_whichever_comes_last() -> None:
    finished = document("a", fault=True)
    begun = {**document("a"), "in_progress": True}
    del begun["end_time"]

    for documents in ([begun, finished], [finished, begun]):
        (root,) = trace_tree(documents).roots
        assert (root.end, root.status) == (2.0, "fault")


def test_span_without_an_end_is_in_progress() -> None:
    begun = document("a")
    del begun["end_time"]

    tree = trace_tree([begun])

    assert tree.root.status == "in progress"
    assert (tree.start, tree.end) == (1.0, 1.0)


@pytest.mark.parametrize("flag", ["fault", "error", "throttle"])
def test_flag_of_a_document_is_the_status_of_its_span(flag: str) -> None:
    assert trace_tree([{**document("a"), flag: True}]).root.status == flag


def test_spans_are_found_by_name(trace_documents: list[dict[str, Any]]) -> None:
    tree = trace_tree(trace_documents)

    assert len(tree.find("## handler")) == 3
    assert tree.find("Filter")[0].children[0].name == "scones-filter"
    assert tree.find("s3")[0].part("aws")["operation"] == "GetObject"


def test_segments_carry_their_subsegments_as_x_ray_gives_them_back(
    trace_documents: list[dict[str, Any]],
) -> None:
    segments = {segment["name"]: segment for segment in trace_tree(trace_documents).segments()}

    assert set(segments) == {
        "scones-workflow",
        "scones-serialize",
        "scones-classify",
        "scones-filter",
    }
    states = [state["name"] for state in segments["scones-workflow"]["subsegments"]]
    assert states == ["Serialize", "Classify", "Filter"]
    (handler,) = segments["scones-serialize"]["subsegments"]
    assert handler["subsegments"][0]["name"] == "s3"


def test_subsegment_without_its_segment_is_given_back_on_its_own() -> None:
    orphan = document("a", "gone", type="subsegment", subsegments=[document("b")])

    (given_back,) = trace_tree([orphan]).segments()

    assert given_back == orphan


def test_documents_of_several_traces_are_refused() -> None:
    other = {**document("b"), "trace_id": "1-6742f1a0-ffffffffffffffffffffffff"}

    with pytest.raises(InvalidTrace, match="expected the documents of one trace"):
        trace_tree([document("a"), other])


def test_no_documents_are_refused() -> None:
    with pytest.raises(InvalidTrace, match="expected the documents of one trace"):
        trace_tree([])


def nested(depth: int) -> dict[str, Any]:
    inner = document("x")
    for _ in range(depth):
        inner = document("x", subsegments=[inner])
    return inner


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not json", "no JSON"),
        ("[" * 100_000, "no JSON"),
        (b"\xff\xfe\xfd", "no JSON"),
        ("[]", "no JSON object"),
        (json.dumps({**document("a"), "trace_id": "1-2-3"}), "trace_id '1-2-3'"),
        (json.dumps({**document("a"), "trace_id": None}), "trace_id None"),
        (json.dumps(document("")), "id is missing"),
        (json.dumps({**document("a"), "name": 7}), "name is missing"),
        (json.dumps({**document("a"), "parent_id": 7}), "parent_id is no text"),
        (json.dumps({**document("a"), "start_time": "now"}), "start_time"),
        (json.dumps({**document("a"), "start_time": True}), "start_time"),
        (json.dumps({**document("a"), "end_time": float("nan")}), "end_time"),
        (json.dumps({**document("a"), "end_time": 1e300}), "end_time"),
        (json.dumps({**document("a"), "subsegments": {}}), "subsegments is no list"),
        (json.dumps({**document("a"), "subsegments": [1]}), "no JSON object"),
        (json.dumps(nested(100)), "nested deeper than 64"),
    ],
)
def test_text_that_is_no_document_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidDocument, match=reason):
        parse_document(text)
