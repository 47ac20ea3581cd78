"""`scones-ops cost`: what images and idle months cost, from the templates and a table of prices."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markdown import Markdown

from scones_operations.account import CannotBeDone, run
from scones_operations.cost.assumptions import Assumptions
from scones_operations.cost.page import show_costs, show_grounds
from scones_operations.cost.prices import read_prices
from scones_operations.cost.savings import MILLION
from scones_operations.cost.system import read_system
from scones_operations.repository import find_root
from scones_operations.validation.templates import find_templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["main", "make_page"]

COUNTS = (1000, MILLION)
HEAD = """\
# What it costs

Made by `scones-ops cost --markdown > docs/cost.md`; a test fails when it is not what that prints.
Instance types, memory, alarms, schedules and retention are the templates' defaults, not a stage's
own [settings](../stages); what templates do not say is [assumed](#assumed-of-an-average-image)."""
FOOT = """\
Not in it: training, a new model's second fleet while it is deployed, container images in ECR, mails
of SNS, queries of Logs Insights, data that leaves the region, and a backfill, which is one more
Express execution for each object. CodeDeploy costs nothing for Lambda. S3 and SQS encrypt with keys
of their own: only the alarms' topics need KMS's, each of which costs the same once more after its
first yearly rotation, and again after its second. Photos cost their storage each month until
somebody deletes them. Serverless inference would cost nothing while idle, but it has no Data
Capture, hence no drift report. `make destroy` lists what still costs money afterwards."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(argv)
    return run(lambda: _cost(options))


def _cost(options: argparse.Namespace) -> int:
    counts = COUNTS if options.images is None else (options.images,)
    if min(counts) < 1 or options.size_kb <= 0:
        raise CannotBeDone("Nothing costs nothing: name at least one image, with a size.")
    given = replace(Assumptions(), image_kb=options.size_kb)
    root = find_root()
    if options.markdown:
        print("\n".join(make_page(root, counts, given)))
    else:
        Console().print(Markdown("\n".join(_costs(root, counts, given))))
    return 0


def make_page(
    root: Path, counts: Sequence[int] = COUNTS, given: Assumptions | None = None
) -> Iterator[str]:
    """The whole page: costs, assumptions, prices; a line of text each."""
    given = given or Assumptions()
    yield from (HEAD, "")
    yield from _costs(root, counts, given)
    yield from ("", FOOT)
    yield from show_grounds(given, read_prices())


def _costs(root: Path, counts: Sequence[int], given: Assumptions) -> Iterator[str]:
    system = read_system({str(one.path): one.body for one in find_templates(root)})
    return show_costs(counts, system, given, read_prices())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-ops cost", description="What images and a month without any cost."
    )
    counts = " and ".join(f"{count:,}" for count in COUNTS)
    size = Assumptions.image_kb
    parser.add_argument("--images", type=int, help=f"in a month (default: {counts})")
    parser.add_argument("--size-kb", type=float, default=size, help=f"of a photo ({size:g})")
    parser.add_argument("--markdown", action="store_true", help="print docs/cost.md")
    return parser
