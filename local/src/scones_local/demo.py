"""The main job: pictures go into the bucket, outcomes come out, and a summary says how it went."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scones_local.aws import connect
from scones_local.capturefiles import Label, copy_captures, write_ground_truth
from scones_local.pictures import choose, find_pictures, prepare_pictures
from scones_local.stack import ENDPOINT, SERVICES, STAGE
from scones_local.story import ServedModel, StoryFailed, labelled_pictures, tell_story
from scones_local.summary import outcome_line, summarise
from scones_local.supervisor import supervised
from scones_local.tracepage import render_trace_page
from scones_local.traces import fetch_traces, inference_ids, is_whole
from scones_local.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import boto3

    from scones_local.capturefiles import CapturedImage
    from scones_local.pictures import Picture
    from scones_local.stack import RunningStack, StackSettings
    from scones_local.story import StorySettings
    from scones_local.traffic import Outcome, Upload

__all__ = ["DemoSettings", "pictures_for", "run_demo"]

RESULTS = ("summary.json", "outcomes.jsonl", "trace.html")
FOLDERS = ("captures", "labels", "drift")
MARKS = {
    "accepted": "[green]accepted[/]   ",
    "review": "[yellow]review[/]     ",
    "dead_letter": "[red]dead letter[/]",
    "undelivered": "[red]undelivered[/]",
}
FUNCTIONS = {
    state: f"scones-{STAGE}-{service}"
    for state, service in zip(("Serialize", "Classify", "Filter"), SERVICES, strict=True)
}
"""The function that each state of the workflow calls."""


@dataclass(frozen=True)
class DemoSettings:
    """What to upload, and where the results go.

    Attributes:
        out: Folder for summary, outcomes and trace page.
        images: The user's folder; None takes CIFAR-100's vehicle test images.
        count: How many pictures at most.
        archive: The user's copy of CIFAR-100.
        in_flight: Uploads that wait for their outcome at a time.
        story: The drift story to tell afterwards, if any.
    """

    out: Path
    images: Path | None
    count: int
    archive: str | None
    in_flight: int = 2
    story: StorySettings | None = None


def run_demo(stack: StackSettings, demo: DemoSettings) -> bool:
    """Run the demo; True if every picture was uploaded and had exactly one outcome.

    Raises:
        NoPictures: There is nothing to upload.
        StartFailed: The stack did not start.
    """
    console = Console(highlight=False)
    _clear(demo.out)
    pictures = pictures_for(stack, demo)
    console.print("Starting the engine, the model's server, the functions and the stacks ...")
    started = time.time()
    with supervised(stack) as running:
        began = time.time()
        console.print(f"Up after {began - started:.1f} s. Uploading {len(pictures)} pictures.")
        session = connect(running.environment)
        uploads = _send(session, running.outputs, pictures, demo, console)
        summary = _conclude(session, began, uploads, demo.out, console)
        images = _copy_captures(session, running, uploads, demo.out, console)
        told = demo.story is None or _tell_story(demo.story, running, uploads, images, console)
    return told and not (summary["lost"] or summary["duplicates"] or summary["not_uploaded"])


def _clear(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for result in RESULTS:
        (out / result).unlink(missing_ok=True)
    for folder in FOLDERS:
        shutil.rmtree(out / folder, ignore_errors=True)


def _conclude(
    session: boto3.Session, began: float, uploads: Sequence[Upload], out: Path, console: Console
) -> dict[str, Any]:
    """Write and print what became of the uploads; return the summary."""
    traces = fetch_traces(session, began)
    whole = sum(is_whole(documents, FUNCTIONS) for documents in traces)
    summary = summarise(uploads, whole)
    _write(out, uploads, summary)
    page = _write_trace(out, uploads, traces)
    for upload in uploads:
        if upload.failure:
            told = f"{upload.picture.name!r}  {upload.failure}"
            console.print(f"[red]not uploaded[/] {escape(told)}", soft_wrap=True)
    _print_summary(console, summary, out, page)
    return summary


def _copy_captures(
    session: boto3.Session,
    running: RunningStack,
    uploads: Sequence[Upload],
    out: Path,
    console: Console,
) -> list[CapturedImage]:
    """Keep what Data Capture wrote, with the labels of the pictures, for `make report`."""
    labels = [
        Label(datetime.fromtimestamp(upload.sent_at, UTC), decided["inference_id"], label)
        for upload, decided in _decisions(uploads)
        if (label := upload.picture.label)
    ]
    write_ground_truth(out / "labels", labels)
    awaited = {decided["inference_id"] for _, decided in _decisions(uploads)}
    images = copy_captures(session.client("s3"), running.captures, out / "captures", awaited)
    missing = awaited - {image.inference_id for image in images}
    console.print(f"Captures       {out / 'captures'}", soft_wrap=True)
    if missing:
        console.print(f"[red]{len(missing)} of {len(awaited)} predictions were not captured.[/]")
    return images


def _decisions(uploads: Sequence[Upload]) -> list[tuple[Upload, Mapping[str, Any]]]:
    """What was decided about each upload that the model saw."""
    return [
        (upload, outcome.body)
        for upload in uploads
        for outcome in upload.outcomes
        if outcome.kind in {"accepted", "review"}
    ]


def _tell_story(
    story: StorySettings,
    running: RunningStack,
    uploads: Sequence[Upload],
    images: Sequence[CapturedImage],
    console: Console,
) -> bool:
    """Tell the drift story; False, with the reason printed, if that failed."""
    decisions = _decisions(uploads)
    labels = {decided["inference_id"]: upload.picture.label for upload, decided in decisions}
    pictures = labelled_pictures(images, labels)
    if not (pictures and decisions):
        console.print("No drift story: the model saw no picture.")
        return True
    threshold = decisions[0][1]["threshold"]
    model = ServedModel(running.model_url, ENDPOINT, running.classes, threshold)
    try:
        tell_story(story, model, pictures, console)
    except StoryFailed as failure:
        console.print(f"[red]No drift report:[/] {escape(str(failure))}", soft_wrap=True)
        return False
    return True


def pictures_for(stack: StackSettings, demo: DemoSettings) -> list[Picture]:
    """Choose the pictures to upload; say so where some are left out.

    Raises:
        NoPictures: There is nothing to upload.
    """
    console = Console(highlight=False)
    folder = demo.images or prepare_pictures(
        stack.python("model"), demo.out.parent / "pictures", demo.archive, console
    )
    found = find_pictures(folder, console)
    chosen = choose(found, demo.count)
    if len(chosen) < len(found):
        where = f"{len(chosen)} of {len(found)} pictures in {folder}"
        console.print(f"{where}; COUNT=<n> sets how many.", soft_wrap=True)
    return chosen


def _send(
    session: boto3.Session,
    outputs: Mapping[str, str],
    pictures: Sequence[Picture],
    demo: DemoSettings,
    console: Console,
) -> list[Upload]:
    columns = (TextColumn("Outcomes"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("outcomes", total=len(pictures))

        def show(upload: Upload, outcome: Outcome) -> None:
            console.print(_line(upload, outcome), soft_wrap=True)
            progress.advance(task)

        traffic = Traffic(session, outputs, show)
        traffic.send(pictures, f"demo-{time.time_ns()}", demo.in_flight)
    return list(traffic.uploads.values())


def _line(upload: Upload, outcome: Outcome) -> str:
    body = outcome.body
    said = outcome.reason
    if outcome.kind == "accepted":
        route = body["route"]
        said = f"{route['orders']} orders, bay {route['loading_bay']}"
    elif outcome.kind == "review" and body["confidence"] < body["threshold"]:
        said = f"for a person to decide: under {body['threshold']}"
    if "label" in body:
        said = f"{body['label']} {body['confidence']:.3f}  {said}"
    latency = f"{upload.latency_ms:5.0f} ms" if len(upload.outcomes) == 1 else "[red]again[/]"
    return f"{MARKS[outcome.kind]} {latency}  {escape(upload.picture.name)}  {escape(said)}"


def _write(out: Path, uploads: Sequence[Upload], summary: dict[str, Any]) -> None:
    lines = "".join(json.dumps(outcome_line(upload)) + "\n" for upload in uploads)
    (out / "outcomes.jsonl").write_text(lines)
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")


def _write_trace(
    out: Path, uploads: Sequence[Upload], traces: Sequence[list[dict[str, Any]]]
) -> Path | None:
    """Draw the execution of median latency among those that went all the way."""
    decided = [
        upload
        for upload in uploads
        if upload.latency_ms is not None and "decision" in upload.outcomes[0].body
    ]
    by_id = {name: documents for documents in traces for name in inference_ids(documents)}
    decided.sort(key=lambda upload: upload.latency_ms or 0.0)
    if not decided:
        return None
    middle = decided[len(decided) // 2]
    documents = by_id.get(middle.outcomes[0].body["inference_id"])
    if documents is None:
        return None
    page = out / "trace.html"
    page.write_text(render_trace_page(documents, middle.picture.name))
    return page


def _print_summary(console: Console, summary: dict[str, Any], out: Path, page: Path | None) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for name in ("uploaded", "accepted", "review", "dead_letter", "lost", "duplicates", "traces"):
        table.add_row(name.replace("_", " "), str(summary[name]))
    for name in ("accuracy_accepted", "accuracy_all"):
        value = summary[name]
        table.add_row(name.replace("_", " of "), "no labels" if value is None else f"{value:.3f}")
    latency = summary["latency_ms"]
    table.add_row("latency p50, p95", f"{latency['p50']} ms, {latency['p95']} ms")
    console.print(table)
    console.print(f"\nSummary        {out / 'summary.json'}", soft_wrap=True)
    console.print(f"Every upload   {out / 'outcomes.jsonl'}", soft_wrap=True)
    if page:
        console.print(f"A trace        {page}", soft_wrap=True)
