"""Random changes to training pictures that leave their class as it is."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its name everywhere

__all__ = ["augment"]

_LUMA = (0.299, 0.587, 0.114)


def augment(images: Tensor) -> Tensor:
    """Mirror, shift, recolour and cut a hole into normalised [n, 3, height, width] images."""
    return _cut_out(_recolour(_shift(_mirror(images))))


def _mirror(images: Tensor) -> Tensor:
    return torch.where(_some(images, 0.5), images.flip(3), images)


def _shift(images: Tensor) -> Tensor:
    """Up to an eighth of each side, reflecting at the border."""
    height, width = images.shape[2:]
    down, right = height // 8, width // 8
    padded = F.pad(images, (right, right, down, down), mode="reflect").permute(0, 2, 3, 1)
    rows = torch.randint(2 * down + 1, (len(images), 1, 1)) + torch.arange(height)[:, None]
    columns = torch.randint(2 * right + 1, (len(images), 1, 1)) + torch.arange(width)
    return padded[torch.arange(len(images))[:, None, None], rows, columns].permute(0, 3, 1, 2)


def _recolour(images: Tensor) -> Tensor:
    """Brightness and contrast by 30 %, saturation by 40 %, one picture in ten grey."""
    brightness, contrast = _factors(images, 0.3), _factors(images, 0.3)
    saturation = _factors(images, 0.4) * _some(images, 0.9)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images = (images - mean) * contrast + mean + (brightness - 1)
    grey = (images * torch.tensor(_LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    return (images - grey) * saturation + grey


def _cut_out(images: Tensor) -> Tensor:
    """Set a square of a quarter of each side to the mean colour (0 when normalised)."""
    count, _, height, width = images.shape
    rows, columns = _stretch(count, height)[:, :, None], _stretch(count, width)[:, None, :]
    return images.masked_fill((rows & columns)[:, None], 0.0)


def _stretch(count: int, side: int) -> Tensor:
    """For each of `count` pictures a random quarter of one side, as a mask [count, side]."""
    length = side // 4
    start = torch.randint(side - length + 1, (count, 1))
    place = torch.arange(side)
    return (place >= start) & (place < start + length)


def _some(images: Tensor, share: float) -> Tensor:
    """True for a random `share` of the pictures, [n, 1, 1, 1]."""
    return torch.rand(len(images), 1, 1, 1) < share


def _factors(images: Tensor, spread: float) -> Tensor:
    return 1 + spread * (2 * torch.rand(len(images), 1, 1, 1) - 1)
