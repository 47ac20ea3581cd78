"""The last traces that arrived, within a bound of memory."""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scones_local.tracetree import InvalidDocument, parse_document, trace_tree

if TYPE_CHECKING:
    from scones_local.tracetree import TraceTree

__all__ = ["CollectorCounts", "CollectorSettings", "TraceStore"]

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CollectorSettings:
    """Where the collector listens and how much it keeps.

    Attributes:
        port: Loopback port, UDP and TCP; 0 takes one that is free for both.
        max_traces: The most traces kept; the oldest go first.
        max_bytes: The most bytes of documents kept, likewise.
    """

    port: int = 0
    max_traces: int = 10_000
    max_bytes: int = 128 * 1024 * 1024


@dataclass
class CollectorCounts:
    """What arrived.

    Attributes:
        documents: Segments and independent subsegments kept at first.
        malformed: Datagrams and documents refused.
        evicted: Whole traces that had to make room for newer ones.
    """

    documents: int = 0
    malformed: int = 0
    evicted: int = 0


@dataclass
class TraceStore:
    """The last traces, as the texts that were sent: parsing waits until somebody reads.

    Attributes:
        settings: The bounds.
        counts: What arrived.
    """

    settings: CollectorSettings
    counts: CollectorCounts = field(default_factory=CollectorCounts)
    _traces: OrderedDict[str, list[bytes]] = field(default_factory=OrderedDict, repr=False)
    _bytes: int = field(default=0, repr=False)

    def put_datagram(self, datagram: bytes) -> None:
        """Keep the document of a daemon datagram, or count it as malformed."""
        header, _, text = datagram.partition(b"\n")
        try:
            _check_header(header)
            self.put(text)
        except InvalidDocument as error:
            self.counts.malformed += 1
            LOGGER.warning("X-Ray datagram of %d bytes refused: %s", len(datagram), error)

    def put(self, text: bytes) -> None:
        """Keep one document.

        Raises:
            InvalidDocument: It is none.
        """
        trace_id = parse_document(text)["trace_id"]
        self._traces.setdefault(trace_id, []).append(text)
        self._bytes += len(text)
        self.counts.documents += 1
        self._evict()

    def trace_ids(self) -> list[str]:
        """The traces kept, the one that began first first."""
        return sorted(self._traces)

    def documents(self, trace_id: str) -> list[dict[str, Any]]:
        """The documents of a trace in the order of arrival; empty when it is unknown."""
        return [parse_document(text) for text in self._traces.get(trace_id, ())]

    def tree(self, trace_id: str) -> TraceTree:
        """The joined trace.

        Raises:
            InvalidTrace: It is unknown.
        """
        return trace_tree(self.documents(trace_id))

    def _evict(self) -> None:
        while len(self._traces) > self.settings.max_traces or self._bytes > self.settings.max_bytes:
            _, texts = self._traces.popitem(last=False)
            self._bytes -= sum(map(len, texts))
            self.counts.evicted += 1


def _check_header(header: bytes) -> None:
    try:
        fields = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"its first line is no JSON: {error}") from error
    if not isinstance(fields, dict) or (fields.get("format"), fields.get("version")) != ("json", 1):
        raise InvalidDocument('its first line is not {"format": "json", "version": 1}')
