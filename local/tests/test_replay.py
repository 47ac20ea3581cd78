from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from PIL import Image

from scones_local.program import free_port
from scones_local.replay import ReplayFailed, replay
from scones_local.sightings import LabelledPicture, Timeline, plan, seen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from local.tests.conftest import Background

TIMES = Timeline.until(datetime(2026, 11, 25, 0, 41, tzinfo=UTC), 12)
PICTURES = [LabelledPicture(Image.new("RGB", (8, 8), (90, 90, 90)), "bicycle")]
SIGHTINGS = list(plan(PICTURES, TIMES, ["blur"], 20))


@asynccontextmanager
async def model(port: int, status: int) -> AsyncIterator[None]:
    """A serving program that sees everything as equally likely, or fails."""

    async def invoke(request: web.Request) -> web.Response:
        assert request.content_type == "image/png"
        assert await request.read()
        return web.json_response([0.5, 0.5] if status == 200 else {"error": "no"}, status=status)

    application = web.Application()
    application.router.add_post("/invocations", invoke)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield
    await runner.cleanup()


def records(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What was captured, by hour's folder."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.rglob("*.jsonl")):
        hour = path.parent.relative_to(folder).as_posix()
        found.setdefault(hour, []).extend(map(json.loads, path.read_text().splitlines()))
    return found


def test_every_sighting_is_captured_in_its_hour_with_its_picture_and_id(
    background: Background, tmp_path: Path
) -> None:
    port = free_port()
    background.enter(model(port, 200))
    answers: list[None] = []
    url = f"http://127.0.0.1:{port}"
    asyncio.run(replay(url, SIGHTINGS, "scones", tmp_path, lambda: answers.append(None)))
    assert len(answers) == len(SIGHTINGS)
    captured = records(tmp_path)
    assert len(captured) == 12
    assert {hour.rsplit("/", 4)[0] for hour in captured} == {"scones/AllTraffic"}
    for sighting in SIGHTINGS:
        of_hour = captured[f"scones/AllTraffic/{sighting.when:%Y/%m/%d/%H}"]
        (record,) = [
            one for one in of_hour if one["eventMetadata"]["inferenceId"] == sighting.inference_id
        ]
        assert record["eventMetadata"]["inferenceTime"] == f"{sighting.when:%Y-%m-%dT%H:%M:%SZ}"
        sent = record["captureData"]["endpointInput"]
        assert base64.b64decode(sent["data"]) == seen(sighting)
        assert record["captureData"]["endpointOutput"]["data"] == "[0.5, 0.5]"


def test_a_model_that_refuses_ends_the_replay_with_its_answer(
    background: Background, tmp_path: Path
) -> None:
    port = free_port()
    background.enter(model(port, 415))
    with pytest.raises(ReplayFailed, match=r'answered 415: .*"error": "no"'):
        asyncio.run(replay(f"http://127.0.0.1:{port}", SIGHTINGS, "e", tmp_path, lambda: None))


def test_a_model_that_is_not_there_ends_the_replay(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ReplayFailed, match="did not answer"):
        asyncio.run(replay(nowhere, SIGHTINGS, "e", tmp_path, lambda: None))


def test_captures_that_cannot_be_written_are_an_error_not_a_gap(
    background: Background, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    background.enter(model(port, 200))
    monkeypatch.setattr("scones_local.replay.FolderStore", lambda _folder: None)
    monkeypatch.setattr("scones_local.capture.CaptureSettings.put_attempts", 1)
    with pytest.raises(ReplayFailed, match=r"\d+ captures could not be written"):
        asyncio.run(replay(f"http://127.0.0.1:{port}", SIGHTINGS, "e", tmp_path, lambda: None))
