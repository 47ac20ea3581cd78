"""The X-Ray API, as far as the `xray` clients of boto3 and of the AWS CLI need it to read traces.

What it does not know it refuses with `InvalidRequestException`, so that an answer is never about
another question than the one asked.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from scones_local.restjson import AwsError, rest_json_application

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scones_local.tracestore import TraceStore
    from scones_local.tracetree import Span, TraceTree

__all__ = ["InvalidFilter", "annotation_filter", "xray_application"]

LARGEST_REQUEST = 8 * 1024 * 1024
TRACES_A_CALL = 5
"""BatchGetTraces takes no more."""
SUMMARIES_A_PAGE = 100
CONDITION = (
    r"""annotation(?:\.(\w+)|\[(\w+)\])\s*=\s*("""
    r""""(?:[^"\\]|\\["\\])*"|true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?)"""
)
FILTER = re.compile(rf"{CONDITION}(?:\s+(?:AND|and)\s+{CONDITION})*")


class InvalidFilter(ValueError):
    """A filter expression that this stand-in cannot evaluate."""


def xray_application(store: TraceStore) -> web.Application:
    """The API over the traces of a store."""
    application = rest_json_application(LARGEST_REQUEST)
    api = _Api(store)
    application.router.add_post("/Traces", api.batch_get_traces)
    application.router.add_post("/TraceSummaries", api.get_trace_summaries)
    return application


def annotation_filter(expression: str) -> tuple[tuple[str, str | float | bool], ...]:
    """The annotations, with their values, that a trace must carry.

    Args:
        expression: `annotation.key = "value"`, or `annotation[key] = 1`, joined by `AND`.

    Raises:
        InvalidFilter: It is another kind of expression.
    """
    if expression.strip() and not FILTER.fullmatch(expression.strip()):
        raise InvalidFilter(
            f'cannot filter by {expression!r}: write annotation.key = "value", '
            "joined by AND where there are several"
        )
    return tuple(
        (condition[1] or condition[2], json.loads(condition[3], strict=False))
        for condition in re.finditer(CONDITION, expression)
    )


class _Api:
    def __init__(self, store: TraceStore) -> None:
        self._store = store

    async def batch_get_traces(self, request: web.Request) -> web.Response:
        trace_ids = _strings(await _question(request), "TraceIds")
        if len(trace_ids) > TRACES_A_CALL:
            raise _invalid(f"{len(trace_ids)} trace ids: ask for at most {TRACES_A_CALL} at once.")
        known = set(trace_ids).intersection(self._store.trace_ids())
        traces = [_trace(self._store.tree(trace_id)) for trace_id in trace_ids if trace_id in known]
        return web.json_response({"Traces": traces, "UnprocessedTraceIds": []})

    async def get_trace_summaries(self, request: web.Request) -> web.Response:
        question = await _question(request)
        candidates = self._begun_within(question)
        page = candidates[:SUMMARIES_A_PAGE]
        wanted = _filter(question)
        trees = [tree for trace_id in page if _carries(tree := self._store.tree(trace_id), wanted)]
        answer: dict[str, object] = {
            "TraceSummaries": [_summary(tree) for tree in trees],
            "TracesProcessedCount": len(page),
        }
        if len(candidates) > len(page):
            answer["NextToken"] = page[-1]
        return web.json_response(answer)

    def _begun_within(self, question: Mapping[str, Any]) -> list[str]:
        """The traces after the last page whose ids, which begin with a second, lie in the range."""
        if question.get("TimeRangeType", "TraceId") != "TraceId":
            raise _invalid("TimeRangeType: only TraceId, the default, is known here.")
        first, last = _second(question, "StartTime"), _second(question, "EndTime")
        seen = str(question.get("NextToken") or "")
        return [
            trace_id
            for trace_id in self._store.trace_ids()
            if trace_id > seen and first <= int(trace_id[2:10], 16) <= last
        ]


async def _question(request: web.Request) -> dict[str, Any]:
    try:
        question = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise _invalid(f"The body is no JSON: {error}") from error
    if not isinstance(question, dict):
        raise _invalid("The body is no JSON object.")
    return question


def _strings(question: Mapping[str, Any], name: str) -> list[str]:
    strings = question.get(name)
    if not isinstance(strings, list) or not all(isinstance(string, str) for string in strings):
        raise _invalid(f"{name} is no list of strings.")
    return strings


def _second(question: Mapping[str, Any], name: str) -> int:
    moment = question.get(name)
    if not isinstance(moment, int | float) or not math.isfinite(moment):
        raise _invalid(f"{name} is no number of seconds since 1970.")
    return int(moment)


def _filter(question: Mapping[str, Any]) -> tuple[tuple[str, str | float | bool], ...]:
    try:
        return annotation_filter(str(question.get("FilterExpression") or ""))
    except InvalidFilter as error:
        raise _invalid(str(error)) from error


def _invalid(message: str) -> AwsError:
    return AwsError(400, "InvalidRequestException", message)


def _carries(tree: TraceTree, wanted: tuple[tuple[str, str | float | bool], ...]) -> bool:
    carried = [item for _, span in tree.walk() for item in span.annotations.items()]
    return all(
        any(name == key and _same(value, other) for key, other in carried) for name, value in wanted
    )


def _same(value: object, other: object) -> bool:
    """Equality that tells `true` from 1."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _trace(tree: TraceTree) -> dict[str, object]:
    segments = [
        {"Id": segment["id"], "Document": json.dumps(segment)} for segment in tree.segments()
    ]
    return {"Id": tree.trace_id, "Duration": tree.end - tree.start, "Segments": segments}


def _summary(tree: TraceTree) -> dict[str, object]:
    spans = [span for _, span in tree.walk()]
    services = [_service(span) for span in spans if span.is_segment]
    duration = tree.end - tree.start
    return {
        "Id": tree.trace_id,
        "StartTime": tree.start,
        "Duration": duration,
        "ResponseTime": duration,
        "HasFault": any(span.status == "fault" for span in spans),
        "HasError": any(span.status == "error" for span in spans),
        "HasThrottle": any(span.status == "throttle" for span in spans),
        "IsPartial": any(span.status == "in progress" for span in spans),
        "Annotations": _annotations(spans),
        "ServiceIds": services,
        "EntryPoint": _service(tree.roots[0]),
    }


def _service(span: Span) -> dict[str, object]:
    origin = span.document.get("origin")
    kind = {"Type": origin} if isinstance(origin, str) else {}
    return {"Name": span.name, "Names": [span.name], **kind}


def _annotations(spans: list[Span]) -> dict[str, list[dict[str, object]]]:
    values: defaultdict[str, list[dict[str, object]]] = defaultdict(list)
    for span in spans:
        for name, value in span.annotations.items():
            typed: dict[str, object] = {"AnnotationValue": _typed(value)}
            if typed not in values[name]:
                values[name].append(typed)
    return values


def _typed(value: object) -> dict[str, object]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    if isinstance(value, int | float):
        return {"NumberValue": value}
    return {"StringValue": str(value)}
