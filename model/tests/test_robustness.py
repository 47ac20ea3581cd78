from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scones_model.evaluation.parts import Labelled
from scones_model.evaluation.robustness import CHANGES, Alteration, altered, some

ALL = pytest.mark.parametrize("one", CHANGES, ids=lambda one: f"{one.change} {one.level}")


def pixels(width: int = 40, height: int = 24, count: int = 6) -> np.typing.NDArray[np.uint8]:
    """Soft patches of colour, whose detail is a fixed share of the picture."""
    draw = np.random.default_rng(0)
    coarse = (draw.integers(60, 200, (6, 10, 3), dtype=np.uint8) for _ in range(count))
    size = (width, height)
    return np.stack(
        [np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BICUBIC)) for one in coarse]
    )


def named(change: str) -> list[Alteration]:
    return [one for one in CHANGES if one.change == change]


@ALL
def test_every_change_changes_pixels_and_keeps_their_shape(one: Alteration) -> None:
    before = pixels()
    after = altered(before, 0, one)
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert all((new != old).any() for new, old in zip(after, before, strict=True))


@ALL
def test_a_picture_is_changed_the_same_way_in_any_batch(one: Alteration) -> None:
    together = altered(pixels(), 0, one)
    apart = [altered(pixels()[row : row + 1], row, one)[0] for row in range(6)]
    assert (together == np.stack(apart)).all()


@pytest.mark.parametrize("change", sorted({one.change for one in CHANGES} - {"grey"}))
def test_the_second_level_of_a_change_is_the_worse(change: str) -> None:
    before = pixels().astype(float)
    weak, strong = (np.square(altered(pixels(), 0, one) - before).mean() for one in named(change))
    assert strong > weak


@pytest.mark.parametrize("change", ["rotation", "crop"])
def test_a_large_picture_is_changed_as_a_small_one(change: str) -> None:
    for one in named(change):
        small, large = altered(pixels(40, 24), 0, one), altered(pixels(160, 96), 0, one)
        shrunk = [Image.fromarray(picture).resize((40, 24)) for picture in large]
        gap = np.abs(np.stack([np.asarray(picture) for picture in shrunk]) - small.astype(float))
        assert gap.mean() < 0.5 * np.abs(pixels().astype(float) - small).mean()


def test_blur_grows_with_the_side() -> None:
    def soft_part_of_an_edge(side: int) -> float:
        edge = np.zeros((1, side, side, 3), dtype=np.uint8)
        edge[:, :, side // 2 :] = 255
        row = altered(edge, 0, named("blur")[1])[0, 0, :, 0]
        return float(((row > 25) & (row < 230)).mean())

    assert soft_part_of_an_edge(512) == pytest.approx(soft_part_of_an_edge(128), rel=0.25)


def test_light_and_colour_change_as_they_say() -> None:
    before = pixels().astype(float)
    half, _ = named("darker")
    assert altered(pixels(), 0, half) == pytest.approx(before / 2, abs=1)
    grey = altered(pixels(), 0, named("grey")[0])
    assert (grey == grey[..., :1]).all()


def test_crops_come_from_all_four_corners() -> None:
    ramp = np.mgrid[0:64, 0:64].transpose(1, 2, 0) * 2
    picture = np.concatenate([ramp, ramp[..., :1]], axis=2).astype(np.uint8)
    rows = altered(np.stack([picture] * 4), 0, named("crop")[1])
    # Left and top corner's colours tell where a crop was taken.
    assert [[int(one[0, 0, 1]) > 16, int(one[0, 0, 0]) > 16] for one in rows] == [
        [False, False], [True, False], [False, True], [True, True],
    ]  # fmt: skip


def test_of_a_large_test_set_pictures_of_all_classes_are_changed() -> None:
    everything = Labelled(
        [Path(f"{number}.png") for number in range(9000)], np.arange(9000) // 3000
    )
    few = some(everything)
    assert 1000 < len(few.files) <= 2000
    assert [path.stem for path in few.files[:2]] == ["0", "5"]
    assert np.bincount(few.classes).tolist() == [600, 600, 600]
    assert some(few).files == few.files
