"""What template.yaml starts: jobs that SageMaker takes, on one clock."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from monitoring.tests.stack import EVERYTHING, LONGEST_STAGE, RUN, Stack

from scones_monitoring.job import settings as job


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
