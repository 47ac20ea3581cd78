"""The network, and the graph that is served: pixels in, calibrated probabilities out."""

# mypy: disable-error-code="import-not-found, misc"
# PyTorch is no locked dependency; where it is missing, its classes are Any to mypy.

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its name everywhere

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ResNet9", "Served"]


class ResNet9(nn.Module):
    """A small residual network (the shape of Page 2018) for pictures of about 32 pixels.

    Takes normalised [n, 3, height, width] and gives logits [n, classes]; sides are divided by 8
    on the way. `width` 8 makes 103,000 parameters.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _convolution(3, width),
            _convolution(width, 2 * width),
            nn.MaxPool2d(2),
            _Residual(2 * width),
            _convolution(2 * width, 4 * width),
            nn.MaxPool2d(2),
            _convolution(4 * width, 8 * width),
            nn.MaxPool2d(2),
            _Residual(8 * width),
        )
        self.head = nn.Linear(8 * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of normalised images."""
        logits: Tensor = self.head(self.layers(images).amax(dim=(2, 3)))
        return logits


class Served(nn.Module):
    """A trained network with all that serving needs inside the graph.

    Takes uint8 RGB [n, height, width, 3] and gives probabilities [n, classes]: normalises, averages
    the logits of each picture and its mirror image, divides by the temperature, applies softmax.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, network: nn.Module, mean: Sequence[float], deviation: Sequence[float]
    ) -> None:
        """`mean` and `deviation` are those of the three colours on a 0 to 1 scale."""
        super().__init__()
        self.network = network
        self.temperature = 1.0
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1))
        self.register_buffer(
            "deviation", torch.tensor(deviation, dtype=torch.float32).view(1, 3, 1, 1)
        )

    def normalise(self, pixels: Tensor) -> Tensor:
        """uint8 [n, height, width, 3] to the network's [n, 3, height, width]."""
        images = pixels.permute(0, 3, 1, 2).float() / 255
        return (images - self.mean) / self.deviation

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits averaged over both directions, before the temperature."""
        images = self.normalise(pixels)
        logits: Tensor = (self.network(images) + self.network(images.flip(3))) / 2
        return logits

    def forward(self, pixels: Tensor) -> Tensor:
        """Calibrated class probabilities."""
        return F.softmax(self.logits(pixels) / self.temperature, dim=1)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            _convolution(channels, channels), _convolution(channels, channels)
        )

    def forward(self, images: Tensor) -> Tensor:
        sum_of_both: Tensor = images + self.branch(images)
        return sum_of_both


def _convolution(into: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(into, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()
    )
