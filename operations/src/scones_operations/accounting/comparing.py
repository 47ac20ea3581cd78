"""Every upload of a bucket, held against the ledger and the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scones_operations.accounting.balance import Balance
from scones_operations.accounting.ledger import read_records, recorded_ids
from scones_operations.accounting.listed import Listed
from scones_operations.accounting.uploads import list_uploads
from scones_operations.accounting.verdict import Circumstances, judge

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from rich.progress import Progress

    from scones_operations.accounting.sightings import Sightings
    from scones_operations.accounting.uploads import Page

__all__ = ["Comparison", "Scope"]

_ID_DIGITS = 64


class Scope(NamedTuple):
    """Which uploads are to be accounted for, and by what.

    Attributes:
        bucket: The upload bucket.
        prefix: Of the keys; empty for all.
        since: Uploads before it are passed over.
        ledger: The table's name.
        patience: An upload without a trace may be so old: its event may still be delivered.
        memory: After so long the ledger has forgotten an upload.
    """

    bucket: str
    prefix: str
    since: datetime
    ledger: str
    patience: timedelta
    memory: timedelta


class Comparison:
    """One pass over a listing, a page at a time, so that a bucket may hold any number.

    Attributes:
        balance: What became of the uploads.
    """

    def __init__(self, scope: Scope, sightings: Sightings) -> None:
        self.balance = Balance()
        self._scope = scope
        self._sightings = sightings
        self._listed = Listed()

    def run(self, progress: Progress) -> None:
        """Judge each upload of the scope."""
        bar = progress.add_task("uploads", total=None)
        for page in list_uploads(self._scope.bucket, self._scope.prefix):
            self._judge(page)
            progress.advance(bar, len(page.uploads))
        done = self.balance.uploaded + self.balance.older
        progress.update(bar, total=done, completed=done)

    def beyond_listing(self, progress: Progress) -> dict[str, int | None]:
        """Messages and records of no upload in the listing: its object was deleted for good.

        None where the listing is not the whole bucket's.
        """
        if self._scope.prefix:
            return {"messages": None, "records": None}
        bar = progress.add_task("ledger", total=None)
        recorded = progress.track(recorded_ids(self._scope.ledger), task_id=bar)
        # A request that read no object has a record, under the run's own id.
        of_uploads = (one for one in recorded if len(one) == _ID_DIGITS)
        records = self._listed.count_others(of_uploads)
        return {"messages": self._sightings.left, "records": records}

    def _judge(self, page: Page) -> None:
        scope = self._scope
        around = Circumstances(
            page.now,
            scope.patience.total_seconds(),
            scope.memory.total_seconds(),
            self._sightings.unread,
        )
        recent = []
        for upload in page.uploads:
            inference_id = upload.inference_id
            self._listed.add(inference_id)
            seen = self._sightings.take(inference_id)
            if upload.uploaded >= scope.since:
                recent.append((upload, inference_id, seen))
        self.balance.older += len(page.uploads) - len(recent)
        records = read_records(scope.ledger, (one for _, one, _ in recent))
        for upload, inference_id, seen in recent:
            self.balance.add(upload, judge(upload, records.get(inference_id), seen, around))
