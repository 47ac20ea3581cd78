"""The Lambda Runtime API, met by a runtime that dies in the middle of its answer."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

from scones_local.function import Function, FunctionSettings

if TYPE_CHECKING:
    from pathlib import Path

RUNTIME = """#!{python}
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


def test_an_answer_cut_short_is_a_crash_not_an_answer(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(RUNTIME.format(python=sys.executable))
    python.chmod(stat.S_IRWXU)
    settings = FunctionSettings(
        name="dies", version="1", handler="any.handler", code=tmp_path, python=str(python),
        environment={},
        timeout_s=20, memory_mb=128, concurrency=1, log=tmp_path / "log",
    )  # fmt: skip
    outcome = Function(settings).invoke({}, "arn", None)
    assert outcome.failed
    assert b"exit status 9" in outcome.body
