"""Fit a network to pictures: schedule, moving average, checkpoints."""

# mypy: disable-error-code="import-not-found, misc, no-untyped-call, call-overload, no-any-return"
# PyTorch's types know no `memory_format` of a module.

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

import torch
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its name everywhere
from torch.optim.swa_utils import AveragedModel

from scones_model.training.augment import augment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

__all__ = ["CheckpointDiffers", "Labelled", "Recipe", "Watch", "accuracy", "fit", "logits"]

_WARM_UP_SHARE = 0.2
_BATCH = 256
"""Pictures at once where nothing is learnt."""


class CheckpointDiffers(ValueError):
    """The checkpoint was written by a run with other settings."""


class Labelled(NamedTuple):
    """Pixels, uint8 [n, height, width, 3], and class numbers, int64 [n]."""

    pixels: Tensor
    classes: Tensor


@dataclass(frozen=True)
class Recipe:
    """How to fit; two runs with the same recipe and pictures on one machine are the same.

    `small_epochs` of the `epochs`, the first ones, see pictures shrunk to three quarters of their
    side, at about half the cost. `ema_decay` is that of the moving average of the weights.
    """

    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    ema_decay: float
    small_epochs: int = 0


@dataclass(frozen=True)
class Watch:
    """How a run is seen from outside: early figures on `held_out`, and where it may go on from."""

    held_out: Labelled
    console: Console
    checkpoint: Path | None = None


def fit(
    network: nn.Module, normalise: nn.Module, training: Labelled, recipe: Recipe, watch: Watch
) -> nn.Module:
    """Fit `network`; returns the moving average of its weights, ready to answer.

    With a checkpoint, a run that was cut off goes on after its last whole epoch and ends as if it
    had not been; raises CheckpointDiffers for that of another recipe.
    """
    run = _Run(network.to(memory_format=torch.channels_last), recipe, len(training.classes))
    done = run.restore(watch.checkpoint)
    with _progress(watch.console) as progress:
        bar = progress.add_task("", total=recipe.epochs * run.steps, completed=done * run.steps)
        for epoch in range(done, recipe.epochs):
            # Of the epoch, not of the run: what follows an interruption is what would have been.
            torch.manual_seed(recipe.seed * 10_007 + epoch)
            losses = []
            for images, classes in _batches(normalise, training, recipe, epoch):
                losses.append(run.step(images, classes))
                progress.advance(bar)
            run.save(watch.checkpoint, epoch + 1)
            right = accuracy(run.average.module.eval(), normalise, watch.held_out)
            watch.console.print(
                f"epoch {epoch + 1}: loss {fmean(losses):.3f}, "
                f"accuracy on held-out pictures {right:.3f}"
            )
    return run.average.module.eval().to(memory_format=torch.contiguous_format)


def accuracy(network: nn.Module, normalise: nn.Module, labelled: Labelled) -> float:
    """Share of pictures whose likeliest class is theirs, of the classes that there are."""
    classes = int(labelled.classes.max()) + 1
    answers = logits(network, normalise, labelled.pixels)[:, :classes].argmax(dim=1)
    return float((answers == labelled.classes).float().mean())


def logits(network: nn.Module, normalise: nn.Module, pixels: Tensor) -> Tensor:
    """The network's answers to uint8 pixels [n, height, width, 3], in batches."""
    with torch.no_grad():
        return torch.cat([network(normalise(part)) for part in pixels.split(_BATCH)])


class _Run:
    """Network, optimizer, schedule and average: all that a checkpoint must hold."""

    def __init__(self, network: nn.Module, recipe: Recipe, count: int) -> None:
        self.network = network.train()
        self.recipe = recipe
        self.steps = max(count // recipe.batch_size, 1)
        total = recipe.epochs * self.steps
        self.average = AveragedModel(network, avg_fn=self._moving_average, use_buffers=True)
        moved = [weights for weights in network.parameters() if weights.requires_grad]
        self.optimizer = torch.optim.AdamW(
            moved, lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: _rate(step / total)
        )

    def step(self, images: Tensor, classes: Tensor) -> float:
        """One batch; its loss."""
        loss = F.cross_entropy(self.network(images), classes)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.average.update_parameters(self.network)
        return float(loss.item())

    def _moving_average(self, average: Tensor, weights: Tensor, updates: Tensor | int) -> Tensor:
        """Exponential, but quicker at first, so that a short run does not answer with its start."""
        decay = min(self.recipe.ema_decay, (1 + int(updates)) / (10 + int(updates)))
        return average * decay + weights * (1 - decay)

    def save(self, path: Path | None, epochs: int) -> None:
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = {name: getattr(self, name).state_dict() for name in _PARTS}
        beside = path.with_suffix(".part")
        torch.save({"recipe": asdict(self.recipe), "epochs": epochs, **parts}, beside)
        beside.replace(path)  # whole or not at all: a spot instance can go at any moment

    def restore(self, path: Path | None) -> int:
        """How many epochs the checkpoint had behind it; 0 without one."""
        if path is None or not path.exists():
            return 0
        kept = torch.load(path, weights_only=True)
        if kept["recipe"] != asdict(self.recipe):
            raise CheckpointDiffers(
                f"{path} is of a run with other settings ({kept['recipe']}); remove it first."
            )
        for name in _PARTS:
            getattr(self, name).load_state_dict(kept[name])
        return int(kept["epochs"])


_PARTS = ("network", "average", "optimizer", "schedule")


def _rate(progress: float) -> float:
    """Share of the learning rate: up over the first fifth of the steps, then down to nothing."""
    return min(progress / _WARM_UP_SHARE, (1 - progress) / (1 - _WARM_UP_SHARE))


def _batches(
    normalise: nn.Module, training: Labelled, recipe: Recipe, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of augmented, full batches in random order (all in one when there are few)."""
    order = torch.randperm(len(training.classes))
    size = min(recipe.batch_size, len(order))
    for start in range(0, len(order) - size + 1, size):
        rows = order[start : start + size]
        images = normalise(training.pixels[rows])
        if epoch < recipe.small_epochs:
            images = F.interpolate(images, scale_factor=0.75, mode="bilinear", antialias=True)
        yield augment(images).contiguous(memory_format=torch.channels_last), training.classes[rows]


def _progress(console: Console) -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress("fitting", *columns, console=console)
