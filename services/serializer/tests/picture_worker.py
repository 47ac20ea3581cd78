"""A serializer process as Lambda has it, with pictures from standard input in place of S3.

For each it reads a line with the picture's length and its bytes, calls the handler, and prints how
that ended as a line of JSON. A picture that hangs it kills it.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import resource
import signal
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

LIMIT_S = 60
"""Wall clock time for one picture, read and decoded, on however busy a machine."""

results = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the handler's logs and metrics
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
}

with suppress(ImportError):  # as in Lambda, where it is installed
    import_module("awslambdaric.bootstrap")

from botocore.response import StreamingBody  # noqa: E402 - the environment first
from PIL import Image  # noqa: E402

from scones_serializer import handler as service  # noqa: E402
from scones_serializer.errors import SerializerError  # noqa: E402
from scones_serializer.start import handler  # noqa: E402

EVENT = {"image_data": "", "s3_bucket": "scones-uploads", "s3_key": "incoming/hostile.jpg"}
CONTEXT: Any = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1769, invoked_function_arn="arn", aws_request_id="r"
)


class OneObject:
    """S3 with one object, whose bytes come as they are read."""

    def __init__(self, length: int) -> None:
        self.source = io.BufferedReader(Rest(length))
        self.length = length

    def get_object(self, **_: str) -> dict[str, Any]:
        body = StreamingBody(self.source, self.length)
        return {"ContentLength": self.length, "ETag": '"0f343b09"', "Body": body}


class Rest(io.RawIOBase):
    """So many bytes of standard input."""

    def __init__(self, length: int) -> None:
        self.left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = sys.stdin.buffer.read(min(self.left, len(buffer)))
        buffer[: len(read)] = read
        self.left -= len(read)
        return len(read)


def outcome(s3: Any) -> dict[str, str]:
    service.s3 = s3
    try:
        picture = base64.b64decode(handler(EVENT, CONTEXT)["image_data"], validate=True)
        with Image.open(io.BytesIO(picture)) as image:
            image.load()
            return {"outcome": f"{image.format} {image.mode} {image.width} x {image.height}"}
    except SerializerError as error:
        return {"outcome": type(error).__name__, "reason": str(error)}
    except Exception as error:  # noqa: BLE001 - which none may be: the test says so
        return {"outcome": f"unnamed {type(error).__name__}", "reason": str(error)}


def peaks() -> dict[str, int]:
    """Return the most bytes that this process, and one that decoded, ever had resident.

    Of this one the kernel's rusage knows only the more of it and of whoever started it.
    """
    decoding = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"serving": own_memory("VmHWM"), "decoding": decoding * 1024}


def own_memory(kind: str) -> int:
    found = re.search(rf"{kind}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) * 1024


def main() -> None:
    while line := sys.stdin.buffer.readline():
        signal.alarm(LIMIT_S)
        began = time.monotonic()
        s3 = OneObject(int(line))
        ended = outcome(s3)
        while s3.source.read(1 << 20):
            """What was refused unread."""
        seconds = time.monotonic() - began
        signal.alarm(0)
        needed = {"seconds": seconds, "peaks": peaks(), "kept": own_memory("VmData")}
        print(json.dumps(ended | needed), file=results, flush=True)


if __name__ == "__main__":
    main()
