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
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.services import lambda_svc, stepfunctions

from scones_local import (
    engine_events,
    engine_expressions,
    engine_faults,
    engine_server,
    engine_stores,
)
from scones_local.functions import Functions, NotRunnable
from scones_local.runtimeapi import Outcome
from scones_local.segments import SpanContext, current_span, send_segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from scones_local.function import Harm

Json = dict[str, Any]
SAM = "samtranslator.translator.transform"
"""ministack would import it for the first template, which takes over a second: here others start
meanwhile."""
EXECUTIONS_KEPT = 1000
"""ministack keeps every finished execution for ever; the engine keeps the newest ones."""
EXECUTIONS_AT_ONCE = 16
"""More only take the interpreter from one another: bursts drain a fifth slower with 64."""

current_reference: ContextVar[str | None] = ContextVar("current_reference", default=None)


class LambdaService:
    """Stands in for ministack's execution of functions."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self.harm: Callable[[str], Harm | None] = unharmed

    def execute(self, record: Json, config: Json, event: object, *_: object) -> Json:
        """Stand in for `lambda_svc._execute_function_dispatch`.

        ministack reports every exception as Runtime.HandlerError, so that Retry and Catch by name
        cannot work, starts processes without bound, and gives each function a trace of its own.
        """
        try:
            function = self._functions.find(record["code_zip"], config)
        except NotRunnable as error:
            outcome = Outcome.fault("Runtime.InvalidEntrypoint", str(error))
        else:
            arn = current_reference.get() or config["FunctionArn"]
            harm = self.harm(config["FunctionName"])
            outcome = function.invoke(event, arn, current_span.get(), harm)
        return {"body": json.loads(outcome.body), **({"error": True} if outcome.failed else {})}

    def provision(self, name: str, qualifier: str, request: Json) -> object:
        """Stand in for `_put_provisioned_concurrency`: really start the processes."""
        self._warm_up(f"{name}:{qualifier}")
        return original_put_provisioned_concurrency(name, qualifier, request)

    def update_alias(self, name: str, alias: str, request: Json) -> object:
        """Wrap `_update_alias`: warm processes go along, those of the version it left end.

        A version with an alias of its own keeps its processes; any other starts new ones when it
        is invoked.
        """
        answer = original_update_alias(name, alias, request)
        record = lambda_svc._functions.get(name, {})
        if alias in record.get("provisioned_concurrency", {}):
            self._warm_up(f"{name}:{alias}")
        self.end_unused()
        return answer

    def end_unused(self) -> None:
        """Stand in for `_sweep_extract_cache`, called when a function has changed or is gone."""
        self._functions.end_unless(is_in_use)

    def _warm_up(self, reference: str) -> None:
        record, config, _ = lambda_svc._get_func_record_for_ref(reference)
        if record and config:
            self._functions.find(record["code_zip"], config).warm_up()


def unharmed(_function: str) -> None:
    """What befalls a function's process while no faults are injected."""


def is_in_use(name: str, version: str) -> bool:
    """Whether a version of a function is its newest code or has an alias."""
    record = lambda_svc._functions.get(name)
    if record is None:
        return False
    aliased = {alias["FunctionVersion"] for alias in record["aliases"].values()}
    return version in {"$LATEST", *aliased}


def call_lambda(reference: str, event: object) -> object:
    """Wrap `stepfunctions._call_lambda`: ministack forgets the alias that the workflow named."""
    token = current_reference.set(reference if reference.startswith("arn:") else None)
    try:
        return original_call_lambda(reference, event)
    finally:
        current_reference.reset(token)


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
        if not getattr(held, "here", False):  # a Distributed Map's child: only its parent holds one
            time.sleep(seconds)
            return
        running.release()
        try:
            time.sleep(seconds)
        finally:
            running.acquire()


running = threading.BoundedSemaphore(EXECUTIONS_AT_ONCE)
held = threading.local()
"""`held.here`: this thread holds one of `running`."""
finished: deque[str] = deque()


def run_execution(execution_arn: str) -> None:
    """Wrap `stepfunctions._run_execution`: a bounded number at a time, whose oldest are forgotten.

    AWS gives a burst more Lambda functions; here it would wait for the few there are inside a
    state, and run into the state's timeout. So executions wait before their first state.
    """
    with running:
        held.here = True
        try:
            run_traced(execution_arn)
        finally:
            held.here = False
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


original_put_provisioned_concurrency = lambda_svc._put_provisioned_concurrency
original_update_alias = lambda_svc._update_alias
original_call_lambda = stepfunctions._call_lambda
original_run_execution = stepfunctions._run_execution
original_execute_task = stepfunctions._execute_task


def install(functions: Functions, faults: str | None = None) -> None:
    """Put the replacements in ministack's modules; those that inject faults around the others."""
    service = LambdaService(functions)
    lambda_svc._execute_function_dispatch = service.execute
    lambda_svc._put_provisioned_concurrency = service.provision
    lambda_svc._update_alias = service.update_alias
    lambda_svc._sweep_extract_cache = service.end_unused
    stepfunctions._call_lambda = call_lambda
    stepfunctions.time = _WorkflowClock()
    stepfunctions._run_execution = run_execution
    stepfunctions._execute_task = execute_task
    engine_events.install()
    engine_stores.install()
    engine_expressions.install()
    engine_server.install()
    if faults:
        service.harm = engine_faults.install(Path(faults))


def exit_with_parent(functions: Functions) -> None:
    """End this process when whoever started it is gone, however that came about."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    functions.stop()
    os._exit(0)


def run(settings_path: str) -> None:
    """Serve until the parent closes our standard input, or a signal ends us."""
    settings = json.loads(Path(settings_path).read_text())
    functions = Functions(settings)
    install(functions, settings.get("faults"))
    atexit.register(functions.stop)
    threading.Thread(target=exit_with_parent, args=(functions,), daemon=True).start()
    import_module(SAM)
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    run(sys.argv[1])
