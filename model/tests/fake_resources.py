"""What CloudFormation makes of the template's resources: calls to the services, in this process.

Each is made, changed and deleted with the properties that the template gives it, so botocore
refuses those that the service's operation does not have.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from scones_model.aws.account import client

if TYPE_CHECKING:
    from collections.abc import Callable

    from model.tests.fake_endpoints import Endpoints

Properties = dict[str, Any]

NEW_ONES = {"AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig"}
"""Types that are replaced: SageMaker has no operation that changes one."""


class Resources:
    """Makes resources: `make`, `change` and `delete` by type.

    `attributes` are what GetAtt gives, by physical id; the name "" is what Ref gives.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self.attributes: dict[str, dict[str, str]] = {}
        self._numbers = itertools.count(1)

    def make(self, kind: str, logical: str, properties: Properties) -> str:
        """Returns the physical id."""
        name = f"{logical}-{next(self._numbers):04}"
        makers: dict[str, Callable[[str, Properties], tuple[str, dict[str, str]]]] = {
            "AWS::SageMaker::Model": _model,
            "AWS::SageMaker::EndpointConfig": _config,
            "AWS::SageMaker::Endpoint": _endpoint,
            "AWS::CloudWatch::Alarm": _alarm,
            "AWS::Logs::LogGroup": _log_group,
            "AWS::ApplicationAutoScaling::ScalableTarget": _target,
            "AWS::ApplicationAutoScaling::ScalingPolicy": _policy,
            "AWS::IAM::Role": _role,
            "AWS::S3::Bucket": _bucket,
            "AWS::S3::BucketPolicy": _bucket_policy,
        }
        physical, attributes = makers[kind](name, properties)
        self.attributes[physical] = attributes
        return physical

    def change(self, kind: str, physical: str, properties: Properties) -> None:
        """In place; asks for it, an endpoint takes its time."""
        if kind == "AWS::SageMaker::Endpoint":
            client("sagemaker").update_endpoint(**properties)
        elif kind == "AWS::CloudWatch::Alarm":
            client("cloudwatch").put_metric_alarm(**properties)
        elif kind == "AWS::ApplicationAutoScaling::ScalableTarget":
            client("application-autoscaling").register_scalable_target(**properties)
        elif kind == "AWS::IAM::Role":
            _put_policies(self.attributes[physical][""], properties)
        else:
            raise AssertionError(f"no change of the template may change a {kind} in place")

    def delete(self, kind: str, physical: str) -> None:
        if kind == "AWS::SageMaker::EndpointConfig":
            name = _name(physical)
            assert not self.endpoints.uses(name), f"{name} is deleted while an endpoint needs it"
        _DELETIONS[kind](physical)


# --- one for each type ---------------------------------------------------------------------------


def _model(name: str, properties: Properties) -> tuple[str, dict[str, str]]:
    made = client("sagemaker").create_model(ModelName=name, **properties)
    return made["ModelArn"], {"": made["ModelArn"], "ModelName": name}


def _config(name: str, properties: Properties) -> tuple[str, dict[str, str]]:
    made = client("sagemaker").create_endpoint_config(EndpointConfigName=name, **properties)
    arn = made["EndpointConfigArn"]
    return arn, {"": arn, "EndpointConfigName": name}


def _endpoint(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
    updates = {"RetainAllVariantProperties", "ExcludeRetainedVariantProperties"}
    asked = {name: value for name, value in properties.items() if name not in updates}
    arn = client("sagemaker").create_endpoint(**asked)["EndpointArn"]
    return arn, {"": arn, "EndpointName": properties["EndpointName"]}


def _alarm(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
    client("cloudwatch").put_metric_alarm(**properties)
    name = properties["AlarmName"]
    client("cloudwatch").set_alarm_state(
        AlarmName=name,
        StateValue="INSUFFICIENT_DATA",
        StateReason="Unchecked: Initial alarm creation",
    )
    return name, {"": name}


def _log_group(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
    name = properties["LogGroupName"]
    client("logs").create_log_group(logGroupName=name)
    client("logs").put_retention_policy(
        logGroupName=name, retentionInDays=properties["RetentionInDays"]
    )
    return name, {"": name}


def _target(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
    client("application-autoscaling").register_scalable_target(**properties)
    parts = (properties[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))
    physical = "|".join(parts)
    return physical, {"": physical}


def _policy(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
    """With the alarm that Application Auto Scaling makes for it."""
    given = dict(properties)
    resource, dimension, namespace = given.pop("ScalingTargetId").split("|")
    made = client("application-autoscaling").put_scaling_policy(
        ResourceId=resource, ScalableDimension=dimension, ServiceNamespace=namespace, **given
    )
    client("cloudwatch").put_metric_alarm(
        AlarmName=f"TargetTracking-{resource}-AlarmHigh",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=3,
        Threshold=given["TargetTrackingScalingPolicyConfiguration"]["TargetValue"],
    )
    return made["PolicyARN"], {"": made["PolicyARN"]}


def _delete_policy(arn: str) -> None:
    scaling: Any = client("application-autoscaling")
    for policy in scaling.describe_scaling_policies(ServiceNamespace="sagemaker")[
        "ScalingPolicies"
    ]:
        if policy["PolicyARN"] == arn:
            which = ("PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension")
            scaling.delete_scaling_policy(**{name: policy[name] for name in which})
            name = f"TargetTracking-{policy['ResourceId']}-AlarmHigh"
            client("cloudwatch").delete_alarms(AlarmNames=[name])


def _role(name: str, properties: Properties) -> tuple[str, dict[str, str]]:
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    made = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    _put_policies(name, properties)
    return name, {"": name, "Arn": made["Role"]["Arn"]}


def _put_policies(name: str, properties: Properties) -> None:
    for policy in properties["Policies"]:
        document = json.dumps(policy["PolicyDocument"])
        client("iam").put_role_policy(
            RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document
        )


def _bucket(name: str, properties: Properties) -> tuple[str, dict[str, str]]:
    bucket = f"scones-{name.lower()}"
    s3 = client("s3")
    where = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)  # type: ignore[arg-type]
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"],
    )
    return bucket, {"": bucket, "Arn": f"arn:aws:s3:::{bucket}"}


def _bucket_policy(name: str, _: Properties) -> tuple[str, dict[str, str]]:
    """Not put on the bucket: moto denies whatever the condition says."""
    return name, {"": name}


def _delete_target(physical: str) -> None:
    scaling: Any = client("application-autoscaling")
    resource, dimension, namespace = physical.split("|")
    scaling.deregister_scalable_target(
        ResourceId=resource, ScalableDimension=dimension, ServiceNamespace=namespace
    )


def _delete_role(name: str) -> None:
    iam = client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


_DELETIONS: dict[str, Callable[[str], Any]] = {
    "AWS::SageMaker::Endpoint": lambda arn: client("sagemaker").delete_endpoint(
        EndpointName=_name(arn)
    ),
    "AWS::SageMaker::EndpointConfig": lambda arn: client("sagemaker").delete_endpoint_config(
        EndpointConfigName=_name(arn)
    ),
    "AWS::SageMaker::Model": lambda arn: client("sagemaker").delete_model(ModelName=_name(arn)),
    "AWS::CloudWatch::Alarm": lambda name: client("cloudwatch").delete_alarms(AlarmNames=[name]),
    "AWS::Logs::LogGroup": lambda name: client("logs").delete_log_group(logGroupName=name),
    "AWS::ApplicationAutoScaling::ScalableTarget": _delete_target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _delete_policy,
    "AWS::IAM::Role": _delete_role,
    "AWS::S3::Bucket": lambda name: client("s3").delete_bucket(Bucket=name),
    "AWS::S3::BucketPolicy": lambda _: None,  # it goes with its bucket, or with the stack
}
