from __future__ import annotations

import re
from typing import Any

import pytest
from observability.tests.inventory import SERVICES, calls, handler
from observability.tests.reading import DASHBOARD, ROOT, of_type, substituted

QUERIES = of_type("AWS::Logs::QueryDefinition")
TEXTS = {
    name: substituted(query["QueryString"]["Fn::Sub"])
    if isinstance(query["QueryString"], dict)
    else query["QueryString"]
    for name, query in QUERIES.items()
} | {
    told["title"]: re.sub(r"SOURCE '[^']+'\s*\|?", "", told["query"])
    for told in (widget["properties"] for widget in DASHBOARD if widget["type"] == "log")
}
WORDS = {
    "and", "as", "asc", "avg", "bin", "by", "coalesce", "count", "desc", "fields", "filter",
    "ispresent", "like", "limit", "max", "or", "parse", "sort", "sortsLast", "stats", "sum",
}  # fmt: skip
POWERTOOLS = {"function_request_id", "level", "message", "service", "xray_trace_id"}
"""https://docs.powertools.aws.dev/lambda/python/latest/core/logger/"""
LAMBDA = {"@duration", "@initDuration", "@requestId", "@type"}
LOGS = {"@log", "@message", "@timestamp"}
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html"""
WORKFLOW = {"details.error"}
"""https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html"""


def logged(service: str) -> set[str]:
    """Names that a service's handler puts beside Powertools' own into its lines."""
    written = calls(handler(service), "append_keys", "info", "warning")
    return {str(keyword.arg) for call in written for keyword in call.keywords}


def messages(service: str) -> set[str]:
    written = calls(handler(service), "info", "warning")
    return {str(getattr(call.args[0], "value", "")) for call in written}


def bare(text: str) -> str:
    """A query without comments, strings and expressions to match."""
    text = re.sub(r"(?m)^#.*$", "", text)
    return re.sub(r'"[^"]*"|/(?:\\.|[^/\n])+/', " ", text)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_field_that_a_query_names_is_logged_or_made_by_the_query(text: str) -> None:
    made = set(re.findall(r"\bas (\w+)", text)) | set(re.findall(r"\(\?<(\w+)>", text))
    named = set(re.findall(r"(?<![\w.])@?[A-Za-z_][\w.]*", bare(text))) - WORDS - made
    ours = set().union(*map(logged, SERVICES))
    assert named <= ours | POWERTOOLS | LAMBDA | LOGS | WORKFLOW


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_message_and_error_that_a_query_looks_for_is_written_somewhere(text: str) -> None:
    known = set().union(*map(messages, SERVICES))
    assert set(re.findall(r'message = "([^"]+)"', re.sub("@message", "", text))) <= known
    errors = "".join(
        (ROOT / "services" / service / "src" / f"scones_{service}" / "errors.py").read_text()
        for service in SERVICES
    )
    for name in re.findall(r"\[ERROR\] (\w+)", text):
        assert f"class {name}(" in errors


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_reads_log_groups_of_functions_and_workflow_only(query: dict[str, Any]) -> None:
    groups = [
        one["Ref"] if "Ref" in one else substituted(one["Fn::Sub"])
        for one in query["LogGroupNames"]
    ]
    functions = [f"/aws/lambda/{service.capitalize()}FunctionName" for service in SERVICES]
    assert set(groups) <= {"WorkflowLogGroupName", *functions}


def test_the_story_of_one_upload_is_read_from_all_log_groups() -> None:
    assert len(QUERIES["OneUpload"]["LogGroupNames"]) == 1 + len(SERVICES)
