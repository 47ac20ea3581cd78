"""Make a stack of a bucket that an earlier one left behind, for its template to go on from.

A stage whose stacks were deleted keeps its buckets, and CloudFormation creates none that is there.
`ImportExistingResources`, which takes one over while it creates the rest, wants the bucket's name
in the template, where ours have a parameter:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from scones_operations.account import Failed, client
from scones_operations.stacks.cloudformation import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["take_over"]

PAUSE_S = 0.5
"""Between two looks at a change set that is being made."""
_BUCKET = "AWS::S3::Bucket"


def take_over(
    name: str,
    template: Mapping[str, Any],
    parameter: str,
    bucket: str,
    tell: Callable[[str], None],
) -> None:
    """Create a stack of a bucket alone; the template's other resources and settings come next.

    Args:
        name: The stack's; there is none yet.
        template: What the stack shall become.
        parameter: The template's, for the bucket's name.
        bucket: That name.
        tell: Gets a line for each event that is worth one.

    Raises:
        Failed: CloudFormation would not; the message gives its reason.
    """
    logical_id = _logical_id(template, parameter)
    resource = {
        "Type": _BUCKET, "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain",
        "Properties": {"BucketName": bucket},
    }  # fmt: skip
    imported: Any = {
        "ResourceType": _BUCKET,
        "LogicalResourceId": logical_id,
        "ResourceIdentifier": {"BucketName": bucket},
    }
    token = str(uuid.uuid4())
    changes: Any = {"StackName": name, "ChangeSetName": f"take-over-{token}"}
    cloudformation = client("cloudformation")
    arn = cloudformation.create_change_set(
        **changes,
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": {logical_id: resource}}),
        ResourcesToImport=[imported],
    )["StackId"]
    _await(changes)
    cloudformation.execute_change_set(**changes, ClientRequestToken=token)
    tell(f"{name} takes over the bucket {bucket}.")
    settled(name, arn, token, tell)


def _logical_id(template: Mapping[str, Any], parameter: str) -> str:
    """What the template calls the bucket that has its name from a parameter."""
    (logical_id,) = (
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == _BUCKET
        and resource["Properties"].get("BucketName") == {"Ref": parameter}
    )
    return str(logical_id)


def _await(changes: Any) -> None:  # noqa: ANN401 - names a change set, as two arguments
    cloudformation = client("cloudformation")
    while True:
        told = cloudformation.describe_change_set(**changes)
        if told["Status"] == "CREATE_COMPLETE":
            return
        if told["Status"] == "FAILED":
            cloudformation.delete_stack(StackName=changes["StackName"])  # it has no resource yet
            raise Failed(f"{changes['StackName']}: {told.get('StatusReason')}")
        time.sleep(PAUSE_S)
