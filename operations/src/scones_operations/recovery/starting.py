"""Executions of the workflow, started no faster than asked."""

from __future__ import annotations

import argparse
import time

from botocore.exceptions import ClientError

from scones_operations.account import client

__all__ = ["Starting", "per_second"]

_UNFIT = {"InvalidExecutionInput", "ValidationException"}
"""What Step Functions says of an input that it will never take."""
_SLOWEST = 0.1
"""Executions a second; more slowly, held letters would have to be held anew before the next."""


class Starting:
    """Starts the workflow, so many times a second at most."""

    def __init__(self, workflow: str, rate: float) -> None:
        self._workflow = workflow
        self._rate = rate
        self._due = 0.0

    def start(self, name: str, given: str) -> str:
        """Start it when the next is due; why it can never be started with that, or nothing."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = time.monotonic() + 1 / self._rate
        try:
            client("stepfunctions").start_execution(
                stateMachineArn=self._workflow, name=name, input=given
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _UNFIT:
                raise
            return f"Step Functions does not take its input: {error.response['Error']['Message']}"
        return ""


def per_second(text: str) -> float:
    """A rate that was typed."""
    rate = float(text)
    if not rate >= _SLOWEST:
        raise argparse.ArgumentTypeError(f"at least {_SLOWEST}")
    return rate
