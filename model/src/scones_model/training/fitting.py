"""Fit a network to pictures: schedule, moving average, checkpoints; for training and pretraining."""

# mypy: disable-error-code="import-not-found, no-untyped-call"

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Remaining
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its name everywhere
from torch.optim.swa_utils import AveragedModel

from scones_model.training.augment import augment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.console import Console

__all__ = ["CheckpointDiffers", "Labelled", "Recipe", "fit"]

_WARM_UP_SHARE = 0.2


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


def fit(
    network: nn.Module,
    normalise: Callable[[Tensor], Tensor],
    training: Labelled,
    loss: Callable[[Tensor, Tensor], Tensor],
    recipe: Recipe,
    *,
    tell: Callable[[int, float, nn.Module], None],
    console: Console,
    checkpoint: Path | None = None,
) -> nn.Module:
    """Fit `network`; returns the moving average of its weights, ready to answer.

    `loss` takes logits and class numbers. `tell` is called after each epoch with its number, its
    mean loss and the average so far. With `checkpoint`, a run that was cut off goes on after its
    last whole epoch and ends as if it had not been; raises CheckpointDiffers for another recipe's.
    """
    run = _Run(network.to(memory_format=torch.channels_last), recipe, len(training.classes))
    done = run.restore(checkpoint)
    with _progress(console) as progress:
        bar = progress.add_task("fitting", total=recipe.epochs * run.steps, completed=done * run.steps)
        for epoch in range(done, recipe.epochs):
            torch.manual_seed(recipe.seed * 10_007 + epoch)
            losses = []
            for images, classes in _batches(normalise, training, recipe, epoch):
                losses.append(run.step(loss(run.network(images), classes)))
                progress.advance(bar)
            run.save(checkpoint, epoch + 1)
            tell(epoch + 1, fmean(losses), run.average.module.eval())
    return run.average.module.eval()


class _Run:
    """Network, optimizer, schedule and average: all that a checkpoint must hold."""

    def __init__(self, network: nn.Module, recipe: Recipe, count: int) -> None:
        self.network = network.train()
        self.recipe = recipe
        self.steps = max(count // recipe.batch_size, 1)
        total = recipe.epochs * self.steps
        self.average = AveragedModel(network, avg_fn=self._moving_average, use_buffers=True)
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: _rate(step / total)
        )

    def step(self, loss: Tensor) -> float:
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
    normalise: Callable[[Tensor], Tensor], training: Labelled, recipe: Recipe, epoch: int
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
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), Remaining(), console=console)
