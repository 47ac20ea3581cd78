"""What CloudFormation tells of its work on a stack, told on as it comes."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones_model.aws.account import client
from scones_model.aws.stack import PAUSE, Stack, read_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

__all__ = ["Event", "failures", "follow", "latest_operation", "told_so_far"]

_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
_BEFORE_ITS_DELETION = "CREATE_FAILED"
"""Change sets here say that a stack which cannot be created is to be deleted."""
_CONSEQUENCE = "cancelled"
"""In the reasons of resources that failed only because another one did."""


@dataclass(frozen=True)
class Event:
    """One step of one resource; `whole` when it is the stack's own."""

    id: str
    when: datetime
    resource: str
    status: str
    reason: str
    whole: bool

    def __str__(self) -> str:
        """A line for people, in UTC."""
        return f"{self.when:%H:%M:%S} {self.resource} {self.status} {self.reason}".rstrip()


def told_so_far(arn: str) -> set[str]:
    """The newest event's id, if there is one: what `follow` has not to tell again."""
    return {event.id for event in itertools.islice(_newest_first(arn), 1)}


def follow(
    arn: str, told: set[str], tell: Callable[[str], None], also: Callable[[], str]
) -> tuple[Stack, list[Event]]:
    """Tell events until CloudFormation is done with the stack.

    Args:
        arn: The stack's, as a name says nothing once the stack is deleted.
        told: From `told_so_far`, before CloudFormation was asked for something; empty to join
            work under way, which is told from its beginning.
        tell: Gets each line.
        also: What else there is to say now; told when it changes and is not empty.

    Returns:
        The stack, and the events that were told, the oldest first.
    """
    known = told or {event.id for event in _before_latest_operation(arn)}
    events: list[Event] = []
    last = ""
    while True:
        # In this order: an event between the two is told in the next round.
        stack = read_stack(arn)
        fresh = list(itertools.takewhile(lambda event: event.id not in known, _newest_first(arn)))
        for event in reversed(fresh):
            tell(str(event))
            events.append(event)
            known.add(event.id)
        # Just after it was asked, the stack can still be told as it was before.
        ended = [event.status for event in events if event.whole][-1:]
        if not stack.busy and ended == [stack.status] and stack.status != _BEFORE_ITS_DELETION:
            return stack, events
        said = also()
        if said and said != last:
            tell(said)
        last = said
        time.sleep(PAUSE)


def latest_operation(arn: str) -> list[Event]:
    """Events of what was last done to the stack, or is being done, the oldest first."""
    events: list[Event] = []
    for event in _newest_first(arn):
        events.insert(0, event)
        if event.whole and event.status in _BEGINNINGS:
            break
    return events


def failures(events: Sequence[Event]) -> list[Event]:
    """Those that failed by themselves, the first one first."""
    return [
        event
        for event in events
        if event.status.endswith("_FAILED")
        and not event.whole
        and _CONSEQUENCE not in event.reason.lower()
    ]


def _before_latest_operation(arn: str) -> Iterator[Event]:
    present = len(latest_operation(arn))
    return itertools.islice(_newest_first(arn), present, present + 1)


def _newest_first(arn: str) -> Iterator[Event]:
    pages = client("cloudformation").get_paginator("describe_stack_events")
    for page in pages.paginate(StackName=arn):
        yield from map(_event, page["StackEvents"])


def _event(told: StackEventTypeDef) -> Event:
    return Event(
        id=told["EventId"],
        when=told["Timestamp"],
        resource=told.get("LogicalResourceId", ""),
        status=told.get("ResourceStatus", ""),
        reason=told.get("ResourceStatusReason", ""),
        whole=told.get("PhysicalResourceId") == told["StackId"],
    )
