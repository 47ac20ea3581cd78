from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from scones_monitoring.page.markdown import render_markdown
from scones_monitoring.report import Verdict

if TYPE_CHECKING:
    from scones_monitoring.report import Report

MakeReport = Callable[..., "Report"]
Poison = Callable[["Report", str], "Report"]
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def structure(markdown: str) -> list[str]:
    """The elements that a reader's Markdown makes of a text, without their words."""
    return [
        inner.type
        for token in PARSER.parse(markdown)
        for inner in (token, *(token.children or ()))
        if inner.type not in ("text", "text_special")
    ]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_is_the_heading(verdict: Verdict, make_report: MakeReport) -> None:
    lines = render_markdown(make_report(verdict=verdict)).splitlines()

    assert lines[0] == f"# {verdict}: confidence drift of scones-dev-vehicles"
    assert lines[2].startswith("The share below the threshold was outside its limits")


def test_key_figures_and_both_accuracies_are_told(make_report: MakeReport) -> None:
    markdown = render_markdown(make_report())

    assert "- Period: 22 Nov 10:00 to 24 Nov 01:59 UTC" in markdown
    assert "- Predictions: 20,861 (3 malformed lines)" in markdown
    assert "- Estimated accuracy: 95.1 % (an estimate without labels, assuming:" in markdown
    assert "- Measured accuracy: 94.8 % (95 % interval 93.2 to 96.0 %)" in markdown
    assert "| AllTraffic | ALARM | 20,861 | 13.4 % (12.9 to 13.9 %) | 0.951 | 95.1 % |" in markdown


def test_unusual_windows_are_listed_newest_first(make_report: MakeReport) -> None:
    markdown = render_markdown(make_report())

    assert "| 24 Nov 01:00-01:59 | AllTraffic | ALARM |" in markdown
    assert markdown.index("24 Nov 01:00-01:59") < markdown.index("24 Nov 00:00-00:59")
    assert "22 Nov 12:00-12:59" not in markdown


def test_calm_report_lists_no_windows(make_report: MakeReport) -> None:
    assert "Unusual windows" not in render_markdown(make_report(baseline=False))


def test_labels_and_thresholds_are_told(make_report: MakeReport) -> None:
    markdown = render_markdown(make_report())

    assert "Expected calibration error 0.021." in markdown
    assert "| bicycle | motorcycle | 20 |" in markdown
    assert "In use: 0.90. Threshold 0.83 reaches the wanted accuracy of 98.0 %" in markdown
    assert "| 0.83 | 698 | 69.8 % | 98.1 % | 96.8 to 98.9 % |" in markdown


def test_malformed_lines_are_listed_with_file_and_offset(make_report: MakeReport) -> None:
    assert "| 2026/11/22/10/02.jsonl | 154 | line is no JSON |" in render_markdown(make_report())


@pytest.mark.parametrize(
    "options",
    [
        {"baseline": False},
        {"labelled": False},
        {"malformed": 0},
        {"variants": 3},
        {"labels": tuple(f"class {number}" for number in range(40))},
    ],
    ids=str,
)
def test_reports_of_every_kind_are_told(options: dict[str, Any], make_report: MakeReport) -> None:
    assert "None" not in render_markdown(make_report(**options))


def test_report_without_records_is_told(empty_report: Report) -> None:
    markdown = render_markdown(empty_report)

    assert markdown.startswith("# NOT ENOUGH DATA")
    assert "|" not in markdown


@pytest.mark.parametrize(
    "hostile",
    [
        "a | b\n| c",
        "`code` and *stars* and __lines__ ~~gone~~",
        "<img src=x onerror=alert(1)> &amp;",
        "[link](https://example.com) ![image](x)",
        "# heading",
        "- item",
        "1. item",
        "> quote",
        "---",
        "\\",
        "```",
        "\x00\ud800\u2028",
    ],
)
def test_hostile_text_stays_text_in_every_field(
    hostile: str, make_report: MakeReport, poisoned: Poison
) -> None:
    report = make_report(windows=3)
    markdown = render_markdown(poisoned(report, hostile)).encode().decode()

    assert structure(markdown) == structure(render_markdown(poisoned(report, "plain")))


@settings(max_examples=40, deadline=None)
@given(text=st.text(min_size=1, alphabet="ab1 .)-+*_`#|\\<>&[]()!~=:/\n\t"))
def test_no_text_changes_the_structure(
    make_report: MakeReport, poisoned: Poison, text: str
) -> None:
    report = make_report(windows=2)
    plain = structure(render_markdown(poisoned(report, "plain")))

    assert structure(render_markdown(poisoned(report, f"a{text}"))) == plain


@pytest.mark.parametrize(
    "address", ["https://example.com", "http://example.com", "WWW.example.com"]
)
def test_address_does_not_become_a_link_by_itself(address: str, make_report: MakeReport) -> None:
    markdown = render_markdown(replace(make_report(), reason=f"see {address}, @somebody"))

    assert address not in markdown
    assert "\\@somebody" in markdown
    assert f"<p>see {address}, @somebody</p>" in PARSER.render(markdown)
