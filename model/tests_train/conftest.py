from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

COLORS = {"blue": (30, 40, 220), "green": (40, 210, 50), "red": (220, 40, 30)}
YELLOW = (230, 220, 40)


def write_patches(folder: Path, color: tuple[int, int, int], count: int, mode: str = "RGB") -> None:
    """Noisy patches of one colour, of unequal sizes."""
    chance = np.random.default_rng(sum(color) + count)
    folder.mkdir(parents=True)
    for number in range(count):
        noise = chance.normal(color, 40, (24 + number, 40, 3)).clip(0, 255)
        Image.fromarray(noise.astype(np.uint8)).convert(mode).save(folder / f"{number}.png")


@pytest.fixture(scope="session")
def channels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three colours, 20 pictures to train and 4 to test with; yellow ones show none of them."""
    root = tmp_path_factory.mktemp("data")
    for split, count in (("train", 20), ("test", 4)):
        for label, color in COLORS.items():
            write_patches(root / split / label, color, count)
    for split, count in (("train", 20), ("calibration", 6), ("test", 5)):
        write_patches(root / "neither" / split / "yellow", YELLOW, count)
    return root
