from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_xray_sdk.core import AWSXRayRecorder
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from scones_local.tracepage import render_trace_page
from scones_local.tracestore import CollectorSettings, TraceStore
from scones_local.xray import collect_traces
from scones_local.xrayapi import InvalidFilter, annotation_filter

if TYPE_CHECKING:
    import boto3
    from local.tests.conftest import Background, Eventually
    from mypy_boto3_xray import XRayClient

    from scones_local.xray import TraceCollector

HEADER = b'{"format":"json","version":1}\n'
TRACE_ID = "1-6742f1a0-0123456789abcdef01234567"
STARTED = datetime.fromtimestamp(0x6742F1A0, UTC)
MINUTE = timedelta(minutes=1)


def trace_id(number: int) -> str:
    return f"1-6742f1a0-{number:024x}"


def segment(number: int = 0, **more: object) -> dict[str, Any]:
    times = {"start_time": STARTED.timestamp(), "end_time": STARTED.timestamp() + 0.1}
    return {"name": "scones", "id": f"{number:016x}", "trace_id": trace_id(number), **times, **more}


def datagram(document: dict[str, Any]) -> bytes:
    return HEADER + json.dumps(document).encode()


def send(collector: TraceCollector, *datagrams: bytes) -> None:
    host, port = collector.daemon_address.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for one in datagrams:
            sender.sendto(one, (host, int(port)))


@pytest.fixture
def collector(background: Background) -> TraceCollector:
    return background.enter(collect_traces())


@pytest.fixture
def xray(collector: TraceCollector, session: boto3.Session) -> XRayClient:
    return session.client("xray", endpoint_url=collector.url)


def test_datagrams_of_one_execution_come_back_as_one_joined_trace(
    collector: TraceCollector,
    xray: XRayClient,
    trace_documents: list[dict[str, Any]],
    eventually: Eventually,
) -> None:
    send(collector, *map(datagram, trace_documents))
    eventually(lambda: collector.store.counts.documents == len(trace_documents))

    (trace,) = xray.batch_get_traces(TraceIds=[TRACE_ID])["Traces"]

    segments = {one["name"]: one for one in (json.loads(s["Document"]) for s in trace["Segments"])}
    assert len(segments) == 4
    assert segments["scones-filter"]["subsegments"][0]["annotations"]["decision"] == "accepted"
    assert trace["Duration"] == pytest.approx(0.1)
    assert collector.store.tree(TRACE_ID).root.name == "scones-workflow"


def test_what_aws_xray_sdk_emits_is_understood(
    collector: TraceCollector, eventually: Eventually
) -> None:
    recorder = AWSXRayRecorder()
    recorder.configure(
        sampling=False, context_missing="RUNTIME_ERROR", daemon_address=collector.daemon_address
    )
    with (
        recorder.in_segment("scones", traceid=TRACE_ID),
        recorder.in_subsegment("## handler"),
    ):
        recorder.put_annotation("label", "bicycle")

    eventually(lambda: collector.store.counts.documents)
    (handler_span,) = collector.store.tree(TRACE_ID).find("## handler")
    assert handler_span.annotations == {"label": "bicycle"}
    assert collector.store.counts.malformed == 0


def test_udp_and_http_share_one_port(collector: TraceCollector) -> None:
    assert collector.url == f"http://{collector.daemon_address}"


def test_port_can_be_chosen(background: Background, collector: TraceCollector) -> None:
    port = int(collector.daemon_address.split(":")[1])
    background.stop()

    again = background.enter(collect_traces(CollectorSettings(port=port)))

    assert again.daemon_address == collector.daemon_address


def test_port_in_use_is_an_error(background: Background, collector: TraceCollector) -> None:
    port = int(collector.daemon_address.split(":")[1])

    with pytest.raises(OSError, match="in use"):
        background.enter(collect_traces(CollectorSettings(port=port)))


def test_malformed_datagrams_are_counted_and_the_next_one_is_taken(
    collector: TraceCollector, eventually: Eventually
) -> None:
    send(collector, b"", b"\x00\xff", HEADER, b"{}\n{}", datagram(segment()))

    eventually(lambda: collector.store.counts.documents == 1)
    assert collector.store.counts.malformed == 4


@given(st.one_of(st.binary(), st.binary().map(lambda noise: HEADER + noise)))
def test_any_datagram_is_kept_or_counted(noise: bytes) -> None:
    store = TraceStore(CollectorSettings())

    store.put_datagram(noise)

    assert store.counts.documents + store.counts.malformed == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("name", "id", "start_time", "end_time", "parent_id", "type", "subsegments",
          "annotations", "aws", "http", "cause", "origin", "fault")  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_document_that_was_kept_can_be_drawn_whatever_its_values(fields: dict[str, Any]) -> None:
    store = TraceStore(CollectorSettings())

    store.put_datagram(datagram({**segment(), **fields}))

    pages = [render_trace_page(store.documents(kept)) for kept in store.trace_ids()]
    assert len(pages) + store.counts.malformed == 1


def test_oldest_traces_make_room_for_newer_ones() -> None:
    store = TraceStore(CollectorSettings(max_traces=3))

    for number in range(5):
        store.put_datagram(datagram(segment(number)))

    assert store.trace_ids() == [trace_id(2), trace_id(3), trace_id(4)]
    assert store.counts.evicted == 2


def test_documents_together_stay_within_the_bound_of_bytes() -> None:
    size = len(datagram(segment())) - len(HEADER)
    store = TraceStore(CollectorSettings(max_bytes=3 * size))

    for number in range(10):
        store.put_datagram(datagram(segment(number)))

    assert len(store.trace_ids()) == 3


def test_unknown_traces_are_left_out_of_the_answer(xray: XRayClient) -> None:
    assert xray.batch_get_traces(TraceIds=[trace_id(9)])["Traces"] == []


def test_summary_tells_of_faults_annotations_and_services(
    collector: TraceCollector, xray: XRayClient, trace_documents: list[dict[str, Any]]
) -> None:
    for one in trace_documents:
        collector.store.put_datagram(datagram(one))

    answer = xray.get_trace_summaries(StartTime=STARTED - MINUTE, EndTime=STARTED + MINUTE)

    (summary,) = answer["TraceSummaries"]
    assert (summary["Id"], summary["HasFault"], summary["IsPartial"]) == (TRACE_ID, True, False)
    assert summary["Duration"] == pytest.approx(0.1)
    assert summary["EntryPoint"]["Name"] == "scones-workflow"
    assert summary["Annotations"]["label"][0]["AnnotationValue"] == {"StringValue": "bicycle"}
    assert summary["Annotations"]["ColdStart"][0]["AnnotationValue"] == {"BooleanValue": False}


def test_summaries_are_of_the_time_asked_for(collector: TraceCollector, xray: XRayClient) -> None:
    collector.store.put_datagram(datagram(segment()))

    before = xray.get_trace_summaries(StartTime=STARTED - 2 * MINUTE, EndTime=STARTED - MINUTE)
    at = xray.get_trace_summaries(StartTime=STARTED, EndTime=STARTED)

    assert before["TraceSummaries"] == []
    assert len(at["TraceSummaries"]) == 1


def test_summaries_are_found_by_annotation(collector: TraceCollector, xray: XRayClient) -> None:
    key = 'a "quoted" AND key'
    for number, given_to in enumerate(
        ({"image_key": key, "n": 1}, {"image_key": key, "n": True}, {"image_key": "other", "n": 1})
    ):
        collector.store.put_datagram(datagram(segment(number, annotations=given_to)))

    answer = xray.get_trace_summaries(
        StartTime=STARTED,
        EndTime=STARTED + MINUTE,
        FilterExpression=f"annotation.image_key = {json.dumps(key)} AND annotation[n] = 1",
    )

    assert [summary["Id"] for summary in answer["TraceSummaries"]] == [trace_id(0)]


def test_paginator_reaches_every_trace_once(collector: TraceCollector, xray: XRayClient) -> None:
    for number in range(250):
        collector.store.put_datagram(datagram(segment(number)))

    pages = xray.get_paginator("get_trace_summaries").paginate(
        StartTime=STARTED, EndTime=STARTED + MINUTE
    )

    ids = [summary["Id"] for page in pages for summary in page["TraceSummaries"]]
    assert ids == [trace_id(number) for number in range(250)]


@pytest.mark.parametrize(
    ("operation", "question", "reason"),
    [
        ("get_trace_summaries", {"FilterExpression": "responsetime > 5"}, "responsetime"),
        ("get_trace_summaries", {"TimeRangeType": "Event"}, "TimeRangeType"),
        ("batch_get_traces", {"TraceIds": [trace_id(n) for n in range(6)]}, "at most 5"),
    ],
)
def test_question_that_cannot_be_answered_is_refused(
    xray: XRayClient, operation: str, question: dict[str, Any], reason: str
) -> None:
    times = {"StartTime": STARTED, "EndTime": STARTED} if "summaries" in operation else {}

    with pytest.raises(ClientError, match=reason) as caught:
        getattr(xray, operation)(**times, **question)

    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"


def test_operation_that_is_not_here_is_refused_by_its_name(xray: XRayClient) -> None:
    with pytest.raises(ClientError, match="POST /EncryptionConfig") as caught:
        xray.get_encryption_config()

    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("", ()),
        ('annotation.label = "bicycle"', (("label", "bicycle"),)),
        ('annotation[label]="a \\"b\\" \\\\"', (("label", 'a "b" \\'),)),
        ("annotation.n = -1.5 and annotation.cold = true", (("n", -1.5), ("cold", True))),
    ],
)
def test_filter_expression_is_read(expression: str, wanted: tuple[object, ...]) -> None:
    assert annotation_filter(expression) == wanted


@pytest.mark.parametrize(
    "expression",
    ["fault", 'annotation.a = "b" OR fault', "annotation.a = b", 'annotation.a = "\\q"'],
)
def test_other_filter_expression_is_refused(expression: str) -> None:
    with pytest.raises(InvalidFilter, match="cannot filter by"):
        annotation_filter(expression)
