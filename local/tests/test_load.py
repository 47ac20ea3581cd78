from __future__ import annotations

import re
import time
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from scones_local.load.growth import measure_growth
from scones_local.load.linechart import Chart, Line, draw_chart
from scones_local.load.load import RATES
from scones_local.load.openloop import THREADS, call_on_clock, due_times
from scones_local.load.page import render_load_page
from scones_local.load.programwatch import ProgramWatch, program_of
from scones_local.load.ramp import uploads_of_step
from scones_local.load.steps import Answered, measure_step


def answered(rate: float, count: int, latency_s: float) -> list[Answered]:
    return [Answered(due, due + latency_s) for due in due_times(1000.0, rate, count)]


def test_calls_are_due_at_regular_times_whatever_they_take() -> None:
    assert due_times(100.0, 4.0, 5) == [100.0, 100.25, 100.5, 100.75, 101.0]


def test_every_call_is_made_with_its_number_and_due_time() -> None:
    made: list[tuple[int, float]] = []
    dues = due_times(time.time(), 1000.0, 20)
    call_on_clock(lambda number, due: made.append((number, due)), dues)
    assert sorted(made) == list(enumerate(dues))


def test_a_wait_for_a_free_thread_counts_in_the_latency() -> None:
    dues = [time.time()] * (THREADS + 1)
    calls: list[Answered] = []

    def call(_number: int, due: float) -> None:
        time.sleep(0.1)
        calls.append(Answered(due, time.time()))

    call_on_clock(call, dues)
    waits = sorted(one.at - one.due for one in calls if one.at)
    assert waits[-1] > 0.2 - 0.01  # the last one waited for another one's end


def test_a_call_that_fails_is_told_after_all_the_others() -> None:
    made: list[int] = []

    def call(number: int, _due: float) -> None:
        made.append(number)
        if number == 1:
            raise ConnectionError("no engine")

    with pytest.raises(ConnectionError, match="no engine"):
        call_on_clock(call, [time.time()] * 4)
    assert sorted(made) == [0, 1, 2, 3]


def test_a_step_with_steady_latency_achieves_what_was_asked() -> None:
    figures = measure_step(20.0, answered(20.0, 200, 0.05))
    assert figures.achieved_per_s == pytest.approx(20, abs=0.2)
    assert figures.waiting_at_end == 1
    assert (figures.p50_ms, figures.p95_ms, figures.p99_ms) == (50.0, 50.0, 50.0)
    assert figures.kept_up


def test_percentiles_count_the_slow_few() -> None:
    calls = [
        Answered(due, due + (1.0 if number % 20 == 0 else 0.1))
        for number, due in enumerate(due_times(0.0, 100.0, 400))
    ]
    figures = measure_step(100.0, calls)
    assert figures.p50_ms == pytest.approx(100)
    assert figures.p99_ms == pytest.approx(1000)


def test_a_step_whose_answers_come_more_slowly_than_asked_is_not_kept_up_with() -> None:
    dues = due_times(1000.0, 50.0, 400)
    calls = [Answered(due, 1000.0 + number / 40) for number, due in enumerate(dues)]
    figures = measure_step(50.0, calls)
    assert figures.achieved_per_s == pytest.approx(40, abs=1)
    assert not figures.kept_up


def test_a_backlog_at_the_end_is_not_kept_up_with_though_the_rate_is_achieved() -> None:
    figures = measure_step(10.0, answered(10.0, 200, 1.5))
    assert figures.achieved_per_s == pytest.approx(10, abs=0.2)
    assert (figures.waiting_at_end, figures.kept_up) == (15, False)


def test_what_has_no_answer_waits_at_the_end() -> None:
    calls = [*answered(10.0, 190, 0.05), *(Answered(1019.0 + n / 10, None) for n in range(10))]
    figures = measure_step(10.0, calls)
    assert (figures.calls, figures.waiting_at_end) == (200, 10)


def test_a_step_without_any_answer_says_so() -> None:
    with pytest.raises(ValueError, match="answered"):
        measure_step(10.0, [Answered(0.0, None)])


def test_every_step_has_enough_uploads_for_a_99th_percentile() -> None:
    assert all(uploads_of_step(rate) >= 200 for rate in RATES)
    assert uploads_of_step(100.0) == 800
    assert list(RATES) == sorted(set(RATES))


def test_memory_that_fills_up_and_then_stays_does_not_grow() -> None:
    samples = [(uploads, 100.0 + min(uploads, 1000) / 20) for uploads in range(0, 4000, 20)]
    growth = measure_growth(samples)
    assert (growth.middle_mb, growth.last_mb, growth.slope_mb) == (150.0, 150.0, 0.0)
    assert growth.first_mb < 120
    assert not growth.grows


def test_memory_that_keeps_something_of_every_upload_grows() -> None:
    samples = [(uploads, 100.0 + uploads * 0.007) for uploads in range(0, 4000, 20)]
    growth = measure_growth(samples)
    assert growth.slope_mb == pytest.approx(7)
    assert growth.grows


def test_memory_that_is_given_back_does_not_grow() -> None:
    assert not measure_growth([(uploads, 200.0 - uploads / 100) for uploads in range(100)]).grows


def test_a_run_that_ends_before_everything_is_full_is_not_judged() -> None:
    samples = [(uploads, 100.0 + uploads) for uploads in range(0, 1600, 20)]
    assert measure_growth(samples, full_after=1000).grows is None
    assert measure_growth(samples, full_after=800).grows


def test_too_few_samples_are_no_verdict() -> None:
    with pytest.raises(ValueError, match="least"):
        measure_growth([(0, 1.0)] * 19)


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("python -m scones_local.engine /w/engine.json", "engine"),
        ("python -m scones_local serve --root /r", "supervisor"),
        ("python -m scones_model.serving.serve", "serving"),
        ("python -m awslambdaric scones_filter.handler.handle", "filter"),
        ("python -m http.server", "other"),
        ("", "other"),
    ],
)
def test_a_program_is_known_by_its_command_line(command: str, program: str) -> None:
    assert program_of(command.split()) == program


def test_a_watch_samples_this_process_while_it_is_open() -> None:
    with ProgramWatch(lambda: 7) as watch:
        now = watch.look()
    assert now.uploads == 7
    assert now.rss_mb["client"] > 1
    assert now.cpu_s["client"] > 0
    assert watch.samples


def chart(*lines: Line, logarithmic: bool = False) -> ET.Element:
    drawn = draw_chart(Chart("A <title> & more", "x", "y", lines, logarithmic=logarithmic))
    svg = re.search(r"<svg.*</svg>", drawn, re.DOTALL)
    assert svg
    return ET.fromstring(svg.group())


def points(svg: ET.Element) -> list[tuple[float, float]]:
    line = svg.find("polyline")
    assert line is not None
    return [
        (float(x), float(y)) for x, y in (at.split(",") for at in line.get("points", "").split())
    ]


def test_a_line_rises_to_the_right_and_upwards() -> None:
    svg = chart(Line("rises", "one", [(0, 0), (10, 5), (20, 10)]))
    (x0, y0), (x1, y1), (x2, y2) = points(svg)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert (x2 > x0, y2 < y0) == (True, True)


def test_powers_of_ten_lie_evenly_on_a_logarithmic_axis() -> None:
    svg = chart(Line("powers", "one", [(1, 10), (2, 100), (3, 1000)]), logarithmic=True)
    heights = [y for _, y in points(svg)]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)


def test_a_chart_without_points_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="nothing"):
        draw_chart(Chart("empty", "x", "y", [Line("none", "one", [])]))


def figures() -> dict[str, Any]:
    flow = {
        "asked_per_s": 10.0, "achieved_per_s": 10.0, "calls": 200, "waiting_at_end": 1,
        "p50_ms": 30.0, "p95_ms": 50.0, "p99_ms": 90.0, "kept_up": True,
    }  # fmt: skip
    late = {**flow, "asked_per_s": 20.0, "p99_ms": 4000.0, "kept_up": False}
    growth = {"first_mb": 100.0, "middle_mb": 101.0, "last_mb": 102.0, "slope_mb": 0.1}
    return {
        "counts": {"uploaded": 700, "lost": 0, "doubled": 0},
        "sustained_per_s": 10.0,
        "steps": [{"flow": flow, "by_hand": flow, "cpu_ms": {"engine": 9.0}},
                  {"flow": late, "by_hand": None, "cpu_ms": {"engine": 9.0}}],
        "long_run": flow,
        "growth": {"engine": {**growth, "grows": True}, "serving": {**growth, "grows": False}},
        "memory": [{"uploads": n, "rss_mb": {"engine": 100.0 + n, "serving": 90.0}}
                   for n in range(3)],
    }  # fmt: skip


def test_the_page_tells_the_verdicts_and_fetches_nothing() -> None:
    page = render_load_page(figures())
    assert "lost 0, doubled 0" in page
    assert "memory grows in engine" in page
    assert page.count("<svg") == 3
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"<script|https?://|url\(", page)


def test_the_page_of_a_short_run_gives_no_verdict_on_memory() -> None:
    told = figures()
    for growth in told["growth"].values():
        growth["grows"] = None
    page = render_load_page(told)
    assert "memory was not watched long enough" in page
    assert page.count("<td>too short to say</td>") == 2


def test_the_page_is_whole_markup() -> None:
    body = re.search(r"<body>.*</body>", render_load_page(figures()), re.DOTALL)
    assert body
    ET.fromstring(body.group())
