"""Let a candidate replace the current model only if it is no worse on the same pictures.

DATA is a data set as `scones-model dataset` writes it, of which the test pictures are used, and
those of none of the classes; or a plain folder of class subfolders. The models are compared in
accuracy, calibration (NLL and calibration error), coverage, accuracy and other pictures accepted,
each at its own threshold, and in latency. With --first there is no CURRENT: the candidate must
reach minimums instead.

Exit status: 0 passed, 1 refused, 2 bad input.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from scones_model.data.folders import InvalidFolder
from scones_model.evaluation.comparison import Latencies, Margins, Minimums
from scones_model.evaluation.verdict import Limits, judge
from scones_model.serving.inference import ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_model.evaluation.comparison import Check
    from scones_model.evaluation.verdict import Verdict

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Judge, print and, when asked to, write; the exit status is the module's."""
    parser = _parser()
    # Not parse_args: it would take DATA for CURRENT when an option stands between them.
    options = parser.parse_intermixed_args(argv)
    if options.first == (options.current is not None):
        parser.error("name CURRENT, or say --first when there is none")
    try:
        verdict = _judged(options)
    except (InvalidFolder, ModelUnavailable) as error:
        print(error, file=sys.stderr)
        return 2
    _show(verdict, Console(highlight=False, markup=False))
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(verdict.to_json() + "\n", encoding="utf-8")
    return 0 if verdict.passed else 1


def _judged(options: argparse.Namespace) -> Verdict:
    limits = Limits(
        Margins(**dict(options.margin)),
        Minimums(**dict(options.minimum)),
        Latencies(options.latency_ratio, options.latency_ms),
    )
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Measuring", total=None)
        return judge(
            options.candidate,
            options.current,
            options.data,
            limits,
            lambda answered, every: bar.update(task, advance=answered, total=every),
        )


def _show(verdict: Verdict, console: Console) -> None:
    if verdict.tests:
        console.print(_table(verdict.tests, first=verdict.current is None))
        console.print(", ".join(f"{count:,} {kind}" for kind, count in verdict.pictures.items()))
    for reason in verdict.reasons:
        console.print(reason, soft_wrap=True)
    console.print("Passed." if verdict.passed else "Refused.")


def _table(checks: Sequence[Check], *, first: bool) -> Table:
    """Every check a row; without a current model there are only minimums."""
    compared = () if first else ("current", "worse by", "may be", "p")
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for title in ("candidate", *compared, "limit", ""):
        table.add_column(title, justify="right")
    for check in checks:
        between = (check.current, check.worse_by, check.may_be, check.p_value)
        numbers = (check.candidate, *between[: len(compared)], check.limit)
        shown = ("-" if number is None else f"{number:.3f}" for number in numbers)
        name = check.measure.replace("_", " ")
        table.add_row(name, *shown, "refused" if check.reason else "")
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-model gate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("candidate", type=Path, help="the .onnx file that asks to be used")
    parser.add_argument("current", type=Path, nargs="?", help="the one in use")
    parser.add_argument("data", type=Path, help="a data set, or <folder>/<label>/<picture>")
    parser.add_argument("--first", action="store_true", help="there is no CURRENT")
    parser.add_argument("--out", type=Path, help="write the verdict, as JSON")
    _add_limits(parser, "--margin", Margins(), "how much worse the candidate may possibly be")
    _add_limits(parser, "--minimum", Minimums(), "with --first: what it must reach")
    latencies = Latencies()
    parser.add_argument(
        "--latency-ratio", type=float, default=latencies.ratio, metavar="TIMES",
        help=f"how much slower it may be than CURRENT ({latencies.ratio})",
    )  # fmt: skip
    parser.add_argument(
        "--latency-ms", type=float, default=latencies.budget_ms, metavar="MS",
        help=f"what a picture may take in any case ({latencies.budget_ms})",
    )  # fmt: skip
    return parser


def _add_limits(
    parser: argparse.ArgumentParser, option: str, defaults: Margins | Minimums, meaning: str
) -> None:
    """An option to be repeated, `MEASURE=NUMBER`; the defaults are in its help."""
    known = asdict(defaults)

    def limit(text: str) -> tuple[str, float]:
        measure, _, number = text.partition("=")
        if measure not in known:
            raise argparse.ArgumentTypeError(f"{text!r} names none of {', '.join(known)}")
        return measure, float(number)

    listed = ", ".join(f"{measure}={number:g}" for measure, number in known.items())
    parser.add_argument(
        option, type=limit, action="append", default=[], metavar="MEASURE=NUMBER",
        help=f"{meaning} ({listed})",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
