"""The detector on windows made by hand: what is an alarm, what a warning, what neither."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scones_monitoring.capture.summary import BINS, QUANTUM, Summary
from scones_monitoring.drift.control import FLOOR, fit_line, measures, sidak, t_quantile
from scones_monitoring.drift.detector import CUSUM_LIMIT, Detector, Judgement
from scones_monitoring.drift.windows import ENOUGH, TOO_FEW, merge_thin_hours

LABELS = ("bicycle", "motorcycle")


def window(
    below: float = 0.3, confidence: float = 0.9, second: float = 0.5, records: int = 1000
) -> Summary:
    """A window with these shares and this mean confidence (deviation .1)."""
    counted = round(second * records)
    return Summary(
        variant="AllTraffic",
        first="2026-11-22T10",
        last="2026-11-22T10",
        records=records,
        below=round(below * records),
        total=round(confidence * records / QUANTUM),
        squares=round((confidence**2 + 0.01) * records / QUANTUM**2),
        classes=(records - counted, counted),
        histogram=(records, *[0] * (BINS - 1)),
    )


def healthy(count: int = 24) -> list[Summary]:
    draw = random.Random(1)
    return [
        window(draw.gauss(0.3, 0.02), draw.gauss(0.9, 0.005), draw.gauss(0.5, 0.02))
        for _ in range(count)
    ]


def judge(*windows: Summary, labels: tuple[str, ...] = LABELS) -> list[Judgement]:
    return Detector(healthy(), labels).judge(windows)


def alarms(*windows: Summary) -> list[bool]:
    return [judged.alarm for judged in judge(*windows)]


DRIFTED = window(below=0.4)


def test_usual_windows_are_neither_alarm_nor_warning() -> None:
    judged = judge(*[window()] * 10)
    assert not any(one.alarm or one.warning for one in judged)


def test_one_window_outside_is_a_warning_and_the_second_an_alarm() -> None:
    judged = judge(window(), DRIFTED, DRIFTED, window())
    assert [one.alarm for one in judged] == [False, False, True, False]
    assert [one.warning for one in judged] == [False, True, True, False]


def test_two_windows_outside_on_opposite_sides_are_no_alarm() -> None:
    assert alarms(DRIFTED, window(below=0.2), DRIFTED) == [False] * 3


def test_two_windows_outside_on_different_charts_are_no_alarm() -> None:
    assert alarms(DRIFTED, window(second=0.62), window(confidence=0.96)) == [False] * 3


def test_a_window_between_that_is_too_small_says_nothing_either_way() -> None:
    small = window(below=0.9, records=TOO_FEW - 1)
    judged = judge(DRIFTED, small, DRIFTED)
    assert [one.alarm for one in judged] == [False, False, True]
    reading = judged[1].readings[0]
    assert (reading.low, reading.high, reading.outside) == (None, None, False)


def test_small_deviations_that_last_are_an_alarm_in_the_end() -> None:
    lasting = alarms(*[window(below=0.338)] * 20)
    assert not lasting[1]
    assert lasting[-1]
    outside = [one.readings[0].outside for one in judge(*[window(below=0.338)] * 20)]
    assert not any(outside)


def test_an_alarm_ends_soon_after_the_drift_does() -> None:
    again = alarms(*[DRIFTED] * 12, *[window()] * 4)
    assert again[11]
    assert again[12:] == [True, True, False, False] or not any(again[14:])


@pytest.mark.parametrize("drifted", [
    window(below=0.4), window(below=0.2), window(confidence=0.85), window(confidence=0.95),
    window(second=0.6), window(second=0.4),
])  # fmt: skip
def test_every_chart_is_watched_on_both_sides(drifted: Summary) -> None:
    assert alarms(drifted, drifted) == [False, True]


def test_the_same_share_is_outside_in_a_large_window_and_inside_in_a_small_one() -> None:
    share = 0.37
    large, small = judge(window(below=share, records=5000), window(below=share, records=120))
    assert large.readings[0].outside
    assert not small.readings[0].outside


def test_less_than_a_point_is_no_drift_however_large_the_window() -> None:
    still = [window(records=10_000_000) for _ in range(400)]
    detector = Detector(still, LABELS)
    for name, away in (("below", 0.009), ("second", 0.009), ("confidence", 0.009)):
        base = {"below": 0.3, "second": 0.5, "confidence": 0.9}[name]
        moved = window(**{name: base + away}, records=10_000_000)
        assert not any(reading.outside for reading in detector.judge([moved])[0].readings)
    assert detector.judge([window(below=0.3 + 0.03, records=10_000_000)])[0].readings[0].outside


def test_more_variants_mean_wider_limits_for_each() -> None:
    limits = [Detector(healthy(), LABELS, n).judge([window()])[0].readings[0].high for n in (1, 4)]
    assert limits[0] is not None
    assert limits[1] is not None
    assert limits[1] > limits[0]
    assert Detector(healthy(), LABELS, 4).cusum_limit > CUSUM_LIMIT


def test_fewer_baseline_windows_mean_wider_limits() -> None:
    limits = [
        Detector(healthy(count), LABELS).judge([window()])[0].readings[0] for count in (24, 4)
    ]
    widths = [(one.high or 0) - (one.low or 0) for one in limits]
    assert widths[1] > widths[0]


def test_a_single_window_is_baseline_enough_to_find_a_coarse_drift() -> None:
    detector = Detector([window(records=200)], LABELS)
    assert not any(one.alarm for one in detector.judge([window()] * 5))
    assert detector.judge([window(below=0.6)] * 2)[1].alarm


def test_two_classes_have_one_chart_of_shares_and_more_have_one_each() -> None:
    assert [m.key for m in measures(LABELS)] == [
        "below_threshold",
        "confidence",
        "share:motorcycle",
    ]
    assert len(measures(("a", "b", "c"))) == 5


def test_a_class_that_nobody_predicted_before_is_watched_too() -> None:
    three = [replace(one, classes=(*one.classes, 0)) for one in healthy()]
    detector = Detector(three, ("a", "b", "c"))
    calm = replace(window(), classes=(500, 500))
    strange = replace(window(), classes=(420, 480, 100))
    assert not detector.judge([calm])[0].warning
    assert detector.judge([strange, strange])[1].alarm


def test_the_variance_between_windows_is_told_from_that_of_counting() -> None:
    share = measures(LABELS)[0]
    draw = random.Random(2)
    spread = [window(below=draw.gauss(0.3, 0.04), records=5000) for _ in range(200)]
    line = fit_line(share, spread)
    assert line.center == pytest.approx(0.3, abs=0.01)
    assert line.of_windows**0.5 == pytest.approx(0.04, rel=0.15)
    still = [window(below=round(draw.gauss(0.3, 0.02) * 500) / 500, records=500)
             for _ in range(200)]  # fmt: skip
    assert fit_line(share, still).of_windows ** 0.5 < 0.01  # .02 is what counting 500 gives


def test_sidak_shares_a_chance_among_tests() -> None:
    assert sidak(0.1, 1) == pytest.approx(0.1)
    assert 1 - (1 - sidak(0.1, 7)) ** 7 == pytest.approx(0.1)


def test_t_quantiles_are_those_of_the_tables() -> None:
    assert t_quantile(0.05, 4) == pytest.approx(2.776, abs=1e-3)
    assert t_quantile(0.05, 1e9) == pytest.approx(1.960, abs=1e-3)


def hours(sizes: list[int], begin: str = "2026-11-22T18") -> list[Summary]:
    start = datetime.fromisoformat(f"{begin}:00")
    names = [f"{start + timedelta(hours=n):%Y-%m-%dT%H}" for n in range(len(sizes))]
    return [
        replace(window(records=size), first=name, last=name)
        for size, name in zip(sizes, names, strict=True)
    ]


@given(st.lists(st.integers(1, 1200), max_size=60))
def test_thin_hours_are_joined_in_order_and_nothing_is_lost(sizes: list[int]) -> None:
    merged = merge_thin_hours(hours(sizes)[::-1])
    assert sum(one.records for one in merged) == sum(sizes)
    assert all(before.last < after.first for before, after in itertools.pairwise(merged))
    for one, following in itertools.pairwise(merged):
        new_day = one.last[:10] != following.first[:10] and one.records >= TOO_FEW
        assert one.records >= ENOUGH or following.records >= ENOUGH or new_day


@given(st.lists(st.integers(TOO_FEW, 400), min_size=60, max_size=80), st.integers(0, 20))
def test_a_day_is_divided_alike_whichever_hour_a_report_begins_with(
    sizes: list[int], later: int
) -> None:
    def from_the_second_midnight_on(begin: int) -> list[str]:
        merged = merge_thin_hours(hours(sizes)[begin:])
        return [one.first for one in merged if one.first >= "2026-11-24T00"]

    assert from_the_second_midnight_on(0) == from_the_second_midnight_on(later)


def test_a_window_with_too_few_goes_on_over_midnight() -> None:
    merged = merge_thin_hours(hours([40, 40, 40, 40], "2026-11-22T22"))
    assert [one.records for one in merged] == [160]


def test_a_full_hour_stands_alone() -> None:
    assert [one.records for one in merge_thin_hours(hours([600, 300, 900]))] == [600, 300, 900]


def test_the_floor_is_one_point() -> None:
    assert FLOOR == 0.01
