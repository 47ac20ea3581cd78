"""How this machine's processes reach the local AWS, and never a real account."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CREDENTIALS", "REGION", "clean_environment", "connect", "create_bucket", "unproxied"]

ASTRAY = re.compile(r"AWS_|(HTTPS?|ALL)_PROXY$|PYTHON(PATH|HOME)$", re.IGNORECASE)
REGION = "eu-central-2"
"""One that AWS CLI version 1 has no own SQS address for: elsewhere it ignores AWS_ENDPOINT_URL
(awscli/customizations/overridesslcommonname.py)."""
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    # StartSyncExecution would call sync-127.0.0.1.
    "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
}
"""The engine takes any; these can open nothing elsewhere."""


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what could lead a program of the stack astray.

    Left out are the user's own AWS settings, proxies (all traffic is loopback) and Python's paths.
    """
    return {name: value for name, value in os.environ.items() if not ASTRAY.match(name)}


def unproxied(environment: Mapping[str, str]) -> dict[str, str]:
    """Add what keeps a user's proxy, if there is one, out of the way to this machine."""
    others = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    direct = ",".join(filter(None, ("127.0.0.1", "localhost", others)))
    return {**environment, "no_proxy": direct, "NO_PROXY": direct}


def connect(environment: Mapping[str, str]) -> boto3.Session:
    """Point this process's AWS clients at the stack that `environment` describes."""
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    own = clean_environment()
    os.environ.clear()
    os.environ.update({**own, **nowhere, **environment})
    return boto3.Session()


def create_bucket(session: boto3.Session, name: str) -> None:
    """Create a bucket in the session's region, which S3 wants named outside us-east-1."""
    where: Any = {"LocationConstraint": session.region_name}
    session.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
