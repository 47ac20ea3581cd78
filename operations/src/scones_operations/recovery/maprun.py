"""One run of the backfill's state machine: started or joined, followed, resumed."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from scones_operations.account import CannotBeDone, client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Run", "execution_arn", "find_run", "follow", "resume", "start", "unfinished"]

PAUSE_S = 5.0
"""Between two looks at a run; at first they are shorter."""
_UNFINISHED: Any = ("FAILED", "TIMED_OUT", "ABORTED")


@dataclass(frozen=True)
class Run:
    """A run as Step Functions describes it.

    Attributes:
        arn: The execution's.
        status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE.
        cause: Why it failed, error's name first; empty where it did not.
        results: `s3://` address of the list of files that hold each object's outcome, if any.
        map_run: ARN of its Map Run; empty while the objects are not yet being listed.
        counts: Objects by state: total, pending, running, succeeded, failed, timedOut, aborted.
    """

    arn: str
    status: str
    cause: str = ""
    results: str = ""
    map_run: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def going_on(self) -> bool:
        """Whether it will still change by itself."""
        return self.status in {"RUNNING", "PENDING_REDRIVE"}


def execution_arn(machine: str, name: str) -> str:
    """ARN of the execution of that name; of a Standard state machine, names are unique."""
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def find_run(arn: str) -> Run | None:
    """The run as it is now; None when there is none."""
    states = client("stepfunctions")
    try:
        told = states.describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return None
        raise
    cause = ": ".join(filter(None, (told.get("error"), told.get("cause"))))
    runs = states.list_map_runs(executionArn=arn)["mapRuns"]
    if not runs:
        return Run(arn, told["status"], cause)
    map_run = runs[0]["mapRunArn"]
    counts: Any = states.describe_map_run(mapRunArn=map_run)["itemCounts"]
    return Run(arn, told["status"], cause, _results(told.get("output")), map_run, counts)


def start(machine: str, name: str, asked: Mapping[str, object]) -> None:
    """Start a run; nothing happens where one of that name is running, or was within 90 days."""
    try:
        client("stepfunctions").start_execution(
            stateMachineArn=machine, name=name, input=json.dumps(asked)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise


def resume(arn: str) -> None:
    """Have a run that did not succeed do what it has not done.

    Raises:
        CannotBeDone: It is going on, has succeeded, or ended more than 14 days ago.
    """
    states = client("stepfunctions")
    before = states.describe_execution(executionArn=arn).get("redriveCount", 0)
    try:
        states.redrive_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionNotRedrivable":
            raise
        told = error.response["Error"]["Message"]
        raise CannotBeDone(f"{arn} cannot be resumed: {told}") from error
    # What DescribeExecution says may be old: it must not be taken for the end of what begins here.
    while states.describe_execution(executionArn=arn).get("redriveCount", 0) == before:
        time.sleep(PAUSE_S)


def follow(arn: str, show: Callable[[Run], None]) -> Run:
    """Wait until a run is over; `show` gets it at every look."""
    pause = 0.2
    while (run := find_run(arn)) is None or run.going_on:
        # What was started a moment ago may not be there yet: DescribeExecution is eventually right.
        if run is not None:
            show(run)
        time.sleep(pause)
        pause = min(pause * 1.5, PAUSE_S)
    show(run)
    return run


def unfinished(run: Run, at_most: int) -> Iterator[tuple[str, str]]:
    """Objects whose child execution failed, timed out or was stopped: key and why.

    DescribeExecution and ListExecutions know Express executions only where a Map Run started them.
    """
    for status in _UNFINISHED if run.map_run else ():
        pages = client("stepfunctions").get_paginator("list_executions")
        listed = pages.paginate(mapRunArn=run.map_run, statusFilter=status)
        children = itertools.chain.from_iterable(page["executions"] for page in listed)
        for child in itertools.islice(children, at_most):
            told = client("stepfunctions").describe_execution(executionArn=child["executionArn"])
            why = ": ".join(filter(None, (status, told.get("error"), told.get("cause"))))
            # The API may leave the input out; then the execution's ARN has to do.
            yield json.loads(told.get("input", "{}")).get("s3_key", child["executionArn"]), why


def _results(output: str | None) -> str:
    told = json.loads(output or "null")
    if not isinstance(told, dict):
        return ""
    where = told["ResultWriterDetails"]
    return f"s3://{where['Bucket']}/{where['Key']}"
