"""What the public projects' notebooks do: call the three functions one after the other.

No event, workflow, retry or outcome: the baseline that the flow is measured against.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from botocore.config import Config

from scones_local.stack import CAPTURES, SERVICES, STAGE

if TYPE_CHECKING:
    import boto3

__all__ = ["ByHand"]


class ByHand:
    """Classifies pictures through Lambda's `Invoke`, in a bucket whose uploads are no events."""

    def __init__(self, session: boto3.Session, connections: int) -> None:
        settings = Config(max_pool_connections=connections)
        self._s3 = session.client("s3", config=settings)
        self._lambda = session.client("lambda", config=settings)
        self._folder = f"by-hand-{time.time_ns()}"

    def classify(self, name: str, body: bytes) -> object:
        """Upload one picture, have it serialized, classified and filtered; return the decision."""
        key = f"{self._folder}/{name}"
        self._s3.put_object(Bucket=CAPTURES, Key=key, Body=body)
        message: object = {"image_data": "", "s3_bucket": CAPTURES, "s3_key": key}
        for service in SERVICES:
            answer = self._lambda.invoke(
                FunctionName=f"scones-{STAGE}-{service}:live", Payload=json.dumps(message)
            )
            message = json.load(answer["Payload"])
        return message
