"""The report as a SageMaker Processing job, alone or started by a Model Monitor schedule.

The steps are `report`, and for more than one machine `summarise` on each and then `report` of what
they wrote. Drift is a result: the job fails only when it cannot make a report, with a sentence in
the message that SageMaker shows as `ExitMessage`. `settings.py` has what it is told.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from scones_monitoring.assess import make_report, write_report, write_summaries
from scones_monitoring.errors import InvalidUsage, MonitoringError, NothingReadable
from scones_monitoring.job import metrics, model_monitor
from scones_monitoring.job.settings import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_monitoring.report import Report

__all__ = ["main", "report", "summarise"]

LONGEST_MESSAGE = 1024
"""SageMaker cuts the message there."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do one step; status 2 when it cannot be done, and SageMaker's message file says why."""
    options = _parser().parse_args(argv)
    try:
        job = Job.from_environment(os.environ, options.root, datetime.now(UTC))
        said, status = STEPS[options.step](job), 0
    except MonitoringError as error:
        said, status = str(error), 2
    # SageMaker shows the message as the reason of a failure, whatever the fault was.
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        said, status = f"{type(error).__name__}: {error}", 1
    print(said, file=sys.stderr if status else sys.stdout)
    _write(options.root / "output/message", said[:LONGEST_MESSAGE])
    return status


def report(job: Job) -> str:
    """Make the report and everything that is said about it; returns the message."""
    made = make_report(job.settings)
    if job.endpoint:  # a folder's name need not be the endpoint's, by which alarms find metrics
        made = replace(made, endpoint=job.endpoint)
    write_report(made, job.output)
    if job.schedule is None:  # Model Monitor has a folder for each execution, S3 outputs have not
        write_report(made, job.output / "history" / made.made_at.replace(":", "-"))
    _write_documents(made, job.output)
    _publish(made, job)
    return model_monitor.message(made)


def summarise(job: Job) -> str:
    """Summarise this machine's share of the captures; returns the message."""
    host = _host(job.root)
    try:
        write_summaries(job.settings, job.output, host)
    except NothingReadable as error:  # others may have got files; if nobody did, `report` says so
        return f"Completed: no share for {host}. {error}"
    return f"Completed: {host} has summarised its share"


STEPS = {"report": report, "summarise": summarise}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scones_monitoring.job.processing", description=__doc__)
    parser.add_argument("step", nargs="?", choices=STEPS, default="report")
    parser.add_argument("--root", type=Path, default=Path("/opt/ml"), help="SageMaker's folder")
    return parser


def _host(root: Path) -> str:
    """This machine's name among those of the job; each writes under its own."""
    try:
        config = json.loads((root / "config/resourceconfig.json").read_text(encoding="utf-8"))
        return str(config["current_host"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InvalidUsage(
            f"{root}/config/resourceconfig.json does not name this machine: "
            "run `summarise` as a SageMaker Processing job"
        ) from None


def _write_documents(made: Report, output: Path) -> None:
    documents = {
        "statistics.json": model_monitor.statistics(made),
        "constraints.json": model_monitor.constraints(made),
        "constraint_violations.json": model_monitor.violations(made),
    }
    for name, document in documents.items():
        _write(output / name, json.dumps(document, indent=2) + "\n")


def _publish(made: Report, job: Job) -> None:
    if job.metric_lines and job.schedule:
        lines = metrics.model_monitor_lines(made, job.schedule)
        _write(job.root / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl", lines)
    if job.namespace:
        metrics.put_metrics(made, job.namespace, boto3.client("cloudwatch"))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
