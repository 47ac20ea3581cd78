"""The pretrained network as a file: weights, class names, normalisation, and how it was made."""

# mypy: disable-error-code="import-not-found, no-untyped-call"

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from scones_model.training.network import ResNet9

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

__all__ = ["Backbone"]


@dataclass
class Backbone:
    """A network with what it needs to be used; `mean` and `deviation` on a 0 to 1 scale."""

    labels: tuple[str, ...]
    width: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    network: nn.Module
    command: str
    figures: dict[str, float] = field(default_factory=dict)

    def normalise(self, pixels: Tensor) -> Tensor:
        """uint8 [n, height, width, 3] to the network's [n, 3, height, width]."""
        mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (self.mean, self.deviation))
        return (pixels.permute(0, 3, 1, 2).float() / 255 - mean) / deviation

    def save(self, path: Path) -> None:
        """Write it with weights of 16 bits, which halves the file and changes no answer visibly."""
        about = {name: value for name, value in vars(self).items() if name != "network"}
        state = self.network.state_dict()
        halved = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        torch.save({**about, "network": halved}, path)

    @classmethod
    def load(cls, path: Path) -> Backbone:
        """Read what `save` wrote; nothing in the file is run."""
        kept = torch.load(path, weights_only=True)
        state = kept.pop("network")
        network = ResNet9(len(kept["labels"]), kept["width"])
        network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
        return cls(**kept, network=network.eval())
