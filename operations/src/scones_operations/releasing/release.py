"""Release one package: what its tag, its version and its changelog say, and nothing else.

A service is built, published as a version of its function, and takes traffic as its stack's
TrafficShift says: by canary, and back again when an alarm rings. Other services are not touched. Of
model and monitoring the wheel is built and kept beside the zips; another command deploys them.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from rich.console import Console

from scones_operations.account import CannotBeDone, run
from scones_operations.building.build import build_service
from scones_operations.building.targets import ARCHITECTURES
from scones_operations.progress import telling
from scones_operations.releasing.artifacts import check_release, record_release, upload
from scones_operations.releasing.candidate import find_candidate
from scones_operations.releasing.history import make_tag
from scones_operations.releasing.publication import publish_service
from scones_operations.releasing.versions import compare, live_versions
from scones_operations.releasing.wheel import build_wheel
from scones_operations.repository import RELEASED, SERVICES, find_root
from scones_operations.stacks.cloudformation import find_stack, stack_name
from scones_operations.stacks.template import read_template

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scones_operations.releasing.candidate import Candidate

__all__ = ["main"]

DEPLOYED_BY = {
    "model": "`scones-model deploy`, for a model that was trained and registered with it",
    "monitoring": "`docker build monitoring` and a push to ECR, then `scones-ops deploy` with "
    "--set ImageUri=...",
}
"""What brings a package's release to the stage."""


def main(argv: Sequence[str] | None = None) -> int:
    """Release one package; returns the exit status."""
    options = _parser().parse_args(argv)
    return run(lambda: _release(find_root(), options))


def _release(root: Path, options: argparse.Namespace) -> int:
    candidate = find_candidate(root, options.package, options.tag)
    tag = candidate.package.tag
    if not (candidate.tagged or options.make_tag):
        raise CannotBeDone(f"There is no tag {tag}: --make-tag makes it, or `git tag -a {tag}`.")
    print(f"{tag} is commit {candidate.commit[:7]}; version and changelog say so too.")
    release = _release_service if options.package in SERVICES else _release_wheel
    release(root, candidate, options)
    return 0


def _release_service(root: Path, candidate: Candidate, options: argparse.Namespace) -> None:
    package, stage, arch = candidate.package, options.stage, options.arch
    if find_stack(stack_name(stage, package.name)) is None:
        raise CannotBeDone(
            f"There is no stack {stack_name(stage, package.name)}: `scones-ops deploy` makes it."
        )
    built = build_service(root, package.name, arch)
    print(f"{built.path}: {built.size / 1e6:.2f} MB, sha256 {built.sha256}")
    check_release(stage, package, arch, built.sha256)
    if options.dry_run:
        return
    _tag(root, candidate)
    record_release(stage, package, arch, built.sha256, candidate.commit)
    before, console = live_versions(stage), Console()
    with telling(console, f"{package.name} is being released") as tell:
        template = read_template(package.folder / "template.yaml")
        publish_service(stage, built, template, {}, candidate.commit[:7], tell)
    after = live_versions(stage)
    console.print(compare(before, after))
    moved = [name for name in SERVICES if name != package.name and before[name] != after[name]]
    others = "was moved by somebody else meanwhile" if moved else "are as they were"
    console.print(f"{', '.join(moved) or 'The other services'} {others}.")


def _release_wheel(root: Path, candidate: Candidate, options: argparse.Namespace) -> None:
    package, stage = candidate.package, options.stage
    wheel = build_wheel(root, package)
    print(f"{wheel.path}: sha256 {wheel.sha256}")
    check_release(stage, package, "wheel", wheel.sha256)
    if options.dry_run:
        return
    _tag(root, candidate)
    record_release(stage, package, "wheel", wheel.sha256, candidate.commit)
    key = f"{package.name}/{package.version}/{wheel.sha256}/{wheel.path.name}"
    place = upload(stage, wheel.path, key, print)
    print(f"s3://{place['Bucket']}/{place['Key']} is {package.tag}.")
    print(f"What deploys it: {DEPLOYED_BY[package.name]}.")


def _tag(root: Path, candidate: Candidate) -> None:
    if not candidate.tagged:
        make_tag(root, candidate.package.tag)
        print(
            f"{candidate.package.tag} is made; `git push origin {candidate.package.tag}` shows it."
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-ops release",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("package", choices=RELEASED, metavar="PACKAGE", help=", ".join(RELEASED))
    add("--tag", help="the tag that is to be released (that of the package's version)")
    add("--make-tag", action="store_true", help="make the tag if it is not there")
    stage = os.environ.get("STAGE") or "dev"
    add("--stage", default=stage, help="part of every name ($STAGE, else dev)")
    arch = os.environ.get("ARCH") or "arm64"
    add(
        "--arch", choices=ARCHITECTURES, default=arch, help="of a service's zip ($ARCH, else arm64)"
    )
    add("--dry-run", action="store_true", help="check and build; change nothing")
    return parser
