"""What is known of a period: summaries of its captures, its labels, and what to keep in mind."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from scones_monitoring.capture.labels import GroundTruth, read_labels
from scones_monitoring.capture.layout import Selection, capture_folders
from scones_monitoring.capture.store import open_store
from scones_monitoring.capture.summarise import Match, Part, summarise_captures
from scones_monitoring.capture.summary import Malformed, Reading
from scones_monitoring.drift.accuracy import Truth
from scones_monitoring.errors import InvalidUsage, NothingReadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from scones_monitoring.capture.layout import CaptureFolder
    from scones_monitoring.capture.store import Store

__all__ = ["Evidence", "ReportSettings", "gather", "numbered", "save_summaries", "write_summaries"]

THRESHOLD = 0.9


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """What to report on.

    Attributes:
        captures: Folder or `s3://` prefix of the Data Capture files.
        summaries: Folder or `s3://` prefix of what `write_summaries` wrote; then captures are read
            for the gallery alone.
        baseline: File or `s3://` object; None compares with nothing.
        labels: Folder or `s3://` prefix of ground truth.
        classes: The classes' names in class order, where no baseline tells them.
        threshold: The least confidence to accept; None takes the baseline's, else 0.9.
        wanted_accuracy: Of what passes the threshold that is looked for.
        first: UTC hour, `2026-11-22T10`; None for the first there is.
        last: UTC hour, itself not included.
        variant: One production variant; None for all.
        cache: Whether to use and keep summaries beside the captures.
    """

    captures: str
    summaries: str | None = None
    baseline: str | None = None
    labels: str | None = None
    classes: tuple[str, ...] | None = None
    threshold: float | None = None
    wanted_accuracy: float = 0.99
    first: str | None = None
    last: str | None = None
    variant: str | None = None
    cache: bool = True


@dataclass(frozen=True)
class Evidence:
    """What is known of a period.

    Attributes:
        endpoint: The endpoint's name.
        place: Where the captures are.
        store: The captures, for the gallery; None where they are out of reach.
        threshold: The one that summaries count by.
        reading: Summaries of the period's hours, and malformed lines.
        labels: The classes, in class order.
        truth: Labelled predictions of the period; None when labels were not given.
        unmatched: Labels without a prediction in the period.
        notes: What a reader should know.
    """

    endpoint: str
    place: str
    store: Store | None
    threshold: float
    reading: Reading
    labels: tuple[str, ...]
    truth: Truth | None
    unmatched: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Gathered:
    endpoint: str
    part: Part
    notes: tuple[str, ...]


def gather(
    settings: ReportSettings,
    threshold: float | None = None,
    classes: Sequence[str] | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Evidence:
    """Read captures and labels.

    Args:
        settings: What to read.
        threshold: The baseline's, where there is one.
        classes: The baseline's, likewise.
        progress: Told how many bytes are read, and of how many.

    Raises:
        MonitoringError: Nothing can be read, or options contradict each other.
    """
    threshold = settings.threshold or threshold or THRESHOLD
    labels = read_labels(settings.labels) if settings.labels else None
    if settings.summaries:
        gathered = _from_summaries(settings.summaries, threshold)
        store = None
    else:
        store = open_store(settings.captures)
        gathered = _from_captures(settings, store, threshold, labels, progress)
    reading = gathered.part.reading.within(settings.first, settings.last)
    if not reading.summaries:
        raise NothingReadable(_nothing(settings.summaries or settings.captures, reading.malformed))
    matches = _of_period(gathered.part.matches, settings)
    names, note = _class_names(reading, settings.classes or classes, matches)
    notes = [*gathered.notes, *note, *_label_notes(labels)]
    truth = Truth(matches.values(), names) if labels is not None else None
    unmatched = len(labels.by_id) - len(matches) if labels else 0
    return Evidence(
        gathered.endpoint, settings.captures, store, threshold, reading, names, truth, unmatched,
        tuple(notes),
    )  # fmt: skip


def _nothing(place: str, malformed: Malformed) -> str:
    if not malformed.count:
        return f"{place} holds no prediction of this period: name other hours, or none."
    file, offset, reason = malformed.lines[0]
    return (
        f"None of the {malformed.count} lines in {place} is a captured prediction; {file}, byte "
        f"{offset}: {reason}. Name what the endpoint's DataCaptureConfig writes."
    )


def _from_captures(
    settings: ReportSettings,
    store: Store,
    threshold: float,
    labels: GroundTruth | None,
    progress: Callable[[int, int], None],
) -> _Gathered:
    folders = capture_folders(store, Selection(settings.first, settings.last, settings.variant))
    part = summarise_captures(
        store,
        folders,
        threshold,
        labels=labels.by_id if labels else None,
        cache=settings.cache,
        progress=progress,
    )
    return _Gathered(folders[0].endpoint, part, _folder_notes(folders))


def _folder_notes(folders: Sequence[CaptureFolder]) -> tuple[str, ...]:
    others = sum(folder.others for folder in folders)
    if not others:
        return ()
    return (f"{others} {'file' if others == 1 else 'files'} without the suffix .jsonl: not read.",)


def _label_notes(labels: GroundTruth | None) -> tuple[str, ...]:
    if labels is None or not labels.malformed:
        return ()
    return (f"{labels.malformed} lines of the ground truth are no labels and were left out.",)


def _of_period(matches: Mapping[str, Match], settings: ReportSettings) -> dict[str, Match]:
    first, last = settings.first or "", settings.last or "9"
    return {name: match for name, match in matches.items() if first <= match.hour < last}


def _class_names(
    reading: Reading, given: Sequence[str] | None, matches: Mapping[str, Match]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes' names, and what to say of where they come from.

    Raises:
        InvalidUsage: There are not as many names as classes.
    """
    count = max((len(one.classes) for one in reading.summaries.values()), default=0)
    if given is not None:
        if count and count != len(given):
            raise InvalidUsage(f"The captures have {count} classes, and {len(given)} are named: "
                               f"{', '.join(given)}. Another model's?")  # fmt: skip
        return tuple(given), ()
    seen = sorted({match.label for match in matches.values()})
    if len(seen) == count and not any(label.isdecimal() for label in seen):
        note = (
            f"Taken for the classes, in this order: {', '.join(seen)}. Name them if it is another."
        )
        return tuple(seen), (note,)
    return numbered(count), ("The classes have no names here: a baseline or --classes gives them.",)


def numbered(count: int) -> tuple[str, ...]:
    """Names of classes that nobody has named."""
    return tuple(f"class {number}" for number in range(count))


def write_summaries(settings: ReportSettings, out: Path, name: str) -> None:
    """Read a share of the captures and write what came of it to `<out>/<name>.json`.

    Several machines do so, each with its share of the files; `ReportSettings.summaries` then adds
    up what they wrote.
    """
    threshold = settings.threshold or THRESHOLD
    labels = read_labels(settings.labels) if settings.labels else None
    store = open_store(settings.captures)
    gathered = _from_captures(
        replace(settings, cache=False), store, threshold, labels, lambda _done, _total: None
    )
    save_summaries(
        out / f"{name}.json", gathered.endpoint, threshold, gathered.part, gathered.notes
    )


def save_summaries(
    path: Path, endpoint: str, threshold: float, part: Part, notes: Sequence[str] = ()
) -> None:
    """Write what came of some captures, for `ReportSettings.summaries` to find."""
    content = {
        "endpoint": endpoint,
        "threshold": threshold,
        "notes": list(notes),
        "reading": part.reading.to_json(),
        "matches": part.matches,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def _from_summaries(place: str, threshold: float) -> _Gathered:
    store = open_store(place)
    try:
        names = sorted(e.name for e in store.entries(lambda _: True) if e.name.endswith(".json"))
        parts = [_summaries(place, name, store.load(name) or b"") for name in names]
    except OSError as error:
        raise NothingReadable(f"The summaries in {place} cannot be read: {error}") from error
    if not parts:
        raise NothingReadable(f"{place} holds no summaries (*.json).")
    for values in parts:
        if values["threshold"] != threshold:
            raise InvalidUsage(f"The summaries in {place} count what is below "
                               f"{values['threshold']:g}, not below {threshold:g}.")  # fmt: skip
    whole = sum((_part(values) for values in parts), Part(Reading(), {}))
    notes = tuple(sorted({note for values in parts for note in values["notes"]}))
    return _Gathered(parts[0]["endpoint"], whole, notes)


def _summaries(place: str, name: str, content: bytes) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(content)
        _part(values)
        values["threshold"], values["endpoint"], values["notes"]
    except (ValueError, KeyError, TypeError):
        raise NothingReadable(f"{place}/{name} holds no summaries.") from None
    return values


def _part(values: Mapping[str, Any]) -> Part:
    matches = {name: Match(*match) for name, match in values["matches"].items()}
    return Part(Reading.from_json(values["reading"]), matches)
