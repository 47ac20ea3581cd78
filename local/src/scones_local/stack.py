"""Start the whole system on this machine, and stop it again, leaving nothing behind.

The process that runs this holds the SageMaker and X-Ray stand-ins and starts the others: the
serving program and the engine, which in turn starts the Lambda processes.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import boto3

from scones_local.aws import CREDENTIALS, REGION, clean_environment, connect, create_bucket
from scones_local.capture import CaptureSettings, capture_invocations
from scones_local.endpoint import EndpointSettings, serve_endpoint
from scones_local.endpoint_faults import inject
from scones_local.program import StartFailed, free_port, kept_alive, run_program
from scones_local.tracestore import CollectorSettings
from scones_local.xray import collect_traces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from scones_local.program import Program
    from scones_local.xray import TraceCollector

__all__ = ["RunningStack", "StackSettings", "run_stack"]

STAGE = "local"
SERVICES = ("serializer", "classifier", "filter")
ENDPOINT = "scones-local"
CAPTURES = "scones-local-captures"
REACH = "environment.json"
"""File in the work folder, while a stack is up: variables for programs that deploy to it."""


@dataclass(frozen=True)
class StackSettings:
    """Where everything is and how much of it to start.

    Attributes:
        root: The repository.
        environments: Folder of nox's environments; program X runs in `runtime-X`.
        work: Folder for logs and state.
        model: Folder with the one ONNX file that the endpoint serves.
        port: Port of the engine's AWS API; 0 takes a free one.
        concurrency: Execution environments of each Lambda function.
        empty: Whether to leave the engine without any stack, for somebody else to deploy.
        faults: Folder whose `faults.json` says what is to break, and which takes the journals;
            None breaks nothing.
        traces: The most traces that X-Ray keeps.
    """

    root: Path
    environments: Path
    work: Path
    model: Path
    port: int = 0
    concurrency: int = 2
    empty: bool = False
    faults: Path | None = None
    traces: int = CollectorSettings.max_traces

    def python(self, program: str) -> str:
        """Return the interpreter of one program's environment."""
        return str(self.environments / f"runtime-{program}" / "bin" / "python")


@dataclass(frozen=True)
class RunningStack:
    """How to reach a stack that is up.

    Attributes:
        environment: Variables that make the AWS CLI and boto3 talk to the stack.
        outputs: Those of all CloudFormation stacks; none where the engine was left empty.
        captures: `s3://` prefix of the Data Capture files.
        model_url: The serving program's, without an endpoint before it.
        classes: The model's, in class order.
        parameters: What a deployment must be told of the model.
    """

    environment: Mapping[str, str]
    outputs: Mapping[str, str]
    captures: str
    model_url: str
    classes: Sequence[str]
    parameters: Mapping[str, str]

    def to_json(self) -> str:
        """Write this for another process, as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RunningStack:
        """Read what another process wrote."""
        return cls(**json.loads(text))


@asynccontextmanager
async def run_stack(settings: StackSettings) -> AsyncIterator[RunningStack]:
    """Keep the whole system up while the context is open.

    Raises:
        StartFailed: A program did not come up, or the stacks could not be deployed.
    """
    for folder in ("logs", "code"):
        shutil.rmtree(settings.work / folder, ignore_errors=True)
    (settings.work / "logs").mkdir(parents=True)
    model_url = f"http://127.0.0.1:{free_port()}"
    runtime = EndpointSettings(name=ENDPOINT, model_url=model_url, region=REGION, port=free_port())
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        collector = await enter(collect_traces(CollectorSettings(max_traces=settings.traces)))
        engine_url = f"http://127.0.0.1:{free_port(settings.port)}"
        environment = _environment(engine_url, runtime, collector)
        aws = connect(environment)
        serving = await enter(_serving(settings, model_url))
        engine = await enter(_engine(settings, environment, collector))
        model = await _describe_model(settings)
        await engine.answers(f"{engine_url}/_ministack/health")
        # Opened after the engine, so that it writes its last captures while there is an S3.
        prefix = f"s3://{CAPTURES}/datacapture"
        capture = CaptureSettings(destination=prefix, endpoint=ENDPOINT)
        captures = await enter(capture_invocations(capture, aws.client("s3")))
        layers = [inject(runtime, settings.faults)] if settings.faults else []
        await enter(serve_endpoint(runtime, captures, layers))
        create_bucket(aws, CAPTURES)
        parameters = _parameters(model)
        outputs = {} if settings.empty else await _deploy(settings, environment, parameters)
        await serving.answers(f"{model_url}/ping")
        await enter(kept_alive(serving))
        captured = f"{prefix}/{ENDPOINT}"
        yield RunningStack(environment, outputs, captured, model_url, model["labels"], parameters)


def _environment(
    engine_url: str, runtime: EndpointSettings, collector: TraceCollector
) -> dict[str, str]:
    return {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": engine_url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": f"http://127.0.0.1:{runtime.port}",
        "AWS_ENDPOINT_URL_XRAY": collector.url,
    }


def _serving(settings: StackSettings, url: str) -> AbstractAsyncContextManager[Program]:
    environment = {
        **clean_environment(),
        "SM_MODEL_DIR": str(settings.model),
        "SAGEMAKER_BIND_TO_PORT": url.rsplit(":", 1)[1],
    }
    command = [settings.python("model"), "-m", "scones_model.serving.serve"]
    return run_program("The serving program", command, environment, _log(settings, "serving"))


def _engine(
    settings: StackSettings, environment: Mapping[str, str], collector: TraceCollector
) -> AbstractAsyncContextManager[Program]:
    own = {"AWS_XRAY_DAEMON_ADDRESS": collector.daemon_address}
    functions = {
        "functions": {f"scones_{name}": settings.python(name) for name in SERVICES},
        "runtime": settings.python("function"),
        "environment": {**environment, **own, "AWS_XRAY_CONTEXT_MISSING": "IGNORE_ERROR"},
        "concurrency": settings.concurrency,
        "logs": str(settings.work / "logs"),
        "code": str(settings.work / "code"),
        "faults": str(settings.faults) if settings.faults else None,
    }
    path = settings.work / "engine.json"
    path.write_text(json.dumps(functions, indent=2))
    port = environment["AWS_ENDPOINT_URL"].rsplit(":", 1)[1]
    variables = {
        **clean_environment(), **own, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": port,
        "TMPDIR": str(settings.work), "LOG_LEVEL": "WARNING", "MINISTACK_REGION": REGION,
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",  # else a share of this machine's memory
        "MINISTACK_HOST": "127.0.0.1",
        "MALLOC_ARENA_MAX": "1",  # its threads take turns anyway; many heaps only break memory up
    }  # fmt: skip
    command = [settings.python("engine"), "-m", "scones_local.engine", str(path)]
    return run_program("The engine", command, variables, _log(settings, "engine"))


def _log(settings: StackSettings, name: str) -> Path:
    return settings.work / "logs" / f"{name}.log"


async def _describe_model(settings: StackSettings) -> dict[str, Any]:
    """Read the model's own metadata.

    Raises:
        StartFailed: The folder does not hold exactly one readable model.
    """
    models = list(settings.model.glob("*.onnx"))
    if len(models) != 1:
        raise StartFailed(f"{settings.model} holds {len(models)} .onnx files; it must hold one.")
    process = await asyncio.create_subprocess_exec(
        settings.python("model"), "-m", "scones_model.serving.describe", str(models[0]),
        stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise StartFailed(errors.decode().strip())
    described: dict[str, Any] = json.loads(output)
    return described


async def _deploy(
    settings: StackSettings, environment: Mapping[str, str], parameters: Mapping[str, str]
) -> dict[str, str]:
    """Create the stacks as `make deploy` does, of the code as it lies in the repository."""
    told = settings.work / "outputs.json"
    command = [
        settings.python("operations"), "-m", "scones_operations.cli", "deploy",
        f"--stage={STAGE}", "--source", f"--json={told}",
        *(f"--set={name}={value}" for name, value in parameters.items()),
    ]  # fmt: skip
    variables = {**clean_environment(), **environment}
    log = _log(settings, "deploy")
    async with run_program("The deployment", command, variables, log, settings.root) as program:
        await program.succeeds()
    await asyncio.to_thread(_warm_up, settings)
    outputs: dict[str, str] = json.loads(told.read_text())
    return outputs


def _parameters(model: Mapping[str, Any]) -> dict[str, str]:
    """What the functions must know of the model; on AWS the endpoint's stack tells it."""
    return {
        "Labels": ",".join(model["labels"]),
        "ImageWidth": str(model["input_width"]),
        "ImageHeight": str(model["input_height"]),
        "ImageFit": model["fit"],
        "ImagePadColor": ",".join(map(str, model["pad_color"])),
        "ConfidenceThreshold": str(model["threshold"]),
    }


def _warm_up(settings: StackSettings) -> None:
    functions = boto3.client("lambda")
    for name in SERVICES:
        functions.put_provisioned_concurrency_config(
            FunctionName=f"scones-{STAGE}-{name}",
            Qualifier="live",
            ProvisionedConcurrentExecutions=settings.concurrency,
        )
