"""Start a training job on SageMaker, on pictures that `scones-model upload` has put into S3.

By default it runs `scones-model train` in AWS's PyTorch image; `--builtin` runs SageMaker's own
image classification instead. Prints the job's name and page as JSON, and with --wait its model and
metrics too. `--dry-run` prints every request that would change something, and needs neither
credentials nor a network.

Region and credentials are boto3's business (AWS_DEFAULT_REGION, AWS_PROFILE).

Exit status: 0 started (with --wait: done), 1 AWS refused it or the job failed, 2 bad input.
"""

# ruff: noqa: T201 - a command line
# ruff: noqa: PLC0415 - boto3 and the SDK are in the extra `ops` alone

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scones_model.aws.account import CannotBeDone, client, run
from scones_model.aws.builtin import BUILT_IN
from scones_model.aws.joboptions import job_of
from scones_model.aws.place import Place
from scones_model.aws.rehearsal import rehearse
from scones_model.aws.requests import show
from scones_model.aws.scriptmode import TRAINING
from scones_model.aws.trainjob import start
from scones_model.aws.watch import console_link, wait

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_model.aws.trainjob import TrainingJob

__all__ = ["EmptyChannel", "main"]


class EmptyChannel(CannotBeDone):
    """There is nothing in S3 where the job would read."""


def main(argv: Sequence[str] | None = None) -> int:
    """Start the job, or show what would start it; the exit status is the module's."""
    options = _parser().parse_args(argv)
    return run(lambda: _launch(options))


def _launch(options: argparse.Namespace) -> int:
    import boto3

    # The SDK warns of roles it may not look at, and of hyperparameters that `train` finds itself.
    logging.getLogger("sagemaker").setLevel(logging.ERROR)
    job = job_of(options)
    if options.dry_run:
        show(rehearse(lambda session: start(job, session), job.region, "CreateTrainingJob"))
        return 0
    _look_for_channels(job)
    name = start(job, boto3.Session(region_name=job.region))
    answer = {"job": name, "console": console_link(name, job.region)}
    if options.wait:
        print(answer["console"], file=sys.stderr)
        answer |= wait(client("sagemaker"), name, lambda step: print(step, file=sys.stderr))
    print(json.dumps(answer, indent=2))
    return 0


def _look_for_channels(job: TrainingJob) -> None:
    """SageMaker would fail on an empty channel too, but minutes later."""
    in_s3 = {name: at for name, at in job.channels.items() if isinstance(at, Place)}
    for name, place in in_s3.items():
        found = client("s3").list_objects_v2(Bucket=place.bucket, Prefix=place.key, MaxKeys=1)
        if not found["KeyCount"]:
            raise EmptyChannel(
                f"There is nothing in {place}: put a data set there with `scones-model upload`, "
                f"or do without the channel: --without {name}."
            )


# --- command line --------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-model launch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("place", help="where the data set was uploaded to, s3://<bucket>/<prefix>")
    add("--role", help="ARN of the IAM role the job acts as [SCONES_ROLE]",
        default=os.environ.get("SCONES_ROLE"))  # fmt: skip
    add("--stage", default="dev", type=_stage, help="goes into the job's name and tags (dev)")
    add("--builtin", action="store_true", help="SageMaker's image classification, on a GPU")
    add("--data", type=Path, help="with --builtin: the folder that was uploaded")
    add("--backbone", type=Path, help="backbone.pt to begin with; without it, from scratch")
    add("--without", action="append", default=[], metavar="CHANNEL",
        help="do without these pictures")  # fmt: skip
    add("--hyperparameter", action="append", default=[], metavar="NAME=VALUE",
        help="an option of `train`, or of the built-in algorithm")  # fmt: skip
    add("--image", help="another image than AWS's for the region")
    usual = f"{TRAINING.instance_type}; {BUILT_IN.instance_type} with --builtin"
    add("--instance-type", help=f"a CPU will do for `train`, not for the built-in ({usual})")
    add("--spot", action=argparse.BooleanOptionalAction, default=True,
        help="spare capacity: cheaper; goes on from its checkpoint when interrupted")  # fmt: skip
    add("--max-run", type=int, default=3600, help="seconds until SageMaker stops the job (3600)")
    add("--max-wait", type=int, help="seconds a spot job may take in all (twice --max-run)")
    add("--wait", action="store_true", help="until the job is done, telling its steps")
    add("--dry-run", action="store_true", help="print the requests instead of sending them")
    return parser


def _stage(text: str) -> str:
    if not re.fullmatch("[a-z0-9]{1,20}", text):
        raise argparse.ArgumentTypeError("up to 20 of a-z and 0-9")
    return text


if __name__ == "__main__":
    sys.exit(main())
