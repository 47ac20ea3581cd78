"""The endpoint's program: `GET /ping` and `POST /invocations` on ONNX Runtime.

One ASGI application, the same as a local process, in its container and on SageMaker. It answers as
the built-in image classification algorithm does: a JSON list of probabilities in class order.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import uvicorn

from scones_model.serving.application import Application
from scones_model.serving.connection import REQUEST_SECONDS, connection_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["InvalidSettings", "Settings", "main"]

DRAIN_SECONDS = 20
LONGEST_REQUEST = 60.0
"""Seconds; SageMaker has given up by then."""


class InvalidSettings(ValueError):
    """An environment variable has a value the server cannot start with."""


@dataclass(frozen=True)
class Settings:
    """Where the model lies, where the server listens and how long it waits for a request."""

    model_dir: Path
    host: str
    port: int
    request_seconds: float = REQUEST_SECONDS

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read SM_MODEL_DIR, SAGEMAKER_BIND_TO_PORT and SCONES_*; raises InvalidSettings."""
        return cls(
            model_dir=Path(environment.get("SM_MODEL_DIR", "/opt/ml/model")),
            host=environment.get("SCONES_HOST", "127.0.0.1"),
            port=_port(environment.get("SAGEMAKER_BIND_TO_PORT", "8080")),
            request_seconds=_seconds(
                environment.get("SCONES_REQUEST_SECONDS", str(REQUEST_SECONDS))
            ),
        )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):  # noqa: PLR2004
        raise InvalidSettings(
            f"SAGEMAKER_BIND_TO_PORT is {text!r}; it must be a port number from 1 to 65535."
        )
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= LONGEST_REQUEST:
        raise InvalidSettings(
            f"SCONES_REQUEST_SECONDS is {text!r}; it must be a number over 0, "
            f"{LONGEST_REQUEST:.0f} at most."
        )
    return seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, then finish what is under way; status 2 for bad settings."""
    parser = argparse.ArgumentParser(
        prog="scones-model serve",
        description=__doc__,
        epilog="Environment: SM_MODEL_DIR (/opt/ml/model), SAGEMAKER_BIND_TO_PORT (8080), "
        f"SCONES_HOST (127.0.0.1), SCONES_REQUEST_SECONDS ({REQUEST_SECONDS:.0f}).",
    )
    # SageMaker runs `docker run <image> serve`.
    parser.add_argument("serve", nargs="?", choices=["serve"], help="accepted and ignored")
    parser.parse_args(argv)
    try:
        settings = Settings.from_environment(os.environ)
    except InvalidSettings as error:
        print(error, file=sys.stderr)
        return 2
    # uvicorn takes the signal over while it serves, and raises it again when it has drained.
    signal.signal(signal.SIGTERM, _end)
    uvicorn.run(
        Application(settings.model_dir),
        host=settings.host,
        port=settings.port,
        http=connection_with(settings.request_seconds),
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    return 0


def _end(_signal: int, _frame: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
