"""Run a Lambda handler on this machine as AWS does: awslambdaric against a Lambda Runtime API.

One `Function` keeps a few execution environments, each a process of awslambdaric (the runtime
client in AWS's own images) and the small HTTP server that it polls for invocations.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, TYPE_CHECKING

from scones_local.runtimeapi import Invocation, Outcome, RuntimeServer
from scones_local.segments import SpanContext, send_segment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Function", "FunctionSettings", "Harm"]

COLD_START_S = 10.0
"""Lambda gives a runtime 10 s to initialise before the function's own timeout runs."""
ENVIRONMENT_FROM_HOST = ("PATH", "LANG", "HOME", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class FunctionSettings:
    """What CloudFormation said of one version of a function, and where to run it.

    Attributes:
        name: The function's name.
        version: `$LATEST`, or the number of a published one.
        handler: `package.module.function`.
        code: The unpacked zip: the process's folder, whose modules come before all others.
        python: Interpreter that runs it, and has what the zip does not bring.
        environment: Variables for the process: the function's own and the machine's endpoints.
        timeout_s: Seconds an invocation may take.
        memory_mb: Told to the handler; not enforced here.
        concurrency: Execution environments kept at most; further invocations wait.
        log: File that takes what the processes print.
    """

    name: str
    version: str
    handler: str
    code: Path
    python: str
    environment: Mapping[str, str]
    timeout_s: float
    memory_mb: int
    concurrency: int
    log: Path


@dataclass(frozen=True)
class Harm:
    """What befalls the process that handles an invocation, for whoever injects faults.

    Attributes:
        signal: SIGKILL for a crash, SIGSTOP so that the function's timeout passes.
        after_s: Seconds between the process's having the event and the signal. Whatever the
            process has done by then, its answer is lost.
    """

    signal: signal.Signals
    after_s: float


class ExecutionEnvironment:
    """One process of one function; takes one invocation at a time."""

    def __init__(self, settings: FunctionSettings) -> None:
        self._server = RuntimeServer()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        log: IO[bytes]
        with settings.log.open("ab") as log:
            self._process = subprocess.Popen(
                [settings.python, "-m", "awslambdaric", settings.handler],
                cwd=settings.code,
                env=self._variables(settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        threading.Thread(target=self._watch, daemon=True).start()

    def _variables(self, settings: FunctionSettings) -> dict[str, str]:
        host = {name: os.environ[name] for name in ENVIRONMENT_FROM_HOST if name in os.environ}
        port = self._server.server_address[1]
        reserved = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": settings.name,
            "AWS_LAMBDA_FUNCTION_VERSION": settings.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory_mb),
            "LAMBDA_TASK_ROOT": str(settings.code),
            "_HANDLER": settings.handler,
            "PYTHONUNBUFFERED": "1",
            "TZ": ":UTC",
        }
        return {**host, **settings.environment, **reserved}

    def _watch(self) -> None:
        """Report the process's end to whoever waits for an answer; then close its server."""
        status = self._process.wait()
        how = f"signal: {signal.strsignal(-status)}" if status < 0 else f"exit status {status}"
        message = f"Runtime exited with error: {how.lower()}"
        self._server.put(Outcome.fault("Runtime.ExitError", message))
        self._server.inbox.put(None)
        self._server.shutdown()
        self._server.server_close()

    @property
    def alive(self) -> bool:
        """Whether the process can take another invocation."""
        return self._process.poll() is None

    def invoke(self, invocation: Invocation, timeout_s: float, harm: Harm | None = None) -> Outcome:
        """Run the handler once; a process that exceeds the timeout is ended, as on AWS."""
        self.wait_until_initialised()
        if harm:
            invocation = replace(invocation, interrupt=partial(self._suffer, harm))
        self._server.inbox.put(invocation)
        try:
            return self._server.outbox.get(timeout=timeout_s)
        except queue.Empty:
            self.stop()
            message = f"{invocation.request_id} Task timed out after {timeout_s:.2f} seconds"
            return Outcome.fault("Sandbox.Timedout", message)

    def wait_until_initialised(self) -> None:
        """Wait for the handler's import, which does not count towards the timeout."""
        self._server.initialised.wait(COLD_START_S)

    def _suffer(self, harm: Harm) -> None:
        time.sleep(harm.after_s)
        self._process.send_signal(harm.signal)

    def stop(self) -> None:
        """End the process, even if it is stopped."""
        self._process.kill()
        self._process.wait()


class Function:
    """A function's execution environments: warm ones are used again, at most `concurrency`."""

    def __init__(self, settings: FunctionSettings) -> None:
        self.settings = settings
        self._slots = threading.BoundedSemaphore(settings.concurrency)
        self._idle: queue.LifoQueue[ExecutionEnvironment] = queue.LifoQueue()
        self._all: list[ExecutionEnvironment] = []
        self._lock = threading.Lock()
        self._retired = False

    def warm_up(self) -> None:
        """Start every execution environment, so that the first events meet no cold start."""
        missing = self.settings.concurrency - self._idle.qsize()
        started = [self._start() for _ in range(missing)]
        for environment in started:
            environment.wait_until_initialised()
            self._idle.put(environment)

    def invoke(
        self, payload: object, arn: str, trace: SpanContext | None, harm: Harm | None = None
    ) -> Outcome:
        """Run the handler on a JSON value; waits while every environment is busy.

        Args:
            payload: The event.
            arn: What the caller named: the function, a version or an alias.
            trace: The caller's place in its trace; None begins a trace.
            harm: What befalls the process. Nobody waits for it: AWS would give others their own.
        """
        span = SpanContext.child_of(trace) if trace else SpanContext.root()
        with nullcontext() if harm else self._slots:
            started = time.time()
            outcome = self._run(json.dumps(payload).encode(), arn, span, harm)
        self._trace(span, arn, started, outcome)
        return outcome

    def _run(self, payload: bytes, arn: str, span: SpanContext, harm: Harm | None) -> Outcome:
        try:
            environment = self._take()
        except OSError as error:  # no process, no port: the machine's fault, which passes
            return Outcome.fault("Lambda.ServiceException", f"no process started: {error}")
        deadline = time.time() + self.settings.timeout_s
        invocation = Invocation(payload, arn, span.header, deadline)
        outcome = environment.invoke(invocation, self.settings.timeout_s, harm)
        self._give_back(environment)
        return outcome

    def _take(self) -> ExecutionEnvironment:
        with suppress(queue.Empty):
            while True:
                environment = self._idle.get_nowait()
                if environment.alive:
                    return environment
        return self._start()

    def _start(self) -> ExecutionEnvironment:
        environment = ExecutionEnvironment(self.settings)
        with self._lock:
            self._all = [*(other for other in self._all if other.alive), environment]
        return environment

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        if environment.alive:
            self._idle.put(environment)
        if self._retired:
            self._end_idle()

    def retire(self) -> None:
        """End every process once it is idle: its settings are no longer the function's."""
        self._retired = True
        self._end_idle()

    def _end_idle(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().stop()

    def stop(self) -> None:
        """End every process, busy or idle."""
        for environment in self._all:
            environment.stop()

    def _trace(self, span: SpanContext, arn: str, started: float, outcome: Outcome) -> None:
        document = span.document(self.settings.name, started, time.time())
        document["origin"] = "AWS::Lambda::Function"
        document["resource_arn"] = arn
        document["fault"] = outcome.failed
        send_segment(document)
