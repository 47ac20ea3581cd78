"""The local AWS engine: ministack, with real Lambda handlers and one joined trace an execution.

Runs in ministack's own environment: `python -m scones_local.engine SETTINGS.json`. ministack lets
nothing in from outside, so a few of its functions are replaced, each for a reason given beside
it. `tests_flow/test_engine.py` shows each of them at work and fails when an upgrade breaks one.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time
from collections import deque
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.services import eventbridge, lambda_svc, s3, sqs, stepfunctions

from scones_local.function import Function, FunctionSettings, Outcome
from scones_local.segments import SpanContext, send_segment

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]
EXECUTIONS_KEPT = 1000
"""ministack keeps every finished execution for ever; the engine keeps the newest ones."""
EXECUTIONS_AT_ONCE = 16
"""More only take the interpreter from one another: bursts drain a fifth slower with 64."""

current_span: ContextVar[SpanContext | None] = ContextVar("current_span", default=None)
current_version: ContextVar[str | None] = ContextVar("current_version", default=None)


class NoEnvironment(LookupError):
    """A function's handler is in a package that nothing here can run."""


class Functions:
    """Runs every Python function of the engine in the environment that holds its package."""

    def __init__(self, settings: Json) -> None:
        self._pythons: Mapping[str, str] = settings["functions"]
        self._environment: Mapping[str, str] = settings["environment"]
        self._concurrency: int = settings["concurrency"]
        self._logs = Path(settings["logs"])
        self._running: dict[str, Function] = {}
        self._lock = threading.Lock()

    def execute(self, _record: Json, config: Json, event: object, *_: object) -> Json:
        """Stand in for `lambda_svc._execute_function_dispatch`.

        ministack reports every exception as Runtime.HandlerError, so that Retry and Catch by name
        cannot work, starts processes without bound, and gives each function a trace of its own.
        """
        try:
            function = self._function(config)
        except NoEnvironment as error:
            outcome = Outcome.fault("Runtime.InvalidEntrypoint", str(error))
        else:
            outcome = function.invoke(event, config["FunctionArn"], current_span.get())
        return {"body": json.loads(outcome.body), **({"error": True} if outcome.failed else {})}

    def provision(self, name: str, qualifier: str, request: Json) -> object:
        """Stand in for `_put_provisioned_concurrency`: really start the processes."""
        _, config, _ = lambda_svc._get_func_record_for_ref(f"{name}:{qualifier}")
        if config:
            self._function(config).warm_up()
        return put_provisioned_concurrency(name, qualifier, request)

    def stop(self) -> None:
        """End every process of every function."""
        for function in self._running.values():
            function.stop()

    def _function(self, config: Json) -> Function:
        settings = self._settings(config)
        version = f"{settings.name}:{config['Version']}"  # each has its own processes, as on AWS
        with self._lock:
            running = self._running.get(version)
            if running and running.settings != settings:
                running.retire()
                running = None
            if not running:
                running = self._running[version] = Function(settings)
            return running

    def _settings(self, config: Json) -> FunctionSettings:
        package = config["Handler"].split(".")[0]
        if package not in self._pythons:
            raise NoEnvironment(f"No environment holds {package}: add it to noxfile.py's SERVICES")
        variables = (config.get("Environment") or {}).get("Variables", {})
        return FunctionSettings(
            name=config["FunctionName"],
            handler=config["Handler"],
            python=self._pythons[package],
            environment={**self._environment, **variables},
            timeout_s=float(config["Timeout"]),
            memory_mb=int(config["MemorySize"]),
            concurrency=self._concurrency,
            log=self._logs / f"{config['FunctionName']}.log",
        )


class _WorkflowClock:
    """The `time` module as Step Functions sees it, without ministack's fixed wait before a start.

    AWS starts an Express execution at once; the wait alone would be most of an event's latency.
    While an execution waits for a retry, another one may run.
    """

    START_DELAY_S = 0.15

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        """Sleep, unless it is the wait before a start."""
        if seconds == self.START_DELAY_S:
            return
        running.release()
        try:
            time.sleep(seconds)
        finally:
            running.acquire()


running = threading.BoundedSemaphore(EXECUTIONS_AT_ONCE)
finished: deque[str] = deque()


def run_execution(execution_arn: str) -> None:
    """Wrap `stepfunctions._run_execution`: a bounded number at a time, whose oldest are forgotten.

    AWS gives a burst more Lambda functions; here it would wait for the few there are inside a
    state, and run into the state's timeout. So executions wait before their first state.
    """
    with running:
        run_traced(execution_arn)
    finished.append(execution_arn)
    if len(finished) > EXECUTIONS_KEPT:
        stepfunctions._executions.pop(finished.popleft(), None)


def run_traced(execution_arn: str) -> None:
    """Run an execution as the root of one trace."""
    span = SpanContext.root()
    current_span.set(span)
    started = time.time()
    original_run_execution(execution_arn)
    execution = stepfunctions._executions.get(execution_arn, {})
    document = span.document(execution_arn.split(":")[6], started, time.time())
    document["origin"] = "AWS::StepFunctions::StateMachine"
    document["fault"] = execution.get("status") == "FAILED"
    document["aws"] = {"execution_arn": execution_arn}
    send_segment(document)


def execute_task(state: Json, raw_input: object, execution: Json, context: Json) -> object:
    """Wrap `stepfunctions._execute_task`: a state is a span, parent of the function it calls."""
    workflow = current_span.get()
    span = SpanContext.child_of(workflow) if workflow else SpanContext.root()
    token = current_span.set(span)
    started = time.time()
    fault = True
    try:
        result = original_execute_task(state, raw_input, execution, context)
        fault = result[1] in {catcher["Next"] for catcher in state.get("Catch", [])}
    finally:
        current_span.reset(token)
        document = span.document(context["State"]["Name"], started, time.time())
        send_segment({**document, "type": "subsegment", "fault": fault})
    return result


def fire_s3_event(*arguments: Any, version_id: str | None = None, **named: Any) -> None:  # noqa: ANN401
    """Wrap `s3._fire_s3_event`: ministack knows the version and leaves it out of the event."""
    token = current_version.set(version_id)
    try:
        original_fire_s3_event(*arguments, version_id=version_id, **named)
    finally:
        current_version.reset(token)


def dispatch_event(event: Json, view: object = None) -> None:
    """Wrap `eventbridge._dispatch_event`: name the object's version, as S3's events do."""
    version = current_version.get()
    if version and event["Source"] == "aws.s3":
        detail = json.loads(event["Detail"])
        detail["object"]["version-id"] = version
        event = {**event, "Detail": json.dumps(detail)}
    original_dispatch_event(event, view)


def is_there(arn: str) -> bool:
    """Whether a rule's target exists; of kinds that no rule of ours has, ministack judges."""
    if ":states:" in arn:
        return stepfunctions._resolve_state_machine_arn(arn) is not None
    return ":sqs:" not in arn or sqs._queue_by_arn(arn) is not None


def invoke_target(target: Json, event: Json, rule: Json, view: Any = None) -> None:  # noqa: ANN401
    """Wrap `eventbridge._invoke_target`: a target that is gone sends the event to its queue.

    ministack logs such an event and drops it; AWS retries, then uses the target's dead-letter
    queue, with these attributes on the message.
    """
    queue_arn = target.get("DeadLetterConfig", {}).get("Arn")
    if not queue_arn or is_there(target["Arn"]):
        original_invoke_target(target, event, rule, view)
        return
    attributes = {
        "ERROR_CODE": "RESOURCE_NOT_FOUND",
        "ERROR_MESSAGE": "The target does not exist.",
        "RULE_ARN": rule["Arn"],
        "TARGET_ARN": target["Arn"],
    }
    view = view or eventbridge._pattern_event_view(event)
    message = {
        "MessageBody": json.dumps(view.event_with_detail()),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }
    sqs._act_send_message(message, sqs._queue_by_arn(queue_arn)["url"])


put_provisioned_concurrency = lambda_svc._put_provisioned_concurrency
original_run_execution = stepfunctions._run_execution
original_execute_task = stepfunctions._execute_task
original_fire_s3_event = s3._fire_s3_event
original_dispatch_event = eventbridge._dispatch_event
original_invoke_target = eventbridge._invoke_target


def install(functions: Functions) -> None:
    """Put the replacements in ministack's modules."""
    lambda_svc._execute_function_dispatch = functions.execute
    lambda_svc._put_provisioned_concurrency = functions.provision
    stepfunctions.time = _WorkflowClock()
    stepfunctions._run_execution = run_execution
    stepfunctions._execute_task = execute_task
    s3._fire_s3_event = fire_s3_event
    eventbridge._dispatch_event = dispatch_event
    eventbridge._invoke_target = invoke_target


def exit_with_parent(functions: Functions) -> None:
    """End this process when whoever started it is gone, however that came about."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    functions.stop()
    os._exit(0)


def run(settings_path: str) -> None:
    """Serve until the parent closes our standard input, or a signal ends us."""
    functions = Functions(json.loads(Path(settings_path).read_text()))
    install(functions)
    atexit.register(functions.stop)
    threading.Thread(target=exit_with_parent, args=(functions,), daemon=True).start()
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    run(sys.argv[1])
