"""What CloudFormation does to a stack: bring resources up, replace, undo, clean up, and tell."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from model.tests.fake_resources import NEW_ONES, Resources
from model.tests.resolver import Template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from model.tests.fake_endpoints import Endpoints

MOVING = ("Creating", "Updating", "RollingBack")


class ResourceFailed(Exception):
    """A resource could not be made or changed."""

    def __init__(self, resource: str, reason: str) -> None:
        super().__init__(reason)
        self.resource = resource


@dataclass
class Made:
    """A resource that is there."""

    kind: str
    physical: str
    properties: dict[str, Any]
    stays: bool


@dataclass
class Stack:
    """`parameters` and `made` are those of the last complete deployment, or of the one at work."""

    name: str
    arn: str
    status: str
    template: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    work: Iterator[None] = field(default_factory=lambda: iter(()))
    cancelled: bool = False
    before: Any = None


class Work:
    """Does it; each `yield` is a tick of the account's clock.

    With `overlooks` an endpoint that went back to its old configuration counts as updated, which
    is what Terraform's users met (hashicorp/terraform-provider-aws#48997).
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self.resources = Resources(endpoints)
        self.overlooks = False
        self._ids = itertools.count(1)

    def update(
        self, stack: Stack, text: str, given: dict[str, str], *, creates: bool
    ) -> Iterator[None]:
        before = (stack.template, stack.parameters, dict(stack.made), stack.outputs)
        stack.before = before
        stack.template, stack.parameters, stack.cancelled = text, given, False
        word = "CREATE" if creates else "UPDATE"
        self.tell(stack, f"{word}_IN_PROGRESS", "User Initiated")
        template = self.template(text, given, stack)
        try:
            for logical, resource in template.resources().items():
                yield from self._bring(stack, logical, resource, template)
        except ResourceFailed as failure:
            self.tell(stack, f"{word}_FAILED", str(failure), failure.resource)
            yield from self.undo(stack, before, creates=creates)
            return
        stack.outputs = template.outputs()
        if not creates:
            self.tell(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        yield
        wanted = template.resources().keys()
        kept = {one.physical for name, one in stack.made.items() if name in wanted}
        self._clean({**before[2]}, kept)
        stack.made = {name: one for name, one in stack.made.items() if name in wanted}
        self.tell(stack, f"{word}_COMPLETE")

    def _bring(
        self, stack: Stack, logical: str, resource: dict[str, Any], template: Template
    ) -> Iterator[None]:
        """Make or change one resource, if it is not as it should be."""
        if stack.cancelled:
            raise ResourceFailed(logical, "Resource update cancelled")
        kind, properties = resource["Type"], template.resolve(resource["Properties"])
        present = stack.made.get(logical)
        if present and present.properties == properties:
            return
        try:
            if present and kind not in NEW_ONES:
                self.tell(stack, "UPDATE_IN_PROGRESS", "", logical)
                self.resources.change(kind, present.physical, properties)
                physical = present.physical
            else:
                self.tell(stack, "CREATE_IN_PROGRESS", "", logical)
                physical = self.resources.make(kind, logical, properties)
        except ClientError as error:
            raise ResourceFailed(logical, str(error)) from error
        stays = resource.get("DeletionPolicy", "Delete") != "Delete"
        stack.made[logical] = Made(kind, physical, properties, stays)
        if kind == "AWS::SageMaker::Endpoint":
            yield from self._settle(stack, logical, properties)
        self.tell(stack, "UPDATE_COMPLETE" if present else "CREATE_COMPLETE", "", logical)
        yield

    def _settle(self, stack: Stack, logical: str, properties: dict[str, Any]) -> Iterator[None]:
        """Wait for the endpoint."""
        yield
        endpoint = self.endpoints.there[properties["EndpointName"]]
        while endpoint.status in MOVING:
            yield
        if endpoint.config != properties["EndpointConfigName"] and not self.overlooks:
            raise ResourceFailed(logical, f"Endpoint is back in service: {endpoint.reason}")

    def undo(self, stack: Stack, before: Any, *, creates: bool) -> Iterator[None]:
        tried = dict(stack.made)
        made: dict[str, Made] = before[2]
        self.tell(stack, "DELETE_IN_PROGRESS" if creates else "UPDATE_ROLLBACK_IN_PROGRESS")
        yield
        for logical, old in made.items():
            try:
                yield from self._restore(stack, logical, old, tried[logical])
            except ClientError as error:
                self.tell(stack, "UPDATE_FAILED", str(error), logical)
                self.tell(stack, "UPDATE_ROLLBACK_FAILED")
                return
        stack.template, stack.parameters, stack.made, stack.outputs = before
        self._clean(tried, {one.physical for one in made.values()}, also_retained=creates)
        self.tell(stack, "DELETE_COMPLETE" if creates else "UPDATE_ROLLBACK_COMPLETE")

    def _restore(self, stack: Stack, logical: str, old: Made, tried: Made) -> Iterator[None]:
        if tried.kind in NEW_ONES or tried.properties == old.properties:
            return
        if old.kind == "AWS::SageMaker::Endpoint":
            endpoint = self.endpoints.there[old.properties["EndpointName"]]
            if endpoint.config == old.properties["EndpointConfigName"]:
                return
        self.tell(stack, "UPDATE_IN_PROGRESS", "", logical)
        self.resources.change(old.kind, old.physical, old.properties)
        if old.kind == "AWS::SageMaker::Endpoint":
            yield from self._settle(stack, logical, old.properties)

    def remove(self, stack: Stack) -> Iterator[None]:
        self.tell(stack, "DELETE_IN_PROGRESS", "User Initiated")
        yield
        self._clean(stack.made, set())
        stack.made = {}
        self.tell(stack, "DELETE_COMPLETE")

    def _clean(self, made: dict[str, Made], kept: set[str], *, also_retained: bool = False) -> None:
        """Delete what is not kept, each before what it needs."""
        for one in reversed(made.values()):
            if one.physical not in kept and (also_retained or not one.stays):
                self.resources.delete(one.kind, one.physical)

    def template(self, text: str, given: dict[str, str], stack: Stack) -> Template:
        def attribute(logical: str, name: str) -> str:
            made = stack.made.get(logical)
            return self.resources.attributes[made.physical][name] if made else f"<{logical}>"

        return Template(text, given, attribute)

    def tell(self, stack: Stack, status: str, reason: str = "", logical: str = "") -> None:
        """An event; of the stack itself where no resource is named."""
        failed = status.endswith("_FAILED")
        made = stack.made.get(logical)
        if not logical:
            stack.status = status
        stack.events.append(
            {
                "StackId": stack.arn,
                "EventId": f"event-{next(self._ids)}",
                "StackName": stack.name,
                "Timestamp": datetime.now(UTC),
                "LogicalResourceId": logical or stack.name,
                "PhysicalResourceId": (made.physical if made else "") if logical else stack.arn,
                "ResourceStatus": status,
                **({"ResourceStatusReason": reason} if reason or failed else {}),
            }
        )
