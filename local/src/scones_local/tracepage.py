"""One trace as a page to look at: a waterfall in SVG, the annotations, faults, and a table.

The page is a single file without scripts or anything fetched. Horizontal positions are percentages
and texts keep their size, so that the same drawing is readable on a phone and on a wide screen.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from scones_local.tracetree import trace_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scones_local.tracetree import Span, TraceTree

__all__ = ["render_trace_page"]

KINDS = {
    "workflow": "workflow",
    "state": "state",
    "function": "function",
    "code": "handler code",
    "call": "AWS call",
}
"""CSS class and name of each kind of span, in the order of the legend."""
ROW_HEIGHT = 46
AXIS_HEIGHT = 26
QUARTERS = ((0, "start"), (25, "middle"), (50, "middle"), (75, "middle"), (100, "end"))
UNPRINTABLE = dict.fromkeys((*range(32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}")
FIRST_ANNOTATIONS = ("image_key", "decision", "label", "inference_id")
TOLD = ("region", "bucket_name", "key", "endpoint_name", "retries", "request_id", "function_arn")
"""What of a call's `aws` block says something to a reader."""


@dataclass(frozen=True)
class _Row:
    """A span, measured against its trace: milliseconds, `own` without the time of children."""

    span: Span
    service: str
    depth: int
    kind: str
    offset: float
    duration: float
    own: float

    @property
    def label(self) -> str:
        """The operation before the service's name: a narrow screen cuts the end."""
        operation = self.span.part("aws").get("operation")
        named = self.kind == "call" and isinstance(operation, str)
        return f"{operation} · {self.span.name}" if named else self.span.name


def render_trace_page(documents: Iterable[Mapping[str, Any]], title: str | None = None) -> str:
    """Draw the documents of one trace as a self-contained HTML page.

    Args:
        documents: Segments and subsegments, as `tracetree.parse_document` returns them.
        title: The heading; the name of the first root when None.

    Returns:
        The page; all of it can be encoded as UTF-8.

    Raises:
        InvalidTrace: There is no document, or there are several traces among them.
    """
    tree = trace_tree(documents)
    rows = list(_rows(tree))
    heading = _shown(title or tree.roots[0].name)
    body = "".join(
        (
            _header(tree, rows, heading),
            _time_by_kind(rows),
            _waterfall(rows, heading),
            _faults(rows),
            _annotations(rows),
            _table(rows),
        )
    )
    return PAGE.format(heading=heading, style=STYLE, body=body)


def _rows(tree: TraceTree) -> Iterator[_Row]:
    parents: list[_Row] = []
    for depth, span in tree.walk():
        del parents[depth:]
        row = _row(span, tree, depth, parents[-1] if parents else None)
        parents.append(row)
        yield row


def _row(span: Span, tree: TraceTree, depth: int, parent: _Row | None) -> _Row:
    duration = max(0.0, _end(span, tree) - span.start)
    return _Row(
        span=span,
        service=span.name if span.is_segment or parent is None else parent.service,
        depth=depth,
        kind=_kind(span, parent),
        offset=1000 * (span.start - tree.start),
        duration=1000 * duration,
        own=1000 * max(0.0, duration - _covered(span, tree)),
    )


def _kind(span: Span, parent: _Row | None) -> str:
    origin = str(span.document.get("origin", ""))
    if origin.startswith("AWS::StepFunctions"):
        return "workflow"
    if span.is_segment:
        return "function"
    if parent is not None and parent.kind == "workflow":
        return "state"
    return "call" if span.document.get("namespace") == "aws" else "code"


def _end(span: Span, tree: TraceTree) -> float:
    return tree.end if span.end is None else span.end


def _covered(span: Span, tree: TraceTree) -> float:
    """Seconds of a span in which at least one child ran."""
    covered, until, end = 0.0, span.start, _end(span, tree)
    for child in span.children:
        child_end = min(_end(child, tree), end)
        covered += max(0.0, child_end - max(until, child.start))
        until = max(until, child_end)
    return covered


def _shown(text: object) -> str:
    """Anything as text for HTML: escaped, without what cannot be printed or encoded."""
    plain = json.dumps(text) if isinstance(text, bool) else str(text)
    encodable = plain.encode("utf-8", "replace").decode()
    return escape(encodable.translate(UNPRINTABLE))


def _ms(milliseconds: float) -> str:
    digits = 2 if milliseconds < 10 else 1  # noqa: PLR2004 - three figures are enough to see
    return f"{milliseconds:,.{digits}f} ms"


def _header(tree: TraceTree, rows: list[_Row], heading: str) -> str:
    started = datetime.fromtimestamp(tree.start, UTC)
    troubled = sum(row.span.status != "ok" for row in rows)
    parts = (
        f"<strong>{_ms(1000 * (tree.end - tree.start))}</strong>",
        f"{len(rows)} spans",
        f"{troubled} not ok" if troubled else "all ok",
        f'<time datetime="{started.isoformat()}">{started:%Y-%m-%d %H:%M:%S} UTC</time>',
    )
    facts = " · ".join(parts)
    torn = len(tree.roots) - 1
    warning = f"<p><em>{torn} spans name a parent that did not arrive.</em></p>" if torn else ""
    return (
        f"<header><h1>{heading}</h1><p>{facts}</p>"
        f"<p><code>{_shown(tree.trace_id)}</code></p>{warning}</header>"
    )


def _time_by_kind(rows: list[_Row]) -> str:
    own: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        own[row.kind] += row.own
    total = sum(own.values()) or 1.0
    present = [(kind, own[kind]) for kind in KINDS if kind in own]
    bar = "".join(
        f'<span class="{kind}" style="width:{100 * time / total:.2f}%"></span>'
        for kind, time in present
    )
    legend = "".join(
        f'<li><i class="{kind}"></i>{KINDS[kind]} <b>{_ms(time)}</b></li>' for kind, time in present
    )
    return (
        '<section><h2>Where the time went</h2><p class="note">Each kind\'s own time, without what '
        f'it waited for.</p><div class="shares" aria-hidden="true">{bar}</div>'
        f'<ul class="legend">{legend}</ul></section>'
    )


def _waterfall(rows: list[_Row], heading: str) -> str:
    total = max(row.offset + row.duration for row in rows) or 1.0
    height = AXIS_HEIGHT + ROW_HEIGHT * len(rows)
    drawn = "".join(_drawn(row, number, total) for number, row in enumerate(rows))
    return (
        f'<section><h2>Waterfall</h2><svg width="100%" height="{height}" role="img" '
        'aria-labelledby="chart-title chart-description">'
        f'<title id="chart-title">Waterfall of {heading}</title>'
        f'<desc id="chart-description">{len(rows)} spans over {_ms(total)}, each under the one '
        "that called it; the table at the end of the page holds the same.</desc>"
        f"{_axis(total, height)}{drawn}</svg></section>"
    )


def _axis(total: float, height: int) -> str:
    digits = 0 if total > 40 else 1  # noqa: PLR2004 - quarters of less would look uneven
    return "".join(
        f'<line class="grid" x1="{percent}%" x2="{percent}%" y1="{AXIS_HEIGHT - 6}" y2="{height}"/>'
        f'<text class="tick" x="{percent}%" y="13" text-anchor="{anchor}">'
        f"{total * percent / 100:,.{digits}f}{' ms' if anchor == 'end' else ''}</text>"
        for percent, anchor in QUARTERS
    )


def _drawn(row: _Row, number: int, total: float) -> str:
    y = AXIS_HEIGHT + ROW_HEIGHT * number
    label, status, took = _shown(row.label), row.span.status, _ms(row.duration)
    mark = "" if status == "ok" else f'<tspan class="mark">{status}</tspan> · '
    css = row.kind if status == "ok" else f"{row.kind} troubled"
    room = 70 if status == "ok" else 54
    return (
        f'<g><title>{label}: {took}, {status}</title><svg y="{y}" width="{room}%" height="24">'
        f'<text class="{row.kind}-label" x="{12 * row.depth}" y="19">{label}</text></svg>'
        f'<text class="took" x="100%" y="{y + 19}" text-anchor="end">{mark}{took}</text>'
        f'<rect class="track" y="{y + 26}" width="100%" height="10" rx="3"/>'
        f'<rect class="{css}" x="{100 * row.offset / total:.3f}%" y="{y + 26}" height="10" rx="3" '
        f'style="width:max(3px,{100 * row.duration / total:.3f}%)"/></g>'
    )


def _faults(rows: list[_Row]) -> str:
    """Where trouble began: what carries a cause, or has no troubled span under it."""
    found = []
    for row in rows:
        reasons = _reasons(row.span)
        if _is_failed(row.span) and (reasons or not any(map(_is_failed, row.span.children))):
            found.append(
                f"<li><b>{_shown(row.label)}</b> in {_shown(row.service)} "
                f"<em>{row.span.status}</em>{reasons}</li>"
            )
    return f"<section><h2>What went wrong</h2><ul>{''.join(found)}</ul></section>" if found else ""


def _is_failed(span: Span) -> bool:
    return span.status in ("fault", "throttle", "error")


def _reasons(span: Span) -> str:
    exceptions = span.part("cause").get("exceptions")
    if not isinstance(exceptions, list):
        return ""
    return "".join(
        f"<br>{_shown(exception.get('type', 'exception'))}: {_shown(exception.get('message', ''))}"
        for exception in exceptions
        if isinstance(exception, Mapping)
    )


def _annotations(rows: list[_Row]) -> str:
    """Each value once, with the services that gave it; first what Scones searches by."""
    services: defaultdict[str, defaultdict[str, dict[str, None]]]
    services = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        for name, value in row.span.annotations.items():
            services[name][_shown(value)][_shown(row.service)] = None
    if not services:
        return ""
    first = [name for name in FIRST_ANNOTATIONS if name in services]
    items = "".join(
        _annotation(name, services[name]) for name in dict.fromkeys((*first, *sorted(services)))
    )
    return f"<section><h2>Annotations</h2><dl>{items}</dl></section>"


def _annotation(name: str, services: Mapping[str, Iterable[str]]) -> str:
    values = "".join(
        f"<dd>{value} <small>{', '.join(given_by)}</small></dd>"
        for value, given_by in services.items()
    )
    return f"<div><dt>{_shown(name)}</dt>{values}</div>"


def _table(rows: list[_Row]) -> str:
    lines = "".join(
        f'<tr><th scope="row" style="padding-left:{0.6 + 0.9 * row.depth:.1f}em">'
        f"{_shown(row.label)}</th><td>{KINDS[row.kind]}</td><td>{row.offset:,.2f}</td>"
        f"<td>{row.duration:,.2f}</td><td>{row.own:,.2f}</td><td>{row.span.status}</td>"
        f"<td>{_shown(_details(row.span))}</td></tr>"
        for row in rows
    )
    columns = ("span", "kind", "starts at, ms", "took, ms", "of it own", "result", "details")
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    return (
        '<section><h2>As a table</h2><div class="scroll" role="region" tabindex="0" '
        f'aria-label="The spans as a table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div></section>"
    )


def _details(span: Span) -> str:
    response = span.part("http").get("response")
    status = response.get("status") if isinstance(response, Mapping) else None
    facts = {"http": status, **{name: span.part("aws").get(name) for name in TOLD}}
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)


STYLE = files(__package__).joinpath("tracepage.css").read_text()
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{heading}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
