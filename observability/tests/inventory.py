"""Every metric there is to look at: ours from the code that writes them, AWS's from its guides.

CloudWatch takes an alarm on a metric that nobody writes, and it never rings: cfn-lint does not know
(https://github.com/aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws/pull/747).
"""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

from observability.tests.reading import ROOT, substituted

from scones_operations.stacks.template import read_template

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SERVICES", "calls", "exists", "handler"]

SERVICES = ("serializer", "classifier", "filter")
ENDPOINT = ("EndpointName", "VariantName")
AWS = {
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    ("AWS/States", ("StateMachineArn",)): {
        "ExecutionTime", "ExecutionThrottled", "ExecutionsAborted", "ExecutionsFailed",
        "ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsTimedOut",
    },
    # A custom bus's rules have both dimensions, the default bus's have one:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    ("AWS/Events", ("RuleName",)): {"FailedInvocations", "Invocations", "ThrottledRules"},
    ("AWS/Events", ("EventBusName", "RuleName")): {"FailedInvocations", "Invocations"},
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    ("AWS/SQS", ("QueueName",)): {
        "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible",
        "NumberOfMessagesSent",
    },
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    ("AWS/DynamoDB", ("TableName",)): {"ConditionalCheckFailedRequests"},
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", ("FunctionName",)): {
        "ConcurrentExecutions", "Duration", "Errors", "Invocations", "Throttles",
    },
    # https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    ("AWS/SageMaker", ENDPOINT): {
        "Invocation4XXErrors", "Invocation5XXErrors", "Invocations", "InvocationsPerInstance",
        "ModelLatency", "OverheadLatency",
    },
    ("/aws/sagemaker/Endpoints", ENDPOINT): {"CPUUtilization", "MemoryUtilization"},
}  # fmt: skip


def handler(service: str) -> ast.Module:
    """The code of a service's handler."""
    path = ROOT / "services" / service / "src" / f"scones_{service}" / "handler.py"
    return ast.parse(path.read_text(encoding="utf-8"))


def calls(code: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Calls of functions or methods with one of these names."""
    for node in ast.walk(code):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in names:
                yield node


def _text(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant)
    return str(node.value)


def _from_template(service: str, asked: ast.expr) -> str:
    """What a service's template sets the variable to that its handler asks the environment for."""
    assert isinstance(asked, ast.Call)
    function = read_template(ROOT / "services" / service / "template.yaml")["Resources"]["Function"]
    variables = function["Properties"]["Environment"]["Variables"]
    return substituted(variables[_text(asked.args[0])]["Fn::Sub"])


def _of_service(service: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """What Powertools makes of a handler's metrics: by `service`, and by what it adds to it."""
    code = handler(service)
    (made,) = calls(code, "Metrics")
    given = {str(keyword.arg): keyword.value for keyword in made.keywords}
    assert _text(given["service"]) == service
    namespace = _from_template(service, given["namespace"])
    dimensions: list[tuple[str, ...]] = [("service",)]
    dimensions += [
        tuple(sorted(str(keyword.arg) for keyword in call.keywords))
        for call in calls(code, "add_dimensions")
    ]
    for call in calls(code, "add_metric"):
        for names in dimensions:
            yield namespace, _text(call.args[0]), names
    for call in calls(code, "log_metrics"):
        assert [keyword.arg for keyword in call.keywords] == ["capture_cold_start_metric"]
        yield namespace, "ColdStart", ("function_name", "service")


def _of_monitoring() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    path = ROOT / "monitoring" / "src" / "scones_monitoring" / "job" / "metrics.py"
    code = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name: node for node in code.body if isinstance(node, ast.FunctionDef)}
    for name, dimensions in (
        ("_of_endpoint", ("Endpoint",)),
        ("_of_variants", ("Endpoint", "Variant")),
    ):
        for call in calls(functions[name], "Metric"):
            yield "Scones", _text(call.args[0]), dimensions


def _known() -> dict[tuple[str, tuple[str, ...]], set[str]]:
    known = defaultdict(set, {place: set(names) for place, names in AWS.items()})
    for service in SERVICES:
        for namespace, name, dimensions in _of_service(service):
            known[namespace, dimensions].add(name)
    for namespace, name, dimensions in _of_monitoring():
        known[namespace, dimensions].add(name)
    return known


_KNOWN = _known()


def exists(namespace: str, name: str, dimensions: tuple[str, ...]) -> bool:
    """Whether somebody writes a metric of that name with exactly these dimensions."""
    return name in _KNOWN.get((namespace, tuple(sorted(dimensions))), ())
