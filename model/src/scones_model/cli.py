"""The command line `scones-model`: one word picks the module that does the work.

Each module is a program of its own (`python -m scones_model.<package>.<word>`) and is imported only
when it is asked for, so that no command pays for another's dependencies.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

COMMANDS = {
    "dataset": ("data", "write train, calibration and test pictures from CIFAR-100 or a folder"),
    "drawn": ("data", "draw labelled stand-in pictures, offline"),
    "pretrain": ("training", "pretrain a backbone on CIFAR-100's classes (needs PyTorch)"),
    "train": ("training", "train on class subfolders and export one ONNX file (needs PyTorch)"),
    "evaluate": ("evaluation", "measure an ONNX file on labelled pictures, and write its card"),
    "gate": ("evaluation", "say whether one model may replace another"),
    "describe": ("serving", "print an ONNX file's metadata as JSON"),
    "serve": ("serving", "serve a model over HTTP"),
    "upload": ("aws", "put a data set into S3, as the channels of training jobs"),
    "launch": ("aws", "start a training job on SageMaker"),
    "register": ("aws", "make a model a version in SageMaker's registry"),
    "approve": ("aws", "approve a version that the gate lets through, or reject one"),
    "deploy": ("aws", "deploy an approved version by canary"),
    "status": ("aws", "tell what is deployed, and how it is"),
    "rollback": ("aws", "stop a deployment, or go back to the version before"),
    "destroy": ("aws", "delete an endpoint, and look that nothing costs money any more"),
}
"""The package that holds each command's module, and what it does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its own exit status, or 2 when PyTorch is missing."""
    listing = "\n".join(f"  {name:<10}{meaning}" for name, (_, meaning) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="scones-model",
        description=f"commands (each has its own --help):\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    try:
        package, _ = COMMANDS[arguments.command]
        module = importlib.import_module(f"scones_model.{package}.{arguments.command}")
    except ModuleNotFoundError as error:
        print(f"{error}. Training needs: pip install -e model[train] torch==2.13.0",
              file=sys.stderr)  # fmt: skip
        return 2
    status: int = module.main(arguments.rest)
    return status


if __name__ == "__main__":
    sys.exit(main())
