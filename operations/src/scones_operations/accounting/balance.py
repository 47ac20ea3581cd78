"""Uploads against outcomes: counted, shown, and written down for programs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.table import Table
from rich.text import Text

from scones_operations.accounting.sightings import ACCEPTED, DEAD_LETTER, REVIEW, UNDELIVERED
from scones_operations.accounting.verdict import (
    DOUBLED,
    DOUBTFUL,
    FAULTS,
    FORGOTTEN,
    MISSING,
    NOT_INCOMING,
    REQUESTED,
    UNDER_WAY,
)
from scones_operations.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from scones_operations.accounting.uploads import Upload
    from scones_operations.accounting.verdict import Verdict

__all__ = ["Balance", "Entry"]

SHOWN = 20
"""Faults of each kind that are shown; the JSON report has all."""
_MEANINGS = {
    ACCEPTED: "accepted",
    REVIEW: "sent to review",
    DEAD_LETTER: "dead letter",
    UNDELIVERED: "undelivered: its event waits in the queue",
    REQUESTED: "answered by request only: backfill, console",
    NOT_INCOMING: "not under incoming/: no letter, or no longer",
    FORGOTTEN: "older than the ledger's memory: cannot be told",
    UNDER_WAY: "under way",
    MISSING: "MISSING: no outcome",
    DOUBLED: "DOUBLED: more than one outcome",
    DOUBTFUL: "DOUBTFUL: no outcome is known of, and there may be one",
}


class Entry(NamedTuple):
    """An upload that has not exactly one outcome."""

    upload: Upload
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """All that is known of it."""
        upload = self.upload
        return {
            "bucket": upload.bucket,
            "key": upload.key,
            "version_id": upload.version_id,
            "etag": upload.etag,
            "size": upload.size,
            "uploaded": upload.uploaded.isoformat(),
            "inference_id": upload.inference_id,
            "why": self.verdict.why,
            "remedy": self.verdict.remedy,
        }

    def __str__(self) -> str:
        version = self.upload.version_id or f"ETag {self.upload.etag}"
        why = printable(self.verdict.why)
        # A key, too, may hold a line's end, or what a terminal obeys: it is as Python spells it.
        return f"{self.verdict.fate} {self.upload.key!r} {version}: {why}. {self.verdict.remedy}"


class Balance:
    """What became of all uploads, and of which of them not exactly one thing.

    Attributes:
        older: Uploads that were not looked at.
    """

    def __init__(self) -> None:
        self.older = 0
        self._fates: Counter[str] = Counter()
        self._faults: dict[str, list[Entry]] = {fate: [] for fate in FAULTS}

    def add(self, upload: Upload, verdict: Verdict) -> None:
        """Count an upload, and keep it where something is wrong with it."""
        self._fates[verdict.fate] += 1
        if verdict.fate in self._faults:
            self._faults[verdict.fate].append(Entry(upload, verdict))

    @property
    def uploaded(self) -> int:
        """How many uploads were looked at."""
        return self._fates.total()

    @property
    def missing(self) -> list[Entry]:
        """Uploads without an outcome."""
        return self._faults[MISSING]

    @property
    def is_right(self) -> bool:
        """Whether each upload has one outcome, or may still get it."""
        return not any(self._faults.values())

    def as_json(self) -> dict[str, Any]:
        """Each upload counts once: in `outcomes`, or as under way, missing, doubled, doubtful."""
        apart = (UNDER_WAY, *FAULTS)
        return {
            "uploaded": self.uploaded,
            **{fate: self._fates[fate] for fate in apart},
            "outcomes": {
                fate: self._fates[fate]
                for fate in dict.fromkeys((*_MEANINGS, *self._fates))
                if fate not in apart
            },
            "older": self.older,
            **{
                f"{fate}_uploads": [entry.as_json() for entry in self._faults[fate]]
                for fate in FAULTS
            },
        }

    def show(self, console: Console) -> None:
        """Print the counts, then each fault."""
        table = Table("uploads", "", show_footer=True)
        for fate in dict.fromkeys((*_MEANINGS, *self._fates)):
            table.add_row(f"{self._fates[fate]:,}", Text(_MEANINGS.get(fate, fate)))
        table.columns[0].justify = "right"
        table.columns[0].footer, table.columns[1].footer = f"{self.uploaded:,}", "all"
        console.print(table)
        for fate, entries in self._faults.items():
            for entry in entries[:SHOWN]:
                console.print(Text(str(entry)), soft_wrap=True)
            if len(entries) > SHOWN:
                rest = len(entries) - SHOWN
                console.print(f"{rest:,} more are {fate}: --json FILE has all of them.")
