"""The demo's own judgement of a run, with the stack and the traffic replaced by what they gave."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scones_local import demo
from scones_local.demo import DemoSettings, run_demo
from scones_local.stack import RunningStack, StackSettings
from scones_local.traffic import Outcome, Upload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scones_local.pictures import Picture

SETTINGS = StackSettings(Path(), Path(), Path(), Path())


@contextmanager
def no_stack(_settings: StackSettings) -> Iterator[RunningStack]:
    yield RunningStack({}, {}, "")


def traffic_with(outcomes_each: int) -> type:
    class Traffic:
        def __init__(self, _session: object, _outputs: object, on_outcome: Any) -> None:
            self.on_outcome = on_outcome
            self.uploads: dict[str, Upload] = {}

        def send(self, pictures: Sequence[Picture], _folder: str, _in_flight: int) -> None:
            for picture in pictures:
                upload = Upload(picture, picture.name, 1.0)
                self.uploads[picture.name] = upload
                for _ in range(outcomes_each):
                    body = {"label": "bicycle", "confidence": 0.5, "threshold": 0.9}
                    outcome = Outcome("review", picture.name, None, body, 1.1)
                    upload.outcomes.append(outcome)
                    self.on_outcome(upload, outcome)

    return Traffic


@pytest.mark.parametrize(("outcomes_each", "succeeds"), [(0, False), (1, True), (2, False)])
def test_the_demo_succeeds_only_if_every_upload_has_exactly_one_outcome(
    outcomes_each: int,
    succeeds: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "photo.jpg").touch()
    monkeypatch.setattr(demo, "supervised", no_stack)
    monkeypatch.setattr(demo, "connect", lambda _environment: None)
    monkeypatch.setattr(demo, "fetch_traces", lambda _session, _since: [])
    monkeypatch.setattr(demo, "Traffic", traffic_with(outcomes_each))
    settings = DemoSettings(tmp_path / "out", tmp_path, 60, None)
    assert run_demo(SETTINGS, settings) is succeeds
