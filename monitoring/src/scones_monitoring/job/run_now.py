"""Run-now: start what a deployed schedule starts, without waiting for its hour.

The schedule itself is read, so the job is the scheduled one in everything but its name.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from scones_monitoring.errors import InvalidUsage, MonitoringError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_scheduler.type_defs import TargetOutputTypeDef

__all__ = ["main", "run_now"]

CREATE_PROCESSING_JOB = ":aws-sdk:sagemaker:createProcessingJob"


def main(argv: Sequence[str] | None = None) -> int:
    """Start the job and print its ARN; status 2, with a sentence, when that is not possible."""
    options = _parser().parse_args(argv)
    try:
        print(run_now(options.schedule, options.group))
    except MonitoringError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def run_now(schedule: str, group: str = "default") -> str:
    """Start what a schedule starts; returns the ARN of the job, or of the execution.

    Raises:
        InvalidUsage: There is no such schedule, or it may not be read or started.
    """
    try:
        found = boto3.client("scheduler").get_schedule(Name=schedule, GroupName=group)
        return _start(found["Target"], found["Arn"])
    except ClientError as error:
        raise InvalidUsage(_sentence(error, schedule)) from error
    except BotoCoreError as error:  # no region, no credentials, no network
        raise InvalidUsage(f"AWS cannot be asked: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scones-monitor run-now", description=__doc__)
    parser.add_argument(
        "schedule", nargs="?", default="scones-dev-drift", help="output ScheduleName of the stack"
    )
    parser.add_argument("--group", default="default", help="the schedule's group")
    return parser


def _start(target: TargetOutputTypeDef, schedule_arn: str) -> str:
    text = _filled(target.get("Input", "{}"), schedule_arn)
    if target["Arn"].endswith(CREATE_PROCESSING_JOB):
        job = boto3.client("sagemaker").create_processing_job(**json.loads(text))
        return job["ProcessingJobArn"]
    if ":states:" in target["Arn"]:
        steps = boto3.client("stepfunctions")
        return steps.start_execution(stateMachineArn=target["Arn"], input=text)["executionArn"]
    raise InvalidUsage(
        f"The schedule starts {target['Arn']}, which is no drift report: "
        "name the schedule of monitoring/template.yaml"
    )


def _filled(text: str, schedule_arn: str) -> str:
    """The target's input with what EventBridge Scheduler would put in."""
    values = {
        "schedule-arn": schedule_arn,
        "scheduled-time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "execution-id": token_hex(8),
        "attempt-number": "1",
    }
    for name, value in values.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _sentence(error: ClientError, schedule: str) -> str:
    code, operation = error.response["Error"]["Code"], error.operation_name
    if code == "ResourceNotFoundException" and operation == "GetSchedule":
        return (
            f"There is no schedule {schedule} in this account and region: "
            "deploy monitoring/template.yaml, or name its output ScheduleName"
        )
    if code.startswith("AccessDenied"):
        return (
            f"You are not allowed to {operation}: run-now needs scheduler:GetSchedule, and "
            "sagemaker:CreateProcessingJob with iam:PassRole, or states:StartExecution. "
            f"AWS says: {error.response['Error']['Message']}"
        )
    return f"{operation} was refused, {code}: {error.response['Error']['Message']}"
