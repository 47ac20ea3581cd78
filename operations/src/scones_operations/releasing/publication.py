"""Publish a service's zip as a version of its function, and move the alias `live` to it.

Four steps: the zip goes to the artifact bucket; the stack takes code and settings, which changes
$LATEST alone; Lambda publishes what that has become; the stack moves the alias, by canary where its
parameter TrafficShift says so. Each step finds out whether there is anything to do, so that all of
them can be repeated.
"""

from __future__ import annotations

import copy
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scones_operations.account import Failed, client
from scones_operations.releasing.artifacts import upload
from scones_operations.releasing.concurrency import affordable
from scones_operations.releasing.versions import traffic
from scones_operations.stacks.cloudformation import apply_stack, find_stack, stack_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scones_operations.building.build import Zip
    from scones_operations.stacks.cloudformation import Stack

__all__ = ["Publication", "describe", "move_alias", "publish_service"]


@dataclass(frozen=True)
class Publication:
    """What became of a service.

    Attributes:
        service: Its name.
        before: The version that was live; None when there was none.
        after: The version that is live now.
        stack: The service's stack.
    """

    service: str
    before: str | None
    after: str
    stack: Stack


def publish_service(  # noqa: PLR0913, PLR0917 - what is published, where, and how it is told
    stage: str,
    zip: Zip,  # noqa: A002 - what it is
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    commit: str,
    tell: Callable[[str], None],
    shift: str | None = None,
) -> Publication:
    """Publish a built service and make it live.

    Args:
        stage: Its stacks are `scones-<stage>-...`.
        zip: What was built.
        template: The service's, as it is in the repository.
        parameters: The stack's; those left out stay as they are.
        commit: What the zip was built from, for the version's description.
        tell: Gets a line for each thing that happens.
        shift: How traffic moves, for TrafficShift; None leaves that as it is.

    Raises:
        CannotBeDone: There is no artifact bucket, or CloudFormation is busy.
        Failed: CloudFormation undid a change, or the new version failed and the old one serves.
    """
    name = stack_name(stage, zip.service)
    before = find_stack(name)
    live = before.parameters.get("LiveVersion", "") if before else ""
    settings = {**parameters, "Stage": stage, "LiveVersion": live, **_moving(zip, shift)}
    if before is None:
        settings |= affordable(template, settings, tell)
    key = f"{zip.service}/{zip.version}/{zip.sha256}.zip"
    coded = _with_code(template, upload(stage, zip.path, key, tell))
    stack = apply_stack(name, coded, settings, tell)
    version = _publish(stack.outputs[f"{zip.service.capitalize()}FunctionName"], zip, commit)
    if version == live:
        tell(f"{zip.service}: nothing changed, version {version} stays live.")
    else:
        stack = move_alias(stack, zip.service, version, tell)
    return Publication(zip.service, live or None, version, stack)


def describe(zip: Zip, commit: str) -> str:  # noqa: A002 - what it is
    """Description of a version of a function: what it is, and from which commit and bytes."""
    return f"{zip.service} {zip.version} git {commit} zip {zip.sha256}"


def move_alias(
    stack: Stack, service: str, version: str, tell: Callable[[str], None], *, back: bool = False
) -> Stack:
    """Point the alias `live` to a version, by CloudFormation.

    Args:
        stack: The service's.
        service: Its name.
        version: The published one to go to.
        tell: Gets a line for each thing that happens.
        back: All traffic moves now, whatever TrafficShift says, and nobody goes back to what is
            live at present.

    Raises:
        Failed: The version did not stay live; the message says why, and what serves.
    """
    function = stack.outputs[f"{service.capitalize()}FunctionName"]
    live = stack.parameters.get("LiveVersion", "")
    tell(f"{service}: live moves from {live or 'none'} to {version}.")
    settings = {"LiveVersion": version, "PreviousVersion": live, "AtOnce": "false"}
    if back:
        settings |= {"PreviousVersion": "", "AtOnce": "true"}
    try:
        return apply_stack(stack.name, None, settings, _with_traffic(tell, function))
    except Failed as error:
        raise Failed(
            f"{service}: version {version} did not stay live; calls go to {traffic(function)}. "
            f"{error}"
        ) from error


def _moving(zip: Zip, shift: str | None) -> dict[str, str]:  # noqa: A002 - what it is
    """Parameters that a publication decides itself; a zip for here says nothing of Lambda's."""
    settings = {"AtOnce": "false"}
    if shift is not None:
        settings["TrafficShift"] = shift
    if zip.arch != "local":
        settings["Architecture"] = zip.arch
    return settings


def _with_traffic(tell: Callable[[str], None], function: str) -> Callable[[str], None]:
    """Say with each line about waiting how the calls are divided by then."""

    def watching(line: str) -> None:
        waits = line.endswith(" ...")
        tell(f"{line[:-4]}, calls go to {traffic(function)} ..." if waits else line)

    return watching


def _with_code(template: Mapping[str, Any], place: Mapping[str, str]) -> dict[str, Any]:
    """The template with its function's code at its place in S3."""
    coded: dict[str, Any] = copy.deepcopy(dict(template))
    coded["Resources"]["Function"]["Properties"]["CodeUri"] = dict(place)
    return coded


def _publish(function: str, zip: Zip, commit: str) -> str:  # noqa: A002 - what it is
    """Publish what $LATEST is; the version that it is already when nothing changed since."""
    published = client("lambda").publish_version(
        FunctionName=function,
        CodeSha256=b64encode(bytes.fromhex(zip.sha256)).decode(),
        Description=describe(zip, commit),
    )
    return published["Version"]
