"""The demo's drift story: a clean day, a planted change, and the report that finds it.

The pictures that the endpoint was just sent are shown to the same serving program again, over and
over, as the traffic of a day and a half. The captures and labels of that are what the monitoring
reads, in its own environment, by its own command line.
"""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scones_local.alterations import ALTERATIONS
from scones_local.aws import clean_environment
from scones_local.capturefiles import Label, write_ground_truth
from scones_local.replay import ReplayFailed, replay
from scones_local.sightings import HOUR, MIX, LabelledPicture, Timeline, changes_of, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from scones_local.capturefiles import CapturedImage
    from scones_local.sightings import Sighting

__all__ = [
    "ALL",
    "CHANGES",
    "ServedModel",
    "StoryFailed",
    "StorySettings",
    "labelled_pictures",
    "tell_story",
]

ALL = "all"
"""One change after the other."""
CHANGES = (*ALTERATIONS, MIX, ALL)
ALARM = "ALARM"
ENDED_WELL = (0, 3)
"""Exit statuses of `scones-monitor`; 3 is an alarm."""


class StoryFailed(RuntimeError):
    """There is no report; the message says why."""


@dataclass(frozen=True)
class StorySettings:
    """What is told, and where it goes.

    Attributes:
        out: Folder for captures, labels, baseline and report.
        monitoring: Interpreter of the monitoring's environment.
        change: One of `CHANGES`.
        hours: How many hours of traffic; the last third is compared with what comes before.
        an_hour: Predictions of each hour.
    """

    out: Path
    monitoring: str
    change: str = "blur"
    hours: int = 36
    an_hour: int = 250


@dataclass(frozen=True)
class ServedModel:
    """The model that the story is about.

    Attributes:
        url: The serving program's.
        endpoint: The name of the endpoint that it stands behind.
        classes: In class order.
        threshold: The least confidence to accept.
    """

    url: str
    endpoint: str
    classes: Sequence[str]
    threshold: float


def tell_story(
    settings: StorySettings,
    model: ServedModel,
    pictures: Sequence[LabelledPicture],
    console: Console,
) -> None:
    """Replay traffic with a planted change, have it reported on, and say what came of it.

    Writes `baseline/captures` and `baseline/labels` (the clean hours before), `captures` and
    `labels` (those to judge), `baseline.json`, `report.html`, `report.md` and `report.json`.

    Args:
        settings: What is told.
        model: It is asked.
        pictures: At least one.
        console: For progress and the outcome.

    Raises:
        StoryFailed: There is no report.
    """
    shutil.rmtree(settings.out, ignore_errors=True)
    times = Timeline.until(datetime.now(UTC), settings.hours)
    changes = _changes(settings.change, pictures, console)
    sightings = list(plan(pictures, times, changes, settings.an_hour))
    before = [one for one in sightings if one.when < times.compared]
    periods = {settings.out / "baseline": before, settings.out: sightings[len(before) :]}
    columns = (TextColumn("Drift story"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("story", total=len(sightings))
        for folder, period in periods.items():
            _write(folder, model, period, lambda: progress.advance(task))
    report = _report(settings, model)
    _print(settings, times, _told(changes, pictures), report, console)


def labelled_pictures(
    images: Sequence[CapturedImage], labels: Mapping[str, str | None]
) -> list[LabelledPicture]:
    """Decode what the endpoint was sent; what is no picture is left out."""
    pictures = []
    for image in images:
        try:
            decoded = Image.open(io.BytesIO(image.body)).convert("RGB")
        except (UnidentifiedImageError, OSError):
            continue
        pictures.append(LabelledPicture(decoded, labels.get(image.inference_id)))
    return pictures


def _changes(change: str, pictures: Sequence[LabelledPicture], console: Console) -> list[str]:
    possible = changes_of(pictures)
    if change == ALL:
        return possible
    if change in possible:
        return [change]
    instead = StorySettings.change
    needed = "STORY=mix needs pictures of two classes, in class folders"
    console.print(f"{needed}: here it is STORY={instead}.", soft_wrap=True)
    return [instead]


def _write(
    folder: Path,
    model: ServedModel,
    sightings: Sequence[Sighting],
    on_answer: Callable[[], None],
) -> None:
    captures = folder / "captures"
    try:
        asyncio.run(replay(model.url, sightings, model.endpoint, captures, on_answer))
    except ReplayFailed as error:
        raise StoryFailed(str(error)) from None
    known = [(one, one.picture.label) for one in sightings]
    labels = [Label(one.when, one.inference_id, label) for one, label in known if label]
    write_ground_truth(folder / "labels", labels)


def _report(settings: StorySettings, model: ServedModel) -> Mapping[str, Any]:
    out = settings.out
    baseline = str(out / "baseline.json")
    threshold = ["--threshold", str(model.threshold)]
    classes = ["--classes", ",".join(model.classes)]
    made_from = _period(out / "baseline")
    _monitor(settings.monitoring, ["baseline", *made_from, "--out", baseline, *classes, *threshold])
    compared = ["--baseline", baseline, "--out", str(out)]
    _monitor(settings.monitoring, ["report", *_period(out), *compared, *threshold])
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    return report


def _period(folder: Path) -> list[str]:
    """Name captures, and labels where there are any."""
    labels = folder / "labels"
    named = ["--labels", str(labels)] if labels.exists() else []
    return ["--captures", str(folder / "captures"), *named]


def _monitor(python: str, arguments: Sequence[str]) -> None:
    command = [python, "-m", "scones_monitoring.cli", *arguments]
    try:
        # A session of its own: Ctrl-C is ours to handle, and ends it without its stack trace.
        done = subprocess.run(
            command, env=clean_environment(), capture_output=True, text=True, check=False,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise StoryFailed(f"The monitoring could not be started: {error}") from None
    if done.returncode not in ENDED_WELL:
        reason = done.stderr.strip() or done.stdout.strip()
        raise StoryFailed(f"scones-monitor {arguments[0]} failed: {reason}")


def _told(changes: Sequence[str], pictures: Sequence[LabelledPicture]) -> str:
    """What was planted, in words."""
    classes = sorted({picture.label for picture in pictures if picture.label})
    told = [
        f"three pictures in four show a {classes[0]}"
        if change == MIX
        else f"half of {ALTERATIONS[change].told}"
        for change in changes
    ]
    return ", then ".join(told)


def _print(
    settings: StorySettings, times: Timeline, told: str, report: Mapping[str, Any], console: Console
) -> None:
    begin = f"{times.changed:%Y-%m-%dT%H}"
    windows = [window for variant in report["variants"] for window in variant["windows"]]
    clean = [one["verdict"] == ALARM for one in windows if one["last"] < begin]
    changed = [one["verdict"] == ALARM for one in windows if one["last"] >= begin]
    missed = "" if any(changed) else " The planted change raised no alarm."
    baseline = (times.compared - times.first) // HOUR
    replayed = f"{settings.hours} hours of {settings.an_hour} predictions"
    lines = [
        f"Replayed       {replayed}, the first {baseline} as the baseline",
        f"Planted        from {times.changed:%d %b %H:%M} UTC on, {told}",
        f"Verdict        {report['verdict']}: {report['reason']}{missed}",
        f"False alarms   {sum(clean)} of {len(clean)} clean windows",
        f"Drift report   {settings.out / 'report.html'}",
        f"Again with     {_command(settings.out)}",
    ]
    console.print()
    for line in lines:
        console.print(escape(line), soft_wrap=True)


def _command(out: Path) -> str:
    here = Path.cwd()
    folder = out.relative_to(here) if out.is_relative_to(here) else out
    labels = f" LABELS={folder / 'labels'}" if (out / "labels").exists() else ""
    captures, baseline = folder / "captures", folder / "baseline.json"
    return f"make report CAPTURES={captures} BASELINE={baseline}{labels} OUT=build/report"
