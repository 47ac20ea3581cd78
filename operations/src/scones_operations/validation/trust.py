"""Rules of who may take a role or use a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scones_operations.validation.statements import TRUST, Statement, find_statements
from scones_operations.validation.templates import listed, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["anybody", "deputies", "strangers"]

_TELLS_NO_SOURCE = {
    # Lambda's guide names no condition for execution roles; nobody can pass one from elsewhere.
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    ("AWS::IAM::Role", "lambda.amazonaws.com"),
    # EventBridge wants no conditions in a topic's policy.
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    ("AWS::SNS::TopicPolicy", "events.amazonaws.com"),
    # Nor in that of the key which encrypts the topic.
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    ("AWS::KMS::Key", "events.amazonaws.com"),
}
"""Where a service's request does not say for whom it comes, so that no condition could hold."""
_SOURCES = ("aws:SourceAccount", "aws:SourceArn")
_GITHUB = "token.actions.githubusercontent.com"
_EQUAL = ("StringEquals", "ArnEquals", "ArnLike", "StringLike")


def anybody(body: Mapping[str, Any]) -> Iterator[str]:
    """Policies that allow something to everybody."""
    for statement in find_statements(body):
        if statement.allows and "*" in _principals(statement):
            yield f"{statement.where}: everybody is allowed; name who"


def deputies(body: Mapping[str, Any]) -> Iterator[str]:
    """Services that a stranger's resources could make act here.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    for statement in find_statements(body):
        if not statement.allows:
            continue
        principal = statement.body.get("Principal")
        for service in listed(principal.get("Service")) if isinstance(principal, dict) else ():
            exempt = (statement.of, service) in _TELLS_NO_SOURCE
            if not exempt and not any(_is_ours(*one) for one in _conditions(statement)):
                yield (
                    f"{statement.where}: {service} could act for a stranger; "
                    "add a condition on aws:SourceAccount or aws:SourceArn"
                )


def strangers(body: Mapping[str, Any]) -> Iterator[str]:
    """Roles that any repository of an identity provider could take."""
    for statement in find_statements(body):
        if statement.kind != TRUST or "sts:AssumeRoleWithWebIdentity" not in statement.actions:
            continue
        exact = {key for test, key, _ in _conditions(statement) if test == "StringEquals"}
        for claim in ("aud", "sub"):
            if f"{_GITHUB}:{claim}" not in exact:
                yield f"{statement.where}: the token's {claim} is not asked for by StringEquals"


def _principals(statement: Statement) -> list[Any]:
    principal = statement.body.get("Principal", {})
    kinds = principal.values() if isinstance(principal, dict) else [principal]
    return [one for kind in kinds for one in listed(kind)]


def _conditions(statement: Statement) -> Iterator[tuple[str, str, Any]]:
    for test, asked in statement.body.get("Condition", {}).items():
        for key, value in asked.items():
            yield test, key, value


def _is_ours(test: str, key: str, value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether it holds for this account's requests alone."""
    if test not in _EQUAL or key not in _SOURCES:
        return False
    texts = [text_of(one) for one in listed(value)]
    return bool(texts) and all("${AWS::AccountId}" in one or one.endswith(".Arn}") for one in texts)
