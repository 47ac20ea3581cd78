"""A training job as SageMaker's SDK starts it: what it needs, and the call.

What `start` would send can be had without sending it: see rehearsal.py.
"""

# mypy: disable-error-code="import-not-found, import-untyped"

# ruff: noqa: PLC0415 - the SDK is in the extra `ops` alone, and takes seconds to import

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from scones_model.aws.account import CannotBeDone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import boto3

    from scones_model.aws.place import Place

__all__ = ["CHECKPOINTS", "Algorithm", "Program", "RoleWillNotDo", "TrainingJob", "start"]

CHECKPOINTS = "/opt/ml/checkpoints"
"""Where a spot job keeps what it must not lose; SageMaker copies it to S3 and back."""

_SKIP_CHECK = "SAGEMAKER_VALIDATE_ROLE=false skips this check, which is the SDK's."

_OWN_CONFIG = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}
"""Stands for the SDK's own defaults files, so that a job is what its options say."""


class RoleWillNotDo(CannotBeDone):
    """The SDK asked IAM, and the role lacks what a job needs."""


@dataclass(frozen=True)
class Algorithm:
    """A kind of training: which image runs it, what it reads and what it says of itself.

    `image` takes a region and an instance type, and raises ValueError when there is none.
    `channels` are places in the data set by name, `metrics` expressions that find a number in the
    job's log by name. `program` packs code into a folder, for a spot job or another; without it the
    image knows what to do.
    """

    name: str
    instance_type: str
    image: Callable[[str, str], str]
    channels: Mapping[str, str]
    content_type: str | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)
    program: Callable[[Path, bool], Program] | None = None


@dataclass(frozen=True)
class Program:
    """Code that a job brings along: an archive, the lock in it, and what is run where it lies."""

    archive: Path
    requirements: str
    command: str


@dataclass(frozen=True)
class TrainingJob:
    """What to run, on which pictures, where, and for how many seconds at most.

    `name` is what SageMaker's name of the job begins with. Code, checkpoints and model go into a
    folder of each job in `home`, and so does a channel that is a file here. `max_wait` is that of a
    spot job, its run included.
    """

    algorithm: Algorithm
    name: str
    home: Place
    role: str
    region: str
    image: str
    instance_type: str
    channels: Mapping[str, Place | Path]
    hyperparameters: Mapping[str, str]
    tags: Mapping[str, str]
    spot: bool
    max_run: int
    max_wait: int


def start(job: TrainingJob, session: boto3.Session) -> str:
    """Upload its program, create the job, and return its name without waiting for it.

    Raises RoleWillNotDo, and what boto3 raises.
    """
    from sagemaker.core.helper.iam_role_resolver import RoleValidationError

    with TemporaryDirectory(prefix="scones-") as folder:
        try:
            trainer = _trainer(job, session, Path(folder))
            trainer.train(wait=False, logs=False)
        except RoleValidationError as error:
            raise RoleWillNotDo(f"{error}\n{_SKIP_CHECK}") from error
    created = trainer._latest_training_job  # noqa: SLF001 - as the SDK documents it
    return str(created.training_job_name)


def _trainer(job: TrainingJob, session: boto3.Session, folder: Path) -> Any:  # noqa: ANN401 - untyped SDK
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.training import configs
    from sagemaker.train.model_trainer import ModelTrainer

    metrics = [configs.MetricDefinition(name=n, regex=r) for n, r in job.algorithm.metrics.items()]
    trainer = ModelTrainer(
        sagemaker_session=Session(
            boto_session=session,
            default_bucket=job.home.bucket,
            default_bucket_prefix=job.home.key,
            sagemaker_config=_OWN_CONFIG,
        ),
        role=job.role,
        base_job_name=job.name,
        training_image=job.image,
        source_code=_source_code(job, folder),
        input_data_config=_channels(job),
        hyperparameters=dict(job.hyperparameters),
        tags=[configs.Tag(key=key, value=value) for key, value in job.tags.items()],
        # Costs nothing: one instance has nothing to say to others.
        networking=configs.Networking(enable_inter_container_traffic_encryption=True),
        **_limits(job),
    )
    return trainer.with_metric_definitions(metrics) if metrics else trainer


def _channels(job: TrainingJob) -> list[Any]:
    from sagemaker.core.training import configs

    kind = {"content_type": job.algorithm.content_type} if job.algorithm.content_type else {}
    return [
        configs.InputData(channel_name=name, data_source=str(source), **kind)
        for name, source in job.channels.items()
    ]


def _source_code(job: TrainingJob, folder: Path) -> Any:  # noqa: ANN401 - untyped SDK
    from sagemaker.core.training import configs

    if job.algorithm.program is None:
        return None
    program = job.algorithm.program(folder, job.spot)
    return configs.SourceCode(
        source_dir=str(program.archive), requirements=program.requirements, command=program.command
    )


def _limits(job: TrainingJob) -> dict[str, Any]:
    """What it runs on and for how long; a spot job waits for capacity and keeps checkpoints."""
    from sagemaker.core.training import configs

    stop = {"max_runtime_in_seconds": job.max_run}
    if job.spot:
        stop["max_wait_time_in_seconds"] = job.max_wait
    return {
        "compute": configs.Compute(
            instance_type=job.instance_type,
            instance_count=1,
            enable_managed_spot_training=job.spot,
        ),
        "stopping_condition": configs.StoppingCondition(**stop),
        "checkpoint_config": configs.CheckpointConfig(local_path=CHECKPOINTS) if job.spot else None,
    }
