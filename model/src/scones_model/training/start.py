"""What training starts from: a backbone's network, or a new one."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scones_model.training.backbone import Backbone
from scones_model.training.network import Levels, Normalise, ResNet9, WithNeither

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from scones_model.training.channels import Channels

__all__ = ["Start", "from_backbone", "from_scratch"]


class Start(NamedTuple):
    """A network before training, its normalisation, and what is usual for training it."""

    network: nn.Module
    levels: Levels
    epochs: int
    learning_rate: float


def from_backbone(channels: Channels, path: Path, *, whole: bool) -> Start:
    """The backbone in `path` (a file, or a folder with backbone.pt); raises InvalidBackbone.

    Only the head is trained, unless `whole`: on a thousand pictures the rest forgets more than it
    learns. Where the backbone knows the classes, a touch is enough.
    """
    backbone = Backbone.load(path / "backbone.pt" if path.is_dir() else path)
    network = backbone.network_for(channels.labels, neither=channels.neither)
    if not whole:
        network.freeze()
    known = set(channels.labels) <= set(backbone.labels)
    normalise = Normalise(backbone.mean, backbone.deviation)
    return _start(network, normalise, channels, *((5, 1e-3) if known else (40, 2e-3)))


def from_scratch(channels: Channels, width: int) -> Start:
    """A new network, normalised by the training pictures' own colours."""
    colors = channels.training.pixels.reshape(-1, 3).float() / 255
    normalise = Normalise(colors.mean(dim=0).tolist(), colors.std(dim=0).tolist())
    network = ResNet9(len(channels.labels) + channels.neither, width)
    return _start(network, normalise, channels, 40, 2e-3)


def _start(
    network: nn.Module, normalise: Normalise, channels: Channels, epochs: int, rate: float
) -> Start:
    whole = WithNeither(network, len(channels.labels)) if channels.neither else network
    return Start(whole, Levels(normalise, channels.training.pixels), epochs, rate)
