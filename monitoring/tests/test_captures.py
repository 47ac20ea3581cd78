from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from monitoring.tests.capturing import Traffic, capture, line

from scones_monitoring.capture.layout import Selection, capture_folders, parse_hour
from scones_monitoring.capture.store import Folder
from scones_monitoring.errors import InvalidUsage, NothingReadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scones_monitoring.capture.store import Entry

GOOD = line(capture())
NOON = datetime.fromisoformat("2026-11-22T12:00")


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    traffic = Traffic(tmp_path, endpoint="vehicles", variant="blue")
    for hour in (10, 12, 14):
        traffic.file("captures", NOON.replace(hour=hour), "b.jsonl", [GOOD])
        traffic.file("captures", NOON.replace(hour=hour), "a.jsonl", [GOOD])
    green = Traffic(tmp_path, endpoint="vehicles", variant="green")
    green.file("captures", NOON, "a.jsonl", [GOOD])
    return traffic


def hours(traffic: Traffic, selection: Selection) -> list[str]:
    return [
        folder.name[-13:] for folder in capture_folders(Folder(Path(traffic.captures)), selection)
    ]


def test_folders_are_found_by_variant_and_hour_with_their_files_in_order(traffic: Traffic) -> None:
    folders = capture_folders(Folder(Path(traffic.captures)), Selection())
    assert [(folder.variant, folder.name[-2:]) for folder in folders] == [
        ("blue", "10"), ("blue", "12"), ("blue", "14"), ("green", "12"),
    ]  # fmt: skip
    assert {folder.endpoint for folder in folders} == {"vehicles"}
    assert [Path(file.name).name for file in folders[0].files] == ["a.jsonl", "b.jsonl"]


def test_one_variant_can_be_asked_for(traffic: Traffic) -> None:
    assert hours(traffic, Selection(variant="green")) == ["2026/11/22/12"]


def test_hours_are_looked_for_one_hour_around_as_delivery_is_late(traffic: Traffic) -> None:
    only = Selection(first="2026-11-22T13", last="2026-11-22T14", variant="blue")
    assert hours(traffic, only) == ["2026/11/22/12", "2026/11/22/14"]
    after = Selection(first="2026-11-22T16", variant="blue")
    with pytest.raises(NothingReadable, match="2026-11-22T16"):
        hours(traffic, after)


def test_folders_out_of_the_period_are_not_even_listed(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    store = Folder(Path(traffic.captures))

    class Watched(Folder):
        def entries(self, wanted: Callable[[str], bool]) -> Iterator[Entry]:
            def watched(folder: str) -> bool:
                kept: bool = wanted(folder)
                asked.append((folder[-2:], kept))
                return kept

            return super().entries(watched)

    capture_folders(Watched(store.path), Selection(first="2026-11-22T14", variant="blue"))
    assert ("10", False) in asked
    assert ("14", True) in asked


@pytest.mark.parametrize("below", ["vehicles", "vehicles/blue", "vehicles/blue/2026/11/22/12"])
def test_a_folder_further_down_names_the_same_endpoint_and_variant(
    traffic: Traffic, below: str
) -> None:
    folders = capture_folders(Folder(Path(traffic.captures, below)), Selection(variant="blue"))
    assert {(folder.endpoint, folder.variant) for folder in folders} == {("vehicles", "blue")}


def test_files_outside_the_layout_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "flat.jsonl").write_bytes(GOOD)
    (folder,) = capture_folders(Folder(tmp_path), Selection())
    assert (folder.name, folder.endpoint, folder.variant) == ("", "unnamed", "unnamed")


def test_our_summaries_and_empty_files_are_left_out_and_other_files_counted(
    traffic: Traffic,
) -> None:
    place = traffic.file("captures", NOON, "empty.jsonl", [])
    (place.parent / "notes.txt").write_text("mine")
    (Path(traffic.captures) / "_summaries").mkdir()
    (Path(traffic.captures) / "_summaries" / "x.jsonl").write_bytes(GOOD)
    folders = capture_folders(Folder(Path(traffic.captures)), Selection(variant="blue"))
    assert [(len(folder.files), folder.others) for folder in folders] == [(2, 0), (2, 1), (2, 0)]


def test_several_endpoints_are_refused_by_name(traffic: Traffic, tmp_path: Path) -> None:
    Traffic(tmp_path, endpoint="cakes").file("captures", NOON, "a.jsonl", [GOOD])
    with pytest.raises(InvalidUsage, match="one of cakes, vehicles"):
        capture_folders(Folder(Path(traffic.captures)), Selection())


def test_a_missing_variant_is_told_with_those_there_are(traffic: Traffic) -> None:
    with pytest.raises(NothingReadable, match="no variant red: it has blue, green"):
        capture_folders(Folder(Path(traffic.captures)), Selection(variant="red"))


def test_an_empty_folder_is_told_with_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(NothingReadable, match="DataCaptureConfig"):
        capture_folders(Folder(tmp_path), Selection())


@pytest.mark.parametrize(
    "text", ["2026-11-22T10", "2026-11-22T10:00Z", "2026-11-22T10:00:00+00:00", "2026-11-22 10:00"]
)
def test_an_hour_is_read_in_the_usual_spellings(text: str) -> None:
    assert parse_hour(text, "--from") == "2026-11-22T10"


def test_a_date_is_its_first_hour() -> None:
    assert parse_hour("2026-11-22", "--from") == "2026-11-22T00"


@pytest.mark.parametrize("text", ["yesterday", "2026-11-22T10:30Z", "2026-11-22T10:00+02:00"])
def test_what_is_no_whole_hour_of_utc_is_refused_with_the_option(text: str) -> None:
    with pytest.raises(InvalidUsage, match=f"--to {text[:10]}"):
        parse_hour(text, "--to")
