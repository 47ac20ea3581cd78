"""One trace as a tree: X-Ray documents, joined by `parent_id`.

A document is a segment, or a subsegment sent on its own; either holds further subsegments. The
documents of a trace arrive in any order, twice, or not at all: what names a parent that is not
there becomes a root of its own, so that nothing received is missing from the tree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["InvalidDocument", "InvalidTrace", "Span", "TraceTree", "parse_document", "trace_tree"]

TRACE_ID = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
DEEPEST = 64
LAST_SECOND = 253_402_300_799
"""The end of the year 9999, the last time that Python's dates know."""


class InvalidDocument(ValueError):
    """A text is no segment document of X-Ray; the message says what is wrong with it."""


class InvalidTrace(ValueError):
    """Documents do not form what was asked for: one trace, or one root."""


@dataclass(eq=False)
class Span:
    """A segment or subsegment with what lies under it.

    Attributes:
        document: The (sub)segment as it was sent, with its own `subsegments` still inside.
        parent_id: The enclosing (sub)segment, or the one named by an independent document.
        is_segment: True for a segment, false for a subsegment.
        children: What names this as its parent, by start time.
    """

    document: Mapping[str, Any]
    parent_id: str | None
    is_segment: bool
    children: list[Span] = field(default_factory=list, repr=False)

    @property
    def id(self) -> str:
        """16 hexadecimal digits."""
        return str(self.document["id"])

    @property
    def name(self) -> str:
        """The service's name, or the called one's."""
        return str(self.document["name"])

    @property
    def start(self) -> float:
        """Seconds since the epoch."""
        return float(self.document["start_time"])

    @property
    def end(self) -> float | None:
        """Seconds since the epoch; None while it is in progress."""
        end = self.document.get("end_time")
        return None if end is None else float(end)

    @property
    def status(self) -> str:
        """`fault`, `throttle`, `error`, `in progress` or `ok`, the worst first."""
        for flag in ("fault", "throttle", "error"):
            if self.document.get(flag) is True:
                return flag
        return "in progress" if self.end is None else "ok"

    @property
    def annotations(self) -> Mapping[str, Any]:
        """The indexed values that the service put on it."""
        return self.part("annotations")

    def part(self, name: str) -> Mapping[str, Any]:
        """An object of the document, such as `aws`, `http` or `cause`; empty where it has none."""
        value = self.document.get(name)
        return value if isinstance(value, Mapping) else {}

    def walk(self) -> Iterator[tuple[int, Span]]:
        """`(depth, span)` of this and all under it, parents first."""
        waiting = [(0, self)]
        while waiting:
            depth, span = waiting.pop()
            yield depth, span
            waiting.extend((depth + 1, child) for child in reversed(span.children))


@dataclass(frozen=True)
class TraceTree:
    """A trace.

    Attributes:
        trace_id: `1-<8 hex>-<24 hex>`.
        roots: The spans without a known parent, by start time; one in a whole trace.
    """

    trace_id: str
    roots: tuple[Span, ...]

    @property
    def root(self) -> Span:
        """The only root.

        Raises:
            InvalidTrace: There are several: a document is missing, or a `parent_id` is wrong.
        """
        if len(self.roots) == 1:
            return self.roots[0]
        names = ", ".join(f"{root.name} (parent {root.parent_id})" for root in self.roots)
        raise InvalidTrace(f"trace {self.trace_id} has {len(self.roots)} roots: {names}")

    @property
    def start(self) -> float:
        """When the first span started, seconds since the epoch."""
        return min(span.start for _, span in self.walk())

    @property
    def end(self) -> float:
        """When the last span ended; of one in progress, its start counts."""
        return max(span.start if span.end is None else span.end for _, span in self.walk())

    def walk(self) -> Iterator[tuple[int, Span]]:
        """`(depth, span)` of every span, parents first."""
        for root in self.roots:
            yield from root.walk()

    def find(self, name: str) -> list[Span]:
        """The spans of a name."""
        return [span for _, span in self.walk() if span.name == name]

    def segments(self) -> list[dict[str, Any]]:
        """The documents as X-Ray gives them back: every subsegment inside its segment."""
        return [
            _assembled(span) for _, span in self.walk() if span.is_segment or span in self.roots
        ]


def parse_document(text: str | bytes) -> dict[str, Any]:
    """Read one segment document.

    Raises:
        InvalidDocument: It is no JSON object, or lacks what X-Ray requires.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"it is no JSON: {error}") from error
    _check_entity(document, 0)
    trace_id = document.get("trace_id")
    if not isinstance(trace_id, str) or not TRACE_ID.fullmatch(trace_id):
        raise InvalidDocument(f"trace_id {trace_id!r} is not 1-<8 hex>-<24 hex>")
    if not isinstance(document.get("parent_id", ""), str):
        raise InvalidDocument("parent_id is no text")
    return dict(document)


def trace_tree(documents: Iterable[Mapping[str, Any]]) -> TraceTree:
    """Join the documents of one trace, as `parse_document` returns them.

    Raises:
        InvalidTrace: There is no document, or there are several traces among them.
    """
    documents = list(documents)
    trace_ids = sorted({str(document["trace_id"]) for document in documents})
    if len(trace_ids) != 1:
        raise InvalidTrace(f"expected the documents of one trace, got those of {trace_ids}")
    spans: dict[str, Span] = {}
    for document in documents:
        is_segment = document.get("type") != "subsegment"
        for span in _flattened(document, document.get("parent_id"), is_segment=is_segment):
            _keep_the_fuller(spans, span)
    return TraceTree(trace_ids[0], tuple(_joined(spans)))


def _check_entity(entity: object, depth: int) -> None:
    if not isinstance(entity, dict):
        raise InvalidDocument("a segment or subsegment is no JSON object")
    if depth > DEEPEST:
        raise InvalidDocument(f"subsegments are nested deeper than {DEEPEST}")
    for name in ("id", "name"):
        if not isinstance(entity.get(name), str) or not entity[name]:
            raise InvalidDocument(f"{name} is missing or no text")
    if not _is_time(entity.get("start_time")) or not _is_time(entity.get("end_time", 0)):
        raise InvalidDocument("start_time or end_time is no number of seconds")
    subsegments = entity.get("subsegments", [])
    if not isinstance(subsegments, list):
        raise InvalidDocument("subsegments is no list")
    for subsegment in subsegments:
        _check_entity(subsegment, depth + 1)


def _is_time(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LAST_SECOND
    )


def _flattened(
    entity: Mapping[str, Any], parent_id: str | None, *, is_segment: bool
) -> Iterator[Span]:
    yield Span(entity, parent_id, is_segment)
    for subsegment in entity.get("subsegments", []):
        yield from _flattened(subsegment, entity["id"], is_segment=False)


def _keep_the_fuller(spans: dict[str, Span], span: Span) -> None:
    """Of two versions with one id, the finished one counts, else the later one."""
    known = spans.get(span.id)
    if known is None or known.end is None or span.end is not None:
        spans[span.id] = span


def _joined(spans: dict[str, Span]) -> list[Span]:
    roots = []
    for span in sorted(spans.values(), key=lambda span: (span.start, span.id)):
        parent = spans.get(span.parent_id or "")
        if parent is None or _is_own_ancestor(span, spans):
            roots.append(span)
        else:
            parent.children.append(span)
    return roots


def _is_own_ancestor(span: Span, spans: dict[str, Span]) -> bool:
    seen: set[str] = set()
    ancestor = span.parent_id
    while ancestor is not None and ancestor in spans and ancestor not in seen:
        seen.add(ancestor)
        ancestor = spans[ancestor].parent_id
    return span.id in seen


def _assembled(span: Span) -> dict[str, Any]:
    document = {name: value for name, value in span.document.items() if name != "subsegments"}
    subsegments = [_assembled(child) for child in span.children if not child.is_segment]
    return document | ({"subsegments": subsegments} if subsegments else {})
