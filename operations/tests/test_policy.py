"""The rules of security: each finds its planted fault, and no template of ours breaks one."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from scones_operations.validation import policies, running, stored, trust
from scones_operations.validation.statements import find_statements, unexplained_stars
from scones_operations.validation.templates import find_templates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Rule = Callable[[Any], Iterable[str]]

ROOT = Path(__file__).parents[2]
TEMPLATES = find_templates(ROOT)
TEXT_RULES = {unexplained_stars, stored.secrets}
RULES: list[Rule] = [
    getattr(module, name)
    for module in (policies, trust, stored, running)
    for name in module.__all__
    if getattr(module, name) not in TEXT_RULES
]
CLEAN = yaml.safe_load(Path(__file__).with_name("clean_template.yaml").read_text(encoding="utf-8"))
GONE = object()
WORK = "Role.Policies.0.PolicyDocument.Statement"
TRUSTED = "Role.AssumeRolePolicyDocument.Statement.0"
GITHUB = "FromGitHub.AssumeRolePolicyDocument.Statement.0.Condition"
BLOCK = "Bucket.PublicAccessBlockConfiguration"


def planted(where: str, value: object) -> Any:
    """The clean template with one property replaced, or taken away."""
    template = deepcopy(CLEAN)
    resource, *path, last = where.split(".")
    place = template["Resources"][resource]["Properties"]
    for step in path:
        place = place[int(step) if isinstance(place, list) else step]
    key = int(last) if isinstance(place, list) else last
    if value is GONE:
        del place[key]
    else:
        place[key] = value
    return template


FAULTS = [
    (policies.star_actions, f"{WORK}.0.Action", "*"),
    (policies.star_actions, f"{WORK}.0.Action", ["s3:GetObject", "s3:*"]),
    (policies.star_actions, f"{WORK}.0.Action", "s3:Get*"),
    (policies.star_actions, f"{WORK}.3.Fn::If.1.Action", "iam:*"),
    (policies.star_actions, "QueuePolicy.PolicyDocument.Statement.1.Action", "sqs:*"),
    (policies.star_actions, "Key.KeyPolicy.Statement.0.Principal", {"AWS": "arn:aws:iam::1:user"}),
    (policies.unnamed_rights, f"{WORK}.0.NotAction", "s3:DeleteObject"),
    (policies.unnamed_rights, f"{WORK}.0.NotResource", "arn:aws:s3:::b"),
    (policies.star_resources, f"{WORK}.0.Resource", "*"),
    (policies.star_resources, f"{WORK}.0.Resource", ["arn:aws:s3:::b/*", "*"]),
    (policies.star_resources, f"{WORK}.1.Action", ["xray:PutTraceSegments", "sqs:SendMessage"]),
    (policies.star_resources, f"{WORK}.2.Condition", {}),
    (policies.middle_wildcards, f"{WORK}.0.Resource", "arn:aws:s3:::*/p"),
    (policies.unbound_pass_role, f"{WORK}.3.Fn::If.1.Condition", {}),
    (policies.managed_policies, "Role.ManagedPolicyArns", ["arn:aws:iam::aws:policy/Any"]),
    (trust.anybody, "QueuePolicy.PolicyDocument.Statement.0.Effect", "Allow"),
    (trust.anybody, "QueuePolicy.PolicyDocument.Statement.1.Principal", {"AWS": "*"}),
    (trust.deputies, f"{TRUSTED}.Condition", GONE),
    (trust.deputies, f"{TRUSTED}.Condition", {"StringEquals": {"aws:SourceAccount": "1"}}),
    (trust.deputies, f"{TRUSTED}.Condition", {"ArnLike": {"aws:SourceArn": "arn:aws:states:*"}}),
    (trust.deputies, f"{TRUSTED}.Condition", {"StringNotEquals": {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"}}}),
    (trust.deputies, "QueuePolicy.PolicyDocument.Statement.1.Condition", GONE),
    (trust.strangers, f"{GITHUB}.StringEquals", GONE),
    (trust.strangers, GITHUB, {"StringLike": {
        "token.actions.githubusercontent.com:sub": "repo:*"}}),
    *((stored.open_buckets, f"{BLOCK}.{name}", GONE) for name in (
        "BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")),
    (stored.open_buckets, f"{BLOCK}.BlockPublicAcls", False),
    (stored.open_buckets, "Bucket.BucketEncryption", GONE),
    (stored.open_buckets, "Bucket.OwnershipControls", GONE),
    (stored.unended_uploads, "Bucket.LifecycleConfiguration", GONE),
    (stored.unended_uploads, "Bucket.LifecycleConfiguration.Rules.0.Prefix", "photos/"),
    (stored.unended_uploads, "Bucket.LifecycleConfiguration.Rules.0.Status", "Disabled"),
    (stored.plain_messages, "Queue.SqsManagedSseEnabled", False),
    (stored.plain_messages, "Topic.KmsMasterKeyId", GONE),
    (stored.without_tls, "BucketPolicy.PolicyDocument.Statement.0.Effect", "Allow"),
    (stored.without_tls, "BucketPolicy.PolicyDocument.Statement.0.Action", "s3:GetObject"),
    (stored.without_tls, "BucketPolicy.PolicyDocument.Statement.0.Resource.1", GONE),
    (stored.without_tls, "BucketPolicy.PolicyDocument.Statement.0.Condition.StringLike", {"a": 1}),
    (stored.without_tls, "QueuePolicy.Queues", [{"Ref": "Other"}]),
    (stored.without_tls, "TopicPolicy.PolicyDocument.Statement.0.Condition.Bool", {
        "aws:SecureTransport": True}),
    (stored.unguarded_tables, "Table.TimeToLiveSpecification.Enabled", False),
    (stored.unguarded_tables, "Table.ResourcePolicy", GONE),
    (stored.unguarded_tables, "Table.ResourcePolicy.PolicyDocument.Statement.0.Effect", "Allow"),
    (stored.unguarded_tables, "Table.ResourcePolicy.PolicyDocument.Statement.0.Condition", GONE),
    (running.endless_logs, "Log.RetentionInDays", GONE),
    (running.unlogged_functions, "Function.LoggingConfig", GONE),
    (running.unlogged_functions, "Function.LoggingConfig.LogGroup", {"Ref": "Elsewhere"}),
    (running.unbounded_functions, "Function.Timeout", GONE),
    (running.unbounded_functions, "Function.ReservedConcurrentExecutions", GONE),
    (running.unbounded_functions, "Function.Role", GONE),
    (running.unbounded_functions, "Function.Tracing", "PassThrough"),
    (running.silent_machines, "Machine.Tracing", GONE),
    (running.silent_machines, "Machine.Logging.Level", "OFF"),
    (running.silent_machines, "Machine.Logging.Destinations", []),
    (running.silent_machines, "Machine.Role", GONE),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "where", "value"), FAULTS)
def test_a_planted_fault_is_found_where_it_was_planted(
    rule: Rule, where: str, value: object
) -> None:
    assert list(rule(CLEAN)) == []
    (found, *_) = rule(planted(where, value))
    assert found.startswith(where.partition(".")[0].removesuffix("Policy"))


def test_a_secret_with_a_default_is_found() -> None:
    template = deepcopy(CLEAN)
    template["Parameters"]["Token"]["Default"] = "letmein"
    assert list(stored.secret_defaults(CLEAN)) == []
    assert len(list(stored.secret_defaults(template))) == 1


def test_every_rule_has_a_fault_that_it_is_shown_to_find() -> None:
    assert set(RULES) == {rule for rule, _, _ in FAULTS} | {stored.secret_defaults}


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:s3:::*",
        "arn:aws:s3:::*-uploads/*",
        "arn:aws:sqs:*:${AWS::AccountId}:scones-queue",
        "arn:aws:lambda:eu-west-1:*:function:scones-serializer",
        "arn:aws:lambda:eu-west-1:${AWS::AccountId}:function:*",
        "arn:aws:iam::${AWS::AccountId}:role/*",
        "arn:aws:iam::${AWS::AccountId}:*",
        "arn:aws:states:*",
        "arn:aws:sqs:eu-west-1:${AWS::AccountId}:scones-??",
        "s3:::photos/*",
    ],
)
def test_a_loose_resource_is_found(arn: str) -> None:
    assert list(policies.middle_wildcards(planted(f"{WORK}.0.Resource", {"Fn::Sub": arn})))


@pytest.mark.parametrize(
    "arn",
    [
        "arn:${AWS::Partition}:s3:::${UploadBucket}/*",
        "${Captures.Arn}/${CapturePrefix}/*",
        "arn:aws:logs:eu-west-1:${AWS::AccountId}:log-group:/aws/lambda/scones:*",
        "arn:aws:sqs:eu-west-1:${AWS::AccountId}:scones-*",
        "arn:aws:iam::${AWS::AccountId}:role/scones-${Stage}-filter-Role-*",
        "${Function.Arn}:*",
    ],
)
def test_a_name_or_a_path_may_end_in_a_wildcard(arn: str) -> None:
    assert not list(policies.middle_wildcards(planted(f"{WORK}.0.Resource", {"Fn::Sub": arn})))


def test_statements_are_found_wherever_policies_are_written() -> None:
    inline = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*"}}
    for properties in (
        {"Policies": [inline]},  # SAM's, of a function
        {"RepositoryPolicyText": inline},  # of a type that no rule knows
        {"PolicyDocument": {"Fn::If": ["Any", inline, {"Ref": "AWS::NoValue"}]}},
    ):
        body = {"Resources": {"New": {"Type": "AWS::Any::Thing", "Properties": properties}}}
        assert [one.where for one in find_statements(body)] == ["New"]
        assert list(policies.star_actions(body))


UNEXPLAINED = """
Statement:
  - Effect: Allow
    Action: xray:PutTraceSegments
    Resource: "*"
  # This is about the next one.
  - Effect: Allow
    Action: sqs:SendMessage
    Resource: !GetAtt Queue.Arn
"""


def test_a_star_needs_a_comment_in_its_own_statement_or_right_above() -> None:
    (found,) = unexplained_stars(UNEXPLAINED)
    assert found.startswith("line 3:")
    for wanted in ('    Resource: "*" # X-Ray knows no other', '    Resource: ["*"] # why'):
        assert not list(unexplained_stars(UNEXPLAINED.replace('    Resource: "*"', wanted)))
    above = UNEXPLAINED.replace("Statement:\n", "Statement:\n  # X-Ray knows no other.\n")
    assert not list(unexplained_stars(above))


@pytest.mark.parametrize(
    "line",
    [
        "Value: AKIA" + "ABCDEFGHIJKLMNOP",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "AWS_SECRET_ACCESS_KEY: " + "abcdefghijklmnop1234567890",
        "token: ghp_" + "a" * 36,
    ],
)
def test_what_looks_like_a_secret_is_found(line: str) -> None:
    (found,) = stored.secrets(f"Resources:\n  {line}\n")
    assert found.startswith("line 2 ")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: str(one.path))
def test_our_templates_break_no_rule(template: Any) -> None:
    assert [found for rule in RULES for found in rule(template.body)] == []
    assert [found for rule in TEXT_RULES for found in rule(template.text)] == []


def test_all_templates_are_found() -> None:
    assert {str(one.path) for one in TEMPLATES} >= {
        "model/template.yaml",
        "monitoring/template.yaml",
        "observability/template.yaml",
        "operations/artifacts.yaml",
        "operations/github.yaml",
        "orchestration/backfill.yaml",
        "orchestration/template.yaml",
        "services/serializer/template.yaml",
    }
