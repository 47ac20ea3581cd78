"""What may be left of an endpoint, and costs money: things in SageMaker, CloudWatch and S3."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

from scones_model.aws.account import client, unless_missing
from scones_model.aws.endpoint import VARIANT, describe_endpoint, endpoint_name
from scones_model.aws.requests import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from scones_model.aws.place import Place

__all__ = ["deleted_objects", "of_endpoint", "size"]

_SAGEMAKER = ":sagemaker:"
"""In the ARNs of its resources, which CloudFormation has for their physical ids."""
_AT_ONCE = 1000
"""Objects that S3 deletes at one request."""


def of_endpoint(stage: str, made: Sequence[str]) -> list[str]:
    """A line for everything of the endpoint that is still there.

    `made` are the physical ids of the stack's resources, taken before it was deleted.
    """
    return [*_of_sagemaker(stage, made), *_scaling(stage), *_alarms(stage), *_logs(stage)]


def _of_sagemaker(stage: str, made: Sequence[str]) -> Iterator[str]:
    sagemaker = client("sagemaker")
    if describe_endpoint(stage) is not None:
        yield f"endpoint {endpoint_name(stage)}, which costs money by the hour"
    describe: dict[str, Callable[[str], object]] = {
        "endpoint-config": lambda name: sagemaker.describe_endpoint_config(EndpointConfigName=name),
        "model": lambda name: sagemaker.describe_model(ModelName=name),
    }
    for kind, _, name in (arn.split(":")[-1].partition("/") for arn in made if _SAGEMAKER in arn):
        if kind in describe and unless_missing(partial(describe[kind], name)) is not None:
            yield f"{kind} {name}"


def _scaling(stage: str) -> Iterator[str]:
    resource = f"endpoint/{endpoint_name(stage)}/variant/{VARIANT}"
    found = client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[resource]
    )
    if found["ScalableTargets"]:
        yield f"scaling of {resource}"


def _alarms(stage: str) -> Iterator[str]:
    """The template's, and those that the scaling policy made."""
    pages = client("cloudwatch").get_paginator("describe_alarms")
    for prefix in (
        f"scones-{stage}-endpoint-",
        f"TargetTracking-endpoint/{endpoint_name(stage)}/variant/",
    ):
        for page in pages.paginate(AlarmNamePrefix=prefix):
            yield from (f"alarm {one['AlarmName']}" for one in page["MetricAlarms"])


def _logs(stage: str) -> Iterator[str]:
    name = f"/aws/sagemaker/Endpoints/{endpoint_name(stage)}"
    found = client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    yield from (f"log group {name}" for one in found if one["logGroupName"] == name)


# --- objects in S3 -------------------------------------------------------------------------------


def size(at: Place) -> tuple[int, int]:
    """How many objects there are below a place, and their bytes."""
    found = [
        one["Size"]
        for page in client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=at.bucket, Prefix=_prefix(at))
        for one in page.get("Contents", [])
    ]
    return len(found), sum(found)


def deleted_objects(at: Place) -> list[Request]:
    """Delete everything below a place, every version of it."""
    return [
        Request("s3", "DeleteObjects", {"Bucket": at.bucket, "Delete": {"Objects": list(some)}})
        for some in _batches(_objects(at))
    ]


def _objects(at: Place) -> Iterator[dict[str, str]]:
    pages = client("s3").get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=at.bucket, Prefix=_prefix(at)):
        for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            yield {"Key": one["Key"], "VersionId": one["VersionId"]}


def _prefix(at: Place) -> str:
    """Whole names only: `models/vehicles/` and not `models/vehicles-of-another`."""
    return f"{at.key}/" if at.key else ""


def _batches(objects: Iterable[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    rest = iter(objects)
    while some := list(itertools.islice(rest, _AT_ONCE)):
        yield some
