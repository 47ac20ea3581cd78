"""What template.yaml lets whom do: few rights, a private bucket, alarms that arrive."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from monitoring.tests.stack import GIVEN, STACKS, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

ONLY_ANY_RESOURCE = {
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
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
"""AWS's Service Authorization Reference knows no resource for these."""


def statements(stack: Stack, *, of: str) -> Iterator[dict[str, Any]]:
    for resource in stack.resources.values():
        if resource["Type"] != of:
            continue
        properties = resource["Properties"]
        for policy in properties.get("Policies", [properties]):
            yield from policy["PolicyDocument"]["Statement"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# --- Rights -----------------------------------------------------------------------------------


@STACKS
def test_no_role_may_do_just_anything(stack: Stack) -> None:
    for statement in statements(stack, of="AWS::IAM::Role"):
        assert statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            assert "*" not in action


@STACKS
def test_any_resource_is_named_only_where_aws_knows_no_narrower_one(stack: Stack) -> None:
    for statement in statements(stack, of="AWS::IAM::Role"):
        if "*" in as_list(statement["Resource"]):
            assert set(as_list(statement["Action"])) <= ONLY_ANY_RESOURCE


@STACKS
def test_metrics_go_only_into_our_namespaces(stack: Stack) -> None:
    (put,) = [s for s in statements(stack, of="AWS::IAM::Role") if s["Sid"] == "PutMetrics"]
    spaces = put["Condition"]["StringEquals"]["cloudwatch:namespace"]
    foreign = [one for one in spaces if one != "Scones"]
    assert all(re.fullmatch("/aws/sagemaker/Endpoints?/data-metrics", one) for one in foreign)
    assert bool(foreign) == stack.holds("ByModelMonitor")


@STACKS
def test_one_role_may_be_passed_and_to_sagemaker_only(stack: Stack) -> None:
    passing = [
        one
        for one in statements(stack, of="AWS::IAM::Role")
        if "iam:PassRole" in as_list(one["Action"])
    ]
    assert len(passing) == 1
    assert passing[0]["Resource"] == "arn:aws:attribute:::JobRole.Arn"
    assert passing[0]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }


@STACKS
def test_captures_are_listed_by_prefix_and_only_summaries_written_beside_them(
    stack: Stack,
) -> None:
    bucket = "arn:aws:s3:::captures-bucket"
    for statement in statements(stack, of="AWS::IAM::Role"):
        resources = [one for one in as_list(statement["Resource"]) if one.startswith(bucket)]
        if bucket in resources:
            assert statement["Condition"]["StringLike"]["s3:prefix"]
        if any("Put" in action for action in as_list(statement["Action"])) and resources:
            assert resources == [f"{bucket}/captures/vehicles/_summaries/*"]


def test_the_image_is_pulled_from_its_own_repository() -> None:
    tagged, digested = GIVEN["ImageUri"], GIVEN["ImageUri"].replace(":1.0.0", "@sha256:" + "0" * 64)
    for uri in (tagged, digested):
        roles = statements(Stack(ImageUri=uri), of="AWS::IAM::Role")
        (pull,) = [one for one in roles if one["Sid"] == "PullImage"]
        repository = "arn:aws:ecr:eu-west-1:123456789012:repository/scones/monitoring"
        assert pull["Resource"] == repository


@STACKS
def test_a_service_assumes_a_role_for_this_account_only(stack: Stack) -> None:
    roles = [one for one in stack.resources.values() if one["Type"] == "AWS::IAM::Role"]
    for role in roles:
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


# --- The bucket, the queue, the topic ---------------------------------------------------------


def test_reports_are_encrypted_private_kept_and_forgotten_in_time() -> None:
    stack = Stack()
    bucket = stack.properties("Reports")
    assert stack.resources["Reports"]["DeletionPolicy"] == "Retain"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    rules = bucket["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule}
    assert expiring == {"reports/history/", "model-monitor/", "summaries/"}


@STACKS
@pytest.mark.parametrize(
    "policy", ["AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"]
)
def test_nothing_is_sent_without_tls(stack: Stack, policy: str) -> None:
    (tls,) = [one for one in statements(stack, of=policy) if one["Sid"] == "TlsOnly"]
    assert (tls["Effect"], tls["Principal"]) == ("Deny", "*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": False}}


def test_alarms_are_encrypted_with_a_key_that_their_senders_may_use() -> None:
    stack = Stack()
    assert stack.properties("Alarms")["KmsMasterKeyId"] == "arn:aws:ref:::AlarmsKey"
    users = {
        one["Principal"]["Service"]
        for one in stack.properties("AlarmsKey")["KeyPolicy"]["Statement"]
        if "kms:GenerateDataKey" in as_list(one["Action"])
    }
    assert users == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}


# --- Alarms -----------------------------------------------------------------------------------


@STACKS
def test_every_alarm_and_rule_tells_the_topic(stack: Stack) -> None:
    for resource in stack.resources.values():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            assert resource["Properties"]["AlarmActions"] == ["arn:aws:ref:::Alarms"]
        if resource["Type"] == "AWS::Events::Rule":
            (target,) = resource["Properties"]["Targets"]
            assert target["Arn"] == "arn:aws:ref:::Alarms"


@STACKS
def test_every_alarm_may_publish_to_the_topic(stack: Stack) -> None:
    (allowed,) = [
        one for one in statements(stack, of="AWS::SNS::TopicPolicy") if one["Sid"] == "FromAlarms"
    ]
    alarms = {
        f"arn:aws:attribute:::{name}.Arn"
        for name, one in stack.resources.items()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert set(allowed["Condition"]["ArnEquals"]["aws:SourceArn"]) == alarms


def test_no_report_for_two_periods_is_an_alarm() -> None:
    alarm = Stack().properties("NoReport")
    assert (alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (2, "breaching")
    assert (alarm["MetricName"], alarm["Statistic"]) == ("Reports", "Sum")


def test_mail_is_sent_only_to_who_is_named() -> None:
    assert "AlarmMail" not in Stack().resources
    assert Stack(AlarmEmail="a@example.com").properties("AlarmMail")["Endpoint"] == "a@example.com"
