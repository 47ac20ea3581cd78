"""Train a classifier from class subfolders and export it as one servable ONNX file.

SageMaker script mode and a local run are the same: channels, hyperparameters and folders come from
SageMaker's environment where it is there, and from options elsewhere. Temperature and threshold are
chosen on calibration pictures; test pictures are used for the final figures alone.
"""

# mypy: disable-error-code="import-not-found, no-untyped-call"

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import traceback
from argparse import ArgumentError
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from rich.console import Console
from torch import nn

from scones_model.data.folders import InvalidFolder
from scones_model.evaluation.answers import answer
from scones_model.evaluation.measures import as_figures, measure
from scones_model.evaluation.parts import labelled
from scones_model.evaluation.threshold import choose_threshold
from scones_model.serving.inference import Classifier
from scones_model.serving.metadata import ModelMetadata
from scones_model.training.backbone import InvalidBackbone
from scones_model.training.calibration import calibrate
from scones_model.training.channels import read_channels
from scones_model.training.export import export, write_metadata, write_predictions
from scones_model.training.fitting import CheckpointDiffers, Labelled, Recipe, Watch, fit, logits
from scones_model.training.network import Levels, Normalise, Served
from scones_model.training.start import from_backbone, from_scratch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_model.evaluation.threshold import Threshold
    from scones_model.training.channels import Channels
    from scones_model.training.start import Start

__all__ = ["main", "train"]

console = Console(stderr=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Train once; status 1 and SageMaker's `failure` file when it fails."""
    given = [*_hyperparameters_of_sagemaker(), *(sys.argv[1:] if argv is None else argv)]
    try:
        options = _parser().parse_args(given)
        options.command = "python -m scones_model.training.train " + shlex.join(given)
        train(options)
    except ArgumentError as error:
        return _failed(f"{error}. See `scones-model train --help`.")
    except (InvalidFolder, InvalidBackbone, CheckpointDiffers) as error:
        return _failed(str(error))
    # SageMaker shows the file's text as the job's failure reason, whatever the fault was.
    except Exception:  # noqa: BLE001
        return _failed(traceback.format_exc())
    return 0


def train(options: argparse.Namespace) -> Path:
    """From folders to a servable file: read, fit, calibrate, export, measure.

    Returns the path of the ONNX file. Raises InvalidFolder, InvalidBackbone, CheckpointDiffers or
    ExportDiffers.
    """
    torch.manual_seed(options.seed)
    channels = read_channels(
        options.train, options.calibration, options.neither, options.size, options.fit
    )
    if options.backbone is None:
        start = from_scratch(channels, options.width)
    else:
        start = from_backbone(channels, options.backbone, whole=options.tune == "all")
    network = _fit(start, channels, options)
    served, threshold = _calibrated(network, start.levels, channels, options)
    path: Path = options.model_dir / f"{options.model_name}.onnx"
    about = _about(served, start.levels.normalise, threshold, channels.labels, options)
    export(served, path, about, channels.held_out.pixels[:64].numpy())
    _measured(path, about, channels, options.test)
    return path


# --- fitting -------------------------------------------------------------------------------------


def _fit(start: Start, channels: Channels, options: argparse.Namespace) -> nn.Module:
    recipe = Recipe(
        seed=options.seed,
        epochs=options.epochs or start.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate or start.learning_rate,
        weight_decay=options.weight_decay,
        ema_decay=0.98,
    )
    checkpoint = options.checkpoint_dir and options.checkpoint_dir / "last.pt"
    watch = Watch(_ours(channels), console, checkpoint)
    return fit(start.network, start.levels, channels.training, recipe, watch)


def _ours(channels: Channels) -> Labelled:
    """The held-out pictures that show one of the classes."""
    ours = channels.held_out.classes < len(channels.labels)
    return Labelled(channels.held_out.pixels[ours], channels.held_out.classes[ours])


# --- calibration and figures ---------------------------------------------------------------------


def _calibrated(
    network: nn.Module, normalise: Levels, channels: Channels, options: argparse.Namespace
) -> tuple[Served, Threshold]:
    """The graph to serve, and the threshold from which its answers need nobody."""
    classes, truth = len(channels.labels), channels.held_out.classes
    answered = logits(network, normalise, channels.held_out.pixels)
    calibration = calibrate(answered, truth, classes, options.neither_share)
    served = Served(network, normalise, classes, calibration)
    answers = served.answers(answered).numpy()
    ours = (truth < classes).numpy()
    threshold = choose_threshold(
        answers[ours], truth.numpy()[ours], answers[~ours] if channels.neither else None,
        wanted_accuracy=options.accuracy, most_neither=options.most_neither,
    )  # fmt: skip
    console.print(threshold.told())
    return served, threshold


def _about(
    served: Served,
    normalise: Normalise,
    threshold: Threshold,
    labels: Sequence[str],
    options: argparse.Namespace,
) -> ModelMetadata:
    red, green, blue = (round(255 * value) for value in normalise.mean.flatten().tolist())
    return ModelMetadata(
        labels=tuple(labels),
        input_width=options.size,
        input_height=options.size,
        fit=options.fit,
        pad_color=(red, green, blue),
        temperature=served.calibration.temperature,
        threshold=threshold.value,
        command=options.command,
        seed=options.seed,
    )


def _measured(path: Path, about: ModelMetadata, channels: Channels, test: Path | None) -> None:
    """Note in the file what it reaches on the held-out pictures, and on the test pictures."""
    classifier, labels = Classifier(path), about.labels
    pixels, truth = (part.numpy() for part in _ours(channels))
    answers = classifier.probabilities(pixels)
    write_predictions(path, labels, answers, truth)
    figures = {"train_images": float(len(channels.training.classes))}
    figures |= as_figures(measure(answers, truth, about.threshold), "held_out")
    if test is not None:
        pictures = labelled(test, labels)
        answers = answer(classifier, pictures.files)
        figures |= as_figures(measure(answers, pictures.classes, about.threshold), "test")
    write_metadata(path, replace(about, figures=figures))
    print(json.dumps({"model": str(path), **figures}))


# --- SageMaker's side ----------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    # Not to end in argparse: SageMaker would not learn which hyperparameter was wrong.
    parser = argparse.ArgumentParser("scones-model train", description=__doc__, exit_on_error=False)
    folder = partial(
        _folder, parser.add_argument_group("folders, from SageMaker's environment too")
    )
    folder(
        "--train", "SM_CHANNEL_TRAIN", "training pictures, <folder>/<label>/<picture>", needed=True
    )
    folder("--calibration", "SM_CHANNEL_CALIBRATION", "held-out ones; else a part of --train")
    folder("--neither", "SM_CHANNEL_NEITHER", "train/ and calibration/ with pictures of no class")
    folder("--test", "SM_CHANNEL_TEST", "test pictures, for the final figures alone")
    folder("--backbone", "SM_CHANNEL_BACKBONE", "backbone.pt or its folder; else from scratch")
    folder("--model-dir", "SM_MODEL_DIR", "where <model-name>.onnx is written", needed=True)
    folder("--checkpoint-dir", "SM_CHECKPOINT_DIR", "where an interrupted job goes on from")
    parser.add_argument("--model-name", default="model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="5 if the backbone knows the classes, else 40")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, help="1e-3 if it knows them, else 2e-3")
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument(
        "--tune", choices=["head", "all"], default="head", help="what of a backbone is trained"
    )
    parser.add_argument(
        "--width", type=int, default=8, help="channels of a new network's first layer"
    )
    parser.add_argument("--size", type=int, default=32, help="input side in pixels, 8 x n")
    parser.add_argument("--fit", choices=["letterbox", "crop"], default="letterbox")
    parser.add_argument("--accuracy", type=float, default=0.99, help="wanted of accepted answers")
    parser.add_argument("--neither-share", type=float, default=0.1, help="expected of the uploads")
    parser.add_argument("--most-neither", type=float, default=0.1, help="share of those to pass")
    return parser


def _folder(
    group: argparse._ArgumentGroup,
    option: str,
    variable: str,
    meaning: str,
    *,
    needed: bool = False,
) -> None:
    """A folder that the environment names unless the option does."""
    value = os.environ.get(variable)
    group.add_argument(
        option, type=Path, default=Path(value) if value else None,
        required=needed and value is None, help=f"{meaning} [{variable}]",
    )  # fmt: skip


def _hyperparameters_of_sagemaker() -> list[str]:
    """SM_HPS as options, without SageMaker's own `sagemaker_...` entries."""
    given = json.loads(os.environ.get("SM_HPS", "{}"))
    own = {name: value for name, value in given.items() if not name.startswith("sagemaker_")}
    return [f"--{name.replace('_', '-')}={value}" for name, value in own.items()]


def _failed(reason: str) -> int:
    """Say why, and leave it where SageMaker looks (`SM_OUTPUT_DIR`, /opt/ml/output)."""
    print(reason, file=sys.stderr)
    output = Path(os.environ.get("SM_OUTPUT_DIR", "/opt/ml/output"))
    if output.is_dir():
        (output / "failure").write_text(reason, encoding="utf-8")
    return 1


if __name__ == "__main__":
    sys.exit(main())
