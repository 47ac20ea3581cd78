"""Rules of what roles and resources' policies may allow.

Each rule takes a parsed template and yields what breaks it. A rule's exceptions are tables with
sources: whoever needs another exception adds it there, where it is reviewed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scones_operations.validation.statements import KEY, ROLE, Statement, find_statements
from scones_operations.validation.templates import listed, of_type, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "managed_policies",
    "middle_wildcards",
    "star_actions",
    "star_resources",
    "unbound_pass_role",
    "unnamed_rights",
]

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
_NO_RESOURCE = {
    "ecr:GetAuthorizationToken",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""AWS's Service Authorization Reference lists no resource type for these."""
_NEEDS_STAR = _NO_RESOURCE | {
    # Who asks for composite alarms, too, needs the star.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/permissions-reference-cw.html
    "cloudwatch:DescribeAlarms",
    # Step Functions asks for all groups, in the policy that its guide wants.
    # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    "logs:DescribeLogGroups",
}
_NAMESPACE_ONLY = "cloudwatch:PutMetricData"
"""Metrics have no ARN (the reference's `dataset` is something else): a namespace bounds it."""
_WITHOUT_TYPE = ("s3", "sqs", "sns")
"""Services whose ARNs have the resource's name alone, where others have `type/name`."""
_FILLED_IN = re.compile(r"\$\{[^}]*\}")


def star_actions(body: Mapping[str, Any]) -> Iterator[str]:
    """Allowed actions with a wildcard; a key's own account administers it by `kms:*`."""
    for statement in find_statements(body):
        for action in statement.actions if statement.allows else ():
            if "*" in action and not _administers_key(statement, action):
                yield f"{statement.where}: {action} allows what is not named; name the actions"


def _administers_key(statement: Statement, action: str) -> bool:
    """Whether it is the statement without which nobody could ever change a key.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    principal = statement.body.get("Principal")
    account = isinstance(principal, dict) and text_of(principal.get("AWS", "")).endswith(":root")
    return statement.kind == KEY and action == "kms:*" and account


def unnamed_rights(body: Mapping[str, Any]) -> Iterator[str]:
    """Statements that allow all but something."""
    for statement in find_statements(body):
        for key in ("NotAction", "NotResource", "NotPrincipal"):
            if statement.allows and key in statement.body:
                yield f"{statement.where}: {key} allows what is not named; name what is allowed"


def star_resources(body: Mapping[str, Any]) -> Iterator[str]:
    """Actions allowed on `*` that AWS knows a narrower resource for."""
    for statement in find_statements(body):
        if not statement.allows or statement.kind != ROLE:  # in a key's policy `*` is the key
            continue
        if "*" not in listed(statement.body.get("Resource", [])):
            continue
        for action in statement.actions:
            if action == _NAMESPACE_ONLY and not _bounds_namespace(statement):
                yield f"{statement.where}: {action} needs a condition on cloudwatch:namespace"
            elif action not in {*_NEEDS_STAR, _NAMESPACE_ONLY}:
                yield f"{statement.where}: {action} can be allowed on less than `*`; name it"


def _bounds_namespace(statement: Statement) -> bool:
    conditions = statement.body.get("Condition", {})
    return "cloudwatch:namespace" in conditions.get("StringEquals", {})


def middle_wildcards(body: Mapping[str, Any]) -> Iterator[str]:
    """Resources with a wildcard anywhere but at the end, behind the beginning of a name."""
    for statement in find_statements(body):
        if not statement.allows or statement.kind == KEY:
            continue
        for resource in listed(statement.body.get("Resource", [])):
            arn = text_of(resource)
            if arn != "*" and _is_loose(arn):
                yield f"{statement.where}: {arn} is loose; let `*` only end a name or a path"


def _is_loose(arn: str) -> bool:
    plain = _FILLED_IN.sub("x", arn)
    head, star, tail = plain.partition("*")
    if not star:
        return "?" in plain
    if tail or "?" in head:
        return True
    if not head.startswith("arn:"):
        return not head.startswith("x")  # the ARN of a resource, then a path
    _, _, service, *rest = head.split(":", 5)
    name = rest[2] if len(rest) == 3 else ""  # noqa: PLR2004 - region, account, resource
    if service not in _WITHOUT_TYPE:
        name = re.sub(r"^[a-z-]+[:/]", "", name)
    return not name.strip(":/-")


def unbound_pass_role(body: Mapping[str, Any]) -> Iterator[str]:
    """Roles that may be handed to any service."""
    for statement in find_statements(body):
        if not statement.allows or "iam:PassRole" not in statement.actions:
            continue
        if "iam:PassedToService" not in statement.body.get("Condition", {}).get("StringEquals", {}):
            yield f"{statement.where}: iam:PassRole needs a condition on iam:PassedToService"


def managed_policies(body: Mapping[str, Any]) -> Iterator[str]:
    """Policies that are written elsewhere, where these rules cannot see them."""
    for name, properties in of_type(body, "AWS::IAM::Role"):
        for arn in listed(properties.get("ManagedPolicyArns")):
            yield f"{name}: {text_of(arn)} is not seen here; spell out what is needed of it"
