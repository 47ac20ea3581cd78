"""The faults that the engine injects, and its journal. Nothing here is installed without a plan.

Where each fault strikes, and what the workflow or a function meets there:

| fault | where | what is met |
| --- | --- | --- |
| lambda-crash | up to 50 ms after a function has its event | Runtime.ExitError |
| lambda-timeout | the same | nothing until its timeout: Sandbox.Timedout |
| event-delay | the rule's delivery to the workflow | the event comes 0 to 2 s later |
| event-duplicate | the same | it comes again, 0 to 1 s later |
| execution-twice | start of an asynchronous Express execution | it runs twice under one id |
| s3-denied, s3-unavailable | GetObject by a function that the workflow called | 403, 503 |
| bus-refuses | PutEvents of a state | EventBridge.FailedEntry |
| queue-refuses | SendMessage of a state | SQS.AmazonSQSException |
| ledger-refuses | UpdateItem of a state | DynamoDB.InternalServerError, nothing is written |
| ledger-forgets | the same | DynamoDB.SdkClientException, but it is written |

EventBridge.FailedEntry is documented (Step Functions' "connect-eventbridge"). SQS's name is the one
that users catch (localstack, moto and public workflows); for DynamoDB both InternalServerError and
InternalServerErrorException are in use. None is a name to rely on: retry States.ALL.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import eventbridge, s3, stepfunctions

from scones_local.engine_events import is_there
from scones_local.faults import Faults
from scones_local.function import Harm
from scones_local.journal import ENGINE_JOURNAL, Journal
from scones_local.segments import current_span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["install"]

Json = dict[str, Any]
ExecutionError = stepfunctions._ExecutionError
SIGNALS = {"lambda-crash": signal.SIGKILL, "lambda-timeout": signal.SIGSTOP}
HARMED_WITHIN_S = 0.05
DELAYED_UP_TO_S = 2.0
REPEATED_WITHIN_S = 1.0
SECOND_WALK_WITHIN_S = 0.2
REFUSALS = {
    ":events:putEvents": ("bus-refuses", "EventBridge.FailedEntry", "InternalFailure"),
    ":sqs:sendMessage": ("queue-refuses", "SQS.AmazonSQSException", "InternalFailure"),
    ":dynamodb:updateItem": (
        "ledger-refuses", "DynamoDB.InternalServerError", "Internal server error"
    ),
}  # fmt: skip
"""By the end of a state's resource: the fault, and the error's name and cause."""
LOST_ANSWER = ("DynamoDB.SdkClientException", "Unable to execute HTTP request: Read timed out")
STORAGE = {
    "s3-denied": ("AccessDenied", "Access Denied", 403),
    "s3-unavailable": ("SlowDown", "Please reduce your request rate.", 503),
}


@dataclass
class Attempt:
    """One attempt of a Task state; `walk` is 2 in the second run of an execution run twice."""

    execution: str
    walk: int
    key: str | None
    version: str | None
    state: str
    attempt: int
    fault: str | None = None


current_task: ContextVar[tuple[Json, Json] | None] = ContextVar("current_task", default=None)
"""The execution's record and the context of the state that is being run."""
current_attempt: ContextVar[Attempt | None] = ContextVar("current_attempt", default=None)
second_walk: ContextVar[Json | None] = ContextVar("second_walk", default=None)
"""The record of an execution that runs a second time, in that second run."""


class ExecutionRecords(AccountRegionScopedDict):  # type: ignore[misc]  # ministack has no types
    """Stands in for `stepfunctions._executions`: a second run finds a record of its own."""

    __slots__ = ()

    def get(self, key: str, default: Json | None = None) -> Json | None:
        """The execution's record, as whoever asks should see it."""
        own = second_walk.get()
        if own is not None and own["executionArn"] == key:
            return own
        found: Json | None = super().get(key, default)
        return found


class FaultInjection:
    """Stands around what the engine has installed already: only the faults' plan is asked first."""

    def __init__(self, faults: Faults, journal: Journal) -> None:
        self._faults = faults
        self._journal = journal
        self._traced: dict[str, Attempt] = {}
        self._invoke_target = eventbridge._invoke_target
        self._run_execution = stepfunctions._run_execution
        self._execute_task = stepfunctions._execute_task
        self._invoke_with_timeout = stepfunctions._invoke_resource_with_timeout
        self._invoke_resource = stepfunctions._invoke_resource
        self._get_object = s3._get_object

    def install(self) -> None:
        """Put this in the places of what it stands around."""
        eventbridge._invoke_target = self.invoke_target
        stepfunctions._run_execution = self.run_execution
        stepfunctions._execute_task = self.execute_task
        stepfunctions._invoke_resource_with_timeout = self.invoke_with_timeout
        stepfunctions._invoke_resource = self.invoke_resource
        s3._get_object = self.get_object
        records = ExecutionRecords()
        records.update(stepfunctions._executions)
        stepfunctions._executions = records

    def invoke_target(self, target: Json, event: Json, rule: Json, view: object = None) -> None:
        """Wrap `eventbridge._invoke_target`: to a workflow, at least once and in any order."""
        if ":states:" not in target["Arn"] or not is_there(target["Arn"]):
            self._invoke_target(target, event, rule, view)
            return
        deliver = partial(self._deliver, target, event, rule, view)
        if fault := self._faults.first(["event-delay"]):
            _later(self._faults.between(0, DELAYED_UP_TO_S), partial(deliver, fault))
        else:
            deliver(None)
        if fault := self._faults.first(["event-duplicate"]):
            _later(self._faults.between(0, REPEATED_WITHIN_S), partial(deliver, fault))

    def _deliver(
        self, target: Json, event: Json, rule: Json, view: object, fault: str | None
    ) -> None:
        self._journal.write(what="event", **_upload(_detail(event["Detail"])), fault=fault)
        self._invoke_target(target, event, rule, view)

    def run_execution(self, arn: str) -> None:
        """Wrap `stepfunctions._run_execution`: an asynchronous Express execution at least once."""
        record = stepfunctions._executions.get(arn)
        if record is None or not self._runs_twice(record):
            self._walk(arn, record, None)
            return
        second = partial(self._walk_again, arn, deepcopy(record))
        at_once = self._faults.between(0, 1) < 0.5  # noqa: PLR2004 - as often as not
        if at_once:
            _later(self._faults.between(0, SECOND_WALK_WITHIN_S), second)
        self._walk(arn, record, None)
        if not at_once:
            second()

    def _runs_twice(self, record: Json) -> bool:
        machine = stepfunctions._state_machines.get(record["stateMachineArn"], {})
        express = machine.get("type") == "EXPRESS" and not record.get("sync")
        return express and self._faults.first(["execution-twice"]) is not None

    def _walk_again(self, arn: str, record: Json) -> None:
        token = second_walk.set(record)
        try:
            self._walk(arn, record, "execution-twice")
        finally:
            second_walk.reset(token)

    def _walk(self, arn: str, record: Json | None, fault: str | None) -> None:
        self._run_execution(arn)
        if record is not None:
            upload = _upload(record["input"])
            ended = {"status": record["status"], "fault": fault}
            self._journal.write(what="run", execution=arn, **upload, **ended)

    def execute_task(
        self, state: Json, raw_input: object, execution: Json, context: Json
    ) -> object:
        """Wrap `stepfunctions._execute_task`: remember whose attempts those in it are."""
        task = current_task.set((execution, context))
        attempt = current_attempt.set(None)
        try:
            return self._execute_task(state, raw_input, execution, context)
        finally:
            current_attempt.reset(attempt)
            current_task.reset(task)

    def invoke_with_timeout(self, resource: str, given: Json, timeout: float) -> object:
        """Wrap `stepfunctions._invoke_resource_with_timeout`: an attempt that may time out."""
        with self._attempt():
            return self._invoke_with_timeout(resource, given, timeout)

    def invoke_resource(self, resource: str, given: Json) -> object:
        """Wrap `stepfunctions._invoke_resource`: an attempt, or the work in one with a timeout."""
        if current_attempt.get() is not None:
            return self._invoke(resource, given)
        with self._attempt():
            return self._invoke(resource, given)

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        """Journal an attempt at its end, with the name of what it failed with."""
        task, span = current_task.get(), current_span.get()
        if task is None or span is None:
            yield
            return
        attempt = _attempt(*task)
        token = current_attempt.set(attempt)
        self._traced[span.trace_id] = attempt
        error = None
        try:
            yield
        except ExecutionError as raised:
            error = raised.error
            raise
        finally:
            current_attempt.reset(token)
            self._traced.pop(span.trace_id, None)
            self._journal.write(what="attempt", **asdict(attempt), error=error)

    def _invoke(self, resource: str, given: Json) -> object:
        for end, (fault, error, cause) in REFUSALS.items():
            if resource.endswith(end) and self._strikes([fault], _queue(given)):
                raise ExecutionError(error, cause)
        result = self._invoke_resource(resource, given)
        if resource.endswith(":dynamodb:updateItem") and self._strikes(["ledger-forgets"]):
            raise ExecutionError(*LOST_ANSWER)
        return result

    def _strikes(self, faults: list[str], place: str = "") -> str | None:
        """The fault that strikes the attempt of this thread, which is marked with it."""
        attempt = current_attempt.get()
        return None if attempt is None else self._mark(attempt, faults, place)

    def _mark(self, attempt: Attempt, faults: list[str], place: str = "") -> str | None:
        fault = self._faults.first(faults, place)
        attempt.fault = attempt.fault or fault
        return fault

    def harm(self, function: str) -> Harm | None:
        """What befalls the function's process in the attempt of this thread."""
        fault = self._strikes(list(SIGNALS), function)
        return Harm(SIGNALS[fault], self._faults.between(0, HARMED_WITHIN_S)) if fault else None

    def get_object(self, bucket: str, key: str, headers: Json, query: Json | None = None) -> object:
        """Wrap `s3._get_object`: refuse a function that the workflow has called."""
        attempt = self._traced.get(_root(headers.get("x-amzn-trace-id", "")))
        if attempt is not None and (fault := self._mark(attempt, list(STORAGE))):
            return s3._error(*STORAGE[fault], f"/{bucket}/{key}")
        return self._get_object(bucket, key, headers, query)


def install(folder: Path) -> Callable[[str], Harm | None]:
    """Inject the faults of a folder's plan; gives what befalls a function's process."""
    injection = FaultInjection(Faults(folder), Journal(folder / ENGINE_JOURNAL))
    injection.install()
    return injection.harm


def _later(seconds: float, action: Callable[[], None]) -> None:
    """Act in a thread of its own, in the region and the account of this one."""

    def act() -> None:
        time.sleep(seconds)
        action()

    threading.Thread(target=copy_context().run, args=(act,), daemon=True).start()


def _attempt(execution: Json, context: Json) -> Attempt:
    state = context["State"]
    return Attempt(
        execution=execution["executionArn"],
        walk=1 if second_walk.get() is None else 2,
        **_upload(execution["input"]),
        state=state["Name"],
        attempt=state["RetryCount"],
    )


def _upload(text: str) -> dict[str, str | None]:
    """Key and version (else ETag) of the upload that an execution's input names."""
    given = _object(_json(text))
    created = _object(_object(given.get("detail")).get("object"))
    version = created.get("version-id")
    if version in {None, "null"}:
        version = created.get("etag")
    return {"key": created.get("key", given.get("s3_key")), "version": version}


def _detail(text: str) -> str:
    return f'{{"detail": {text}}}'


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _queue(given: Json) -> str:
    """The name of the queue that a message is sent to; nothing for other calls."""
    return str(given.get("QueueUrl", "")).rpartition("/")[2]


def _root(header: str) -> str:
    """The trace's id in a tracing header."""
    parts = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    return parts.get("Root", "")
