"""What template.yaml makes: an endpoint that captures, scales and goes back, with few rights."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore.validate import ParamValidator
from model.tests.endpoint_stack import (
    EVERYTHING,
    GIVEN,
    ROOT,
    STACKS,
    TEXT,
    alarms,
    stack,
)
from model.tests.resolver import Template
from moto import mock_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

# --- what the services take ----------------------------------------------------------------------


def operations(made: Template) -> Iterator[tuple[str, str, Any]]:
    """Service, operation and parameters that resources are made with, one to one."""
    endpoint = made.properties("Endpoint")
    yield "sagemaker", "CreateModel", {"ModelName": "m", **made.properties("Model")}
    config = {"EndpointConfigName": "c", **made.properties("EndpointConfig")}
    yield "sagemaker", "CreateEndpointConfig", config
    yield "sagemaker", "UpdateEndpoint", endpoint
    for alarm in alarms(made).values():
        yield "cloudwatch", "PutMetricAlarm", alarm
    if "Scaling" in made.resources():
        yield "application-autoscaling", "RegisterScalableTarget", made.properties("Scaling")
        policy = made.properties("ScalingPolicy")
        del policy["ScalingTargetId"]
        target = ("ServiceNamespace", "ScalableDimension", "ResourceId")
        of_target = {name: made.properties("Scaling")[name] for name in target}
        yield "application-autoscaling", "PutScalingPolicy", {**policy, **of_target}


@STACKS
def test_the_services_take_what_the_template_gives(made: Template) -> None:
    for service, operation, parameters in operations(made):
        model = botocore.session.get_session().get_service_model(service)
        shape = model.operation_model(operation).input_shape
        assert shape is not None
        report = ParamValidator().validate(parameters, shape)
        assert not report.has_errors(), f"{operation}: {report.generate_report()}"


@pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")
def test_cloudformation_makes_it_as_far_as_moto_goes() -> None:
    with mock_aws():
        cloudformation = boto3.Session(region_name="eu-west-1").client("cloudformation")
        given: Any = [{"ParameterKey": k, "ParameterValue": v} for k, v in GIVEN.items()]
        cloudformation.create_stack(
            StackName="s", TemplateBody=TEXT, Parameters=given, Capabilities=["CAPABILITY_IAM"]
        )
        (told,) = cloudformation.describe_stacks(StackName="s")["Stacks"]
        assert told["StackStatus"] == "CREATE_COMPLETE"
        made = cloudformation.describe_stack_resources(StackName="s")["StackResources"]
        kinds = {one.get("ResourceType") for one in made}  # moto knows no alarms
        sagemaker = {f"AWS::SageMaker::{one}" for one in ("Model", "EndpointConfig", "Endpoint")}
        assert {*sagemaker, "AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::S3::Bucket"} <= kinds


# --- capturing -----------------------------------------------------------------------------------


@STACKS
def test_everything_asked_and_answered_is_captured(made: Template) -> None:
    capture = made.properties("EndpointConfig")["DataCaptureConfig"]
    assert capture["EnableCapture"] is True
    assert capture["InitialSamplingPercentage"] == 100
    assert {one["CaptureMode"] for one in capture["CaptureOptions"]} == {"Input", "Output"}
    assert capture["CaptureContentTypeHeader"]["JsonContentTypes"] == ["application/json"]
    excluded = made.properties("Endpoint")["ExcludeRetainedVariantProperties"]
    assert {"VariantPropertyType": "DataCaptureConfig"} in excluded


def test_outputs_are_parameters_of_the_other_templates() -> None:
    def declared(path: str) -> Any:
        text = (ROOT / path).read_text(encoding="utf-8")
        return Template(text, {}).whole["Parameters"]

    outputs = stack(**EVERYTHING).outputs()
    monitoring, classifier = (
        declared("monitoring/template.yaml"),
        declared("services/classifier/template.yaml"),
    )
    assert {"EndpointName", "CaptureBucket", "CapturePrefix", "CaptureKeyArn"} <= outputs.keys()
    for name in ("EndpointName", "CaptureBucket", "CapturePrefix", "CaptureKeyArn"):
        assert re.fullmatch(monitoring[name]["AllowedPattern"], outputs[name])
    assert re.fullmatch(classifier["EndpointName"]["AllowedPattern"], outputs["EndpointName"])


# --- changing the model --------------------------------------------------------------------------


@STACKS
def test_model_and_configuration_have_no_names_so_the_old_live_until_the_new_do(
    made: Template,
) -> None:
    assert "ModelName" not in made.properties("Model")
    assert "EndpointConfigName" not in made.properties("EndpointConfig")
    assert made.properties("Endpoint")["EndpointConfigName"] == "endpointconfig"


def test_a_new_model_gets_a_part_of_the_traffic_first() -> None:
    policy = stack().properties("Endpoint")["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    traffic = policy["TrafficRoutingConfiguration"]
    assert traffic["Type"] == "CANARY"
    assert traffic["CanarySize"] == {"Type": "INSTANCE_COUNT", "Value": 1}
    assert policy["TerminationWaitInSeconds"] > 0  # or the whole new fleet would not be watched
    count = stack().properties("EndpointConfig")["ProductionVariants"][0]["InitialInstanceCount"]
    assert 2 * traffic["CanarySize"]["Value"] <= count


def test_all_at_once_has_no_canary() -> None:
    policy = stack(TrafficShift="ALL_AT_ONCE").properties("Endpoint")["DeploymentConfig"]
    assert "CanarySize" not in policy["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]


def test_the_longest_deployment_has_the_time_to_end() -> None:
    longest = stack(BakeSeconds="3600").properties("Endpoint")["DeploymentConfig"]
    policy = longest["BlueGreenUpdatePolicy"]
    watched = policy["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"]
    watched += policy["TerminationWaitInSeconds"]
    assert watched + 3600 <= policy["MaximumExecutionTimeoutInSeconds"] <= 28_800


def test_instances_are_kept_over_a_change() -> None:
    assert stack().properties("Endpoint")["RetainAllVariantProperties"] is True


# --- going back ----------------------------------------------------------------------------------


@STACKS
def test_every_alarm_brings_the_endpoint_back_and_exists_before_it(made: Template) -> None:
    rollback = made.properties("Endpoint")["DeploymentConfig"]["AutoRollbackConfiguration"]
    named = [one["AlarmName"] for one in rollback["Alarms"]]
    assert named == [
        name.lower() for name in ("ServerErrors", "ClientErrors", "Latency", "RollBack")
    ]
    order = list(made.resources())
    for name in alarms(made):
        assert order.index(name) < order.index("Endpoint")


@STACKS
def test_alarms_watch_the_new_fleet_of_this_endpoint(made: Template) -> None:
    endpoint = made.properties("Endpoint")["EndpointName"]
    (variant,) = made.properties("EndpointConfig")["ProductionVariants"]
    watching = {n: one for n, one in alarms(made).items() if one["Namespace"] == "AWS/SageMaker"}
    assert {one["MetricName"] for one in watching.values()} == {
        "Invocation5XXErrors", "Invocation4XXErrors", "ModelLatency",
    }  # fmt: skip
    for alarm in watching.values():
        assert {one["Name"]: one["Value"] for one in alarm["Dimensions"]} == {
            "EndpointName": endpoint,
            "VariantName": variant["VariantName"],
            "EndpointConfigName": "endpointconfig",
        }


@STACKS
def test_no_data_is_no_reason_to_go_back(made: Template) -> None:
    told = {name: one["TreatMissingData"] for name, one in alarms(made).items()}
    assert told.pop("RollBack") == "ignore"
    assert set(told.values()) == {"notBreaching"}


@STACKS
def test_an_alarm_rings_while_a_canary_is_watched(made: Template) -> None:
    baking = made.whole["Parameters"]["BakeSeconds"]["MinValue"]
    for alarm in alarms(made).values():
        assert alarm["Period"] * alarm["EvaluationPeriods"] < baking


# --- scaling -------------------------------------------------------------------------------------


def test_it_scales_by_what_each_instance_is_asked() -> None:
    made = stack()
    target = made.properties("Scaling")
    assert target["ResourceId"] == "endpoint/endpoint/variant/AllTraffic"
    tracking = made.properties("ScalingPolicy")["TargetTrackingScalingPolicyConfiguration"]
    metric = tracking["PredefinedMetricSpecification"]["PredefinedMetricType"]
    assert metric == "SageMakerVariantInvocationsPerInstance"


def test_as_many_at_least_as_at_most_scales_nothing() -> None:
    made = stack(MaxInstances="2")
    assert not {"Scaling", "ScalingPolicy"} & made.resources().keys()


@pytest.mark.parametrize(
    ("kind", "taken"), [("ml.c5.large", True), ("ml.m5.xlarge", True), ("ml.t2.medium", False)]
)
def test_an_instance_that_bursts_cannot_scale_and_is_refused(kind: str, taken: bool) -> None:
    pattern = stack().whole["Parameters"]["InstanceType"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, kind)) == taken


def test_the_template_fits_into_a_request() -> None:
    assert len(TEXT.encode()) <= 51_200


@STACKS
def test_names_are_as_long_as_the_services_take(made: Template) -> None:
    endpoint = made.properties("Endpoint")["EndpointName"]
    assert re.fullmatch("[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", endpoint)
    assert json.dumps(made.properties("Role"))  # every reference is resolved
