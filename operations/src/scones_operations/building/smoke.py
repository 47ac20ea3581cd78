"""Invoke a built service in a process that has nothing else, and check all that comes out.

Each service gets the golden payload of its contract and must give the golden payload of the next,
so that what is checked is what the services' own tests and `nox -s schemas` check.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scones_operations.account import Failed
from scones_operations.building import isolated
from scones_operations.building.stand_in import Answer, StandIn, start
from scones_operations.stacks.template import read_template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scones_operations.repository import Package

__all__ = ["DoesNotWork", "handler_of", "smoke_test"]

GOLDEN = "golden/versioned-event.json"
TRACE = "Root=1-6745a0b1-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=1"
PATIENCE_S = 120
_PNG_HEADER = 33  # bytes: signature, then IHDR with size and kind of pixels

Message = dict[str, Any]


class DoesNotWork(Failed):
    """What was built cannot be imported, fails, or answers something else."""


@dataclass(frozen=True)
class _Case:
    """How one service is invoked.

    Attributes:
        takes: Contract of its event.
        gives: Contract of its answer.
        calls: The operation of AWS's that must be on the trace.
        settings: Its environment, by the expected answer.
        aws: What AWS answers, by event and expected answer.
    """

    takes: str
    gives: str
    calls: str | None
    settings: Callable[[Message], dict[str, str]]
    aws: Callable[[Message], Answer]


_CASES = {
    "serializer": _Case(
        takes="upload",
        gives="serialized-image",
        calls="GetObject",
        settings=lambda image: {
            "IMAGE_WIDTH": str(image["width"]),
            "IMAGE_HEIGHT": str(image["height"]),
        },
        aws=lambda image: Answer(
            base64.b64decode(image["image_data"]),
            {
                "ETag": f'"{image["source"]["etag"]}"',
                "x-amz-version-id": image["source"]["version_id"],
            },
        ),
    ),
    "classifier": _Case(
        takes="serialized-image",
        gives="prediction",
        calls="InvokeEndpoint",
        settings=lambda prediction: {
            "ENDPOINT_NAME": prediction["endpoint"],
            "LABELS": ",".join(prediction["probabilities"]),
        },
        aws=lambda prediction: Answer(
            json.dumps(list(prediction["probabilities"].values())).encode(),
            {"x-Amzn-Invoked-Production-Variant": prediction["variant"]},
        ),
    ),
    "filter": _Case(
        takes="prediction",
        gives="decision",
        calls=None,
        settings=lambda decision: {
            "CONFIDENCE_THRESHOLD": str(decision["threshold"]),
            "ROUTES": json.dumps({decision["label"]: decision["route"]}),
        },
        aws=lambda _: Answer(b"", {}),
    ),
}


def smoke_test(folder: Path, service: Package, python: Path) -> None:
    """Invoke the service in `folder` with an interpreter that it was built for.

    Raises:
        DoesNotWork: Says what is wrong.
    """
    case = _CASES[service.name]
    contracts = service.folder.parents[1] / "contracts"
    event, expected = (
        json.loads((contracts / message / GOLDEN).read_text(encoding="utf-8"))
        for message in (case.takes, case.gives)
    )
    with start(case.aws(expected)) as stand_in:
        environment = _environment(folder, stand_in) | case.settings(expected)
        answer = _invoke(folder, service, python, environment, event)
        documents = stand_in.documents()
    faults = [*_differences(answer, expected), *_untraced(documents, expected, case.calls)]
    if faults:
        raise DoesNotWork(f"{service.name}, as it was built, does not work: {'; '.join(faults)}")


def handler_of(service: Package) -> str:
    """What Lambda is told to call, such as scones_filter.start.handler."""
    template = read_template(service.folder / "template.yaml")
    handler: str = template["Resources"]["Function"]["Properties"]["Handler"]
    return handler


def _environment(folder: Path, stand_in: StandIn) -> dict[str, str]:
    """What Lambda sets, and where its AWS is."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": "smoke-test",
        "LAMBDA_TASK_ROOT": str(folder),
        "_X_AMZN_TRACE_ID": TRACE,
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "smoke",
        "AWS_SECRET_ACCESS_KEY": "smoke",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL": stand_in.url,
        "AWS_XRAY_DAEMON_ADDRESS": stand_in.daemon_address,
    }


def _invoke(
    folder: Path, service: Package, python: Path, environment: Mapping[str, str], event: Message
) -> Message:
    command = (str(python), "-I", "-S", "-B", str(Path(isolated.__file__)), str(folder))
    try:
        done = subprocess.run(
            (*command, handler_of(service)),
            input=json.dumps(event),
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DoesNotWork(
            f"{service.name}, as it was built, gives no answer in {PATIENCE_S} s"
        ) from None
    if done.returncode:
        raise DoesNotWork(f"{service.name}, as it was built, does not work:\n{done.stderr.strip()}")
    answer: Message = json.loads(done.stdout.splitlines()[-1]) or {}
    return answer


def _differences(answer: Message, expected: Message) -> list[str]:
    return [
        f"{name} is {_shown(name, answer)} instead of {_shown(name, expected)}"
        for name in sorted({*answer, *expected})
        if _shown(name, answer) != _shown(name, expected)
    ]


def _shown(name: str, message: Message) -> str:
    """A field's value; of a picture, its size and kind, as no two zlibs compress alike."""
    if name == "image_data" and name in message:
        return f"PNG {base64.b64decode(message[name])[:_PNG_HEADER].hex()}"
    return json.dumps(message[name], sort_keys=True) if name in message else "missing"


def _untraced(documents: Sequence[Message], expected: Message, call: str | None) -> list[str]:
    """What X-Ray was not told: the handler with its upload, and the call to AWS."""
    found = {document.get("annotations", {}).get("inference_id") for document in documents}
    calls = {document.get("aws", {}).get("operation") for document in documents}
    faults = [] if expected["inference_id"] in found else ["the handler is not on the trace"]
    return faults if call is None or call in calls else [*faults, f"{call} is not on the trace"]
