"""What template.yaml promises: a valid job, few rights, a private bucket, no surprise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from scones_monitoring.job import settings as job

if TYPE_CHECKING:
    from collections.abc import Iterator

GIVEN: dict[str, Any] = {
    "EndpointName": "vehicles",
    "ImageUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/scones/monitoring:1.0.0",
    "CaptureBucket": "captures-bucket",
    "ReportBucket": "reports-bucket",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
}
LONGEST_STAGE = "s" * 16
RUN = "d32c5kddcf5bb8c3"
"""An execution id as EventBridge Scheduler's documentation shows it."""
NOTHING = object()
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
}
"""AWS's Service Authorization Reference knows no resource for these."""


class CloudFormation(yaml.SafeLoader):
    """Reads !Sub and the like as their long forms."""


def _long_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TypeError(tag)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


CloudFormation.add_multi_constructor("!", _long_form)


class Stack:
    """The template as CloudFormation would resolve it for some parameters."""

    def __init__(self, **parameters: str) -> None:
        text = (Path(__file__).parents[1] / "template.yaml").read_text(encoding="utf-8")
        self.template = yaml.load(text, CloudFormation)  # noqa: S506 - a SafeLoader
        defaults = {n: one.get("Default") for n, one in self.template["Parameters"].items()}
        self.values = {**defaults, **GIVEN, **parameters}
        self.resources: dict[str, Any] = {
            name: self.resolve(one)
            for name, one in self.template["Resources"].items()
            if "Condition" not in one or self.holds(one["Condition"])
        }

    def properties(self, name: str) -> Any:
        return self.resources[name]["Properties"]

    def holds(self, condition: str) -> bool:
        return bool(self.resolve(self.template["Conditions"][condition]))

    def resolve(self, part: Any) -> Any:
        if isinstance(part, list):
            return [one for one in map(self.resolve, part) if one is not NOTHING]
        if not isinstance(part, dict):
            return part
        if len(part) == 1:
            ((name, argument),) = part.items()
            if name == "Ref":
                return self.ref(argument)
            if name.startswith("Fn::"):
                return getattr(self, f"fn_{name[4:].lower()}")(argument)
        resolved = {name: self.resolve(value) for name, value in part.items()}
        return {name: value for name, value in resolved.items() if value is not NOTHING}

    def ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        if name in self.template["Resources"]:
            return self.values["ReportBucket"] if name == "Reports" else f"arn:aws:ref:::{name}"
        return self.values[name]

    def fn_getatt(self, name: str) -> str:
        return f"arn:aws:attribute:::{name}"

    def fn_sub(self, argument: Any) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})

        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            if name in given:
                return str(self.resolve(given[name]))
            return self.fn_getatt(name) if "." in name else str(self.ref(name))

        return re.sub(r"\$\{([^}]+)\}", value, text)

    def fn_if(self, argument: list[Any]) -> Any:
        condition, yes, no = argument
        return self.resolve(yes if self.holds(condition) else no)

    def fn_equals(self, argument: list[Any]) -> bool:
        one, other = self.resolve(argument)
        return str(one) == str(other)

    def fn_not(self, argument: list[Any]) -> bool:
        return not self.resolve(argument)[0]

    def fn_findinmap(self, argument: list[Any]) -> Any:
        name, first, second = self.resolve(argument)
        return self.template["Mappings"][name][first][second]

    def fn_select(self, argument: list[Any]) -> Any:
        at, among = self.resolve(argument)
        return among[at]

    def fn_split(self, argument: list[Any]) -> list[str]:
        separator, text = self.resolve(argument)
        return str(text).split(separator)


EVERYTHING = {
    "InstanceCount": "3",
    "BaselineKey": "baseline/2026-11.json",
    "LabelPrefix": "labels",
    "CaptureKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/one",
    "AlarmEmail": "lead@example.com",
    "OwnProcessingLogs": "true",
    "ModelMonitorSchedule": "true",
}
STACKS = pytest.mark.parametrize("stack", [Stack(), Stack(**EVERYTHING)], ids=["default", "all"])


def invalid(service: str, operation: str, parameters: Any) -> str:
    """What botocore has against the parameters of an operation; empty for nothing."""
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    return str(ParamValidator().validate(parameters, shape).generate_report())


def scheduled_job(stack: Stack) -> dict[str, Any]:
    text = stack.properties("Clock")["Target"]["Input"].replace("<aws.scheduler.execution-id>", RUN)
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def sharded_jobs(stack: Stack) -> dict[str, dict[str, Any]]:
    """The jobs of the state machine, with what Step Functions would format."""

    def formatted(part: Any) -> Any:
        if isinstance(part, list):
            return [formatted(one) for one in part]
        if not isinstance(part, dict):
            return part
        return {
            name.removesuffix(".$"): _formatted(value) if name.endswith(".$") else formatted(value)
            for name, value in part.items()
        }

    states = stack.properties("Shards")["Definition"]["States"]
    jobs: dict[str, dict[str, Any]] = {n: formatted(s["Parameters"]) for n, s in states.items()}
    for one in jobs.values():
        cluster = one["ProcessingResources"]["ClusterConfig"]
        for name in ("InstanceCount", "VolumeSizeInGB"):
            cluster[name] = int(cluster[name])  # CloudFormation knows the parameter is a number
    return jobs


def _formatted(text: str) -> str:
    found = re.fullmatch(r"States\.Format\('(.+)', \$\.run\)", text)
    assert found
    return found.group(1).replace("{}", RUN)


def statements(stack: Stack, *, of: str) -> Iterator[dict[str, Any]]:
    for resource in stack.resources.values():
        if resource["Type"] != of:
            continue
        properties = resource["Properties"]
        for policy in properties.get("Policies", [properties]):
            yield from policy["PolicyDocument"]["Statement"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# --- Jobs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"BaselineKey": "baseline/one.json"},
        {"LabelPrefix": "labels"},
        {"BaselineKey": "baseline/one.json", "LabelPrefix": "labels", "Stage": LONGEST_STAGE},
    ],
)
def test_the_schedules_input_is_a_processing_job(parameters: dict[str, str]) -> None:
    started = scheduled_job(Stack(**parameters))
    assert invalid("sagemaker", "CreateProcessingJob", started) == ""


def test_the_check_of_a_job_finds_a_wrong_one() -> None:
    started = scheduled_job(Stack())
    del started["RoleArn"]
    started["StoppingCondition"]["MaxRuntimeInSeconds"] = "3300"
    report = invalid("sagemaker", "CreateProcessingJob", started)
    assert "RoleArn" in report
    assert "MaxRuntimeInSeconds" in report


def test_the_schedule_calls_sagemaker_directly_for_one_instance() -> None:
    target = Stack().properties("Clock")["Target"]
    assert target["Arn"] == "arn:aws:scheduler:::aws-sdk:sagemaker:createProcessingJob"
    assert "Shards" not in Stack().resources


def test_more_instances_share_the_files_and_one_reports() -> None:
    stack = Stack(InstanceCount="3")
    assert stack.properties("Clock")["Target"]["Arn"] == "arn:aws:ref:::Shards"
    jobs = sharded_jobs(stack)
    (captures,) = jobs["Summarise"]["ProcessingInputs"]
    assert captures["S3Input"]["S3DataDistributionType"] == "ShardedByS3Key"
    counts = [one["ProcessingResources"]["ClusterConfig"]["InstanceCount"] for one in jobs.values()]
    assert counts == [3, 1]


@pytest.mark.parametrize("step", ["Summarise", "Report"])
def test_each_step_is_a_processing_job(step: str) -> None:
    jobs = sharded_jobs(Stack(**EVERYTHING))
    assert invalid("sagemaker", "CreateProcessingJob", jobs[step]) == ""


def test_the_report_reads_what_the_machines_have_written() -> None:
    jobs = sharded_jobs(Stack(InstanceCount="3"))
    (written,) = jobs["Summarise"]["ProcessingOutputConfig"]["Outputs"]
    (read,) = jobs["Report"]["ProcessingInputs"]
    assert read["S3Input"]["S3Uri"] == written["S3Output"]["S3Uri"] + "/"
    assert read["S3Input"]["LocalPath"] == jobs["Report"]["Environment"]["SCONES_SUMMARIES"]


def test_the_schedule_gives_the_steps_the_run_they_ask_for() -> None:
    text = Stack(InstanceCount="3").properties("Clock")["Target"]["Input"]
    assert json.loads(text) == {"run": "<aws.scheduler.execution-id>"}


@pytest.mark.parametrize("instances", ["1", "3"])
def test_every_jobs_name_is_short_enough_and_within_the_roles_rights(instances: str) -> None:
    stack = Stack(Stage=LONGEST_STAGE, InstanceCount=instances)
    jobs = [scheduled_job(stack)] if instances == "1" else list(sharded_jobs(stack).values())
    for one in jobs:
        name = one["ProcessingJobName"]
        assert re.fullmatch("[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)
        assert name.startswith(f"scones-{LONGEST_STAGE}-drift-")


def test_every_setting_that_a_job_gets_is_one_that_it_reads() -> None:
    known = set(re.findall(r"SCONES_[A-Z_]+", Path(job.__file__).read_text(encoding="utf-8")))
    jobs = [scheduled_job(Stack(**{**EVERYTHING, "InstanceCount": "1"}))]
    jobs += sharded_jobs(Stack(**EVERYTHING)).values()
    schedule = Stack(**EVERYTHING).properties("ModelMonitor")["MonitoringScheduleConfig"]
    jobs.append(schedule["MonitoringJobDefinition"])
    for one in jobs:
        given = {name for name in one["Environment"] if name.startswith("SCONES_")}
        assert given <= known
        assert "" not in one["Environment"].values()


@pytest.mark.parametrize(("schedule", "seconds"), [("hourly", 3600), ("daily", 86400)])
def test_a_job_ends_before_the_next_begins(schedule: str, seconds: int) -> None:
    stopping = scheduled_job(Stack(Schedule=schedule))["StoppingCondition"]
    assert stopping["MaxRuntimeInSeconds"] < seconds
    assert Stack(Schedule=schedule).properties("NoReport")["Period"] == seconds


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


# --- Model Monitor ----------------------------------------------------------------------------


def test_model_monitor_is_used_only_by_who_opts_in() -> None:
    assert "ModelMonitor" not in Stack().resources
    assert Stack().properties("Clock")["State"] == "ENABLED"


def test_who_opts_in_has_one_clock() -> None:
    stack = Stack(ModelMonitorSchedule="true")
    assert stack.properties("Clock")["State"] == "DISABLED"
    schedule = stack.properties("ModelMonitor")
    definition = schedule["MonitoringScheduleConfig"]["MonitoringJobDefinition"]
    cluster = definition["MonitoringResources"]["ClusterConfig"]
    assert definition["Environment"]["publish_cloudwatch_metrics"] == "Enabled"
    assert isinstance(cluster["VolumeSizeInGB"], int)
    assert invalid("sagemaker", "CreateMonitoringSchedule", schedule) == ""
