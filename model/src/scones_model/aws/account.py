"""The AWS account that the commands work in: its clients, and its faults as sentences.

boto3 sits in the extra `ops` and is imported when a client is first asked for, as the server and
the other commands do without it. Region and credentials are boto3's business (`AWS_PROFILE`,
`AWS_DEFAULT_REGION`).
"""

# ruff: noqa: PLC0415, T201 - boto3 is in the extra `ops` alone; for command lines

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

__all__ = ["CannotBeDone", "Failed", "client", "run", "unless_missing"]

Answer = TypeVar("Answer")

_MISSING = ("does not exist", "could not find", "not found")
"""Services say it in words: most have no error code of its own for it."""


class CannotBeDone(ValueError):
    """What was asked for may not or cannot be done; the message says what to do instead."""


class Failed(RuntimeError):
    """AWS tried and failed; the message says what happened and what is left."""


@overload
def client(service: Literal["application-autoscaling"]) -> ApplicationAutoScalingClient: ...
@overload
def client(service: Literal["cloudformation"]) -> CloudFormationClient: ...
@overload
def client(service: Literal["cloudwatch"]) -> CloudWatchClient: ...
@overload
def client(service: Literal["s3"]) -> S3Client: ...
@overload
def client(service: Literal["sagemaker"]) -> SageMakerClient: ...
@overload
def client(service: str) -> Any: ...  # noqa: ANN401 - a client that is made at run time
def client(service: str) -> Any:
    """The client of boto3's default session; it takes long to make, so it is made once."""
    import boto3

    if boto3.DEFAULT_SESSION is None:
        boto3.setup_default_session()
    return _client(boto3.DEFAULT_SESSION, service)


@cache
def _client(session: Any, service: str) -> Any:  # noqa: ANN401 - a client that is made at run time
    return session.client(service)


def run(work: Callable[[], int]) -> int:
    """A command's exit status: that of `work`, 2 for what cannot be done, 1 for what failed."""
    if find_spec("boto3") is None:
        print('This command needs boto3: pip install -e "model[ops]"', file=sys.stderr)
        return 2
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return work()
    except CannotBeDone as error:
        print(error, file=sys.stderr)
        return 2
    except Failed as error:
        print(error, file=sys.stderr)
    except ClientError as error:
        told = error.response["Error"]
        print(f"{error.operation_name} was refused, {told['Code']}: {told['Message']}",
              file=sys.stderr)  # fmt: skip
    except BotoCoreError as error:  # no region, no credentials, no network
        print(f"AWS cannot be asked: {error}", file=sys.stderr)
    return 1


def unless_missing(ask: Callable[[], Answer]) -> Answer | None:
    """What AWS answers; None when it says that there is no such thing."""
    from botocore.exceptions import ClientError

    try:
        return ask()
    except ClientError as error:
        if any(words in str(error).lower() for words in _MISSING):
            return None
        raise
