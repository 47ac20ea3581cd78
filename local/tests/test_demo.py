"""The demo's own judgement of a run, with the stack and the traffic replaced by what they gave."""

from __future__ import annotations

import io
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from scones_local import demo
from scones_local.capturefiles import CapturedImage
from scones_local.demo import DemoSettings, run_demo
from scones_local.stack import RunningStack, StackSettings
from scones_local.story import ServedModel, StoryFailed, StorySettings
from scones_local.traffic import Outcome, Upload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scones_local.pictures import Picture

SETTINGS = StackSettings(Path(), Path(), Path(), Path())
STORY = StorySettings(Path(), "python")
SESSION = SimpleNamespace(client=lambda _service: None)
ID = {"inference_id": "5f", "error": {"name": "Any", "reason": "any"}}


def _png() -> bytes:
    memory = io.BytesIO()
    Image.new("RGB", (8, 8)).save(memory, "PNG")
    return memory.getvalue()


PNG = _png()


@contextmanager
def no_stack(_settings: StackSettings) -> Iterator[RunningStack]:
    yield RunningStack({}, {}, "", "http://127.0.0.1:9", ["bicycle", "motorcycle"], {})


def traffic_with(outcomes_each: int, kind: str = "review") -> type:
    class Traffic:
        def __init__(self, _session: object, _outputs: object, on_outcome: Any) -> None:
            self.on_outcome = on_outcome
            self.uploads: dict[str, Upload] = {}

        def send(self, pictures: Sequence[Picture], _folder: str, _in_flight: int) -> None:
            for picture in pictures:
                upload = Upload(picture, picture.name, 1.0)
                self.uploads[picture.name] = upload
                for _ in range(outcomes_each):
                    body = {"label": "bicycle", "confidence": 0.5, "threshold": 0.9, **ID}
                    outcome = Outcome(kind, picture.name, None, body, 1.1)
                    upload.outcomes.append(outcome)
                    self.on_outcome(upload, outcome)

    return Traffic


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "supervised", no_stack)
    monkeypatch.setattr(demo, "connect", lambda _environment: SESSION)
    monkeypatch.setattr(demo, "fetch_traces", lambda _session, _since: [])
    monkeypatch.setattr(demo, "Traffic", traffic_with(1))
    monkeypatch.setattr(demo, "copy_captures", lambda *_arguments: [CapturedImage("5f", PNG)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "van").mkdir()
    (tmp_path / "van" / "photo.jpg").touch()
    return tmp_path


@pytest.mark.parametrize(("outcomes_each", "succeeds"), [(0, False), (1, True), (2, False)])
def test_the_demo_succeeds_only_if_every_upload_has_exactly_one_outcome(
    outcomes_each: int, succeeds: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "Traffic", traffic_with(outcomes_each))
    settings = DemoSettings(folder / "out", folder, 60, None)
    assert run_demo(SETTINGS, settings) is succeeds


def test_what_a_demo_left_before_is_gone(folder: Path) -> None:
    for name in ("captures", "labels", "drift"):
        (folder / "out" / name).mkdir(parents=True)
        (folder / "out" / name / "old").touch()
    run_demo(SETTINGS, DemoSettings(folder / "out", folder, 60, None))
    assert not list((folder / "out").rglob("old"))


def test_a_prediction_that_was_not_captured_is_said_and_is_no_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "copy_captures", lambda *_arguments: [])
    assert run_demo(SETTINGS, DemoSettings(folder / "out", folder, 60, None))
    assert "1 of 1 predictions were not captured." in capsys.readouterr().out


def test_the_story_is_of_the_pictures_that_the_endpoint_was_sent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[ServedModel, list[str | None]]] = []

    def tell(_story: object, model: ServedModel, pictures: Any, _console: object) -> None:
        told.append((model, [picture.label for picture in pictures]))

    monkeypatch.setattr(demo, "tell_story", tell)
    assert run_demo(SETTINGS, DemoSettings(folder / "out", folder, 60, None, story=STORY))
    model = ServedModel("http://127.0.0.1:9", "scones-local", ["bicycle", "motorcycle"], 0.9)
    assert told == [(model, ["van"])]


def test_without_a_report_the_demo_fails_and_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object) -> None:
        raise StoryFailed("The serving program answered [500]")

    monkeypatch.setattr(demo, "tell_story", fail)
    assert not run_demo(SETTINGS, DemoSettings(folder / "out", folder, 60, None, story=STORY))
    assert "No drift report: The serving program answered [500]" in capsys.readouterr().out


def test_a_demo_of_which_the_model_saw_nothing_tells_no_story(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "Traffic", traffic_with(1, "dead_letter"))
    monkeypatch.setattr(demo, "copy_captures", lambda *_arguments: [])
    assert run_demo(SETTINGS, DemoSettings(folder / "out", folder, 60, None, story=STORY))
    assert "No drift story: the model saw no picture." in capsys.readouterr().out
