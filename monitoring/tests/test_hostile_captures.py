"""Whatever lies among captures: each line is read right or listed as malformed, within bounds."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tempfile
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitoring.tests.capturing import IMAGE, capture, label_record, line
from monitoring.tests.hostile_capture_tally import Tally, fuzzed

from scones_monitoring.assess import ReportSettings, make_report, write_report
from scones_monitoring.capture.labels import read_labels
from scones_monitoring.capture.reader import BUFFER_BYTES, LONGEST_LINE, CaptureReader
from scones_monitoring.capture.record import LONGEST_ANSWER, MOST_CLASSES
from scones_monitoring.capture.summary import LISTED
from scones_monitoring.errors import NothingReadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scones_monitoring.report import Report

    ReportOn = Callable[[dict[str, bytes]], Report]

MOST_MEMORY = 3 * LONGEST_LINE
"""Bytes that reading may take, with Python's own copies."""
GOOD = [line(capture([p, 1 - p])) for p in (0.97, 0.61, 0.5)]
FOLDER = "captures/vehicles/AllTraffic/2026/11/22/10"


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    tally = Tally()
    yield tally
    print(f"\nmonitoring, captures: {tally}")  # noqa: T201 - for `make fuzz`


@pytest.fixture
def report_on(tally: Tally) -> ReportOn:
    """The report of these files beside one with good records; all three of its forms are made."""

    def made(files: dict[str, bytes]) -> Report:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, FOLDER)
            folder.mkdir(parents=True)
            for name, content in {"0-good.jsonl": b"".join(GOOD), **files}.items():
                (folder / name).write_bytes(content)
            report = make_report(ReportSettings(captures=f"{place}/captures"))
            write_report(report, Path(place, "out"))
            assert json.loads(Path(place, "out", "report.json").read_text())["records"]
        for reason, count in report.malformed_reasons.items():
            tally.outcomes[reason] += count
        tally.outcomes["read"] += report.records.read
        for content in files.values():
            for each in content.split(b"\n"):
                tally.add(each)
        return report

    return made


def lines_of(content: bytes) -> int:
    """How many lines say anything at all."""
    return sum(bool(each.strip()) for each in content.split(b"\n"))


def check(report: Report, files: dict[str, bytes], read: int | None = None) -> None:
    """Every line is counted once, and the first of the malformed ones are listed where they lie."""
    counts = report.records
    assert counts.read + counts.malformed == len(GOOD) + sum(map(lines_of, files.values()))
    assert read is None or counts.read == len(GOOD) + read
    assert sum(report.malformed_reasons.values()) == counts.malformed
    assert len(report.malformed) == min(counts.malformed, LISTED)
    for one in report.malformed:
        content = files[one.file.rpartition("/")[2]]
        assert one.offset == 0 or content[one.offset - 1 : one.offset] == b"\n"
        assert 0 < len(one.reason) < 100


def changed(**parts: Any) -> dict[str, Any]:
    """A usual record with parts of its answer set."""
    record = capture()
    record["captureData"]["endpointOutput"] |= parts
    return record


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


USUAL = line(capture()).rstrip()
ANSWER = '"data":"[0.97, 0.03]"'
NO_TIMES = (
    "", "now", "1795341600", "2026-11-22", "2026-11-22T10", "2026-11-22 10:00:00Z",
    "2026-11-22T10:00:00", "2026-11-22T10:00:00+02:00", "2026-11-22T10:00:00z", "22.11.2026",
    "2026-11-22T24:00:00Z", "2026-11-22T10:60:00Z", "2026-11-22T10:00:60Z", "2026-02-30T10:00:00Z",
    "2026-00-10T10:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
    " 2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z\0",
    "\u0662\u0660\u0662\u0666-11-22T10:00:00Z",
    "2026-11-22T10:00:00.Z", "-026-11-22T10:00:00Z", "2026-11-22T10:00:00.1234567890Z", "NaN",
    "\ud800",
)  # fmt: skip
NO_ANSWERS: dict[str, Any] = {
    "null": None, "a list": [0.97, 0.03], "a number": 1, "an object": {}, "nothing": "",
    "half": "[0.97, 0.03", "one": "[1.0]", "none": "[]", "nested": "[[0.5, 0.5], [0.5, 0.5]]",
    "texts": '["0.97", "0.03"]', "booleans": "[true, false]", "nulls": "[null, 1]",
    "not a number": "[NaN, 1]", "infinite": "[Infinity, 0]", "too great": "[97, 3]",
    "negative": "[-0.5, 1.5]", "sum": "[0.5, 0.4]", "huge": "[1" + "0" * 400 + ", 0]",
    "endless": "[" + "9" * 5000 + ", 0]", "deep": "[" * 100_000,
    "deep object": '{"predictions":' * 999,
    "html": "<html></html>", "other names": '{"scores": [0.97, 0.03]}', "csv": "0.97,0.03",
    "spaces": "   ", "half a character": "\ud800", "two rows": "[0.97, 0.03]\n[0.5, 0.5]",
    "long": "[" + "0.5," * (LONGEST_ANSWER // 4) + "0]",
    "many": json.dumps([1 / (MOST_CLASSES + 1)] * (MOST_CLASSES + 1)),
}  # fmt: skip
NO_BASE64 = ("%%%", "=", "WzAuOTcs IDAuMDNd", "ünicode", "\ud800",
             encoded(b"\xff\xfe"), encoded(b"\x89PNG"), encoded(b""), encoded(b"[0.9"),
             encoded(encoded(b"[0.97, 0.03]").encode()), encoded(b"a,b"))  # fmt: skip

MALFORMED: dict[str, bytes] = {
    "no JSON": b"no JSON",
    "a comma": b",",
    "zeros": bytes(100),
    "null": b"null",
    "a number": b"7",
    "an endless number": b"9" * 5000,
    "a text": b'"captureData"',
    "a list": b"[" + USUAL + b"]",
    "an empty object": b"{}",
    "bad utf-8": b"\xff\xfe\xfd",
    "utf-16 that ends in the middle": USUAL.decode().encode("utf-16")[:-1],
    "half": USUAL[: len(USUAL) // 2],
    "all but the last byte": USUAL[:-1],
    "all but the first byte": USUAL[1:],
    "a comma behind": USUAL + b",",
    "two in one": USUAL + USUAL,
    "single quotes": USUAL.replace(b'"', b"'"),
    "an open text": USUAL.replace(b'"eventVersion"', b'"eventVersion'),
    "a bell in a text": USUAL.replace(b"image/png", b"image\x07png"),
    "a comment": b"// " + USUAL,
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"captureData":' * 100_000,
    "a text without end": b'{"captureData":"' + b"A" * 100_000,
    "captureData twice": USUAL[:-1] + b',"captureData":null}',
    "other letters": USUAL.replace(b"captureData", b"capturedata"),
    "no answer": line({"captureData": {"endpointInput": {}}, "eventMetadata": {}}).rstrip(),
    "no metadata": line({**capture(), "eventMetadata": None}).rstrip(),
    "metadata in a list": line({**capture(), "eventMetadata": [{}]}).rstrip(),
    "an id that is a number": USUAL.replace(b'"e-1"', b"7"),
    "an encoding that is none": line(changed(encoding="PROTOBUF")).rstrip(),
    "an encoding in a list": line(changed(encoding=["JSON"])).rstrip(),
    "gzip": gzip.compress(USUAL).replace(b"\n", b""),
    "a PNG": base64.b64decode(IMAGE).replace(b"\n", b""),
    **{f"time {time!a}": line(capture(time=time)).rstrip() for time in NO_TIMES},
    **{
        f"answer: {what}": line(changed(data=data)).rstrip() for what, data in NO_ANSWERS.items()
    },
    **{
        f"base64 {data!a}": line(changed(data=data, encoding="BASE64")).rstrip()
        for data in NO_BASE64
    },
}  # fmt: skip

ODD_BUT_RIGHT = {
    "windows": USUAL + b"\r",
    "spaces around": b" \t" + USUAL + b" ",
    "utf-16": USUAL.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + USUAL,
    "spaced": line(capture(), spaced=True).rstrip(),
    "escaped": USUAL.replace(b"captureData", b"\\u0063aptureData"),
    "captureData twice, the last one right": b'{"captureData":null,' + USUAL[1:],
    "more fields": USUAL[:-1] + b',"more":[{"a":null}]}',
    "without an image": line(capture(image=None)).rstrip(),
    "no base64 for an image": line(capture(image="%%%")).rstrip(),
    "an image that is none": line(capture(image=encoded(b"none"))).rstrip(),
    "half a character for an image": line(capture(image="\ud800")).rstrip(),
    "half a character for an id": line(capture(event_id="\ud800")).rstrip(),
    "the first hour there is": line(capture(time="0001-01-01T00:00:00Z")).rstrip(),
    "the last hour there is": line(capture(time="9999-12-31T23:59:59.999999999Z")).rstrip(),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_line_is_counted_and_listed_where_it_lies(report_on: ReportOn, what: str) -> None:
    content = b"".join(GOOD) + MALFORMED[what] + b"\n" + b"".join(GOOD)
    files = {"file.jsonl": content}
    report = report_on(files)
    check(report, files, read=2 * len(GOOD))
    (one,) = report.malformed
    assert one.offset == len(b"".join(GOOD))


@pytest.mark.parametrize("what", ODD_BUT_RIGHT)
def test_odd_line_that_says_it_all_is_read(report_on: ReportOn, what: str) -> None:
    files = {"file.jsonl": b"".join(GOOD) + ODD_BUT_RIGHT[what] + b"\n" + b"".join(GOOD)}
    check(report_on(files), files, read=2 * len(GOOD) + 1)


def test_all_kinds_of_malformed_lines_in_one_file_are_counted(report_on: ReportOn) -> None:
    mixed = [part for bad in MALFORMED.values() for part in (bad + b"\n", GOOD[0])]
    files = {"mixed.jsonl": b"".join(mixed)}
    report = report_on(files)
    check(report, files, read=len(MALFORMED))
    assert report.records.malformed == len(MALFORMED) > 90


@pytest.mark.parametrize(
    "content",
    [
        b"\n" * 500_000,
        b"\r\n" * 100_000,
        b"x\n" * 30_000,
        b'"\n' * 30_000,
        b'{"a":1}\n' * 10_000,
        bytes(3_000_000),
        b"".join(GOOD)[:-1],
        b"".join(GOOD).decode().encode("utf-16"),
        b"".join(GOOD).decode().encode("utf-32"),
        gzip.compress(b"".join(GOOD)),
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100,
        b"PK\x03\x04" + b"\n\0" * 100,
    ],
    ids=lambda content: ascii(content[:12]),
)
def test_file_of_another_kind_is_read_line_by_line_all_the_same(
    report_on: ReportOn, content: bytes
) -> None:
    files = {"file.jsonl": content}
    check(report_on(files), files)


@pytest.mark.parametrize(
    "name",
    [
        " .jsonl",
        "a\nb.jsonl",
        "<b>&amp;.jsonl",
        "a|b`c*.jsonl",
        "🚲\u202e.jsonl",
        "..jsonl",
        os.fsdecode(b"\xff\xfe.jsonl"),
        "x" * 249 + ".jsonl",
    ],
    ids=ascii,
)
def test_file_of_any_name_is_read_and_its_malformed_line_listed(
    report_on: ReportOn, name: str
) -> None:
    files = {name: GOOD[0] + b"bad\n"}
    check(report_on(files), files, read=1)


def test_captures_without_one_good_line_are_named(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / "bad.jsonl").write_bytes(b"".join(bad + b"\n" for bad in MALFORMED.values()))
    with pytest.raises(NothingReadable, match=f"None of the {len(MALFORMED)} lines") as raised:
        make_report(ReportSettings(captures=f"{tmp_path}/captures"))
    assert len(str(raised.value)) < 1000


class Stream:
    """So much of one byte, after some others and before a last record; nothing of it is kept."""

    def __init__(self, start: bytes, byte: bytes, size: int) -> None:
        self._start = start
        self._byte = byte
        self._left = size
        self._end = b"\n" + GOOD[0]

    def readinto(self, buffer: memoryview, /) -> int:
        count = min(len(buffer), self._left) if not self._start else 0
        if count:
            buffer[:count] = self._byte * count
            self._left -= count
            return count
        rest, self._start = (self._start, b"") if self._start else (self._end, b"")
        if rest is self._end:
            self._end = b""
        buffer[: len(rest)] = rest
        return len(rest)


@pytest.mark.parametrize(
    ("start", "byte"),
    [
        (b"", b"x"),
        (b"", b"\0"),
        (b'{"captureData":{"endpointInput":{"data":"', b"A"),
        (USUAL[:-1], b" "),
        (b"", b"["),
    ],
    ids=["text", "zeros", "an image", "spaces", "brackets"],
)
def test_line_of_100_mb_is_malformed_and_takes_no_more_memory_than_a_long_one(
    tally: Tally, start: bytes, byte: bytes
) -> None:
    stream = Stream(b"".join(GOOD) + start, byte, 100 << 20)
    tracemalloc.start()
    try:
        found = list(CaptureReader(ids=False).read([("file", stream)]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    tally.add(start + byte)
    tally.outcomes["the line is longer than 32 MiB"] += 1
    malformed = [(one.place(at), why) for one in found for at, why in one.malformed]
    assert malformed == [(("file", len(b"".join(GOOD))), "the line is longer than 32 MiB")]
    assert sum(len(one.starts) for one in found) == len(GOOD) + 1
    last = found[-1]
    place = len(b"".join(GOOD) + start) + (100 << 20) + 1
    assert last.place(last.starts[-1]) == ("file", place)
    assert peak < MOST_MEMORY


def test_many_lines_take_no_more_memory_than_few() -> None:
    stream = Stream(b"x\n" * 4_000, b"\n", BUFFER_BYTES)
    tracemalloc.start()
    try:
        bad = sum(len(one.malformed) for one in CaptureReader().read([("file", stream)]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert bad == 4_000
    assert peak < 4 * BUFFER_BYTES


def test_as_many_classes_as_there_may_be_are_read() -> None:
    content = line(capture([1 / MOST_CLASSES] * MOST_CLASSES))
    (records,) = CaptureReader().read([("file", io.BytesIO(content))])
    assert records.classes == MOST_CLASSES


NO_LABELS = [
    b"no JSON", b"null", b"[]", b"7", b'"text"', b"\xff\xfe", b"[" * 100_000, b"{}",
    line({**label_record("i", "bicycle"), "groundTruthData": None}),
    line({**label_record("i", "bicycle"), "groundTruthData": "bicycle"}),
    line({**label_record("i", "bicycle"), "groundTruthData": []}),
    line({**label_record("i", "bicycle"), "groundTruthData": {"data": ["bicycle"]}}),
    line({**label_record("i", "bicycle"), "eventMetadata": {"eventId": 7}}),
    line({**label_record("i", "bicycle"), "eventMetadata": []}),
    line(label_record("i", "%%%", "BASE64")),
    line(label_record("i", "\ud800", "BASE64")),
    line(label_record("i", encoded(b"\xff"), "BASE64")),
    line(label_record("i", "no JSON", "JSON")),
    line(label_record("i", "[" * 100_000, "JSON")),
    line(label_record("i", "9" * 5000, "JSON")),
    line(label_record("i", "true", "JSON")),
    line(label_record("i", '["bicycle"]', "JSON")),
]  # fmt: skip


def test_line_that_is_no_label_is_counted_and_left_out(tmp_path: Path) -> None:
    good = line(label_record("i-1", "bicycle"))
    (tmp_path / "l.jsonl").write_bytes(b"".join(bad.rstrip() + b"\n" + good for bad in NO_LABELS))
    truth = read_labels(str(tmp_path))
    assert (truth.malformed, truth.by_id) == (len(NO_LABELS), {"i-1": "bicycle"})


@pytest.mark.parametrize("label", ["\ud800", "\0", "<b>", "a|b", "", "x" * 10_000, "\u202e"])
def test_report_can_be_written_whatever_a_label_says(tmp_path: Path, label: str) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / "good.jsonl").write_bytes(b"".join(GOOD))
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "l.jsonl").write_bytes(line(label_record("i-1", label)))
    settings = ReportSettings(captures=f"{tmp_path}/captures", labels=f"{tmp_path}/labels")
    write_report(make_report(settings), tmp_path / "out")
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


PIECES = st.binary(max_size=3) | st.sampled_from(
    [
        b'"',
        b"\\",
        b"\n",
        b"}",
        b"{",
        b",",
        b"[",
        b"]",
        b"\0",
        b"\x7f",
        b"\xc3\xa4",
        b"\r",
        b"NaN",
        b"-",
    ]
)

SOUND = (
    b"".join(GOOD),
    line(capture("0.9,0.1", encoding="CSV")) * 3,
    line(capture({"predictions": [[0.9, 0.1]]}), spaced=True) * 3,
    line(capture(encoded(b"[0.9, 0.1]"), encoding="BASE64", image=None)) * 3,
)


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """Good records with bytes changed, lost and added, cut and put together again."""
    text = bytearray(draw(st.sampled_from(SOUND)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(text)))
        text[at : at + draw(st.sampled_from([0, 1, 1, 1, 2, 50]))] = draw(PIECES)
    if draw(st.booleans()):
        del text[draw(st.integers(0, len(text))) :]
    return bytes(text)


TEXTS = st.text(st.characters(exclude_categories=()), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
PLACES = ("captureData", "captureData.endpointOutput", "captureData.endpointOutput.data",
          "captureData.endpointOutput.encoding", "captureData.endpointInput",
          "captureData.endpointInput.data", "captureData.endpointInput.encoding", "eventMetadata",
          "eventMetadata.inferenceTime", "eventMetadata.eventId",
          "eventMetadata.inferenceId")  # fmt: skip


@st.composite
def records_with_a_wrong_part(draw: st.DrawFn) -> bytes:
    record = capture()
    *parents, name = draw(st.sampled_from(PLACES)).split(".")
    place: Any = record
    for parent in parents:
        place = place[parent]
    place[name] = draw(JSON)
    return line(record)


@fuzzed
@given(content=damaged_files())
def test_damaged_captures_are_reported_on_line_by_line(report_on: ReportOn, content: bytes) -> None:
    files = {"file.jsonl": content}
    check(report_on(files), files)


@fuzzed
@given(lines=st.lists(records_with_a_wrong_part() | JSON.map(line), min_size=1, max_size=5))
def test_records_with_a_wrong_part_are_reported_on_line_by_line(
    report_on: ReportOn, lines: list[bytes]
) -> None:
    files = {"file.jsonl": b"".join(lines)}
    check(report_on(files), files)
