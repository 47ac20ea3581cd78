"""Puts a version behind the endpoint: the change to its stack, its course, and why it failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scones_model.aws.account import CannotBeDone, Failed, client
from scones_model.aws.endpoint import alarms, brake, describe_endpoint, fleets, rang_since, traffic
from scones_model.aws.events import Event, failures, follow, told_so_far
from scones_model.aws.facts import parameters as facts_of
from scones_model.aws.packages import short
from scones_model.aws.place import place
from scones_model.aws.requests import Request, send
from scones_model.aws.stack import Stack, StackBusy, change_set, find_stack, prepare, read_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scones_model.aws.packages import Package

__all__ = ["InvalidSetting", "RolledBack", "carry_out", "planned"]

DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
DEPLOYABLE = (*DONE, "UPDATE_ROLLBACK_COMPLETE")
DERIVED = (
    "Stage", "ModelPackageArn", "ModelBucket", "ModelPrefix", "ImageRepositoryArn", *facts_of({}),
)  # fmt: skip
"""Parameters that follow from the stage and the package."""


class InvalidSetting(CannotBeDone):
    """A parameter of the template cannot have that value."""


class RolledBack(Failed):
    """The endpoint went back to what it ran before, because an alarm rang."""


# --- what to ask for -----------------------------------------------------------------------------


def planned(
    package: Package, stage: str, template: str, settings: Mapping[str, str]
) -> list[Request]:
    """A change set that puts the package behind the stage's endpoint, and its execution.

    `settings` are parameters of the template; others stay as they are in the stack, or are the
    template's own. Raises StackBusy and InvalidSetting.
    """
    stack = find_stack(stage)
    if stack is not None and stack.status not in DEPLOYABLE:
        raise StackBusy(f"{stack.name} is {stack.status}: {_way_out(stack, stage)}")
    declared = _declared(template)
    _check_known(settings, declared)
    kept = stack.parameters if stack else {}
    # A rollback has the stack's own template, which may be older than a parameter.
    known = {**kept, **facts_of(package.facts)}
    parameters = {
        **declared,
        **{name: value for name, value in known.items() if name in declared},
        **_of_package(package, stage, kept),
        **settings,
    }
    if "TrafficShift" not in settings:
        parameters["TrafficShift"] = _shift(parameters, stage, kept)
    _check_numbers(parameters, kept or parameters)
    return [*_released_brake(stage), *change_set(stage, template, parameters)]


def _released_brake(stage: str) -> list[Request]:
    """Ends a rollback that was never seen to its end: it would stop this deployment too."""
    off = brake(stage, on=False, reason="a new deployment begins")
    name = off.parameters["AlarmName"]
    rings = any(alarm.name == name and alarm.state == "ALARM" for alarm in alarms(stage))
    return [off] if rings else []


def _way_out(stack: Stack, stage: str) -> str:
    if stack.status.startswith(("UPDATE_IN", "UPDATE_ROLLBACK")):
        return f"wait, or `scones-model rollback --stage {stage}`."
    if stack.busy:
        return "wait until CloudFormation is done."
    return f"remove what is left of it with `scones-model destroy --stage {stage}`."


def _declared(template: str) -> dict[str, str]:
    """The template's parameters and their defaults; empty for those without."""
    told = client("cloudformation").get_template_summary(TemplateBody=template)
    return {one["ParameterKey"]: one.get("DefaultValue", "") for one in told["Parameters"]}


def _of_package(package: Package, stage: str, kept: Mapping[str, str]) -> dict[str, str]:
    group = place(package.model_url).above.above
    present = kept.get("ModelPackageArn", "")
    before = kept.get("PreviousModelPackageArn", "") if present == package.arn else present
    return {
        "Stage": stage,
        "ModelPackageArn": package.arn,
        "PreviousModelPackageArn": before,
        "ModelBucket": group.bucket,
        "ModelPrefix": group.key,
        "ImageRepositoryArn": _repository(package),
    }


def _repository(package: Package) -> str:
    """ARN of the repository of `<account>.dkr.ecr.<region>.amazonaws.com/<name>:<tag>`."""
    host, _, rest = package.image.partition("/")
    account, _, _, region, *_ = host.split(".")
    name = rest.partition("@")[0].partition(":")[0]
    partition = package.arn.split(":")[1]
    return f"arn:{partition}:ecr:{region}:{account}:repository/{name}"


def _check_known(settings: Mapping[str, str], declared: Mapping[str, str]) -> None:
    open_to_all = sorted(declared.keys() - set(DERIVED))
    if unknown := sorted(settings.keys() - set(open_to_all)):
        raise InvalidSetting(
            f"--set {', '.join(unknown)} is not possible, but {', '.join(open_to_all)}."
        )


def _shift(parameters: Mapping[str, str], stage: str, kept: Mapping[str, str]) -> str:
    """How traffic moves: by canary if there are instances enough to be divided."""
    if kept.get("ModelPackageArn") == parameters["ModelPackageArn"]:
        return kept["TrafficShift"]
    endpoint = describe_endpoint(stage)
    present = fleets(endpoint)[0].wanted if endpoint else _number(parameters, "MinInstances")
    return "CANARY" if present >= 2 * _number(parameters, "CanaryInstances") else "ALL_AT_ONCE"


def _check_numbers(parameters: Mapping[str, str], before: Mapping[str, str]) -> None:
    """What SageMaker and Application Auto Scaling would refuse after minutes."""
    if _number(parameters, "MaxInstances") < _number(parameters, "MinInstances"):
        raise InvalidSetting("MaxInstances is less than MinInstances: --set both.")
    scales = before["MinInstances"] != before["MaxInstances"]
    if scales and before["InstanceType"] != parameters["InstanceType"]:
        raise InvalidSetting(
            "SageMaker refuses another InstanceType while the endpoint scales: deploy once with "
            "MaxInstances equal to MinInstances, then with the type, then with MaxInstances again."
        )


def _number(parameters: Mapping[str, str], name: str) -> int:
    if not parameters[name].isdecimal():
        raise InvalidSetting(f"{name}={parameters[name]} is no number of instances.")
    return int(parameters[name])


# --- doing it ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Course:
    """How a deployment went."""

    stack: Stack
    events: Sequence[Event]
    begin: datetime


def carry_out(
    asked: Sequence[Request], package: Package, stage: str, tell: Callable[[str], None]
) -> Stack | None:
    """Do what was `planned`, telling its course; None when there is nothing to change.

    Raises RolledBack when an alarm rang, and Failed when it failed otherwise; both say why, and
    what runs now.
    """
    *first, make, execute = asked
    for request in first:
        send(request)
    changes = prepare(make)
    if not changes:
        return None
    tell(f"{package} to {execute.parameters['StackName']}, {_shift_of(make)}:")
    for change in changes:
        tell(change)
    begin = datetime.now(UTC)
    before = read_stack(execute.parameters["StackName"])
    told = told_so_far(before.arn)
    send(execute)
    stack, events = follow(before.arn, told, tell, lambda: traffic(describe_endpoint(stage)))
    _judge(_Course(stack, events, begin), package, stage)
    if news := [one for one in facts_of({}) if before.outputs.get(one) != stack.outputs.get(one)]:
        tell(
            f"The services do not know yet: {', '.join(news)}. `scones-ops deploy --stage {stage}`."
        )
    return stack


def _shift_of(made: Request) -> str:
    given = {one["ParameterKey"]: one["ParameterValue"] for one in made.parameters["Parameters"]}
    return f"TrafficShift {given['TrafficShift']}"


def _judge(course: _Course, package: Package, stage: str) -> None:
    """Raises RolledBack or Failed unless the endpoint runs what the stack says."""
    endpoint = describe_endpoint(stage)
    runs = endpoint["EndpointConfigName"] if endpoint else ""
    wanted = course.stack.outputs.get("EndpointConfigName", "")
    # SageMaker goes back without an error: the endpoint is in service, with what it ran before.
    silently = course.stack.status in DONE and runs != wanted
    if course.stack.status in DONE and not silently:
        return
    rang = rang_since(stage, course.begin)
    lines = [f"{package} is not deployed: {course.stack.name} is {course.stack.status}."]
    lines += [f"Alarm {alarm.name} rang: {alarm.reason}" for alarm in rang]
    lines += [f"{one.resource}: {one.reason}" for one in failures(course.events)[:3]]
    if endpoint and endpoint.get("FailureReason"):
        lines.append(f"SageMaker: {endpoint['FailureReason']}")
    lines += _left(course.stack, stage, runs=bool(runs), silently=silently)
    raise (RolledBack if rang else Failed)("\n".join(lines))


def _left(stack: Stack, stage: str, *, runs: bool, silently: bool) -> list[str]:
    if silently:
        told = (
            "The endpoint went back to what it ran before, and CloudFormation has not noticed: "
            "deploy again; if SageMaker misses a configuration then, destroy and deploy."
        )
        return [told]
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        return [f"CloudFormation could not undo it: `scones-model rollback --stage {stage}`."]
    if runs:
        return [f"{short(stack.parameters['ModelPackageArn'])} serves, as before."]
    if stack.status == "DELETE_COMPLETE":
        return ["Nothing is left of it."]
    return [f"`scones-model destroy --stage {stage}` removes what is left of it."]
