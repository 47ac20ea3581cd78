"""What template.yaml lets the endpoint do, and who sees what it captures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from model.tests.endpoint_stack import (
    EVERYTHING,
    GIVEN,
    KEY,
    ONLY_ANY_RESOURCE,
    STACKS,
    alarms,
    as_list,
    stack,
    statements,
)

if TYPE_CHECKING:
    from model.tests.resolver import Template


@STACKS
def test_captures_may_be_written_where_they_go_and_nowhere_else(made: Template) -> None:
    capture = made.properties("EndpointConfig")["DataCaptureConfig"]
    to = capture["DestinationS3Uri"]
    assert "//" not in to.removeprefix("s3://")
    assert not to.endswith("/")
    write = statements(made)["WriteCaptures"]
    endpoint = made.properties("Endpoint")["EndpointName"]
    assert write["Action"] == "s3:PutObject"
    assert write["Resource"] == f"arn:aws:s3:::{to.removeprefix('s3://')}/{endpoint}/*"


def test_a_key_encrypts_captures_and_may_be_used() -> None:
    made = stack(**EVERYTHING)
    assert made.properties("EndpointConfig")["DataCaptureConfig"]["KmsKeyId"] == KEY
    assert statements(made)["UseCaptureKey"]["Resource"] == KEY
    assert statements(made)["UseModelKey"]["Resource"] == KEY
    assert not {"UseCaptureKey", "UseModelKey"} & statements(stack()).keys()


def test_captures_are_private_encrypted_and_forgotten_in_time() -> None:
    made = stack()
    bucket = made.properties("Captures")
    assert made.resources()["Captures"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    rules = {one["Id"]: one for one in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["forget-captures"]["Prefix"] == "captures/"
    (tls,) = made.properties("CapturesPolicy")["PolicyDocument"]["Statement"]
    assert (tls["Effect"], tls["Principal"]) == ("Deny", "*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": False}}


@STACKS
def test_the_role_may_do_only_what_is_named(made: Template) -> None:
    for statement in statements(made).values():
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in as_list(statement["Action"]))
        if "*" in as_list(statement["Resource"]):
            assert set(as_list(statement["Action"])) <= ONLY_ANY_RESOURCE


def test_models_and_image_are_read_from_their_own_places() -> None:
    told = statements(stack())
    assert told["ReadModels"]["Resource"] == "arn:aws:s3:::artifacts/models/vehicles/*"
    assert told["PullImage"]["Resource"] == GIVEN["ImageRepositoryArn"]


@STACKS
def test_a_deployment_may_look_at_its_alarms(made: Template) -> None:
    pattern = statements(made)["SeeAlarms"]["Resource"].rpartition(":")[2].replace("*", ".+")
    assert all(re.fullmatch(pattern, alarm["AlarmName"]) for alarm in alarms(made).values())


@STACKS
def test_logs_go_to_the_group_that_the_stack_deletes(made: Template) -> None:
    group = made.properties("Logs")["LogGroupName"]
    assert group == f"/aws/sagemaker/Endpoints/{made.properties('Endpoint')['EndpointName']}"
    for resource in statements(made)["Log"]["Resource"]:
        assert resource.split(":log-group:")[1].removesuffix(":*") == group
    order = list(made.resources())
    assert order.index("Logs") < order.index("Endpoint")  # or SageMaker would make it first


def test_only_sagemaker_of_this_account_acts_as_the_role() -> None:
    (trust,) = stack().properties("Role")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    source = trust["Condition"]["ArnLike"]["aws:SourceArn"]
    assert source == "arn:aws:sagemaker:eu-west-1:123456789012:*"
