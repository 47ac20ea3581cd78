"""Past one machine, where there is Spark: the same reader in every executor.

    spark-submit spark.py --captures s3://bucket/captures --out summaries

The driver lists the files and adds up; executors read. Each of them needs this package, and its
own access to the captures. What is written is what `scones-monitor report` takes for summaries.
"""

# mypy: disable-error-code="import-not-found, import-untyped"
# pandas and pyspark are an extra; where they are missing, they are Any to mypy.

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import SparkSession

from scones_monitoring.capture.layout import Selection, capture_folders, parse_hour
from scones_monitoring.capture.store import open_store
from scones_monitoring.capture.summarise import Part, Work, divide, read_work
from scones_monitoring.capture.summary import Reading
from scones_monitoring.errors import MonitoringError
from scones_monitoring.evidence import save_summaries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from scones_monitoring.capture.layout import CaptureFolder
    from scones_monitoring.capture.store import Store

__all__ = ["main", "summarise_with_spark"]

THRESHOLD = 0.9
WORK = "folder long, variant string, names array<string>, size long"
PART = "part string"


def summarise_with_spark(
    spark: SparkSession, captures: str, selection: Selection, threshold: float
) -> Reading:
    """Summarise captures as `summarise_captures` does, on Spark's executors.

    Args:
        spark: A session; its Python workers must have this package.
        captures: A folder that every executor sees, or `s3://bucket/prefix`.
        selection: What is wanted; hours around it may be summarised too.
        threshold: Predictions are counted that have a confidence below it.

    Raises:
        MonitoringError: There are no captures.
    """
    store = open_store(captures)
    return _summarise(spark, store, capture_folders(store, selection), threshold)


def _summarise(
    spark: SparkSession, store: Store, folders: Sequence[CaptureFolder], threshold: float
) -> Reading:
    work = [one for number, folder in enumerate(folders) for one in divide(number, folder)]
    rows = [(one.folder, one.variant, list(one.names), one.size) for one in work]
    # A task for each row, as Spark knows nothing of how much there is behind it.
    frame = spark.createDataFrame(rows, WORK).repartition(len(rows))
    parts = frame.mapInPandas(partial(_read_rows, store, threshold), PART)
    texts = (row.part for row in parts.collect())
    return sum((Reading.from_json(json.loads(text)) for text in texts), Reading())


def _read_rows(
    store: Store, threshold: float, frames: Iterable[pd.DataFrame]
) -> Iterator[pd.DataFrame]:
    for frame in frames:
        columns = zip(frame.folder, frame.variant, frame.names, frame["size"], strict=True)
        work = [
            Work(folder, variant, tuple(names), size) for folder, variant, names, size in columns
        ]
        parts = (read_work(store, threshold, None, one).reading for one in work)
        yield pd.DataFrame({"part": [json.dumps(part.to_json()) for part in parts]})


def main(arguments: Sequence[str] | None = None) -> int:
    """Summarise on the cluster that `spark-submit` names; 0 if it went well, else 2."""
    options = _parser().parse_args(arguments)
    try:
        _write_summaries(options)
    except MonitoringError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="spark.py", description=__doc__)
    parser.add_argument("--captures", required=True, help="folder or s3:// prefix")
    parser.add_argument("--out", type=Path, required=True, help="folder for the summaries")
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    parser.add_argument("--from", dest="first", help="UTC hour, 2026-11-22T10:00Z")
    parser.add_argument("--to", dest="last", help="UTC hour, itself not included")
    parser.add_argument("--variant")
    return parser


def _write_summaries(options: argparse.Namespace) -> None:
    first = parse_hour(options.first, "--from") if options.first else None
    last = parse_hour(options.last, "--to") if options.last else None
    store = open_store(options.captures)
    folders = capture_folders(store, Selection(first, last, options.variant))
    spark = SparkSession.builder.appName("scones-monitoring").getOrCreate()
    part = Part(_summarise(spark, store, folders, options.threshold), {})
    save_summaries(options.out / "spark.json", folders[0].endpoint, options.threshold, part)


if __name__ == "__main__":
    sys.exit(main())
