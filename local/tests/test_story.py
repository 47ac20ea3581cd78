"""The story's telling: serving program and monitoring are replaced by what they would give."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from rich.console import Console

from scones_local import story
from scones_local.capturefiles import CapturedImage
from scones_local.replay import ReplayFailed
from scones_local.sightings import LabelledPicture
from scones_local.story import (
    ServedModel,
    StoryFailed,
    StorySettings,
    labelled_pictures,
    tell_story,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from scones_local.sightings import Sighting

IMAGE = Image.new("RGB", (8, 8))
LABELLED = [LabelledPicture(IMAGE, "van"), LabelledPicture(IMAGE, "cart")]
MODEL = ServedModel("http://127.0.0.1:9", "scones", ["cart", "van"], 0.8)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[Path, list[Sighting]]:
    """What the serving program was asked, by the folder of the captures."""
    periods: dict[Path, list[Sighting]] = {}

    async def replay(
        _url: str, sightings: Sequence[Sighting], _endpoint: str, folder: Path,
        on_answer: Callable[[], None],
    ) -> None:  # fmt: skip
        periods[folder] = list(sightings)
        on_answer()

    monkeypatch.setattr(story, "replay", replay)
    return periods


def monitoring(
    folder: Path, verdicts: Sequence[str] = (), *, status: int = 0, error: str = ""
) -> StorySettings:
    """Settings with a monitoring that notes its commands and reports these windows' verdicts."""
    windows = [
        {"verdict": verdict, "last": f"{year}-01-01T00"}
        for verdict, year in zip(verdicts, (1999, 1999, 2999, 2999), strict=False)
    ]
    worst = "ALARM" if "ALARM" in verdicts else "OK"
    report = {"verdict": worst, "reason": "Because [of] it.", "variants": [{"windows": windows}]}
    out = folder / "drift"
    (folder / "report.json").write_text(json.dumps(report))
    script = folder / "python"
    script.write_text(
        f"""#!/bin/sh
echo "$@" >> '{folder}/commands'
mkdir -p '{out}'
cp '{folder}/report.json' '{out}/report.json'
echo '{error}' >&2
exit {status}
"""
    )
    script.chmod(0o700)
    return StorySettings(out, str(script), hours=12, an_hour=4)


def told(settings: StorySettings, pictures: Sequence[LabelledPicture] = LABELLED) -> str:
    console = Console(record=True, width=300)
    tell_story(settings, MODEL, pictures, console)
    return console.export_text()


def commands(folder: Path) -> list[list[str]]:
    return [line.split() for line in (folder / "commands").read_text().splitlines()]


def value(command: Sequence[str], option: str) -> str:
    return command[list(command).index(option) + 1]


def test_the_baseline_is_made_of_the_clean_hours_and_the_others_are_compared(
    tmp_path: Path, asked: dict[Path, list[Sighting]]
) -> None:
    text = told(monitoring(tmp_path, ["OK", "OK", "OK", "ALARM"], status=3))
    before, after = asked.values()
    out = tmp_path / "drift"
    assert list(asked) == [out / "baseline" / "captures", out / "captures"]
    assert (len(before), len(after)) == (4 * 4, 8 * 4)
    assert max(one.when for one in before) < min(one.when for one in after)
    assert not any(one.alteration for one in before)
    baseline, report = commands(tmp_path)
    assert baseline[:3] == ["-m", "scones_monitoring.cli", "baseline"]
    assert value(baseline, "--captures") == str(out / "baseline" / "captures")
    assert value(baseline, "--classes") == "cart,van"
    assert value(baseline, "--threshold") == value(report, "--threshold") == "0.8"
    assert value(baseline, "--out") == value(report, "--baseline")
    assert report[:3] == ["-m", "scones_monitoring.cli", "report"]
    assert value(report, "--captures") == str(out / "captures")
    assert value(report, "--labels") == str(out / "labels")
    assert value(report, "--out") == str(out)
    assert "half of the pictures come through a lens out of focus" in text
    assert "ALARM: Because [of] it.\n" in text
    assert "False alarms   0 of 2 clean windows" in text
    assert str(out / "report.html") in text
    assert (
        f"make report CAPTURES={out / 'captures'} BASELINE={out / 'baseline.json'} LABELS=" in text
    )


def test_a_change_that_raised_no_alarm_is_said_to_have_raised_none(tmp_path: Path) -> None:
    text = told(monitoring(tmp_path, ["ALARM", "OK", "OK", "WARNING"]))
    assert "The planted change raised no alarm." in text
    assert "False alarms   1 of 2 clean windows" in text


def test_labels_are_written_for_every_prediction(
    tmp_path: Path, asked: dict[Path, list[Sighting]]
) -> None:
    told(monitoring(tmp_path))
    for captures, sightings in asked.items():
        files = (captures.parent / "labels").rglob("*.jsonl")
        records = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        assert {
            record["eventMetadata"]["eventId"]: record["groundTruthData"]["data"]
            for record in records
        } == {one.inference_id: one.picture.label for one in sightings}


def test_pictures_without_labels_make_a_story_without_ground_truth(tmp_path: Path) -> None:
    text = told(monitoring(tmp_path, ["OK"]), [LabelledPicture(IMAGE, None)])
    assert not any("--labels" in command for command in commands(tmp_path))
    assert "LABELS" not in text


@pytest.mark.parametrize(
    ("pictures", "planted"),
    [
        (LABELLED, "three pictures in four show a cart"),
        (LABELLED[:1], "half of the pictures come through a lens out of focus"),
    ],
)
def test_the_mix_changes_where_there_are_two_classes_and_else_it_says_so(
    tmp_path: Path, pictures: Sequence[LabelledPicture], planted: str
) -> None:
    settings = monitoring(tmp_path)
    mixed = StorySettings(settings.out, settings.monitoring, "mix", 12, 4)
    text = told(mixed, pictures)
    assert planted in text
    assert ("needs pictures of two classes" in text) is (len(pictures) == 1)


def test_all_changes_are_told_in_their_order(tmp_path: Path) -> None:
    settings = monitoring(tmp_path)
    text = told(StorySettings(settings.out, settings.monitoring, "all", 12, 4))
    planted = next(line for line in text.splitlines() if line.startswith("Planted"))
    assert [word in planted for word in ("show a cart", "night", "focus", "camera")] == [True] * 4
    assert planted.count(", then ") == 3


def test_a_monitoring_that_fails_ends_the_story_with_its_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoryFailed, match="scones-monitor baseline failed: No captures there"):
        told(monitoring(tmp_path, status=2, error="No captures there"))


def test_a_monitoring_that_cannot_be_started_ends_the_story(tmp_path: Path) -> None:
    with pytest.raises(StoryFailed, match="could not be started"):
        told(StorySettings(tmp_path / "drift", str(tmp_path / "absent"), hours=12, an_hour=4))


def test_a_replay_that_fails_ends_the_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_arguments: Any) -> None:
        raise ReplayFailed("The serving program answered 500")

    monkeypatch.setattr(story, "replay", fail)
    with pytest.raises(StoryFailed, match="answered 500"):
        told(monitoring(tmp_path))


def test_what_a_story_left_before_does_not_mix_with_the_next(tmp_path: Path) -> None:
    settings = monitoring(tmp_path)
    old = settings.out / "captures" / "old.jsonl"
    old.parent.mkdir(parents=True)
    old.touch()
    told(settings)
    assert not old.exists()


def test_what_the_endpoint_was_sent_becomes_pictures_and_what_is_none_is_left_out() -> None:
    memory = io.BytesIO()
    IMAGE.save(memory, "PNG")
    images = [CapturedImage(name, memory.getvalue()) for name in ("a", "b")]
    images.append(CapturedImage("c", b"no picture"))
    pictures = labelled_pictures(images, {"a": "van", "b": None})
    assert [picture.label for picture in pictures] == ["van", None]
    assert pictures[0].image.tobytes() == IMAGE.tobytes()
