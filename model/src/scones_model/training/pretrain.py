"""Pretrain a backbone on CIFAR-100's hundred classes, for training to start from.

Kept out are CIFAR-100's test pictures and those training pictures that `dataset` holds out for
calibration, so that neither was ever seen by anything that is measured on them.
"""

# mypy: disable-error-code="import-not-found, no-untyped-call"

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
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its name everywhere

from scones_model.training.backbone import Backbone
from scones_model.data.cifar100 import InvalidArchive, class_labels, read_archive
from scones_model.data.division import choose
from scones_model.data.dataset import CALIBRATION_SHARE, NEITHER_SHARE
from scones_model.training.fitting import Labelled, Recipe, fit
from scones_model.training.network import ResNet9

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

console = Console(stderr=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Pretrain once; status 2 with a sentence when the archive cannot be used."""
    given = sys.argv[1:] if argv is None else argv
    options = _parser().parse_args(given)
    try:
        pretrain(options, "python -m scones_model.training.pretrain " + shlex.join(given))
    except InvalidArchive as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def pretrain(options: argparse.Namespace, command: str) -> None:
    """Fit all hundred classes and write the backbone."""
    torch.manual_seed(options.seed)
    labels = class_labels(options.archive)
    training, held_out = _pictures(options.archive, labels, options.classes.split(","))
    scaled = training.pixels.float().div(255).flatten(0, 2)
    backbone = Backbone(
        labels, options.width, tuple(scaled.mean(0).tolist()), tuple(scaled.std(0).tolist()),
        ResNet9(len(labels), options.width), command,
    )
    seen = _emphasised(training, [labels.index(name) for name in options.classes.split(",")], options.emphasis)
    recipe = Recipe(
        options.seed, options.epochs, options.batch_size, options.learning_rate,
        options.weight_decay, options.ema_decay, options.small_epochs,
    )

    def tell(epoch: int, loss: float, network: nn.Module) -> None:
        right = _accuracy(network, backbone, held_out)
        console.print(f"epoch {epoch}: loss {loss:.3f}, accuracy on held-out pictures {right:.3f}")
        backbone.figures = {"held_out_images": len(held_out.classes), "held_out_accuracy": right}

    options.out.parent.mkdir(parents=True, exist_ok=True)
    backbone.network = fit(
        backbone.network, backbone.normalise, seen, F.cross_entropy, recipe,
        tell=tell, console=console, checkpoint=options.out.with_suffix(".checkpoint"),
    )
    backbone.save(options.out)


def _pictures(archive: Path, labels: Sequence[str], classes: Sequence[str]) -> tuple[Labelled, Labelled]:
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


@torch.no_grad()
def _accuracy(network: nn.Module, backbone: Backbone, held_out: Labelled) -> float:
    logits: list[Tensor] = [network(backbone.normalise(part)) for part in held_out.pixels.split(500)]
    return float((torch.cat(logits).argmax(dim=1) == held_out.classes).float().mean())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scones-model pretrain", description=__doc__)
    archive = os.environ.get("CIFAR100")
    parser.add_argument("--archive", type=Path, default=archive and Path(archive), required=not archive)
    parser.add_argument("--out", type=Path, required=True, help="the backbone file to write")
    parser.add_argument("--classes", default="bicycle,motorcycle", help="those to be told apart later")
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
