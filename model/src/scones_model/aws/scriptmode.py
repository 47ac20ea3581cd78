"""Our own training as a SageMaker job: this package runs in AWS's PyTorch image (script mode)."""

# mypy: disable-error-code="import-not-found, import-untyped"

# ruff: noqa: PLC0415 - the SDK is in the extra `ops` alone, and takes seconds to import

from __future__ import annotations

import tarfile
from pathlib import Path

import scones_model
from scones_model.aws.trainjob import CHECKPOINTS, Algorithm, Program

__all__ = ["TRAINING"]

PYTORCH, PYTHON = "2.10.0", "py313"
"""The newest training image that SDK 3.27 knows; PyTorch comes from it, never from pip."""

_NUMBER = r"([0-9.e+-]+)"
_METRICS = {
    "train:loss": rf"epoch \d+: loss {_NUMBER}",
    "held-out:accuracy": rf"accuracy on held-out pictures {_NUMBER}",
    "test:accuracy": rf'"test_accuracy": {_NUMBER}',
    "test:nll": rf'"test_nll": {_NUMBER}',
    "test:ece": rf'"test_ece": {_NUMBER}',
}
"""In the lines that `train` prints."""

_REQUIREMENTS = "requirements.txt"


def _image(region: str, instance_type: str) -> str:
    """AWS's PyTorch image, for a CPU or a GPU as the instance has; raises ValueError."""
    from sagemaker.core import image_uris

    found = image_uris.retrieve(
        "pytorch",
        region=region,
        version=PYTORCH,
        py_version=PYTHON,
        instance_type=instance_type,
        image_scope="training",
    )
    return str(found)


def _program(folder: Path, spot: bool) -> Program:
    """Pack what the job needs into `folder`: this package, and the lock of what it imports."""
    package = Path(scones_model.__file__).parent
    archive = folder / "source.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(package, package.name, filter=_wanted)
        packed.add(package / "aws" / "job-requirements.txt", _REQUIREMENTS, filter=_wanted)
    # The variable is the SDK's driver's: the Python that it has installed the requirements for.
    command = f"$SM_PYTHON_CMD -m {package.name}.training.train"
    kept = f" --checkpoint-dir {CHECKPOINTS}" if spot else ""
    return Program(archive, _REQUIREMENTS, command + kept)


def _wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leaves out caches, and who owns the files here: their owner is whoever unpacks them."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return None if member.name.endswith("__pycache__") else member


TRAINING = Algorithm(
    name="train",
    instance_type="ml.m5.xlarge",
    image=_image,
    channels={n: f"{n}/" for n in ("train", "calibration", "test", "neither")},
    metrics=_METRICS,
    program=_program,
)
