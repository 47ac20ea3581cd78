"""A bare engine with one probing function, nothing of ours deployed, and what tests ask of it."""

from __future__ import annotations

import io
import json
import subprocess
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config

from scones_local.aws import clean_environment
from scones_local.program import free_port

ROOT = Path(__file__).parents[2]
REGION = "eu-central-2"
ROLE = "arn:aws:iam::000000000000:role/probe"
CONCURRENCY = 2
PROBE = ROOT / "local" / "tests_flow" / "probe" / "scones_probe.py"


def python(program: str) -> str:
    """The interpreter of a program's environment."""
    return str(ROOT / ".nox" / f"runtime-{program}" / "bin" / "python")


def zipped(files: dict[str, str]) -> bytes:
    """A zip of these texts by path."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return memory.getvalue()


class Engine:
    """A bare engine's process and its clients.

    Args:
        work: Folder for its state and logs.
        faults: Folder whose plan says what is to break; None breaks nothing.
    """

    def __init__(self, work: Path, faults: Path | None = None) -> None:
        self.port = free_port()
        settings = {
            "functions": {
                "scones_probe": python("filter"),
                "scones_serializer": python("serializer"),
            },
            "runtime": python("function"),
            "environment": {},
            "concurrency": CONCURRENCY,
            "logs": str(work),
            "code": str(work / "code"),
            "faults": str(faults) if faults else None,
        }
        (work / "engine.json").write_text(json.dumps(settings))
        self.process = subprocess.Popen(
            [python("engine"), "-m", "scones_local.engine", str(work / "engine.json")],
            env={
                **clean_environment(), "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port),
                "MINISTACK_REGION": REGION, "TMPDIR": str(work), "LOG_LEVEL": "ERROR",
            },
            stdin=subprocess.PIPE,
        )  # fmt: skip
        self.session = boto3.Session("test", "test", region_name=REGION)

    def client(self, service: Any) -> Any:
        endpoint = f"http://127.0.0.1:{self.port}"
        config = Config(inject_host_prefix=False, retries={"max_attempts": 0})
        return self.session.client(service, endpoint_url=endpoint, config=config)

    def wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(urllib.error.URLError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_ministack/health")
                return
            time.sleep(0.05)
        raise AssertionError("the engine does not answer")

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

    def deploy(self, name: str, files: dict[str, str], **more: Any) -> None:
        """Create a function of these files; its handler is the probe's unless `more` says else."""
        given = {"Handler": "scones_probe.handler", "Timeout": 1, **more}
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=ROLE,
            Code={"ZipFile": zipped(files)},
            **given,
        )

    def processes(self, name: str) -> set[int]:
        """Ids of the processes that run any version of a function."""
        children = psutil.Process(self.process.pid).children()
        named = {child.pid: child.environ().get("AWS_LAMBDA_FUNCTION_NAME") for child in children}
        return {pid for pid, function in named.items() if function == name}

    def run(self, states: dict[str, Any], event: dict[str, Any]) -> Any:
        """Run an Express workflow of these states; return its output."""
        client = self.client("stepfunctions")
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
        machine = client.create_state_machine(
            name=f"probe-{uuid.uuid4()}",
            type="EXPRESS",
            roleArn=ROLE,
            definition=json.dumps(definition),
        )["stateMachineArn"]
        answer = client.start_sync_execution(stateMachineArn=machine, input=json.dumps(event))
        assert answer["status"] == "SUCCEEDED", answer
        return json.loads(answer["output"])
