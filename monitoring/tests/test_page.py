from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scones_monitoring.page.page import render_page
from scones_monitoring.report import Verdict

if TYPE_CHECKING:
    from scones_monitoring.report import Report

MakeReport = Callable[..., "Report"]
Poison = Callable[["Report", str], "Report"]
VOID = {"meta", "img", "br"}
DRAWING = re.compile(r'<svg class="drawing".*?</svg>.*?</svg>', re.DOTALL)


class Page(HTMLParser):
    """What a browser would make of a page; an element that is not closed in order is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.json = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.json += data
        elif not self.open or self.open[-1] != "style":
            self.text += data.replace("\N{NO-BREAK SPACE}", " ")

    def document(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.json)
        return loaded


def page_of(report: Report) -> Page:
    return Page(render_page(report).encode().decode())


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_is_said_in_words_with_its_reason_first(
    verdict: Verdict, make_report: MakeReport
) -> None:
    page = page_of(make_report(verdict=verdict))

    said = page.text.index(verdict.value)
    assert said < page.text.index("The share below the threshold was outside") < 400
    assert ("class", verdict.name.lower().replace("_", "-")) in page.attributes


def test_key_figures_are_told_and_the_estimate_is_called_one(make_report: MakeReport) -> None:
    text = page_of(make_report()).text

    assert "Below threshold 0.90" in text
    assert "13.4 % 95 % interval 12.9 to 13.9 %" in text
    assert "An estimate without labels. It assumes: the model's probabilities are still" in text
    assert "Measured accuracy94.8 %" in text


def test_page_fetches_and_runs_nothing(make_report: MakeReport) -> None:
    html = render_page(make_report())
    page = Page(html)

    assert page.tags.count("script") == 1
    assert ("type", "application/json") in page.attributes
    assert not {"link", "iframe", "object", "base", "form", "use"} & set(page.tags)
    sources = [value or "" for name, value in page.attributes if name in ("src", "href", "srcset")]
    assert len(sources) == 10
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"https?://", html)
    assert "url(" not in html
    assert "@import" not in html
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert ("content", policy) in page.attributes


def test_every_chart_is_well_formed_and_has_accessible_text(make_report: MakeReport) -> None:
    html = render_page(make_report(variants=2))
    drawings = DRAWING.findall(html)

    assert len(drawings) == 2 * (3 + 2) + 1 + 1 + 2
    idents = []
    for drawing in drawings:
        root = ET.fromstring(drawing)
        idents += root.attrib["aria-labelledby"].split()
        assert root.findtext("title")
        assert re.search(r"\d", root.findtext("desc") or "")
    assert len(idents) == len(set(idents)) == 2 * len(drawings)
    for ident in idents:
        assert html.count(f'id="{ident}"') == 1
    assert html.count("<svg") == 2 * len(drawings) + html.count('<svg class="sign"')


def test_images_have_alternative_texts(make_report: MakeReport) -> None:
    page = page_of(make_report())

    alternatives = [value for name, value in page.attributes if name == "alt"]
    assert len(alternatives) == page.tags.count("img") == 10
    assert alternatives[0] == "Image 1, predicted bicycle with confidence 0.501"
    assert "output-only capture" in page.text


@pytest.mark.parametrize(
    "source",
    [
        "https://example.com/a.png",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "data:text/html;base64,PHN2Zz4=",
        'data:image/png;base64,AA"onerror="x',
        "javascript:x",
        "data:image/png;base64,AAAA\n",
    ],
)
def test_only_a_raster_image_becomes_a_source(source: str, make_report: MakeReport) -> None:
    report = make_report(images=1)
    page = page_of(replace(report, gallery=(replace(report.gallery[0], image=source),)))

    assert "img" not in page.tags
    assert "no image that a page can show" in page.text


def test_embedded_json_is_the_report(make_report: MakeReport) -> None:
    report = make_report(windows=6)
    document = page_of(report).document()

    assert document == json.loads(report.to_json(), parse_float=lambda text: round(float(text), 6))


def test_embedded_json_of_many_windows_says_what_it_leaves_out(make_report: MakeReport) -> None:
    (variant,) = page_of(make_report(windows=300)).document()["variants"]

    assert variant["windows_left_out"] + len(variant["windows"]) == 300
    assert len(variant["windows"]) > 0
    assert variant["windows"][-1]["first"] == "2026-12-04T21"
    assert {len(chart["points"]) for chart in variant["charts"]} == {len(variant["windows"])}


def test_dozen_images_and_two_hundred_windows_stay_small(make_report: MakeReport) -> None:
    report = make_report(windows=200)
    images = sum(len(one.image or "") for one in report.gallery)

    assert images > 30_000
    assert len(render_page(report).encode()) < 112_000
    assert len(render_page(report).encode()) - images < 80_000


@pytest.mark.parametrize(
    "options",
    [
        {"baseline": False},
        {"labelled": False},
        {"baseline": False, "labelled": False, "images": 0, "malformed": 0},
        {"windows": 1},
        {"variants": 3},
        {"labels": tuple(f"class {number}" for number in range(40))},
        {"labels": ("a", "b", "c")},
    ],
    ids=str,
)
def test_reports_of_every_kind_are_shown(options: dict[str, Any], make_report: MakeReport) -> None:
    page = page_of(make_report(**options))

    assert "NaN" not in page.text
    assert "None" not in page.text.replace("None outside the limits", "")


def test_report_without_records_is_shown(empty_report: Report) -> None:
    page = page_of(empty_report)

    assert "No captured prediction was found." in page.text
    assert "no predictions" in page.text
    assert "figure" not in page.tags


def test_without_labels_nothing_is_called_measured(make_report: MakeReport) -> None:
    text = page_of(make_report(labelled=False)).text

    assert "Measured accuracy" not in text
    assert "Accuracy by labels" not in text
    assert "Without labels only the coverage is known." in text


def test_without_a_baseline_limits_are_not_explained(make_report: MakeReport) -> None:
    text = page_of(make_report(baseline=False)).text

    assert "How it is judged" not in text
    assert "not judged" in text
    assert "baseline mean" not in text


def test_of_many_classes_those_outside_their_limits_are_drawn(make_report: MakeReport) -> None:
    report = make_report(labels=tuple(f"class-{number:02}" for number in range(40)), drift=False)
    (variant,) = report.variants
    last = variant.charts[-1]
    outside = tuple(replace(point, outside=True) for point in last.points)
    charts = (*variant.charts[:-1], replace(last, points=outside))

    page = page_of(replace(report, variants=(replace(variant, charts=charts),)))

    assert "Share of class-39" in page.text
    assert len(set(re.findall(r"Share of class-\d\d", page.text))) == 6
    assert re.search(r"Classes that are not drawn: 34, of which \d+ left their limits", page.text)


def test_confusions_of_many_classes_are_listed(make_report: MakeReport) -> None:
    many = page_of(make_report(labels=tuple(f"class {number}" for number in range(40))))
    two = page_of(make_report())

    assert "Most frequent confusions" in many.text
    assert "True class, and what was predicted" in two.text


def test_windows_are_listed_newest_first_with_the_unusual_ones(make_report: MakeReport) -> None:
    report = make_report(windows=200, drift=False)
    (variant,) = report.variants
    early = replace(variant.windows[3], verdict=Verdict.WARNING, reason="an early oddity")
    windows = (*variant.windows[:3], early, *variant.windows[4:])

    text = page_of(replace(report, variants=(replace(variant, windows=windows),))).text

    listed = text[text.index("36 of 200 windows") :]
    assert "an early oddity" in listed
    assert listed.index("30 Nov 17:00-17:59") < listed.index("22 Nov 13:00-13:59")


def test_threshold_in_use_and_the_wanted_one_are_marked(make_report: MakeReport) -> None:
    text = page_of(make_report()).text

    assert "Threshold 0.83 reaches the wanted accuracy of 98.0 %" in text
    assert "0.83as wanted69869.8 %98.1 %96.8 to 98.9 %" in text
    assert "0.90in use55655.6 %98.8 %97.5 to 99.4 %" in text


def test_without_labels_the_threshold_table_has_no_empty_columns(make_report: MakeReport) -> None:
    page = page_of(make_report(labelled=False))

    assert "0.90in use55655.6 %0.94" in page.text


def test_wanted_accuracy_out_of_reach_is_said(make_report: MakeReport) -> None:
    text = page_of(replace(make_report(), threshold_for_wanted=None)).text

    assert "No threshold reaches the wanted accuracy of 98.0 %." in text


def test_malformed_lines_are_listed_with_file_and_offset(make_report: MakeReport) -> None:
    text = page_of(make_report()).text

    assert "Malformed: 3 of 20,864 lines." in text
    assert "2026/11/22/10/02.jsonl154line is no JSON" in text


@pytest.mark.parametrize(
    "hostile",
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='x",
        "]]>&lt;&#x3c;",
        "{body}{0}%s",
        "\x00\x1b\x85\ud800\u202e\u2028\ufffe",
    ],
)
def test_hostile_text_stays_text_in_every_field(
    hostile: str, make_report: MakeReport, poisoned: Poison
) -> None:
    report = make_report(windows=3, images=3)
    html = render_page(poisoned(report, hostile)).encode().decode()
    page, plain = Page(html), page_of(poisoned(report, "plain"))

    assert page.tags == plain.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]
    assert page.document()["endpoint"] == hostile
    assert not set(html) & set("\x00\x1b\x85\ud800\u202e\u2028\ufffe")
    for drawing in DRAWING.findall(html):
        ET.fromstring(drawing)


def test_hostile_class_stays_text_where_there_are_many(
    make_report: MakeReport, poisoned: Poison
) -> None:
    report = make_report(windows=2, images=0, labels=tuple(f"class {at}" for at in range(12)))
    hostile = page_of(poisoned(report, "<b>&"))

    assert hostile.tags == page_of(poisoned(report, "plain")).tags
    assert "<b>&<b>&20" in hostile.text


@settings(max_examples=30, deadline=None)
@given(text=st.text(min_size=1))
def test_no_text_changes_the_structure_of_the_page(
    make_report: MakeReport, poisoned: Poison, text: str
) -> None:
    report = make_report(windows=2, images=2)

    assert page_of(poisoned(report, text)).tags == page_of(poisoned(report, "plain")).tags
