from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from monitoring.tests.capturing import label_record, line

from scones_monitoring.capture.labels import read_labels
from scones_monitoring.capture.store import Folder
from scones_monitoring.errors import NothingReadable

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, name: str, *records: object) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"".join(line(record) for record in records))


def test_labels_of_every_encoding_are_read_from_all_hours(tmp_path: Path) -> None:
    coded = base64.b64encode(b"bicycle").decode()
    write(tmp_path, "2026/11/22/10/a.jsonl", label_record("one", "bicycle"))
    write(
        tmp_path, "2026/11/22/11/a.jsonl",
        label_record("two", '"motorcycle"', "JSON"), label_record("three", "1", "JSON"),
        label_record("four", coded, "BASE64"), label_record("five", " bicycle\n"),
    )  # fmt: skip
    truth = read_labels(str(tmp_path))
    assert truth.by_id == {
        "one": "bicycle", "two": "motorcycle", "three": "1", "four": "bicycle", "five": "bicycle",
    }  # fmt: skip
    assert truth.malformed == 0


def test_the_last_label_of_an_id_counts(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", label_record("one", "bicycle"))
    write(tmp_path, "b.jsonl", label_record("one", "motorcycle"))
    assert read_labels(str(tmp_path)).by_id == {"one": "motorcycle"}


@pytest.mark.parametrize("text", [
    "no json", "[]", "null", "{}", '{"eventMetadata": {"eventId": "x"}}',
    json.dumps(label_record("x", "%%", "BASE64")), json.dumps(label_record("x", "[1]", "JSON")),
    json.dumps(label_record("x", "true", "JSON")), json.dumps({**label_record("x", "a"),
    "groundTruthData": "bicycle"}),
    json.dumps({**label_record("x", "a"), "eventMetadata": {"eventId": 5}}),
])  # fmt: skip
def test_a_line_that_is_no_label_is_counted_and_the_others_go_on(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(f"{text}\n\n{json.dumps(label_record('one', 'bicycle'))}\n")
    truth = read_labels(str(tmp_path))
    assert (truth.by_id, truth.malformed) == ({"one": "bicycle"}, 1)


def test_labels_that_may_not_be_read_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(_self: Folder, name: str) -> bytes:
        raise PermissionError(name)

    write(tmp_path, "a.jsonl", label_record("one", "bicycle"))
    monkeypatch.setattr(Folder, "load", refuse)
    with pytest.raises(NothingReadable, match=r"cannot be read: a\.jsonl"):
        read_labels(str(tmp_path))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NothingReadable, match="no folder"):
        read_labels(str(tmp_path / "absent"))
