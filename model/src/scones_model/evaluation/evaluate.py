"""Measure a model file on labelled pictures, through ONNX Runtime only.

DATA is a data set as `scones-model dataset` writes it, whose test, calibration and neither pictures
are measured, or a plain folder of class subfolders, which are then the test pictures alone.

Exit status: 0 measured, 2 bad input.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import hashlib
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from scones_model.data.folders import InvalidFolder
from scones_model.data.manifest import InvalidManifest
from scones_model.evaluation import figures
from scones_model.evaluation.answers import answer
from scones_model.evaluation.latency import THREADS, latency_ms
from scones_model.evaluation.measures import measure, neither, operations, reliability
from scones_model.evaluation.mistakes import worst_mistakes
from scones_model.evaluation.parts import read_parts
from scones_model.evaluation.result import Evaluation, ModelFile
from scones_model.evaluation.robustness import CHANGES, robustness, some
from scones_model.evaluation.tables import print_tables
from scones_model.serving.inference import Classifier, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from scones_model.evaluation.parts import Parts
    from scones_model.evaluation.result import Measures, Neither
    from scones_model.serving.metadata import ModelMetadata

__all__ = ["evaluate", "main"]


def evaluate(
    classifier: Classifier,
    model: Path,
    data: Path,
    done: Callable[[int, int], object] = lambda _answered, _all: None,
) -> Evaluation:
    """Measure everything that `data` allows.

    Args:
        classifier: The model, loaded.
        model: The file it was loaded from.
        data: A data set, or a folder of class subfolders.
        done: Told, now and then, how many pictures were answered since, and of how many in all.

    Raises:
        InvalidFolder: The folder has other classes, no test pictures, or a file that is none.
        InvalidManifest: The data set's manifest cannot be read.
    """
    about = classifier.metadata
    parts = read_parts(data, about.labels)
    changed = some(parts.test)
    told = partial(_told, done, parts.images() + len(changed.files) * len(CHANGES))
    test, truth = answer(classifier, parts.test.files, told), parts.test.classes
    others = answer(classifier, parts.neither.files, told) if parts.neither else None
    return Evaluation(
        model=_model_file(model, about),
        data=parts.counts(),
        test=measure(test, truth, about.threshold),
        calibration=_calibration(classifier, parts, told),
        without_copies=_without_copies(test, parts, about.threshold),
        operations=list(operations(test, truth, others, about.threshold)),
        reliability=list(reliability(test, truth)),
        confusion=figures.confusion(test, truth).tolist(),
        robustness=robustness(classifier, changed, about.threshold, told),
        neither=_neither(others, parts, about.threshold),
        mistakes=list(worst_mistakes(test, parts.test, about, data)),
        latency_ms=latency_ms(classifier),
        threads=THREADS,
    )


def _told(done: Callable[[int, int], object], every: int, answered: int) -> None:
    done(answered, every)


def _model_file(model: Path, about: ModelMetadata) -> ModelFile:
    content = model.read_bytes()
    return ModelFile(
        name=model.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        labels=about.labels,
        input_size=about.size,
        temperature=about.temperature,
        threshold=about.threshold,
        command=about.command,
        seed=about.seed,
    )


def _calibration(
    classifier: Classifier, parts: Parts, told: Callable[[int], object]
) -> Measures | None:
    if parts.calibration is None:
        return None
    answers = answer(classifier, parts.calibration.files, told)
    return measure(answers, parts.calibration.classes, classifier.metadata.threshold)


def _without_copies(
    answers: NDArray[np.float32], parts: Parts, threshold: float
) -> Measures | None:
    originals = ~parts.copied
    if originals.all() or not originals.any():
        return None
    return measure(answers[originals], parts.test.classes[originals], threshold)


def _neither(answers: NDArray[np.float32] | None, parts: Parts, threshold: float) -> Neither | None:
    if answers is None or parts.neither is None:
        return None
    return neither(answers, parts.neither.classes, parts.kinds, threshold)


# --- command line --------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, write when asked to, and print; the exit status is the module's."""
    options = _parser().parse_args(argv)
    try:
        classifier = Classifier(options.model)
        with _progress() as done:
            evaluation = evaluate(classifier, options.model, options.data, done)
    except (InvalidFolder, InvalidManifest, ModelUnavailable) as error:
        print(error, file=sys.stderr)
        return 2
    if options.out is not None:
        _write(evaluation, options.out)
    if options.json:
        print(evaluation.to_json())
    else:
        print_tables(evaluation, Console(highlight=False, markup=False))
    return 0


def _write(evaluation: Evaluation, folder: Path) -> None:
    # Only who wants a card pays for the modules that write it.
    from scones_model.card.card import write_card  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(evaluation.to_json() + "\n", encoding="utf-8")
    write_card(evaluation, folder)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, where that is a terminal."""
    columns = (TextColumn("Measuring"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda answered, every: bar.update(task, advance=answered, total=every)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-model evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path, help="the .onnx file")
    parser.add_argument("data", type=Path, help="a data set, or <folder>/<label>/<picture>")
    parser.add_argument(
        "--out",
        type=Path,
        help="folder for evaluation.json and the model card (card.md, card.html)",
    )
    parser.add_argument("--json", action="store_true", help="print evaluation.json, no tables")
    return parser


if __name__ == "__main__":
    sys.exit(main())
