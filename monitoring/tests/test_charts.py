from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from scones_monitoring.page.charts import (
    accuracy_curve,
    confidence_histogram,
    coverage_curve,
    reliability_curve,
)
from scones_monitoring.page.controlcharts import control_chart, distance_chart
from scones_monitoring.page.drawing import BOTTOM, WIDTH, Scale
from scones_monitoring.report import Chart, Distance, Histogram, Point

if TYPE_CHECKING:
    from scones_monitoring.report import Report

MakeReport = Callable[..., "Report"]


def below_threshold(report: Report, ident: str = "c") -> str:
    variant = report.variants[0]
    return control_chart(ident, variant.charts[0], variant.windows)


def accurate(report: Report) -> str:
    assert report.accuracy is not None
    return reliability_curve("r", report.accuracy.reliability)


DRAWN: dict[str, Callable[[Report], str]] = {
    "control": below_threshold,
    "distance": lambda report: distance_chart(
        "d",
        "PSI",
        [window.psi for window in report.variants[0].windows],
        report.variants[0].windows,
    ),
    "histogram": lambda report: confidence_histogram("h", report.histogram, report.threshold),
    "reliability": accurate,
    "coverage": lambda report: coverage_curve("t", report.thresholds, report.threshold),
    "accuracy": lambda report: accuracy_curve(
        "a", report.thresholds, report.threshold, report.wanted_accuracy
    ),
}
every_chart = pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)


def path(drawing: str, css: str) -> str:
    found = re.search(rf'<path class="{css}" d="([^"]+)"', drawing)
    return found[1] if found else ""


def told(drawing: str) -> str:
    return ET.fromstring(drawing).findtext("desc") or ""


def of_points(*points: Point, center: float | None = 0.1) -> Chart:
    return Chart("below_threshold", "Share", center, points)


@every_chart
def test_chart_is_well_formed_and_as_wide_as_its_place(
    draw: Callable[[Report], str], make_report: MakeReport
) -> None:
    root = ET.fromstring(draw(make_report()))

    (plot,) = root.findall("svg")
    assert root.get("width") == plot.get("width") == "100%"
    assert plot.get("preserveAspectRatio") == "none"
    for text in root.iter("text"):
        assert text.get("x") == "-8" or text.attrib["x"].endswith("%")


@every_chart
def test_chart_has_a_name_and_its_numbers_in_words(
    draw: Callable[[Report], str], make_report: MakeReport
) -> None:
    root = ET.fromstring(draw(make_report()))

    assert root.get("role") == "img"
    by_id = {one.get("id"): one.text or "" for one in root.iter() if one.get("id")}
    name, numbers = (by_id[ident] for ident in root.attrib["aria-labelledby"].split())
    assert name
    assert re.search(r"\d\.\d", numbers)


@every_chart
def test_nothing_is_drawn_outside_the_plot(
    draw: Callable[[Report], str], make_report: MakeReport
) -> None:
    for drawn in re.findall(r' d="([^"]+)"', draw(make_report(windows=200))):
        x = y = 0
        for command, numbers in re.findall(r"([MLlhvHVz])([-\d ]*)", drawn):
            given = [int(one) for one in re.findall(r"-?\d+", numbers)]
            if command in "ML":
                x, y = given
            elif command == "l":
                x, y = x + given[0], y + given[1]
            elif command in "hH":
                x = given[0] + (x if command == "h" else 0)
            elif command in "vV":
                y = given[0] + (y if command == "v" else 0)
            assert 0 <= x <= WIDTH
            assert 0 <= y <= BOTTOM


def test_point_outside_its_limits_is_a_mark_of_its_own_and_named(make_report: MakeReport) -> None:
    windows = make_report(windows=3).variants[0].windows
    chart = of_points(
        Point(0.10, 0.08, 0.12, outside=False),
        Point(0.20, 0.08, 0.12, outside=True),
        Point(0.11, 0.08, 0.12, outside=False),
    )

    drawing = control_chart("c", chart, windows)

    assert path(drawing, "dot").count("M") == 2
    assert path(drawing, "outside").count("M") == 1
    assert "Outside the limits: 1: 22 Nov 11:00 (20.0 %)." in told(drawing)
    assert "Latest 11.0 %, limits 8.0 % to 12.0 %." in told(drawing)
    assert "Lowest 10.0 % at 22 Nov 10:00." in told(drawing)
    assert "Baseline mean 10.0 %." in told(drawing)


def test_window_that_was_not_judged_is_hollow_and_leaves_a_gap_in_the_limits(
    make_report: MakeReport,
) -> None:
    windows = make_report(windows=3).variants[0].windows
    judged = Point(0.10, 0.08, 0.12, outside=False)

    drawing = control_chart("c", of_points(judged, Point(0.1, None, None, False), judged), windows)

    assert path(drawing, "hollow").count("M") == path(drawing, "ring").count("M") == 1
    assert path(drawing, "band").count("z") == 2
    assert "Not judged: 1." in told(drawing)
    assert "None outside the limits." in told(drawing)


def test_without_a_baseline_there_are_neither_limits_nor_a_centre_line(
    make_report: MakeReport,
) -> None:
    drawing = below_threshold(make_report(baseline=False))

    assert not path(drawing, "band")
    assert not path(drawing, "center")
    assert path(drawing, "hollow").count("M") == 40


def test_hundreds_of_windows_stay_one_path_with_three_hours(make_report: MakeReport) -> None:
    drawing = below_threshold(make_report(windows=300))

    assert not path(drawing, "dot")
    assert path(drawing, "course").count("l") == 299
    assert path(drawing, "outside")
    assert len(re.findall(r"Nov \d\d:00</text>|Dec \d\d:00</text>", drawing)) == 3
    assert len(drawing) < 12_000


@pytest.mark.parametrize("windows", [1, 2, 5])
def test_few_windows_are_drawn_too(windows: int, make_report: MakeReport) -> None:
    drawing = below_threshold(make_report(windows=windows))

    assert told(drawing).startswith("1 window," if windows == 1 else f"{windows} windows,")
    hours = re.findall(r">22 Nov \d\d:00</text>", drawing)
    assert len(hours) == len(set(hours)) == min(windows, 3)


def test_windows_that_are_all_alike_are_drawn(make_report: MakeReport) -> None:
    windows = make_report(windows=2).variants[0].windows
    alike = Point(0.0, None, None, outside=False)

    ET.fromstring(control_chart("c", of_points(alike, alike, center=None), windows))


def test_confidence_is_no_percentage(make_report: MakeReport) -> None:
    variant = make_report(drift=False).variants[0]

    assert "%" not in told(control_chart("c", variant.charts[1], variant.windows))


def test_distance_past_its_limit_is_outside(make_report: MakeReport) -> None:
    windows = make_report(windows=3).variants[0].windows
    distances = [Distance(0.05, 0.1), None, Distance(0.2, 0.1)]

    drawing = distance_chart("d", "PSI", distances, windows)

    assert "2 windows" in told(drawing)
    assert "Outside the limits: 1: 22 Nov 12:00 (0.200)." in told(drawing)


def test_no_distances_make_no_chart(make_report: MakeReport) -> None:
    windows = make_report(windows=2).variants[0].windows

    assert distance_chart("d", "PSI", [None, None], windows) == ""


def test_histogram_begins_where_predictions_do_and_tells_tenths() -> None:
    edges = tuple(at / 10 for at in range(11))
    current = (0.0,) * 6 + (0.1, 0.0, 0.0, 0.9)
    baseline = (0.0,) * 6 + (0.05, 0.0, 0.0, 0.95)

    drawing = confidence_histogram("h", Histogram(edges, current, baseline), 0.9)

    assert re.findall(r">(0\.\d|1\.0)</text>", drawing)[0] == "0.6"
    assert "0.6 to 0.7: 10.0 % (baseline 5.0 %)" in told(drawing)
    assert "0.9 to 1.0: 90.0 % (baseline 95.0 %)" in told(drawing)
    assert path(drawing, "before")
    assert path(drawing, "threshold").startswith("M7500 ")


def test_histogram_without_a_baseline_has_no_line(make_report: MakeReport) -> None:
    histogram = replace(make_report().histogram, baseline=None)

    drawing = confidence_histogram("h", histogram, 0.9)

    assert not path(drawing, "before")
    assert "baseline" not in told(drawing)


def test_histogram_of_nothing_is_drawn() -> None:
    drawing = confidence_histogram("h", Histogram((0.0, 0.5, 1.0), (0.0, 0.0), None), 0.9)

    assert "There are none" in told(drawing)


def test_reliability_tells_every_bin(make_report: MakeReport) -> None:
    drawing = accurate(make_report())

    assert path(drawing, "dot").count("M") == path(drawing, "reach").count("V") == 5
    assert told(drawing).count("right (") == 5


def test_accuracy_of_what_passes_needs_labels(make_report: MakeReport) -> None:
    assert DRAWN["accuracy"](make_report(labelled=False)) == ""
    assert "Wanted: 98.0 %." in told(DRAWN["accuracy"](make_report()))


def test_a_single_threshold_is_drawn(make_report: MakeReport) -> None:
    report = make_report()
    one = replace(report, thresholds=report.thresholds[:1])

    for draw in (DRAWN["coverage"], DRAWN["accuracy"]):
        ET.fromstring(draw(one))


def test_hostile_name_stays_text(make_report: MakeReport) -> None:
    variant = make_report().variants[0]
    hostile = '</title><script>"&\x00\ud800\u202e'

    drawing = control_chart("c", replace(variant.charts[0], name=hostile), variant.windows)

    drawing.encode()
    assert ET.fromstring(drawing).findtext("title") == '</title><script>"&\ufffd?\ufffd'


def test_greater_values_are_drawn_higher_and_further_right() -> None:
    scale = Scale(0.2, 0.6)

    assert (scale.y(0.6), scale.y(0.2), scale.y(5.0)) == (0, BOTTOM, 0)
    assert (scale.x(0.2), scale.x(0.3), scale.x(0.6)) == (0, WIDTH // 4, WIDTH)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.07, 0.21, [0.1, 0.15, 0.2])],
)
def test_ticks_are_round_and_inside(low: float, high: float, expected: list[float]) -> None:
    assert [value for value, _ in Scale(low, high).ticks()] == pytest.approx(expected)
