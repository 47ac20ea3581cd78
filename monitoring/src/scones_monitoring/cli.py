"""The command line `scones-monitor`: report, baseline, simulate, process, run-now.

Exit status 0: fine (a warning too); 3: alarm; 2: bad usage, or nothing readable, with a sentence.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import os

# Before numpy is imported: it would start threads for matrices larger than any here, which costs as
# much CPU as reading 30,000 records, and reading in forked processes is safest without threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from scones_monitoring.assess import ReportSettings, make_baseline, make_report, write_report
from scones_monitoring.capture.layout import parse_hour
from scones_monitoring.drift.baseline import Baseline
from scones_monitoring.drift.simulate import SOON, Outcome, Simulation, simulate
from scones_monitoring.errors import InvalidUsage, MonitoringError
from scones_monitoring.job import processing, run_now
from scones_monitoring.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from scones_monitoring.report import Report

__all__ = ["main"]

ALARM, BAD_USAGE = 3, 2
COLORS = {Verdict.OK: "green", Verdict.ALARM: "red"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    others = {"process": processing.main, "run-now": run_now.main}
    if arguments[:1] and arguments[0] in others:
        return others[arguments[0]](arguments[1:])
    options = _parser().parse_args(arguments)
    commands = {"report": _report, "baseline": _baseline, "simulate": _simulate}
    try:
        return commands[options.command](options)
    except (MonitoringError, OSError) as error:  # OSError: a place to write that is none
        print(error, file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scones-monitor", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    report = commands.add_parser("report", help="say whether the model can still be trusted")
    _add_captures(report)
    report.add_argument("--baseline", help="from `scones-monitor baseline`, or predictions (.csv)")
    report.add_argument("--out", type=Path, required=True, help="for report.html, .md and .json")
    report.add_argument("--wanted-accuracy", type=_share, default=0.99, help="to look for (0.99)")
    report.add_argument("--summaries", help="what several machines' `process` wrote")
    report.add_argument("--variant", help="one production variant; all by default")
    baseline = commands.add_parser("baseline", help="keep what is usual in a file")
    _add_captures(baseline, required=False)
    baseline.add_argument("--predictions", type=Path, help="CSV of a model's validation: truth,...")
    baseline.add_argument("--variant", help="one production variant; all by default")
    baseline.add_argument("--out", type=Path, required=True, help="the file to write")
    trial = commands.add_parser("simulate", help="show how often the detector is wrong")
    trial.add_argument("--runs", type=_count, default=60, help="more take longer (60)")
    trial.add_argument("--baseline-windows", type=_count, default=24)
    trial.add_argument("--sizes", type=_sizes, default=(100, 500, 2000), metavar="100,500,2000")
    trial.add_argument("--seed", type=int, default=0)
    for name, meaning in (("process", "what the container runs"),
                          ("run-now", "start the deployed schedule's job at once")):  # fmt: skip
        commands.add_parser(name, help=meaning)
    return parser


def _add_captures(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("--captures", required=required, help="folder or s3://bucket/prefix")
    parser.add_argument("--labels", help="folder or s3:// prefix of ground truth")
    parser.add_argument(
        "--classes", type=_names, metavar="A,B", help="in class order, if no baseline has them"
    )
    parser.add_argument("--threshold", type=_share, help="least confidence to accept (0.9)")
    parser.add_argument("--from", dest="first", help="first hour, UTC: 2026-11-22T10:00Z")
    parser.add_argument("--to", dest="last", help="the hour after the last")
    parser.add_argument("--no-cache", action="store_true", help="read everything, keep nothing")


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not over 0 and at most 1")
    return value


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number over 0")
    return int(text)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))


def _settings(options: argparse.Namespace) -> ReportSettings:
    first = parse_hour(options.first, "--from") if options.first else None
    last = parse_hour(options.last, "--to") if options.last else None
    if first and last and first >= last:
        raise InvalidUsage(f"--from {options.first} is not before --to {options.last}.")
    names = ("captures", "labels", "classes", "threshold", "variant")
    given = {name: getattr(options, name) for name in names}
    return ReportSettings(**given, first=first, last=last, cache=not options.no_cache)


def _report(options: argparse.Namespace) -> int:
    with _progress("Reading captures", DownloadColumn()) as progress:
        settings = replace(
            _settings(options),
            baseline=options.baseline,
            wanted_accuracy=options.wanted_accuracy,
            summaries=options.summaries,
        )
        report = make_report(settings, progress)
    write_report(report, options.out)
    _tell(report, options.out)
    return ALARM if report.verdict is Verdict.ALARM else 0


def _tell(report: Report, out: Path) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(report.verdict, style=f"bold {COLORS.get(report.verdict, 'yellow')}", end="  ")
    console.print(report.reason)
    counts = f"{report.records.read} predictions read, {report.records.malformed} lines malformed"
    console.print(f"{counts}. The report: {out / 'report.html'}")


def _baseline(options: argparse.Namespace) -> int:
    if (options.captures is None) == (options.predictions is None):
        raise InvalidUsage("A baseline is made from --captures or from --predictions: name one.")
    if options.predictions:
        baseline = _of_predictions(options.predictions, options.threshold)
    else:
        with _progress("Reading captures", DownloadColumn()) as progress:
            baseline = make_baseline(_settings(options), progress)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(baseline.to_json(), encoding="utf-8")
    whole = baseline.whole
    print(f"{options.out}: {whole.records} predictions in {len(baseline.windows)} windows, mean "
          f"confidence {whole.mean_confidence:.3f}, {whole.below / whole.records:.1%} below "
          f"{baseline.threshold:g}.")  # fmt: skip
    return 0


def _of_predictions(path: Path, threshold: float | None) -> Baseline:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise InvalidUsage(f"{path} cannot be read: {error}.") from None
    return Baseline.from_predictions(text, path.name, threshold or 0.9)


def _simulate(options: argparse.Namespace) -> int:
    simulation = Simulation(
        sizes=options.sizes, runs=options.runs, baseline=options.baseline_windows, seed=options.seed
    )
    with _progress("Simulating", MofNCompleteColumn()) as progress:
        outcomes = simulate(simulation, progress)
    console = Console(highlight=False)
    console.print(_table(simulation, outcomes))
    console.print(
        "size: predictions of a window. Alarms of a healthy model are false. Healthy hours differ "
        "by 2 points of the mix and 4 % of the margin (standard deviations); day and night take "
        "both up and down by 4 more.",
    )
    return 0


def _table(simulation: Simulation, outcomes: Sequence[Outcome]) -> Table:
    title = (f"Windows in alarm, {simulation.windows} windows after a baseline of "
             f"{simulation.baseline}, {simulation.runs} times")  # fmt: skip
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("size", justify="right")
    table.add_column("windows", no_wrap=True)
    for name in ("alarms", f"within {SOON}", "first after", "KS p<.05", "PSI>=.1"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in outcomes:
        shares = [f"{share:.1%}" for share in (one.alarms, one.soon, one.ks, one.psi)]
        delay = "-" if one.delay is None else f"{one.delay:g}"
        table.add_row(str(one.size), one.drift, *shares[:2], delay, *shares[2:])
    return table


@contextmanager
def _progress(
    name: str, column: DownloadColumn | MofNCompleteColumn
) -> Iterator[Callable[[int, int], None]]:
    console = Console(stderr=True)
    columns = (TextColumn(name), BarColumn(), column)
    # Drawn when there is something new, not by a thread: see above.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total, refresh=True)


if __name__ == "__main__":
    sys.exit(main())
