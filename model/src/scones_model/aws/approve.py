"""Approve a registered version, when the gate lets it: only an approved version is deployed.

gate.json is what `scones-model gate ... --out gate.json` wrote. It must have passed this very
model, and have compared it with the version that was approved last.

Exit status: 0 done, 1 AWS refused it, 2 the gate or this command refuses.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scones_model.aws.account import CannotBeDone, run
from scones_model.aws.packages import APPROVED, REJECTED, find, judge, newest_approved
from scones_model.aws.requests import Request, send, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scones_model.aws.packages import Package

__all__ = ["GateRefuses", "NoGate", "main"]


class NoGate(CannotBeDone):
    """There is no gate's verdict to go by."""


class GateRefuses(CannotBeDone):
    """The gate did not pass this model, or did not compare it with the right one."""


def main(argv: Sequence[str] | None = None) -> int:
    """Approve or reject; the exit status is the module's."""
    options = _parser().parse_args(argv)
    return run(lambda: _approve(options))


def _approve(options: argparse.Namespace) -> int:
    package = find(options.package)
    verdict = _verdict(package, options)
    if options.dry_run:
        show([verdict])
        return 0
    send(verdict)
    done = verdict.parameters
    print(f"{package} is {done['ModelApprovalStatus']}: {done['ApprovalDescription']}")
    return 0


def _verdict(package: Package, options: argparse.Namespace) -> Request:
    if options.reject:
        return judge(package, REJECTED, options.reject)
    if options.override:
        return judge(package, APPROVED, f"Against or without the gate: {options.override}")
    if options.gate is None:
        raise NoGate("Name the gate's verdict: --gate gate.json, written by `scones-model gate`.")
    passed = _passed(package, _read(options.gate))
    return judge(package, APPROVED, " ".join(filter(None, (passed, options.reason))))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        gate = json.loads(path.read_bytes())
        current = gate["current"]
        return {
            "passed": gate["passed"] is True,
            "reasons": [str(one) for one in gate["reasons"]],
            "candidate": str(gate["candidate"]["sha256"]),
            "current": str(current["sha256"]) if current else "",
        }
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NoGate(
            f"{path} is no gate's verdict ({type(error).__name__}: {error}): "
            "write one with `scones-model gate ... --out gate.json`."
        ) from error


def _passed(package: Package, gate: Mapping[str, Any]) -> str:
    """What the gate says for this package; raises GateRefuses, saying what it says against it."""
    otherwise = 'To approve all the same: --override "<reason>".'
    if gate["candidate"] != package.sha256:
        raise GateRefuses(
            f"The gate judged a model with SHA-256 {gate['candidate'][:12]}..., and {package} has "
            f"{package.sha256[:12] or 'none on record'}...: run the gate on this model."
        )
    if not gate["passed"]:
        raise GateRefuses(f"The gate refuses {package}: {' '.join(gate['reasons'])} {otherwise}")
    last = newest_approved(package.group, besides=package.arn)
    if last is None:
        return "The gate passed it; there was no approved version to compare it with."
    if gate["current"] != last.sha256:
        compared = f"with {gate['current'][:12]}..." if gate["current"] else "with no other model"
        raise GateRefuses(
            f"The gate compared it {compared}, but {last} is approved, with SHA-256 "
            f"{last.sha256[:12] or 'unknown'}...: run the gate against that model. {otherwise}"
        )
    return f"The gate passed it against {last}."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-model approve",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("package", help="ARN, group:version, or group for its newest version")
    add("--gate", type=Path, help="gate.json of `scones-model gate`")
    add("--reason", help="kept with the approval")
    verdict = parser.add_mutually_exclusive_group()
    verdict.add_argument("--override", metavar="REASON", help="approve whatever the gate says")
    verdict.add_argument("--reject", metavar="REASON", help="reject it")
    add("--dry-run", action="store_true", help="print the request instead of sending it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
