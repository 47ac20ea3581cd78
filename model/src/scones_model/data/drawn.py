"""Draw simple bicycles and motorcycles: labelled pictures for when no data set can be had.

They make smoke tests and an offline demonstration possible. They are no substitute for photos:
nothing is claimed from a figure measured on them.
"""

# ruff: noqa: T201, S311 - a command line; variety, not secrecy

from __future__ import annotations

import argparse
import math
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["draw", "main"]

_OVERSAMPLING = 4
_INK = (35, 35, 38)

Color = tuple[int, int, int]
Point = tuple[float, float]


class _Pen:
    """Draws in a unit square (y down) onto a canvas of `side` pixels."""

    def __init__(self, canvas: Image.Image, weight: float) -> None:
        self._draw = ImageDraw.Draw(canvas)
        self._side = canvas.width
        self._weight = weight

    def line(self, *points: Point, color: Color, width: float = 0.022) -> None:
        pixels = [(x * self._side, y * self._side) for x, y in points]
        self._draw.line(pixels, color, self._width(width), joint="curve")

    def ring(self, centre: Point, radius: float, color: Color, width: float) -> None:
        self._draw.ellipse(self._box(centre, radius), outline=color, width=self._width(width))

    def disc(self, centre: Point, radius: float, color: Color) -> None:
        self._draw.ellipse(self._box(centre, radius), fill=color)

    def shape(self, *points: Point, color: Color) -> None:
        self._draw.polygon([(x * self._side, y * self._side) for x, y in points], fill=color)

    def _width(self, width: float) -> int:
        return max(round(width * self._weight * self._side), 1)

    def _box(self, centre: Point, radius: float) -> tuple[float, float, float, float]:
        x, y, r = centre[0] * self._side, centre[1] * self._side, radius * self._side
        return x - r, y - r, x + r, y + r


def draw(label: str, side: int, chance: random.Random) -> Image.Image:
    """One RGB picture of `side` pixels; `label` is `bicycle` or `motorcycle`."""
    large = side * _OVERSAMPLING
    ground = _background(large, chance)
    vehicle = Image.new("RGBA", (large, large))
    _DRAWERS[label](_Pen(vehicle, chance.uniform(0.8, 1.3)), _vivid(chance), chance)
    if chance.random() < 0.5:  # noqa: PLR2004 - a fair coin
        vehicle = vehicle.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    vehicle = _placed(vehicle, chance)
    ground.paste(vehicle, mask=vehicle)
    small = ground.resize((side, side), Image.Resampling.LANCZOS)
    return small.filter(ImageFilter.GaussianBlur(chance.uniform(0, side / 150)))


def _placed(vehicle: Image.Image, chance: random.Random) -> Image.Image:
    """Tilted, scaled and shifted a little."""
    side = vehicle.width
    share, tilt = chance.uniform(0.85, 1.1), chance.uniform(-8, 8)
    scaled = vehicle.rotate(tilt, Image.Resampling.BICUBIC).resize((round(side * share),) * 2)
    spare = side - scaled.width
    canvas = Image.new("RGBA", (side, side))
    canvas.paste(scaled, (spare // 2 + round(chance.uniform(-0.04, 0.04) * side), spare // 2))
    return canvas


def _background(side: int, chance: random.Random) -> Image.Image:
    """A plain catalogue ground, or a street: bright above, darker below."""
    if chance.random() < 0.5:  # noqa: PLR2004 - a fair coin
        return Image.new("RGB", (side, side), _tinted(chance, 225, 255))
    street = Image.new("RGB", (side, side), _tinted(chance, 150, 225))
    horizon = chance.uniform(0.5, 0.8) * side
    ImageDraw.Draw(street).rectangle((0, horizon, side, side), fill=_tinted(chance, 80, 150))
    return street


def _draw_bicycle(pen: _Pen, color: Color, chance: random.Random) -> None:
    rear, front, pedals = (0.24, 0.64), (0.76, 0.64), (0.46, 0.65)
    saddle, head = (0.38, 0.38), (0.66, 0.36)
    for wheel in (rear, front):
        _spoked_wheel(pen, wheel, chance.uniform(0.17, 0.2))
    pen.line(rear, saddle, head, pedals, rear, color=color)
    pen.line(saddle, pedals, color=color)
    pen.line(front, head, (0.645, 0.29), color=color)
    pen.line((0.33, 0.35), (0.44, 0.35), color=_INK, width=0.03)
    pen.line((0.6, 0.27), (0.7, 0.28), (0.72, 0.33), color=_INK)
    pen.ring(pedals, 0.04, _INK, 0.015)


def _spoked_wheel(pen: _Pen, centre: Point, radius: float) -> None:
    pen.ring(centre, radius, _INK, 0.018)
    for spoke in range(8):
        angle = spoke * math.pi / 8
        dx, dy = radius * math.cos(angle), radius * math.sin(angle)
        ends = (centre[0] - dx, centre[1] - dy), (centre[0] + dx, centre[1] + dy)
        pen.line(*ends, color=(150, 150, 155), width=0.004)


def _draw_motorcycle(pen: _Pen, color: Color, chance: random.Random) -> None:
    rear, front = (0.22, 0.66), (0.79, 0.66)
    for wheel in (rear, front):
        pen.disc(wheel, chance.uniform(0.155, 0.175), _INK)
        pen.disc(wheel, 0.085, (165, 165, 170))
    pen.shape((0.36, 0.52), (0.6, 0.5), (0.62, 0.7), (0.38, 0.72), color=(90, 90, 96))
    pen.disc((0.49, 0.62), 0.06, (140, 140, 146))
    pen.line(front, (0.66, 0.36), color=(120, 120, 126), width=0.04)
    pen.shape((0.43, 0.48), (0.46, 0.38), (0.62, 0.36), (0.68, 0.46), (0.6, 0.53), color=color)
    pen.shape((0.1, 0.46), (0.18, 0.42), (0.45, 0.46), (0.42, 0.52), (0.2, 0.52), color=_INK)
    pen.shape((0.1, 0.5), (0.26, 0.5), (0.34, 0.58), (0.2, 0.5), color=color)
    pen.line((0.58, 0.3), (0.66, 0.34), (0.7, 0.4), color=_INK, width=0.03)
    pen.disc((0.71, 0.41), 0.045, (235, 230, 190))
    pen.line((0.5, 0.72), (0.14, 0.72), color=(185, 185, 190), width=0.035)


_DRAWERS: dict[str, Callable[[_Pen, Color, random.Random], None]] = {
    "bicycle": _draw_bicycle,
    "motorcycle": _draw_motorcycle,
}


def _tinted(chance: random.Random, low: int, high: int) -> Color:
    grey = chance.randint(low, high)
    red, green, blue = (max(min(grey + chance.randint(-12, 12), 255), 0) for _ in range(3))
    return red, green, blue


def _vivid(chance: random.Random) -> Color:
    red, green, blue = (chance.randint(10, 220) for _ in range(3))
    return red, green, blue


def main(argv: Sequence[str] | None = None) -> int:
    """Write `<out>/<label>/NNN.png`, `--count` pictures in all."""
    parser = argparse.ArgumentParser(prog="scones-model drawn", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--count", type=int, default=60, help="pictures in all (60)")
    parser.add_argument("--size", type=int, default=96, help="side in pixels (96)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    chance = random.Random(options.seed)
    labels = list(_DRAWERS)
    for number in range(options.count):
        label = labels[number % len(labels)]
        path = options.out / label / f"{number // len(labels):03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(label, options.size, chance).save(path)
    print(f"{options.count} drawn pictures in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
