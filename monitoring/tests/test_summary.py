from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from monitoring.tests.capturing import capture, line
from monitoring.tests.test_reader import Slowly

from scones_monitoring.capture.reader import CaptureReader
from scones_monitoring.capture.summary import (
    BINS,
    EDGES,
    LEAST,
    LISTED,
    Least,
    Malformed,
    Reading,
    Summary,
    Tally,
    summarise,
)

if TYPE_CHECKING:
    import random

THRESHOLD = 0.9
EXAMPLE = [
    line(capture([p, 1 - p], time=f"2026-11-22T{hour}:00:00Z"))
    for hour in ("10", "11")
    for p in (0.9, 0.25, 0.5, 0.95)
]


def tally(files: dict[str, bytes], variant: str = "AllTraffic") -> Reading:
    counted = Tally(variant, THRESHOLD)
    for records in CaptureReader().read((n, Slowly(text, None)) for n, text in files.items()):
        counted.add(records)
    return counted.reading()


def test_predictions_are_counted_by_hour() -> None:
    reading = tally({"file": b"".join(EXAMPLE)})
    assert list(reading.summaries) == [("AllTraffic", f"2026-11-22T{hour}") for hour in (10, 11)]
    summary = reading.summaries["AllTraffic", "2026-11-22T10"]
    assert (summary.records, summary.below, summary.classes) == (4, 2, (3, 1))
    assert summary.mean_confidence == (0.9 + 0.75 + 0.5 + 0.95) / 4
    assert np.isclose(summary.confidence_variance, np.var([0.9, 0.75, 0.5, 0.95]))
    assert {EDGES[n]: count for n, count in enumerate(summary.histogram) if count} == {
        0.5: 1, 0.74: 1, 0.9: 1, 0.94: 1,
    }  # fmt: skip


def test_the_least_confident_are_remembered_by_place() -> None:
    reading = tally({"file": b"".join(EXAMPLE)})
    least = reading.summaries["AllTraffic", "2026-11-22T11"].least
    starts = [sum(map(len, EXAMPLE[:n])) for n in range(8)]
    assert [(one.offset, one.predicted) for one in least] == [
        (starts[6], 0), (starts[5], 1), (starts[4], 0), (starts[7], 0),
    ]  # fmt: skip


def test_a_confidence_on_an_edge_lies_in_the_bin_that_begins_there() -> None:
    edges = np.array(EDGES[25:-1])
    counted = summarise("v", "h", edges, np.zeros(25, dtype=np.intp), 2, EDGES[40])
    assert counted.histogram == (0,) * 25 + (1,) * 25
    assert counted.below == 15
    sure = summarise("v", "h", np.ones(3), np.zeros(3, dtype=np.intp), 2, THRESHOLD)
    assert sure.histogram == (0,) * (BINS - 1) + (3,)


@st.composite
def partitions(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """Some lines in one file, and the same lines divided over several."""
    chosen = draw(st.lists(st.tuples(
        st.sampled_from([0.5, 0.75, 0.75, 0.9, 0.97, 1.0]) | st.floats(0.5, 1.0),
        st.sampled_from(["10", "11"]), st.booleans()), min_size=1, max_size=60))  # fmt: skip
    lines = [
        line(capture([p, 1 - p], time=f"2026-11-22T{hour}:30:00Z")) if good else b"no capture\n"
        for p, hour, good in chosen
    ]
    cuts = sorted(draw(st.lists(st.integers(0, len(lines)), max_size=5)))
    edges = [0, *cuts, len(lines)]
    parts = [b"".join(lines[a:b]) for a, b in itertools.pairwise(edges)]
    return b"".join(lines), parts


@given(partitions(), st.randoms())
def test_the_sum_of_any_partition_is_the_whole(
    divided: tuple[bytes, list[bytes]], order: random.Random
) -> None:
    whole, parts = divided
    together = tally({f"{n:02d}": part for n, part in enumerate(parts)})
    alone = [tally({f"{n:02d}": part}) for n, part in enumerate(parts)]
    order.shuffle(alone)
    assert sum(alone, Reading()) == together
    counts = [
        {name: getattr(summary, name) for name in ("records", "below", "total", "squares",
                                                   "classes", "histogram")}
        for summary in together.summaries.values()
    ]  # fmt: skip
    assert counts == [
        {name: getattr(summary, name) for name in counts[0]}
        for summary in tally({"whole": whole}).summaries.values()
    ]
    assert together.malformed.count == whole.count(b"no capture")


@given(partitions())
def test_a_reading_survives_being_written_down(divided: tuple[bytes, list[bytes]]) -> None:
    reading = tally({"file": divided[0]})
    assert Reading.from_json(reading.to_json()) == reading


def test_many_records_of_equal_confidence_keep_the_first_by_place() -> None:
    text = line(capture([0.75, 0.25])) * 500
    least = tally({"b": text, "a": text}).summaries["AllTraffic", "2026-11-22T10"].least
    size = len(text) // 500
    assert least == tuple(Least(0.75, "a", n * size, 0) for n in range(LEAST))


def test_all_malformed_lines_are_counted_and_the_first_listed() -> None:
    reading = tally({"file": b"bad\n" * 50 + line(capture("[0.9]")) + line(capture())})
    assert reading.malformed.count == 51
    reason = "the answer is no list of class probabilities"
    assert reading.malformed.reasons == {"no JSON": 50, reason: 1}
    assert reading.malformed.lines == tuple(("file", 4 * n, "no JSON") for n in range(LISTED))


def test_readings_can_be_cut_to_a_period_and_keep_what_has_no_hour() -> None:
    reading = tally({"file": b"".join(EXAMPLE) + b"bad\n"})
    kept = reading.within("2026-11-22T11", "2026-11-22T12")
    assert [hour for _, hour in kept.summaries] == ["2026-11-22T11"]
    assert kept.malformed.count == 1
    assert not reading.within(None, "2026-11-22T10").summaries


def test_nothing_is_the_sum_of_nothing() -> None:
    assert Reading() + Reading() == Reading({}, Malformed())


def test_variants_stay_apart() -> None:
    both = tally({"a": EXAMPLE[0]}, "one") + tally({"b": EXAMPLE[0]}, "two")
    assert [variant for variant, _ in both.summaries] == ["one", "two"]
    assert isinstance(both.of("one")[0], Summary)
