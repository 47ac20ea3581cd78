"""Register a model: upload it and its figures, and make them a version in SageMaker's registry.

The version waits for `scones-model approve`. Its model.tar.gz has the ONNX file and the table of
predictions beside it; the same files make the same bytes. Prints the version's ARN.

Exit status: 0 registered, 1 AWS refused it, 2 bad input.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scones_model.aws.account import CannotBeDone, client, run, unless_missing
from scones_model.aws.artifact import model_files, packed
from scones_model.aws.evaluationfile import read_evaluation
from scones_model.aws.place import place
from scones_model.aws.registration import Version, group_request, requests
from scones_model.aws.requests import send, show
from scones_model.aws.revision import commit
from scones_model.serving.inference import Classifier, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_model.evaluation.result import Evaluation

__all__ = ["AnotherModel", "UnusableModel", "main"]

_IMAGE = re.compile(r"[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9._/-]+[:@]\S+")


class AnotherModel(CannotBeDone):
    """The evaluation is of another file."""


class UnusableModel(CannotBeDone):
    """The file is no model that could be served."""


def main(argv: Sequence[str] | None = None) -> int:
    """Register, or show what would; the exit status is the module's."""
    options = _parser().parse_args(argv)
    return run(lambda: _register(options))


def _register(options: argparse.Namespace) -> int:
    version = _version(options)
    asked = requests(version, place(options.bucket) / version.group)
    if options.dry_run:
        show([group_request(version.group), *asked])
        return 0
    if not _has_group(version.group):
        send(group_request(version.group))
    *uploads, package = asked
    for upload in uploads:
        send(upload)
    print(send(package)["ModelPackageArn"])
    print(f"It waits for: scones-model approve {version.group} --gate gate.json", file=sys.stderr)
    return 0


def _version(options: argparse.Namespace) -> Version:
    try:
        onnx, predictions = model_files(options.model)
        metadata = Classifier(onnx).metadata
    except ModelUnavailable as error:
        raise UnusableModel(str(error)) from error
    evaluation = read_evaluation(options.evaluation)
    _check_same(onnx, evaluation)
    return Version(
        group=options.group,
        image=options.image,
        artifact=packed(onnx, predictions),
        predictions=predictions.read_bytes(),
        metadata=metadata,
        evaluation=evaluation,
        commit=commit(),
    )


def _check_same(onnx: Path, evaluation: Evaluation) -> None:
    measured, here = evaluation.model.sha256, hashlib.sha256(onnx.read_bytes()).hexdigest()
    if measured != here:
        raise AnotherModel(
            f"The evaluation is of {evaluation.model.name} with SHA-256 {measured[:12]}..., and "
            f"{onnx} has {here[:12]}...: evaluate this file with `scones-model evaluate`."
        )


def _has_group(group: str) -> bool:
    describe = client("sagemaker").describe_model_package_group
    return unless_missing(lambda: describe(ModelPackageGroupName=group)) is not None


def _image(text: str) -> str:
    if not _IMAGE.fullmatch(text):
        form = "<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>"
        raise argparse.ArgumentTypeError(f"an image in ECR has the form {form}")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-model register",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", type=Path, help="the .onnx file, or the folder that holds it")
    add("--evaluation", type=Path, required=True, help="evaluation.json of `scones-model evaluate`")
    add("--group", required=True, help="model package group; made if it is missing")
    add("--image", type=_image, required=True, help="model/Dockerfile's image in ECR, x86-64")
    add("--bucket", required=True, metavar="s3://BUCKET[/PREFIX]", help="where the files go")
    add("--dry-run", action="store_true", help="print the requests instead of sending them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
