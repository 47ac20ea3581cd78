"""Follow a training job to its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from scones_model.aws.account import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeTrainingJobResponseTypeDef

__all__ = ["JobFailed", "console_link", "wait"]

ENDED = ("Completed", "Failed", "Stopped")
_CONSOLES = {"cn": "console.amazonaws.cn", "us-gov": "console.amazonaws-us-gov.com"}


class JobFailed(Failed):
    """The job ended without a model."""


def console_link(name: str, region: str) -> str:
    """The job's page in the AWS console."""
    partition = region.rpartition("-")[0].rpartition("-")[0]
    console = _CONSOLES.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{console}/sagemaker/home?region={region}#/jobs/{name}"


def wait(
    client: SageMakerClient, name: str, tell: Callable[[str], None], pause: float = 15.0
) -> dict[str, Any]:
    """Wait for the job, telling each step it takes; looks every `pause` seconds.

    Returns its model (an S3 URI), its metrics and the seconds it ran and those that are paid for.
    Raises JobFailed with the text that training left in its `failure` file.
    """
    told = 0
    while True:
        job = client.describe_training_job(TrainingJobName=name)
        steps = job.get("SecondaryStatusTransitions", [])
        for step in steps[told:]:
            tell(f"{step['Status']}: {step.get('StatusMessage', '')}".rstrip(": "))
        told = len(steps)
        if job["TrainingJobStatus"] in ENDED:
            return _outcome(job)
        time.sleep(pause)


def _outcome(job: DescribeTrainingJobResponseTypeDef) -> dict[str, Any]:
    status = job["TrainingJobStatus"]
    if status == "Failed":
        raise JobFailed(job.get("FailureReason", "SageMaker gives no reason; see the job's log."))
    if status == "Stopped":
        why = job.get("SecondaryStatus", status)
        raise JobFailed(
            f"The job was stopped ({why}). MaxRuntimeExceeded asks for a larger --max-run, "
            "MaxWaitTimeExceeded for a larger --max-wait or --no-spot."
        )
    return {
        "model": job["ModelArtifacts"]["S3ModelArtifacts"],
        "metrics": {m["MetricName"]: m["Value"] for m in job.get("FinalMetricDataList", [])},
        "seconds": job.get("TrainingTimeInSeconds"),
        "billable_seconds": job.get("BillableTimeInSeconds"),
    }
