"""Command line of the local stack; what the Makefile offers of it calls this."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from scones_local.aws import unproxied
from scones_local.bench import BURST, run_bench
from scones_local.chaos import chaos
from scones_local.chaos.faultplan import LEAST_UPLOADS
from scones_local.demo import DemoSettings, pictures_for, run_demo
from scones_local.load import load
from scones_local.pictures import NoPictures
from scones_local.program import StartFailed
from scones_local.sightings import LEAST_HOURS
from scones_local.stack import StackSettings
from scones_local.story import CHANGES, StorySettings
from scones_local.supervisor import AlreadyRunning, start, stop, supervise

OFF = "off"
"""No drift story."""
UPLOADS_OF_CHAOS, UPLOADS_OF_LOAD = 1000, 5000
KNOWN_ERRORS = (NoPictures, StartFailed, AlreadyRunning)
"""Each carries a sentence for the person at the keyboard: a stack trace would hide it."""


def _port(text: str) -> int:
    return _number(text, 0, 65_535)


def _count(text: str) -> int:
    return _number(text, 1, 1_000_000)


def _uploads(text: str) -> int:
    return _number(text, LEAST_UPLOADS, 1_000_000)


def _hours(text: str) -> int:
    return _number(text, LEAST_HOURS, 1_000)


def _change(text: str) -> str:
    if text not in {*CHANGES, OFF}:
        known = ", ".join((*CHANGES, OFF))
        raise argparse.ArgumentTypeError(f"{text!r} is none of {known}")
    return text


def _number(text: str, least: int, most: int) -> int:
    if not (text.isdecimal() and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scones-local", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the repository")
    parser.add_argument("--environments", type=Path, help="nox's folder (default ROOT/.nox)")
    parser.add_argument("--work", type=Path, help="for logs and state (default ROOT/build/local)")
    parser.add_argument("--out", type=Path, help="for the demo's results (default ROOT/build/demo)")
    parser.add_argument("--model", type=Path, default=os.environ.get("MODEL") or None)
    parser.add_argument("--port", type=_port, default=os.environ.get("PORT") or "4566")
    parser.add_argument("--empty", action="store_true", help="up: without any stack deployed")
    parser.add_argument("--with-parent", action="store_true", help="end with standard input")
    parser.add_argument("--faults", type=Path, help="serve: whose faults.json says what to break")
    parser.add_argument("--traces", type=_count, default="10000", help="the most X-Ray keeps")
    parser.add_argument("--images", default=os.environ.get("IMAGES") or None)
    parser.add_argument("--count", type=_count, default=os.environ.get("COUNT") or "60")
    parser.add_argument("--uploads", type=_uploads, default=os.environ.get("UPLOADS") or None)
    parser.add_argument("--seed", type=int, default=os.environ.get("SEED") or "0")
    parser.add_argument("--archive", default=os.environ.get("CIFAR100") or None)
    parser.add_argument("--story", type=_change, default=os.environ.get("STORY") or "blur")
    parser.add_argument("--story-hours", type=_hours, default=os.environ.get("STORY_HOURS") or "36")
    return parser


def _stack_settings(options: argparse.Namespace) -> StackSettings:
    root = options.root.resolve()
    environments = (options.environments or root / ".nox").resolve()
    work = (options.work or root / "build" / "local").resolve()
    model = (options.model or root / "model" / "weights").resolve()
    faults = options.faults.resolve() if options.faults else None
    return StackSettings(
        root, environments, work, model, options.port,
        empty=options.empty, faults=faults, traces=options.traces,
    )  # fmt: skip


def _images(options: argparse.Namespace) -> Path | None:
    return Path(options.images) if options.images else None


def _demo(options: argparse.Namespace) -> int:
    out = (options.out or options.root / "build" / "demo").resolve()
    options.work = options.work or out / "stack"
    options.port = 0
    stack = _stack_settings(options)
    story = StorySettings(
        out / "drift", stack.python("monitoring"), options.story, options.story_hours
    )
    demo = DemoSettings(
        out,
        _images(options),
        options.count,
        options.archive,
        story=None if options.story == OFF else story,
    )
    return 0 if run_demo(stack, demo) else 1


def _bench(options: argparse.Namespace) -> int:
    root = options.root.resolve()
    options.work = options.work or root / "build" / "bench"
    options.port = 0
    stack = _stack_settings(options)
    demo = DemoSettings(options.work, _images(options), BURST, options.archive)
    run_bench(stack, pictures_for(stack, demo))
    return 0


def _chaos(options: argparse.Namespace) -> int:
    out = (options.out or options.root / "build" / "chaos").resolve()
    options.work = options.work or out / "stack"
    options.port = 0
    stack = replace(_stack_settings(options), faults=out / "stack-faults")
    demo = DemoSettings(out, _images(options), chaos.PICTURES, options.archive)
    uploads = options.uploads or UPLOADS_OF_CHAOS
    settings = chaos.ChaosSettings(out, pictures_for(stack, demo), uploads, options.seed)
    return 0 if chaos.run_chaos(stack, settings) else 1


def _load(options: argparse.Namespace) -> int:
    out = (options.out or options.root / "build" / "bench-load").resolve()
    options.work = options.work or out / "stack"
    options.port = 0
    stack = _stack_settings(options)
    demo = DemoSettings(out, _images(options), load.PICTURES, options.archive)
    settings = load.LoadSettings(out, options.uploads or UPLOADS_OF_LOAD)
    return 0 if load.run_load(stack, pictures_for(stack, demo), settings) else 1


def _up(options: argparse.Namespace) -> int:
    running, _ = start(_stack_settings(options), with_parent=False)
    print("# The stack is up. Paste these lines; then the AWS CLI and boto3 work against it:")
    for name in sorted(set(os.environ) - set(running.environment)):
        if name.startswith("AWS_") and name != "AWS_CA_BUNDLE":
            print(f"unset {name}")
    for name, value in unproxied(running.environment).items():
        print(f"export {name}={shlex.quote(value)}")
    for name, value in running.outputs.items():
        print(f"# {name:20} {value}")
    if running.outputs:
        print(f"# aws s3 cp photo.jpg s3://{running.outputs['UploadBucket']}/incoming/photo.jpg")
        print("# aws sqs receive-message --wait-time-seconds 5 --queue-url <one of the queues>")
    else:
        known = [f"--set={name}={value}" for name, value in running.parameters.items()]
        print("# Nothing is deployed. This does it, for the model that is served:")
        print(f"# make deploy STAGE=local ARGS={shlex.quote(shlex.join(known))}")
    print("# `make down` stops it.")
    return 0


def _down(options: argparse.Namespace) -> int:
    stopped = stop(_stack_settings(options).work)
    print("Stopped." if stopped else "No stack is up.")
    return 0


def _serve(options: argparse.Namespace) -> int:
    supervise(_stack_settings(options), with_parent=options.with_parent)
    return 0


COMMANDS = {
    "demo": _demo,
    "up": _up,
    "down": _down,
    "chaos": _chaos,
    "bench": _bench,
    "load": _load,
    "serve": _serve,
}


def run() -> int:
    """Run one command; known errors end with their sentence and status 2."""
    options = _parser().parse_args()
    try:
        return COMMANDS[options.command](options)
    except KNOWN_ERRORS as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(run())
