"""What CloudFormation is asked for, and what is said when it refuses, fails or is busy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from scones_operations.account import CannotBeDone, Failed
from scones_operations.stacks import cloudformation, takeover
from scones_operations.stacks.cloudformation import apply_stack, delete_stack, find_stack
from scones_operations.stacks.takeover import take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "scones-dev-part"
ARN = "arn:aws:cloudformation:eu-central-1:123456789012:stack/scones-dev-part/1"
TEMPLATE: dict[str, Any] = {
    "Parameters": {"Labels": {"Type": "String"}, "New": {"Type": "String", "Default": "x"}},
    "Resources": {
        "Other": {"Type": "AWS::S3::Bucket", "Properties": {}},
        "Photos": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Bucket"}}},
    },
}


class Cloud:
    """A CloudFormation that has one stack, in these states one after another.

    None: there is none. Events are the newest first, as AWS gives them.
    """

    def __init__(self, *states: str | None) -> None:
        self.states = list(states)
        self.asked: dict[str, dict[str, Any]] = {}
        self.failures: list[tuple[str, str, bool]] = []
        self.change_set = ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
        self.refusal = ""

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state is None:
            told: Any = {"Code": "ValidationError", "Message": f"Stack {StackName} does not exist"}
            raise ClientError({"Error": told}, "DescribeStacks")
        stack = {
            "StackName": NAME, "StackId": ARN, "StackStatus": state,
            "Parameters": [
                {"ParameterKey": "Labels", "ParameterValue": "a,b"},
                {"ParameterKey": "Old", "ParameterValue": "gone from the template"},
            ],
            "Outputs": [{"OutputKey": "Name", "OutputValue": "it"}],
            "CreationTime": datetime.now(UTC),
        }  # fmt: skip
        return {"Stacks": [stack]}

    def _ask(self, operation: str, asked: dict[str, Any]) -> dict[str, str]:
        self.asked[operation] = asked
        if self.refusal:
            told: Any = {"Code": "ValidationError", "Message": self.refusal}
            raise ClientError({"Error": told}, operation)
        return {"StackId": ARN}

    def __getattr__(self, operation: str) -> Callable[..., dict[str, str]]:
        return lambda **asked: self._ask(operation, asked)

    def describe_change_set(self, **_: str) -> dict[str, str]:
        return {"Status": self.change_set.pop(0), "StatusReason": "it belongs to another stack"}

    def get_paginator(self, _: str) -> Cloud:
        return self

    def paginate(self, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - boto3's
        assert StackName == ARN  # by its name nothing is told of a stack that was deleted
        (asked,) = (one for one in self.asked.values() if "ClientRequestToken" in one)
        for resource, reason, now in reversed(self.failures):
            token = asked["ClientRequestToken"] if now else "another operation's"
            event = {
                "LogicalResourceId": resource, "ResourceStatus": "CREATE_FAILED",
                "ResourceStatusReason": reason, "ClientRequestToken": token,
            }  # fmt: skip
            yield {"StackEvents": [event]}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Cloud]:
    def made(*states: str | None) -> Cloud:
        one = Cloud(*states)
        for module in (cloudformation, takeover):
            monkeypatch.setattr(module, "client", lambda _: one)
        return one

    monkeypatch.setattr("time.sleep", lambda _: None)
    return made


def silent(_: str) -> None:
    """Nobody listens."""


def test_what_is_not_given_stays_and_what_the_template_lost_is_not_sent(
    cloud: Callable[..., Cloud],
) -> None:
    made = cloud("UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
    stack = apply_stack(NAME, TEMPLATE, {"New": "y"}, silent)
    assert stack.outputs == {"Name": "it"}
    assert made.asked["update_stack"]["Parameters"] == [
        {"ParameterKey": "Labels", "UsePreviousValue": True},
        {"ParameterKey": "New", "ParameterValue": "y"},
    ]


def test_nothing_to_change_is_no_failure(cloud: Callable[..., Cloud]) -> None:
    cloud("CREATE_COMPLETE").refusal = "No updates are to be performed."
    said: list[str] = []
    assert apply_stack(NAME, TEMPLATE, {}, said.append).status == "CREATE_COMPLETE"
    assert said == [f"{NAME} is as it should be."]


def test_a_request_that_is_refused_names_the_stack(cloud: Callable[..., Cloud]) -> None:
    cloud(None).refusal = "Unrecognized resource types"
    with pytest.raises(Failed, match=f"^{NAME}: .* was refused: Unrecognized resource types"):
        apply_stack(NAME, TEMPLATE, {}, silent)


def test_a_failed_creation_tells_each_reason_but_those_of_before_and_those_that_were_stopped(
    cloud: Callable[..., Cloud],
) -> None:
    made = cloud(None, "CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", None)
    made.failures = [
        ("Role", "of last week", False),
        ("Queue", "no such key", True),
        ("Topic", "Resource creation cancelled", True),
        ("Rule", "too complex", True),
    ]
    with pytest.raises(Failed, match=f"^{NAME}: Queue: no such key; Rule: too complex$"):
        apply_stack(NAME, TEMPLATE, {}, silent)
    assert made.asked["create_stack"]["OnFailure"] == "DELETE"


def test_an_undone_change_fails(cloud: Callable[..., Cloud]) -> None:
    made = cloud("CREATE_COMPLETE", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE")
    made.failures = [("Live", "alarm new-version-errors", True)]
    with pytest.raises(Failed, match="Live: alarm new-version-errors"):
        apply_stack(NAME, None, {}, silent)


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("UPDATE_IN_PROGRESS", "wait until CloudFormation is done"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name scones-dev-part"),
        ("DELETE_FAILED", "delete-stack --stack-name scones-dev-part"),
    ],
)
def test_a_stack_that_cannot_be_changed_says_what_helps(
    cloud: Callable[..., Cloud], state: str, advice: str
) -> None:
    made = cloud(state)
    with pytest.raises(CannotBeDone, match=f"{state}: .*{advice}"):
        apply_stack(NAME, TEMPLATE, {}, silent)
    assert made.asked == {}


def test_what_cannot_be_deleted_is_named(cloud: Callable[..., Cloud]) -> None:
    made = cloud("CREATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED")
    made.failures = [("Bucket", "it is not empty", True)]
    with pytest.raises(Failed, match="DELETE_FAILED: Bucket: it is not empty"):
        delete_stack(NAME, silent)


def test_a_stack_that_is_only_looked_at_is_none(cloud: Callable[..., Cloud]) -> None:
    cloud("REVIEW_IN_PROGRESS")
    assert find_stack(NAME) is None


# --- a bucket that is there already --------------------------------------------------------------


def test_a_bucket_is_taken_over_alone_and_kept_whatever_happens(
    cloud: Callable[..., Cloud],
) -> None:
    made = cloud("IMPORT_IN_PROGRESS", "IMPORT_COMPLETE")
    take_over(NAME, TEMPLATE, "Bucket", "photos-of-before", silent)
    asked = made.asked["create_change_set"]
    assert asked["ChangeSetType"] == "IMPORT"
    assert asked["ResourcesToImport"][0]["LogicalResourceId"] == "Photos"
    assert '"DeletionPolicy": "Retain"' in asked["TemplateBody"]
    assert "Other" not in asked["TemplateBody"]
    assert made.asked["execute_change_set"]["ChangeSetName"] == asked["ChangeSetName"]


def test_a_bucket_that_cannot_be_taken_over_leaves_no_stack(cloud: Callable[..., Cloud]) -> None:
    made = cloud(None)
    made.change_set = ["FAILED"]
    with pytest.raises(Failed, match="it belongs to another stack"):
        take_over(NAME, TEMPLATE, "Bucket", "photos-of-before", silent)
    assert made.asked["delete_stack"] == {"StackName": NAME}
    assert "execute_change_set" not in made.asked
