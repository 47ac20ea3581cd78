"""The pretrained network as a file: weights, class names, normalisation, and how it was made."""

# mypy: disable-error-code="import-not-found, no-untyped-call"

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from scones_model.training.network import ResNet9

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Backbone", "InvalidBackbone"]

_UNREADABLE = (OSError, EOFError, RuntimeError, pickle.UnpicklingError, TypeError, KeyError)


class InvalidBackbone(ValueError):
    """The file is no backbone that `scones-model pretrain` wrote."""


@dataclass
class Backbone:
    """A network with what it needs to be used; `mean` and `deviation` on a 0 to 1 scale.

    `command` made it; `figures` are of pictures that were held out.
    """

    labels: Sequence[str]
    width: int
    mean: Sequence[float]
    deviation: Sequence[float]
    network: nn.Module
    command: str
    figures: dict[str, float] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it with weights of 16 bits, which halves the file."""
        about = {name: value for name, value in vars(self).items() if name != "network"}
        state = self.network.state_dict()
        halved = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        torch.save({**about, "network": halved}, path)

    @classmethod
    def load(cls, path: Path) -> Backbone:
        """Read what `save` wrote, running nothing in it; raises InvalidBackbone."""
        try:
            kept = torch.load(path, weights_only=True)
            network = ResNet9(len(kept["labels"]), kept["width"])
            # load_state_dict copies into weights of 32 bits.
            network.load_state_dict(kept.pop("network"))
            return cls(**kept, network=network)
        except _UNREADABLE as error:
            raise InvalidBackbone(f"{path} is no backbone ({error}).") from error

    def network_for(self, labels: Sequence[str], *, neither: bool) -> ResNet9:
        """The network with a row for each of `labels`, then, for `neither`, all of its other rows.

        A label that the backbone knows keeps its row; another one starts from nothing.
        """
        known = [self.labels.index(label) if label in self.labels else None for label in labels]
        if neither:
            known += [row for row in range(len(self.labels)) if row not in known]
        network = ResNet9(len(known), self.width)
        state = self.network.state_dict()
        for name in ("head.weight", "head.bias"):
            blank = torch.zeros_like(state[name][0])
            state[name] = torch.stack([blank if row is None else state[name][row] for row in known])
        network.load_state_dict(state)
        return network
