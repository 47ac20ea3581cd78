"""Ask a serving program about planned traffic, and capture its answers as if the time were right.

Days pass in seconds: the serving program and Data Capture's writer are the real ones, the clock is
the plan's.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from scones_local.capture import CapturedInvocation, CaptureSettings, capture_invocations
from scones_local.capturefiles import FolderStore
from scones_local.sightings import seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from scones_local.capture import DataCapture
    from scones_local.sightings import Sighting

__all__ = ["ReplayFailed", "replay"]

CONNECTIONS = 8
PNG = "image/png"


class ReplayFailed(RuntimeError):
    """The serving program did not answer, or an answer could not be captured."""


async def replay(
    model_url: str,
    sightings: Iterable[Sighting],
    endpoint: str,
    folder: Path,
    on_answer: Callable[[], None],
) -> None:
    """Send every picture and write the captures to `folder/<endpoint>/<variant>/yyyy/mm/dd/hh/`.

    Raises:
        ReplayFailed: Not every sighting has a capture; says why.
    """
    settings = CaptureSettings(destination="s3://folder", endpoint=endpoint)
    async with capture_invocations(settings, FolderStore(folder)) as capture:
        await _ask_all(model_url, iter(sightings), capture, on_answer)
    if capture.counts.dropped:
        raise ReplayFailed(f"{capture.counts.dropped} captures could not be written to {folder}.")


async def _ask_all(
    model_url: str,
    sightings: Iterator[Sighting],
    capture: DataCapture,
    on_answer: Callable[[], None],
) -> None:
    async with aiohttp.ClientSession(model_url) as client:

        async def ask_on() -> None:
            for sighting in sightings:
                capture.offer(await _ask(client, sighting))
                on_answer()

        try:
            async with asyncio.TaskGroup() as connections:
                for _ in range(CONNECTIONS):
                    connections.create_task(ask_on())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # one says it, the others end with it


async def _ask(client: aiohttp.ClientSession, sighting: Sighting) -> CapturedInvocation:
    body = seen(sighting)
    try:
        async with client.post("/invocations", data=body, headers={"Content-Type": PNG}) as answer:
            content = await answer.read()
            if not answer.ok:
                raise ReplayFailed(f"The serving program answered {answer.status}: {content!r}")
            return CapturedInvocation(
                when=sighting.when,
                inference_id=sighting.inference_id,
                request_type=PNG,
                request_body=body,
                response_type=answer.headers.get("Content-Type"),
                response_body=content,
            )
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ReplayFailed(f"The serving program did not answer: {error!r}") from error
