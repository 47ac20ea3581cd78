"""The fast reader against the careful one: the same records, the same refusals, byte for byte."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from monitoring.tests.capturing import IMAGE, capture, line

from scones_monitoring.capture import reader
from scones_monitoring.capture.columns import Metadata
from scones_monitoring.capture.reader import CaptureReader
from scones_monitoring.capture.record import MalformedRecord, parse_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scones_monitoring.capture.columns import Records


class Row(NamedTuple):
    """One record, wherever it came from."""

    place: tuple[str, int]
    confidence: float
    predicted: int
    hour: str
    ids: tuple[str | None, str | None]


UNKNOWN = Metadata("")


class Found(NamedTuple):
    rows: list[Row]
    malformed: list[tuple[tuple[str, int], str]]


def fast(files: dict[str, bytes], chunk: int | None = None, *, ids: bool = True) -> Found:
    """What `CaptureReader` makes of files; `chunk` is how much a stream hands over at a time."""
    found = Found([], [])
    streams = ((name, Slowly(content, chunk)) for name, content in files.items())
    for records in CaptureReader(ids=ids).read(streams):
        found.rows.extend(rows(records))
        found.malformed.extend((records.place(at), why) for at, why in records.malformed)
    return found


def rows(records: Records) -> Iterable[Row]:
    for row, start in enumerate(records.starts):
        about = records.metadata[row] if records.metadata else UNKNOWN
        yield Row(
            records.place(start),
            float(records.confidences[row]),
            int(records.predicted[row]),
            records.hours[row],
            (about.event_id, about.inference_id),
        )


class Slowly:
    """A stream that may hand over less than it is asked for, as sockets do."""

    def __init__(self, content: bytes, chunk: int | None) -> None:
        self._content = io.BytesIO(content)
        self._chunk = chunk

    def readinto(self, buffer: memoryview, /) -> int:
        return self._content.readinto(buffer[: self._chunk])


def careful(files: dict[str, bytes]) -> Found:
    """What `parse_line` makes of the same files, line by line."""
    found = Found([], [])
    for name, content in files.items():
        offset = 0
        for text in content.split(b"\n"):
            place, offset = (name, offset), offset + len(text) + 1
            if not text.strip():
                continue
            try:
                probabilities, hour, *ids = parse_line(text)
            except MalformedRecord as error:
                found.malformed.append((place, str(error)))
            else:
                greatest = max(probabilities)
                first = probabilities.index(greatest)
                found.rows.append(Row(place, greatest, first, hour, (ids[0], ids[1])))
    return found


def agree(files: dict[str, bytes], chunk: int | None = None) -> Found:
    found = fast(files, chunk)
    assert found == careful(files)
    assert without_ids(fast(files, chunk, ids=False)) == without_ids(found)
    return found


def without_ids(found: Found) -> Found:
    return Found([row._replace(ids=(None, None)) for row in found.rows], found.malformed)


ANSWERS = st.one_of(
    st.sampled_from(["[0.97, 0.03]", "[0.2,0.8]", "[0.1, 0.7, 0.2]", "[1, 0]", "[0.5, 0.5]"]),
    st.sampled_from(['{"predictions": [[0.6, 0.4]]}', '{"probabilities": [0.25, 0.75]}']),
    st.sampled_from(["0.97,0.03", "[0.9,\n0.1]", "[0.9, 0.2]", "[0.9]", "nonsense", "[]"]),
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    answer = draw(ANSWERS)
    encoding = draw(st.sampled_from(["JSON", "JSON", "JSON", "CSV", "BASE64"]))
    if encoding == "BASE64":
        answer = base64.b64encode(answer.encode()).decode()
    second = draw(st.integers(0, 3599))
    usual = f"2026-11-22T10:{second // 60:02d}:{second % 60:02d}Z"
    ids = st.sampled_from([None, "", "i-1", "ä", "\ud800", "a\nb", '"'])
    made: dict[str, Any] = capture(
        answer,
        encoding=encoding,
        time=draw(
            st.sampled_from([usual, "2026-11-22T11:00:00Z", "2026-11-22T10:00:00.5Z", "soon"])
        ),
        event_id=draw(ids),
        inference_id=draw(ids),
        image=draw(st.sampled_from([IMAGE, IMAGE, IMAGE, "", 'a"b', "a\\b", "ä", None])),
    )
    return made


LINES = st.one_of(
    records().map(line),
    records().map(lambda record: line(record, spaced=True)),
    st.sampled_from([b"\n", b" \t\n", b"null\n", b"{}\n", b"[1, 2]\n", b"\xff\xfe\n"]),
    st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"") + b"\n"),
)


@given(st.lists(st.lists(LINES, max_size=12), min_size=1, max_size=3), st.integers(1, 5000))
def test_mixed_files_are_read_as_carefully_as_line_by_line(
    files: list[list[bytes]], chunk: int
) -> None:
    agree({str(n): b"".join(lines) for n, lines in enumerate(files)}, chunk)


PIECES = [b'"', b"\\", b"\n", b"}", b"{", b",", b"\x00", b"\x1f", b"\x7f", b"\xc3\xa4", b"\r"]
USUAL = b"".join(
    line(capture([p, 1 - p], time=f"2026-11-22T10:00:{n:02d}Z", inference_id=f"i-{n}"))
    for n, p in enumerate((0.97, 0.61, 0.12, 0.5, 0.999))
)


@given(st.data())
def test_usual_records_with_bytes_changed_added_or_lost_are_read_as_carefully(
    data: st.DataObject,
) -> None:
    text = bytearray(USUAL)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        piece = data.draw(st.one_of(st.binary(max_size=2), st.sampled_from(PIECES)))
        text[at : at + data.draw(st.integers(0, 2))] = piece
    agree({"file": bytes(text)})


@given(st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["captureData", "endpointInput", "endpointOutput", "eventMetadata", "data",
                         "encoding", "inferenceTime", "x"]), inner),
    max_leaves=12,
))  # fmt: skip
@example({"captureData": {"endpointInput": {"data": "x"}}, "eventMetadata": {}})
def test_arbitrary_json_is_read_as_carefully(document: object) -> None:
    agree({"file": json.dumps(document).encode() + b"\n" + USUAL})


@given(st.binary(max_size=2000))
def test_arbitrary_bytes_are_read_as_carefully(content: bytes) -> None:
    agree({"file": content})


@pytest.mark.parametrize(
    "byte", [b"\x00", b"\x0b", b"\t", b"\r", b"\xff", b"\xc3\xa4", b'\\"', b"\\n"]
)
def test_nothing_is_overlooked_in_an_image_that_is_jumped_over(byte: bytes) -> None:
    changed = IMAGE.encode()[:20] + byte + IMAGE.encode()[20:]
    third = USUAL.index(IMAGE.encode(), USUAL.index(b"i-2") - 400)
    text = USUAL[:third] + changed + USUAL[third + len(IMAGE) :]
    found = agree({"file": text})
    assert len(found.rows) + len(found.malformed) == 5


def test_two_lines_that_only_together_are_json_are_two_malformed_lines() -> None:
    first, second = line(capture()).rstrip().split(b'"eventVersion"')
    found = agree({"file": USUAL + first + b"\n" + b'"eventVersion"' + second + b"\n" + USUAL})
    assert len(found.rows) == 10
    assert len(found.malformed) == 2


def test_one_line_with_two_records_does_not_make_up_for_a_lost_one() -> None:
    record = line(capture()).rstrip()
    found = agree({"file": record + record + b"\n" + record[:50] + b"\n" + USUAL})
    assert len(found.rows) == 5


def test_a_file_without_a_last_newline_does_not_run_into_the_next() -> None:
    found = agree({"first": USUAL.rstrip(b"\n"), "second": USUAL, "empty": b"", "third": USUAL})
    assert [row.place[0] for row in found.rows] == ["first"] * 5 + ["second"] * 5 + ["third"] * 5


def test_an_answer_that_was_cut_off_is_malformed_where_it_lies() -> None:
    found = agree({"file": USUAL + USUAL[:300]})
    assert found.malformed == [(("file", len(USUAL)), "no JSON")]


@pytest.mark.parametrize("size", [600, 1000, 4096])
def test_lines_across_the_edge_of_the_buffer_are_whole(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(reader, "BUFFER_BYTES", size)
    long = line(capture(image="A" * 3000))
    agree({"first": USUAL * 4, "long": long + USUAL + long, "last": USUAL[:-1]}, 700)


def test_a_line_longer_than_any_invocation_is_malformed_and_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "BUFFER_BYTES", 1024)
    monkeypatch.setattr(reader, "LONGEST_LINE", 4096)
    endless = b"x" * 10_000 + b"\n"
    found = fast({"file": USUAL + endless + USUAL, "other": endless[:-1], "last": USUAL})
    assert [place for place, _ in found.malformed] == [("file", len(USUAL)), ("other", 0)]
    assert {why for _, why in found.malformed} == {"the line is longer than 32 MiB"}
    expected = careful({"file": USUAL + b" " * 10_000 + b"\n" + USUAL, "last": USUAL})
    assert found.rows == expected.rows


def test_records_are_batched_and_not_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the reader would be right, but slow, and nothing would say so."""

    def refuse(_line: bytes) -> Sequence[float]:
        raise AssertionError("the careful reader was asked")

    monkeypatch.setattr(reader, "parse_line", refuse)
    for encoding in ("JSON", "CSV", "BASE64"):
        text = {"JSON": "[0.9, 0.1]", "CSV": "0.9,0.1", "BASE64": "WzAuOSwgMC4xXQ=="}[encoding]
        for image in (IMAGE, None):
            usual = line(capture(text, encoding=encoding, image=image))
            for ids in (True, False):
                assert len(fast({"file": usual * 300}, ids=ids).rows) == 300
    named = line(capture({"predictions": [[0.9, 0.1]]}))
    assert len(fast({"file": named * 300}).rows) == 300


def test_usual_records_are_not_even_decoded_when_ids_are_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the quickest way would never be taken, and nothing would say so."""

    def refuse(_lines: bytes) -> None:
        raise AssertionError("records were decoded")

    monkeypatch.setattr(reader, "decode_captures", refuse)
    found = fast({"file": USUAL * 100}, ids=False)
    assert without_ids(careful({"file": USUAL * 100})) == found
