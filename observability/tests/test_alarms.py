from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from observability.tests.inventory import exists
from observability.tests.reading import METRICS, RESOURCES, ROOT, TEMPLATE, metrics_of, of_type

from scones_operations.stacks.template import read_template

if TYPE_CHECKING:
    from pathlib import Path

ALARMS = of_type("AWS::CloudWatch::Alarm")
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
UPSTREAM = [ROOT / "model", *sorted((ROOT / "services").iterdir()), ROOT / "orchestration"]
every_alarm = pytest.mark.parametrize("alarm", ALARMS.values(), ids=ALARMS)


def dimensions(alarm: dict[str, Any]) -> dict[str, Any]:
    return {one["Name"]: one["Value"] for one in alarm["Dimensions"]}


@every_alarm
def test_an_alarm_watches_a_metric_that_is_written_and_tells_the_topic(
    alarm: dict[str, Any],
) -> None:
    assert exists(alarm["Namespace"], alarm["MetricName"], tuple(dimensions(alarm)))
    assert alarm["AlarmActions"] == [{"Ref": "Alarms"}]
    assert alarm.get("OKActions", alarm["AlarmActions"]) == alarm["AlarmActions"]


@every_alarm
def test_what_an_alarm_watches_is_wired_by_a_parameter_of_the_dimensions_kind(
    alarm: dict[str, Any],
) -> None:
    for name, value in dimensions(alarm).items():
        if name == "VariantName":
            assert value == "AllTraffic"  # the one of model/template.yaml
        else:
            kind = "WorkflowArn" if name == "StateMachineArn" else name.removeprefix("Event")
            assert value["Ref"].endswith(kind)
            assert value["Ref"] in PARAMETERS


def test_a_rule_of_the_outcome_bus_is_looked_up_with_its_bus_and_no_other_is() -> None:
    rules = read_template(ROOT / "orchestration" / "template.yaml")["Resources"]
    named = {"AcceptedRuleName": "VehicleAccepted", "UploadedRuleName": "Uploaded"}
    of_alarms = [dimensions(alarm) for alarm in ALARMS.values()]
    of_charts = [read for chart in METRICS for _, _, read in metrics_of(chart)]
    read = [(one["RuleName"], "EventBusName" in one) for one in of_alarms if "RuleName" in one]
    found = {(name["Ref"], bus) for name, bus in read}
    found |= {(one["RuleName"], "EventBusName" in one) for one in of_charts if "RuleName" in one}
    for name, rule in named.items():
        has_bus = "EventBusName" in rules[rule]["Properties"]
        assert {bus for other, bus in found if other == name} == {has_bus}


@every_alarm
def test_where_nothing_happens_there_is_no_data_point_and_no_alarm(alarm: dict[str, Any]) -> None:
    assert alarm["TreatMissingData"] == "notBreaching"


@every_alarm
def test_the_local_engine_knows_every_alarm(alarm: dict[str, Any]) -> None:
    """It has no metric math, and no saved queries; those stand behind a condition."""
    assert "Metrics" not in alarm


def test_saved_queries_can_be_left_out() -> None:
    saved = [one for one in RESOURCES.values() if one["Type"] == "AWS::Logs::QueryDefinition"]
    assert saved
    assert {one.get("Condition") for one in saved} == {"QueriesAreSaved"}


def test_every_function_queue_and_rule_is_watched() -> None:
    watched = {
        (alarm["MetricName"], value["Ref"])
        for alarm in ALARMS.values()
        for value in dimensions(alarm).values()
        if isinstance(value, dict)
    }
    expected = {("FailedInvocations", name) for name in PARAMETERS if name.endswith("RuleName")}
    for name in PARAMETERS:
        if name.endswith("FunctionName"):
            expected |= {("Errors", name), ("Throttles", name)}
    for queue in ("Review", "Accepted"):
        expected.add(("ApproximateAgeOfOldestMessage", f"{queue}QueueName"))
    for queue in ("DeadLetter", "Undelivered"):
        expected.add(("ApproximateNumberOfMessagesVisible", f"{queue}QueueName"))
    for metric in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionThrottled"):
        expected.add((metric, "WorkflowArn"))
    for metric in ("Invocation5XXErrors", "ModelLatency"):
        expected.add((metric, "EndpointName"))
    assert watched >= expected


def test_hours_are_turned_into_seconds_for_every_choice() -> None:
    hours = {int(name): one["Seconds"] for name, one in TEMPLATE["Mappings"]["Hours"].items()}
    assert hours == {name: 3600 * name for name in hours}
    for name in ("AlarmReviewHours", "AlarmAcceptedHours"):
        assert PARAMETERS[name]["AllowedValues"] == list(hours)


def outputs(folder: Path) -> set[str]:
    return set(read_template(folder / "template.yaml")["Outputs"])


def test_every_parameter_without_a_default_is_an_output_of_an_earlier_stack() -> None:
    given = set().union(*map(outputs, UPSTREAM))
    assert {name for name, one in PARAMETERS.items() if "Default" not in one} <= given


def test_only_cloudwatch_may_publish_by_tls_and_use_the_key() -> None:
    statements = RESOURCES["AlarmsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = [one for one in statements if one["Effect"] == "Allow"]
    assert [one["Principal"] for one in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]
    assert {"Bool": {"aws:SecureTransport": False}} in [
        one["Condition"] for one in statements if one["Effect"] == "Deny"
    ]
    assert RESOURCES["Alarms"]["Properties"]["KmsMasterKeyId"] == {"Ref": "AlarmsKey"}
    _, use = RESOURCES["AlarmsKey"]["Properties"]["KeyPolicy"]["Statement"]
    assert use["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert set(use["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
