"""What the options of `scones-model launch` name, as a training job."""

# ruff: noqa: PLC0415 - boto3 is in the extra `ops` alone

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

from scones_model.aws.account import CannotBeDone
from scones_model.aws.builtin import BUILT_IN, hyperparameters
from scones_model.aws.place import place
from scones_model.aws.revision import commit
from scones_model.aws.scriptmode import TRAINING
from scones_model.aws.trainjob import TrainingJob
from scones_model.data.manifest import InvalidManifest, read_manifest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from scones_model.aws.place import Place
    from scones_model.aws.trainjob import Algorithm

__all__ = ["InvalidJob", "SdkMissing", "job_of"]

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
_HYPERPARAMETER = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_-]*)=(?P<value>[^']*)")


class InvalidJob(CannotBeDone):
    """The options name no job that could be started."""


class SdkMissing(CannotBeDone):
    """SageMaker's SDK is not installed here."""


def job_of(options: argparse.Namespace) -> TrainingJob:
    """What the options name; raises InvalidJob, SdkMissing, NoPlace."""
    if find_spec("sagemaker") is None:
        raise SdkMissing('Jobs need SageMaker\'s SDK: pip install -e "model[ops]"')
    algorithm = BUILT_IN if options.builtin else TRAINING
    data_set = place(options.place)
    region = _region()
    instance_type = options.instance_type or algorithm.instance_type
    return TrainingJob(
        algorithm=algorithm,
        name=f"scones-{options.stage}-{algorithm.name}",
        home=data_set / "jobs",
        role=_role(options),
        region=region,
        image=options.image or _image(algorithm, region, instance_type),
        instance_type=instance_type,
        channels=_channels(algorithm, data_set, options.without) | _backbone(options),
        hyperparameters=_hyperparameters(options),
        tags=_tags(options.stage),
        spot=options.spot,
        max_run=options.max_run,
        max_wait=_max_wait(options),
    )


def _region() -> str:
    import boto3

    region = boto3.Session().region_name
    if region is None:
        raise InvalidJob("No region is known: export AWS_DEFAULT_REGION=<region of the bucket>.")
    return region


def _role(options: argparse.Namespace) -> str:
    role: str = options.role or ""
    if not _ROLE.fullmatch(role):
        raise InvalidJob(
            "A job acts as an IAM role, which must be able to read and write the bucket: "
            f"--role arn:aws:iam::<account>:role/<name>, not {role!r}."
        )
    return role


def _image(algorithm: Algorithm, region: str, instance_type: str) -> str:
    try:
        return algorithm.image(region, instance_type)
    except ValueError as error:
        raise InvalidJob(f"{error}\nName an image that you have there: --image.") from error


def _channels(
    algorithm: Algorithm, data_set: Place, without: Sequence[str]
) -> dict[str, Place | Path]:
    """Where each channel's pictures lie, by its name."""
    optional = algorithm.channels.keys() - {"train"}
    if unknown := set(without) - optional:
        raise InvalidJob(
            f"A job cannot do --without {', '.join(sorted(unknown))}, "
            f"but without {', '.join(sorted(optional))}."
        )
    return {n: data_set / at for n, at in algorithm.channels.items() if n not in without}


def _backbone(options: argparse.Namespace) -> dict[str, Path]:
    """The channel of the network to begin with, if one is given."""
    path: Path | None = options.backbone
    if path is None:
        return {}
    if options.builtin or path.name != "backbone.pt" or not path.is_file():
        raise InvalidJob(
            f"--backbone is the file backbone.pt of `scones-model pretrain`, not {path}, and "
            "nothing for the built-in algorithm."
        )
    return {"backbone": path}


def _hyperparameters(options: argparse.Namespace) -> dict[str, str]:
    """Those given, on top of what the built-in algorithm must be told of the data set."""
    given: dict[str, str] = {}
    for text in options.hyperparameter:
        match = _HYPERPARAMETER.fullmatch(text)
        if match is None:
            # The SDK's driver hands them on through a shell, in single quotes.
            raise InvalidJob(f"--hyperparameter takes name=value without ', not {text!r}.")
        given[match["name"]] = match["value"]
    if not options.builtin:
        return given
    if options.data is None:
        raise InvalidJob(
            "--builtin needs --data, the folder that was uploaded: it counts its pictures."
        )
    try:
        return hyperparameters(read_manifest(options.data)) | given
    except InvalidManifest as error:
        raise InvalidJob(str(error)) from error


def _max_wait(options: argparse.Namespace) -> int:
    wait_at_most: int = options.max_wait or 2 * options.max_run
    if not 0 < options.max_run <= wait_at_most:
        raise InvalidJob("--max-run is over 0 seconds, and --max-wait includes it.")
    return wait_at_most


def _tags(stage: str) -> dict[str, str]:
    return {"project": "scones", "stage": stage, **({"commit": commit()} if commit() else {})}
