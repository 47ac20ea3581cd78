"""Data Capture's layout: `<endpoint>/<variant>/yyyy/mm/dd/hh/<name>.jsonl`, below any prefix.

Ground truth lies the same way. A folder for an hour can hold records of the hours beside it, as
captures are delivered late: what is wanted by hour is looked for one hour around.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from scones_monitoring.errors import InvalidUsage, NothingReadable

if TYPE_CHECKING:
    from scones_monitoring.capture.store import Entry, Store

__all__ = ["CaptureFolder", "Selection", "capture_folders", "parse_hour"]

UNNAMED = "unnamed"
"""Endpoint and variant of files that do not lie in Data Capture's layout."""
SUFFIX = ".jsonl"
_LAYOUT = re.compile(r"([^/]+)/([^/]+)/(\d{4}/\d\d/\d\d/\d\d)$", re.ASCII)
_DATE = re.compile(r"(?:^|/)(\d{4}(?:/\d\d){0,3})$", re.ASCII)


@dataclass(frozen=True)
class Selection:
    """Which captures are wanted; None wants all.

    Attributes:
        first: UTC hour, `2026-11-22T10`.
        last: UTC hour, itself no longer wanted.
        variant: A production variant.
    """

    first: str | None = None
    last: str | None = None
    variant: str | None = None


@dataclass(frozen=True)
class CaptureFolder:
    """Capture files that lie together: of one variant and, in Data Capture's layout, one hour.

    Attributes:
        name: Relative to the store's root; empty for the root itself.
        endpoint: The endpoint's name.
        variant: The production variant.
        files: In the order of their names, which is that of time.
        others: How many files without the suffix `.jsonl` lie there, and are left alone.
    """

    name: str
    endpoint: str
    variant: str
    files: tuple[Entry, ...]
    others: int


def parse_hour(text: str, option: str) -> str:
    """A UTC hour, `2026-11-22T10`, from an ISO date or time.

    Raises:
        InvalidUsage: It is none, or not a whole hour; names the option.
    """
    try:
        time = datetime.fromisoformat(text.removesuffix("Z").replace("T24", "T23"))
    except ValueError:
        raise InvalidUsage(f"{option} {text} is no time: write 2026-11-22T10:00Z.") from None
    if time.utcoffset() or time.minute or time.second or time.microsecond:
        raise InvalidUsage(
            f"{option} {text} is no whole hour of UTC: write {time:%Y-%m-%dT%H}:00Z."
        )
    return f"{time:%Y-%m-%dT%H}"


def capture_folders(store: Store, selection: Selection) -> list[CaptureFolder]:
    """Find the capture files that can hold what is wanted, in the order of variant and time.

    Raises:
        NothingReadable: There are none; says what is there instead.
        InvalidUsage: There are several endpoints.
    """
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    earliest, latest = _around(selection)
    try:
        for entry in store.entries(lambda folder: _may_hold(folder, earliest, latest)):
            found[entry.name.rpartition("/")[0]].append(entry)
    except OSError as error:
        raise NothingReadable(f"{store.root} cannot be listed: {error}") from error
    folders = [_folder(store, name, entries) for name, entries in sorted(found.items())]
    wanted = [one for one in folders if selection.variant in {None, one.variant} and one.files]
    _check(store, selection, folders, wanted)
    return sorted(wanted, key=lambda one: (one.variant, one.name))


def _folder(store: Store, name: str, entries: list[Entry]) -> CaptureFolder:
    files = sorted(entry for entry in entries if entry.name.endswith(SUFFIX) and entry.size)
    others = sum(not entry.name.endswith(SUFFIX) for entry in entries)
    layout = _LAYOUT.search(f"{store.root}/{name}".rstrip("/"))
    endpoint, variant = layout.group(1, 2) if layout else (UNNAMED, UNNAMED)
    return CaptureFolder(name, endpoint, variant, tuple(files), others)


def _check(
    store: Store, selection: Selection, folders: list[CaptureFolder], wanted: list[CaptureFolder]
) -> None:
    endpoints = sorted({folder.endpoint for folder in wanted})
    if len(endpoints) > 1:
        places = ", ".join(endpoints)
        raise InvalidUsage(f"{store.root} holds captures of several endpoints: name the folder of "
                           f"one of {places}.")  # fmt: skip
    if wanted:
        return
    variants = sorted({folder.variant for folder in folders if folder.files})
    if selection.variant and variants:
        raise NothingReadable(
            f"{store.root} has no variant {selection.variant}: it has {', '.join(variants)}."
        )
    hours = f" for {selection.first or 'any'} to {selection.last or 'any'}"
    raise NothingReadable(
        f"{store.root} holds no capture files (*{SUFFIX})"
        f"{hours if selection.first or selection.last else ''}: name the folder or s3:// prefix "
        "that the endpoint's DataCaptureConfig writes to."
    )


def _around(selection: Selection) -> tuple[str, str]:
    """First and last hour folder to look into, as `2026/11/22/10`; '0' and '9' are open ends."""
    first = _shifted(selection.first, -1) if selection.first else "0"
    return first, _shifted(selection.last, 0) if selection.last else "9"


def _shifted(hour: str, hours: int) -> str:
    return f"{datetime.fromisoformat(f'{hour}:00') + timedelta(hours=hours):%Y/%m/%d/%H}"


def _may_hold(folder: str, earliest: str, latest: str) -> bool:
    if folder.rpartition("/")[2].startswith(("_", ".")):
        return False  # our summaries, or somebody's unfinished files
    date = _DATE.search(folder)
    if date is None:
        return True
    part = date.group(1)
    return earliest[: len(part)] <= part <= latest[: len(part)] or not part
