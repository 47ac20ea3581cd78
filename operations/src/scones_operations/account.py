"""The AWS account that commands work in: its clients, and its faults as sentences.

Region, credentials and endpoint are boto3's business (`AWS_PROFILE`, `AWS_REGION`,
`AWS_ENDPOINT_URL`), so that the local engine is an account like any other.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any, overload

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient

__all__ = ["CannotBeDone", "Failed", "client", "run"]


class CannotBeDone(ValueError):
    """What was asked for may not or cannot be done; the message says what to do instead."""


class Failed(RuntimeError):
    """AWS tried and failed; the message says what happened and what is left."""


@overload
def client(service: Literal["cloudformation"]) -> CloudFormationClient: ...
@overload
def client(service: Literal["cloudwatch"]) -> CloudWatchClient: ...
@overload
def client(service: Literal["lambda"]) -> LambdaClient: ...
@overload
def client(service: Literal["logs"]) -> CloudWatchLogsClient: ...
@overload
def client(service: Literal["s3"]) -> S3Client: ...
@overload
def client(service: Literal["sqs"]) -> SQSClient: ...
@overload
def client(service: Literal["stepfunctions"]) -> SFNClient: ...
@overload
def client(service: Literal["sts"]) -> STSClient: ...
@overload
def client(service: str) -> Any: ...  # noqa: ANN401 - a client that is made at run time
def client(service: str) -> Any:
    """The client of boto3's default session; it takes long to make, so it is made once."""
    if boto3.DEFAULT_SESSION is None:
        boto3.setup_default_session()
    return _client(boto3.DEFAULT_SESSION, service)


@cache
def _client(session: Any, service: str) -> Any:  # noqa: ANN401 - a client that is made at run time
    return session.client(service)


def run(work: Callable[[], int]) -> int:
    """A command's exit status: that of `work`, 2 for what cannot be done, 1 for what failed."""
    try:
        return work()
    except CannotBeDone as error:
        print(error, file=sys.stderr)
        return 2
    except Failed as error:
        print(error, file=sys.stderr)
    except ClientError as error:
        told = error.response["Error"]
        print(
            f"{error.operation_name} was refused, {told['Code']}: {told['Message']}",
            file=sys.stderr,
        )
    except BotoCoreError as error:  # no region, no credentials, no network
        print(f"AWS cannot be asked: {error}", file=sys.stderr)
    return 1
