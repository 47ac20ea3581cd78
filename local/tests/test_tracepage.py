from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scones_local.tracepage import render_trace_page
from scones_local.tracetree import InvalidTrace

TRACE_ID = "1-6742f1a0-0123456789abcdef01234567"
SVG = re.compile(r"<svg width.*</svg></section>", re.DOTALL)


class Page(HTMLParser):
    """What a browser would make of a page: its elements and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def span(name: str, span_id: int, begin: float, end: float, **more: object) -> dict[str, Any]:
    times = {"start_time": 1000 + begin, "end_time": 1000 + end}
    return {"name": name, "id": f"{span_id:016x}", "trace_id": TRACE_ID, **times, **more}


def test_page_shows_every_span_with_its_milliseconds(trace_documents: list[dict[str, Any]]) -> None:
    page = Page(render_trace_page(trace_documents))

    for name in ("scones-workflow", "Serialize", "scones-classify", "## handler"):
        assert name in page.texts
    assert "GetObject · s3" in page.texts
    assert "InvokeEndpoint · runtime.sagemaker" in page.texts
    assert "100.0 ms" in page.text
    assert page.tags.count("tr") == 1 + 12


def test_every_span_is_of_its_kind(trace_documents: list[dict[str, Any]]) -> None:
    html = render_trace_page(trace_documents)

    kinds = re.findall(r"([\w.]+)</th><td>([\w ]+)</td>", html)
    assert kinds == [
        ("workflow", "workflow"),
        *[("Serialize", "state"), ("serialize", "function"), ("handler", "handler code")],
        ("s3", "AWS call"),
        *[("Classify", "state"), ("classify", "function"), ("handler", "handler code")],
        ("runtime.sagemaker", "AWS call"),
        *[("Filter", "state"), ("filter", "function"), ("handler", "handler code")],
    ]


def test_annotations_are_listed_once_with_the_services_that_gave_them(
    trace_documents: list[dict[str, Any]],
) -> None:
    page = Page(render_trace_page(trace_documents))

    terms = [text for text in page.texts if text in {"image_key", "decision", "label", "ColdStart"}]
    assert terms == ["image_key", "decision", "label", "ColdStart"]
    assert page.text.count("incoming/my <b>bike</b> & I.jpg scones-serialize") == 1
    assert "scones-serialize, scones-classify, scones-filter" in page.text
    assert "false " in page.texts


def test_fault_is_marked_and_its_cause_told(trace_documents: list[dict[str, Any]]) -> None:
    html = render_trace_page(trace_documents)

    assert "EndpointUnavailable: no <healthy> container" in Page(html).text
    assert html.count('<tspan class="mark">fault</tspan>') == 3
    assert html.count('class="call troubled"') == 1


def test_trace_without_faults_says_so() -> None:
    page = Page(render_trace_page([span("calm", 1, 0, 1)]))

    assert "all ok" in page.text
    assert "What went wrong" not in page.text
    assert "Annotations" not in page.text


def test_own_time_is_what_no_child_covers() -> None:
    parent = span("parent", 1, 0, 10, subsegments=[
        span("a", 2, 1, 5), span("b", 3, 3, 6), span("late", 4, 9, 12),
    ])  # fmt: skip
    row = re.search(r"parent</th>(.*?)</tr>", render_trace_page([parent]))

    assert row is not None
    assert re.findall(r"<td>([\d,.]+)</td>", row[1]) == ["0.00", "10,000.00", "4,000.00"]


def test_span_in_progress_reaches_to_the_end_of_the_trace() -> None:
    begun = span("begun", 2, 1, 1)
    del begun["end_time"]

    page = Page(render_trace_page([span("whole", 1, 0, 4, subsegments=[begun])]))

    assert "in progress" in page.texts
    assert "3,000.0 ms" in page.text


def test_torn_trace_says_how_many_parents_are_missing(
    trace_documents: list[dict[str, Any]],
) -> None:
    torn = [one for one in trace_documents if one["name"] != "scones-workflow"]

    assert "2 spans name a parent that did not arrive." in Page(render_trace_page(torn)).text


def test_drawing_is_well_formed_and_inside_its_frame(
    trace_documents: list[dict[str, Any]],
) -> None:
    found = SVG.search(render_trace_page(trace_documents))
    assert found is not None

    drawing = ET.fromstring(found[0].removesuffix("</section>"))

    bars = [bar for bar in drawing.iter("rect") if bar.get("class") != "track"]
    assert len(bars) == 12
    for bar in bars:
        begin = float(bar.attrib["x"].rstrip("%"))
        width = re.search(r"([\d.]+)%", bar.attrib["style"])
        assert width is not None
        assert 0 <= begin <= begin + float(width[1]) <= 100.01


def test_drawing_is_named_and_described_for_those_who_cannot_see_it(
    trace_documents: list[dict[str, Any]],
) -> None:
    page = Page(render_trace_page(trace_documents))

    assert ("aria-labelledby", "chart-title chart-description") in page.attributes
    assert "Waterfall of scones-workflow" in page.texts
    assert ("scope", "row") in page.attributes


def test_page_runs_and_fetches_nothing(trace_documents: list[dict[str, Any]]) -> None:
    page = Page(render_trace_page(trace_documents))

    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not {"src", "href", "srcset"} & {name for name, _ in page.attributes}
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1))
def test_no_text_changes_the_structure_of_the_page(text: str) -> None:
    def page(hostile: str) -> Page:
        more: dict[str, object] = {
            "annotations": {hostile: hostile},
            "aws": {"operation": hostile, "key": hostile},
            "namespace": "aws",
            "fault": True,
            "cause": {"exceptions": [{"type": hostile, "message": hostile}]},
        }
        child = span(hostile, 2, 0, 1, **more)
        html = render_trace_page([span(hostile, 1, 0, 1, subsegments=[child])], title=hostile)
        return Page(html.encode().decode())

    assert page(text).tags == page("plain").tags


@pytest.mark.parametrize("unprintable", ["\ud800", "\x00", "\x1b", "\x85"])
def test_what_cannot_be_printed_is_replaced(unprintable: str) -> None:
    html = render_trace_page([span(f"a{unprintable}b", 1, 0, 1)]).encode().decode()

    assert unprintable not in html
    assert re.search(r"<th scope=\"row\"[^>]*>a[?\ufffd]b</th>", html)


@pytest.mark.parametrize("hostile", ["</title><script>x</script>", '"><svg onload=x>', "&amp;<b>"])
def test_hostile_name_is_shown_as_it_is(hostile: str) -> None:
    page = Page(render_trace_page([span(hostile, 1, 0, 1)]))

    assert hostile in page.texts
    assert "script" not in page.tags


def test_strange_shapes_in_a_document_are_passed_over() -> None:
    strange = span(
        "odd", 1, 0, 0, annotations=[1], aws="x", http={"response": 5}, fault=True,
        cause={"exceptions": ["text"]},
    )  # fmt: skip

    assert "odd" in Page(render_trace_page([strange])).texts


def test_no_documents_are_refused() -> None:
    with pytest.raises(InvalidTrace, match="expected the documents of one trace"):
        render_trace_page([])
