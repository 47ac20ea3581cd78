"""Rules of what keeps data: buckets, queues, topics, and secrets that nothing should keep."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scones_operations.validation.templates import listed, of_type, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "open_buckets",
    "plain_messages",
    "secret_defaults",
    "secrets",
    "unended_uploads",
    "unguarded_tables",
    "without_tls",
]

_BLOCKS = (
    "BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets",
)  # fmt: skip
_GUARDED = {
    # type of resource: its policy's type, the property that names it there, what is denied
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket", {"s3:*"}),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues", {"sqs:*"}),
    # SNS refuses sns:* in a topic's policy; what can come without TLS is a message.
    # https://docs.aws.amazon.com/sns/latest/dg/sns-security-best-practices.html
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics", {"sns:Publish"}),
}
_SECRET = re.compile(
    r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_[A-Za-z0-9]{36}"
    r"|(?i:secret_?access_?key|password)\s*[:=]\s*[\"']?[A-Za-z0-9/+=]{16}"
)


def open_buckets(body: Mapping[str, Any]) -> Iterator[str]:
    """Buckets that are not private, encrypted and their owner's."""
    for name, bucket in of_type(body, "AWS::S3::Bucket"):
        blocked = bucket.get("PublicAccessBlockConfiguration", {})
        for block in _BLOCKS:
            if blocked.get(block) is not True:
                yield f"{name}: PublicAccessBlockConfiguration lacks {block}: true"
        rules = bucket.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration")
        if not rules:
            yield f"{name}: it has no BucketEncryption"
        owners = bucket.get("OwnershipControls", {}).get("Rules", [])
        if [one.get("ObjectOwnership") for one in owners] != ["BucketOwnerEnforced"]:
            yield f"{name}: its OwnershipControls are not BucketOwnerEnforced"


def unended_uploads(body: Mapping[str, Any]) -> Iterator[str]:
    """Buckets that keep, and are billed for, the parts of uploads that were given up."""
    for name, bucket in of_type(body, "AWS::S3::Bucket"):
        rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        if not any(
            "AbortIncompleteMultipartUpload" in rule
            and rule.get("Status") == "Enabled"
            and not {"Prefix", "TagFilters"} & rule.keys()
            for rule in rules
        ):
            yield f"{name}: no rule of its lifecycle ends abandoned uploads of the whole bucket"


def plain_messages(body: Mapping[str, Any]) -> Iterator[str]:
    """Queues and topics that are not encrypted."""
    for name, queue in of_type(body, "AWS::SQS::Queue"):
        if queue.get("SqsManagedSseEnabled") is not True and "KmsMasterKeyId" not in queue:
            yield f"{name}: it is not encrypted; SqsManagedSseEnabled: true"
    for name, topic in of_type(body, "AWS::SNS::Topic"):
        if "KmsMasterKeyId" not in topic:
            yield f"{name}: it is not encrypted; name a KmsMasterKeyId"


def without_tls(body: Mapping[str, Any]) -> Iterator[str]:
    """Buckets, queues and topics that can be reached without TLS."""
    for type_, (policy_type, property_, actions) in _GUARDED.items():
        for name, _ in of_type(body, type_):
            policies = [
                policy
                for _, policy in of_type(body, policy_type)
                if {"Ref": name} in listed(policy.get(property_))
            ]
            if not any(_demands_tls(policy, name, actions) for policy in policies):
                yield f"{name}: no {policy_type} of it denies {actions} without TLS"


def _demands_tls(policy: Mapping[str, Any], name: str, actions: set[str]) -> bool:
    guarded = {f"${{{name}.Arn}}", f"${{{name}}}"}
    for statement in listed(policy["PolicyDocument"]["Statement"]):
        resources = [text_of(one) for one in listed(statement.get("Resource"))]
        objects = policy.get("Bucket") is None or f"${{{name}.Arn}}/*" in resources
        if (
            (statement["Effect"], statement.get("Principal")) == ("Deny", "*")
            and actions <= set(listed(statement.get("Action")))
            and guarded & set(resources)
            and objects
            and _is_for_plain_requests(statement.get("Condition", {}))
        ):
            return True
    return False


def _is_for_plain_requests(condition: Mapping[str, Any]) -> bool:
    asked = condition.get("Bool", {}).get("aws:SecureTransport")
    return len(condition) == 1 and str(asked).lower() == "false"


def unguarded_tables(body: Mapping[str, Any]) -> Iterator[str]:
    """Tables that can be reached without TLS, or keep their items for ever."""
    for name, table in of_type(body, "AWS::DynamoDB::Table"):
        policy = table.get("ResourcePolicy", {}).get("PolicyDocument", {})
        if not any(map(_is_tls_of_a_table, listed(policy.get("Statement")))):
            yield f"{name}: its ResourcePolicy does not deny dynamodb:* without TLS"
        if table.get("TimeToLiveSpecification", {}).get("Enabled") is not True:
            yield f"{name}: no TimeToLiveSpecification is enabled; its items stay for ever"


def _is_tls_of_a_table(statement: Mapping[str, Any]) -> bool:
    denied = (statement["Effect"], statement.get("Principal"), statement.get("Action"))
    return denied == ("Deny", "*", "dynamodb:*") and _is_for_plain_requests(
        statement.get("Condition", {})
    )


def secret_defaults(body: Mapping[str, Any]) -> Iterator[str]:
    """Parameters that are secret and yet have a value that everybody can read."""
    for name, parameter in body.get("Parameters", {}).items():
        if parameter.get("NoEcho") and parameter.get("Default", "") != "":
            yield f"{name}: a secret has a Default; let it be given"


def secrets(text: str) -> Iterator[str]:
    """Lines of a text that look like a key or a password."""
    for number, line in enumerate(text.splitlines(), 1):
        if _SECRET.search(line):
            yield f"line {number} looks like a secret; take it out, and let its owner replace it"
