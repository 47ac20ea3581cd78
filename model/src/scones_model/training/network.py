"""The network, and the graph that is served: pixels in, calibrated probabilities out."""

# mypy: disable-error-code="import-not-found, misc, no-untyped-call"
# PyTorch is no locked dependency; where it is missing, its classes are Any to mypy.

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from scones_model.training.calibration import probabilities, vouched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_model.training.calibration import Calibration

__all__ = ["Levels", "Normalise", "ResNet9", "Served", "WithNeither"]

_RARE = 0.05
_BLANK = 0.02
"""Contrast, in deviations, under which there is only the noise of 8 bits to stretch."""


class ResNet9(nn.Module):
    """A small residual network (the shape of Page 2018) for pictures of about 32 pixels.

    Takes normalised [n, 3, height, width] and gives logits [n, classes]; sides are divided by 8
    on the way. `width` 24 makes 930,000 parameters and 54 million multiplications for 32 pixels.
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
        self.frozen = False

    def freeze(self) -> None:
        """Leave everything but the head as it is, the running means of the layers included."""
        self.frozen = True
        self.layers.requires_grad_(requires_grad=False).eval()

    def train(self, mode: bool = True) -> ResNet9:
        """As every module, but frozen layers stay in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.layers.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Logits of normalised images."""
        logits: Tensor = self.head(self.layers(images).amax(dim=(2, 3)))
        return logits


class WithNeither(nn.Module):
    """A network whose rows after the first `classes` all mean "none of these".

    Gives logits [n, classes + 1]: the last one is of any of the other rows. Many rows describe what
    is neither better than one does: a cow and a street have little in common.
    """

    def __init__(self, network: nn.Module, classes: int) -> None:
        super().__init__()
        self.network = network
        self.classes = classes

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the classes, then of neither."""
        logits = self.network(images)
        neither = logits[:, self.classes :].logsumexp(dim=1, keepdim=True)
        return torch.cat([logits[:, : self.classes], neither], dim=1)


class Normalise(nn.Module):
    """uint8 [n, height, width, 3] to [n, 3, height, width] of mean 0 and deviation 1.

    `mean` and `deviation` are those of the three colours on a 0 to 1 scale.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("deviation", deviation)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalised images of pixels."""
        return (pixels.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.deviation


class Levels(nn.Module):
    """Normalises, and gives a dim, glaring or flat picture the levels that training pictures have.

    A picture whose contrast (deviation over all its values) or brightness (their mean) lies beyond
    that of all but `_RARE` of the training pictures is brought to that limit; all others stay as
    they are. A network that was never shown the dark is sure of itself there, and wrong.
    """

    def __init__(self, normalise: Normalise, pixels: Tensor) -> None:
        """`pixels` are training pictures, uint8 [n, height, width, 3]."""
        super().__init__()
        self.normalise = normalise
        parts = [self._levels(normalise(part)) for part in pixels.split(1000)]
        brightness, contrast = (torch.cat(values).flatten() for values in zip(*parts, strict=True))
        self.contrast = float(contrast.quantile(_RARE))
        self.darkest = float(brightness.quantile(_RARE))
        self.brightest = float(brightness.quantile(1 - _RARE))

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalised images [n, 3, height, width] of pixels [n, height, width, 3]."""
        images = self.normalise(pixels)
        brightness, contrast = self._levels(images)
        stretch = (self.contrast / contrast.clamp_min(_BLANK)).clamp_min(1)
        level = brightness.clamp(self.darkest, self.brightest)
        levelled: Tensor = (images - brightness) * stretch + level
        return levelled

    def _levels(self, images: Tensor) -> tuple[Tensor, Tensor]:
        brightness = images.mean(dim=(1, 2, 3), keepdim=True)
        contrast = (images - brightness).square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
        return brightness, contrast


class Served(nn.Module):
    """A trained network with all that serving needs inside the graph.

    Takes uint8 RGB [n, height, width, 3] and gives calibrated probabilities [n, classes].
    """

    def __init__(
        self, network: nn.Module, normalise: nn.Module, classes: int, calibration: Calibration
    ) -> None:
        super().__init__()
        self.network = network
        self.normalise = normalise
        self.classes = classes
        self.calibration = calibration

    def forward(self, pixels: Tensor) -> Tensor:
        """Calibrated class probabilities."""
        return self.answers(self.network(self.normalise(pixels)))

    def answers(self, logits: Tensor) -> Tensor:
        """Calibrated class probabilities of the network's logits."""
        given = self.calibration
        answers = probabilities(logits, self.classes, given.temperature, given.neither_bias)
        return vouched(answers, self.classes, given.pictures)


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
