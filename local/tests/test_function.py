"""A function's processes, met by runtimes that die, hang and come to harm."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from scones_local.function import Function, FunctionSettings, Harm

if TYPE_CHECKING:
    from pathlib import Path

    from local.tests.conftest import Eventually

DIES = """#!{python}
import os, socket
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
api = socket.create_connection((host, int(port)))
path = "/2018-06-01/runtime/invocation"
api.sendall(f"GET {{path}}/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode())
api.recv(65536)
head = f"POST {{path}}/x/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 100\\r\\n\\r\\n"
api.sendall(head.encode() + b'{{"half":')
os._exit(9)
"""


POLLS = """#!{python}
import http.client, json, os, signal, sys, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
path = "/2018-06-01/runtime/invocation"
while True:
    api.request("GET", path + "/next")
    answer = api.getresponse()
    given = json.loads(answer.read())
    if given == "hang":
        time.sleep(60)
    if given == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    api.request("POST", path + "/x/response", json.dumps(os.getpid()))
    api.getresponse().read()
"""
"""What awslambdaric does: fetch, answer the process's id, fetch again."""
PATIENCE_S = 20.0


def function(folder: Path, runtime: str, timeout_s: float = PATIENCE_S) -> Function:
    """A function of one process at a time, whose runtime this is."""
    python = folder / "python"
    python.write_text(runtime.format(python=sys.executable))
    python.chmod(stat.S_IRWXU)
    return Function(
        FunctionSettings(
            name="any", version="1", handler="any.handler", code=folder, python=str(python),
            environment={},
            timeout_s=timeout_s, memory_mb=128, concurrency=1, log=folder / "log",
        )
    )  # fmt: skip


def said(called: Function, event: object = None, harm: Harm | None = None) -> str:
    """The error's type and message, or the answer."""
    outcome = called.invoke(event, "arn", None, harm)
    body = json.loads(outcome.body)
    return f"{body['errorType']}: {body['errorMessage']}" if outcome.failed else str(body)


def test_an_answer_cut_short_is_a_crash_not_an_answer(tmp_path: Path) -> None:
    assert said(function(tmp_path, DIES)).endswith("exit status 9")


def test_a_process_that_died_while_idle_is_replaced(tmp_path: Path) -> None:
    called = function(tmp_path, POLLS)
    first = said(called)
    os.kill(int(first), signal.SIGKILL)
    answers = [said(called) for _ in range(3)]
    # Whoever comes before the death is noticed is told at once, not after the timeout.
    told = [answer for answer in answers if not answer.isdecimal()]
    assert told in ([], ["Runtime.ExitError: Runtime exited with error: signal: killed"])
    assert first not in answers
    assert len(set(answers[1:])) == 1
    called.stop()


def test_a_process_killed_at_work_is_a_crash_and_not_waited_for(tmp_path: Path) -> None:
    called = function(tmp_path, POLLS)
    pid = int(said(called))
    threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    assert said(called, "hang") == "Runtime.ExitError: Runtime exited with error: signal: killed"
    assert int(said(called)) != pid
    called.stop()


def test_a_stopped_process_is_ended_when_its_time_is_over(tmp_path: Path) -> None:
    called = function(tmp_path, POLLS, timeout_s=0.5)
    pid = int(said(called))
    assert said(called, "stop").endswith("Task timed out after 0.50 seconds")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert int(said(called)) != pid
    called.stop()


@pytest.mark.parametrize("after_s", [0.0, 0.05])
def test_the_answer_of_a_harmed_process_is_lost_however_fast_it_is(
    tmp_path: Path, after_s: float
) -> None:
    called = function(tmp_path, POLLS)
    for _ in range(5):
        pid = int(said(called))
        crash = said(called, harm=Harm(signal.SIGKILL, after_s))
        assert crash == "Runtime.ExitError: Runtime exited with error: signal: killed"
        assert int(said(called)) != pid
    called.stop()


def test_a_harmed_process_makes_nobody_wait(tmp_path: Path, eventually: Eventually) -> None:
    called = function(tmp_path, POLLS)
    pid = int(said(called))
    harmed: list[str] = []
    harm = Harm(signal.SIGSTOP, 0.0)
    thread = threading.Thread(target=lambda: harmed.append(said(called, harm=harm)))
    thread.start()
    eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    assert int(said(called)) != pid
    os.kill(pid, signal.SIGKILL)
    thread.join(PATIENCE_S)
    assert harmed == ["Runtime.ExitError: Runtime exited with error: signal: killed"]
    called.stop()


def test_a_process_that_cannot_start_is_a_fault_that_passes(tmp_path: Path) -> None:
    called = function(tmp_path, POLLS)
    (tmp_path / "python").rename(tmp_path / "elsewhere")
    assert said(called).startswith("Lambda.ServiceException: no process started")
    (tmp_path / "elsewhere").rename(tmp_path / "python")
    assert said(called).isdecimal()
    called.stop()


def test_a_retired_function_leaves_no_process_behind(tmp_path: Path) -> None:
    called = function(tmp_path, POLLS)
    pid = int(said(called))
    called.retire()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    late = int(said(called))
    with pytest.raises(ProcessLookupError):
        os.kill(late, 0)
