"""How this machine's processes reach the local AWS, and never a real account."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CREDENTIALS", "REGION", "connect", "without_aws"]

REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
"""The engine takes any; these can open nothing elsewhere."""


def without_aws() -> dict[str, str]:
    """Return this process's environment without a trace of the user's own AWS settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def connect(environment: Mapping[str, str]) -> boto3.Session:
    """Point this process's AWS clients at the stack that `environment` describes."""
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    own = without_aws()
    os.environ.clear()
    os.environ.update({**own, **nowhere, **environment})
    return boto3.Session()
