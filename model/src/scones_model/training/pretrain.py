"""Pretrain a backbone on CIFAR-100's hundred classes, for training to start from.

Kept out are CIFAR-100's test pictures and those training pictures that `dataset` holds out for
calibration, so that neither was ever seen by anything that is measured on them.
"""

# mypy: disable-error-code="import-not-found"

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from rich.console import Console

from scones_model.data.cifar100 import InvalidArchive, class_labels, read_archive
from scones_model.data.division import CALIBRATION_SHARE, NEITHER_SHARE, choose
from scones_model.training.backbone import Backbone
from scones_model.training.fitting import CheckpointDiffers, Labelled, Recipe, Watch, accuracy, fit
from scones_model.training.network import Normalise, ResNet9

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

console = Console(stderr=True)
CACHE = Path(os.environ.get("SCONES_CACHE") or Path.home() / ".cache/scones")


def main(argv: Sequence[str] | None = None) -> int:
    """Pretrain once; status 2 with a sentence when the archive cannot be used."""
    given = sys.argv[1:] if argv is None else argv
    options = _parser().parse_args(given)
    try:
        pretrain(options, "python -m scones_model.training.pretrain " + shlex.join(given))
    except (InvalidArchive, CheckpointDiffers) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def pretrain(options: argparse.Namespace, command: str) -> None:
    """Fit all hundred classes and write the backbone; raises InvalidArchive, CheckpointDiffers."""
    torch.manual_seed(options.seed)
    labels, classes = class_labels(options.archive), options.classes.split(",")
    training, held_out = _pictures(options.archive, labels, classes)
    colors = training.pixels.reshape(-1, 3).float() / 255
    mean, deviation = colors.mean(dim=0).tolist(), colors.std(dim=0).tolist()
    normalise = Normalise(mean, deviation)
    recipe = Recipe(
        seed=options.seed,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        ema_decay=options.ema_decay,
        small_epochs=options.small_epochs,
    )
    seen = _emphasised(training, [labels.index(name) for name in classes], options.emphasis)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    watch = Watch(held_out, console, options.out.with_suffix(".checkpoint"))
    network = fit(ResNet9(len(labels), options.width), normalise, seen, recipe, watch)
    figures = {"held_out_accuracy": round(accuracy(network, normalise, held_out), 4)}
    backbone = Backbone(labels, options.width, mean, deviation, network, command, figures)
    backbone.save(options.out)


def _pictures(
    archive: Path, labels: Sequence[str], classes: Sequence[str]
) -> tuple[Labelled, Labelled]:
    """The training pictures of all classes without those held out, and those."""
    parts: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    numbers: tuple[list[int], list[int]] = ([], [])
    for part in read_archive(archive, labels, ["train"]):
        share = CALIBRATION_SHARE if part.label in classes else NEITHER_SHARE
        out = np.zeros(len(part.pixels), dtype=bool)
        out[choose([Image.fromarray(picture) for picture in part.pixels], share)] = True
        for side, chosen in enumerate((~out, out)):
            parts[side].append(part.pixels[chosen])
            numbers[side].extend([labels.index(part.label)] * int(chosen.sum()))
    first, second = (
        Labelled(torch.from_numpy(np.concatenate(pixels)), torch.tensor(classes))
        for pixels, classes in zip(parts, numbers, strict=True)
    )
    return first, second


def _emphasised(training: Labelled, numbers: Sequence[int], times: int) -> Labelled:
    """The pictures, those of the classes `numbers` `times` over."""
    wanted = torch.isin(training.classes, torch.tensor(numbers))
    again = torch.cat([torch.arange(len(wanted)), *[wanted.nonzero().flatten()] * (times - 1)])
    return Labelled(training.pixels[again], training.classes[again])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scones-model pretrain", description=__doc__)
    archive = os.environ.get("CIFAR100", CACHE / "cifar-100-python.tar.gz")
    parser.add_argument(
        "--archive", type=Path, default=Path(archive),
        help="CIFAR-100; `scones-model dataset` leaves its download where this looks [CIFAR100]",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="the backbone file to write")
    parser.add_argument(
        "--classes", default="bicycle,motorcycle", help="those to be told apart later"
    )
    parser.add_argument("--emphasis", type=int, default=3, help="how often an epoch shows those")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--small-epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--ema-decay", type=float, default=0.998)
    parser.add_argument("--width", type=int, default=24)
    return parser


if __name__ == "__main__":
    sys.exit(main())
