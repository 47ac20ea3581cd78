from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scones_model.data.copies import look_at
from scones_model.data.division import TooAlike, choose, choose_some
from scones_model.data.folders import InvalidFolder, divide

if TYPE_CHECKING:
    from pathlib import Path

GOLDEN = [2, 6, 9, 13, 17]
"""Those of `picture(0)` to `picture(19)` that are a quarter."""


def picture(number: int) -> Image.Image:
    """Noise that no other number gives, the same in every version of every library."""
    pixels = hashlib.shake_256(b"%d" % number).digest(3 * 16 * 16)
    return Image.frombytes("RGB", (16, 16), pixels)


def copy_of(number: int, brighter: int) -> Image.Image:
    return picture(number).point(lambda value: min(value + brighter, 255))


def test_the_same_pictures_are_always_chosen() -> None:
    # A backbone was pretrained without those that are chosen: they may never change.
    assert choose([picture(number) for number in range(20)], 0.25) == GOLDEN


@given(st.lists(st.integers(0, 5), min_size=2, max_size=12), st.floats(0.05, 0.95), st.data())
@settings(deadline=None, max_examples=40)
def test_division_depends_on_the_pictures_alone(
    numbers: list[int], share: float, data: st.DataObject
) -> None:
    images = [copy_of(number, row) for row, number in enumerate(numbers)]
    chosen = choose(images, share)
    together = {numbers[row] for row in chosen}
    assert chosen == [row for row, number in enumerate(numbers) if number in together]
    assert len(chosen) <= max(round(len(images) * share), 1)
    order = data.draw(st.permutations(range(len(images))))
    again = choose([images[row] for row in order], share)
    assert sorted(order[row] for row in again) == chosen


def test_copies_that_outnumber_the_share_are_chosen_only_when_some_must_be() -> None:
    images = [copy_of(row % 2, row) for row in range(10)]
    assert choose(images, 0.2) == []
    assert choose_some(look_at(images), 0.2) in ([0, 2, 4, 6, 8], [1, 3, 5, 7, 9])


def test_pictures_of_a_camera_that_never_moves_are_divided_nevertheless() -> None:
    images = [copy_of(0, row) for row in range(18)] + [picture(1), picture(2)]
    assert choose(images, 0.25) == [18, 19]
    chosen = choose_some(look_at(images), 0.25)
    assert len(chosen) == 5


@given(st.lists(st.integers(0, 8), min_size=2, max_size=12), st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=40)
def test_some_are_chosen_and_some_left_as_soon_as_two_differ(
    brighter: list[int], share: float
) -> None:
    looks = look_at([copy_of(0, by) for by in brighter])
    if len(set(brighter)) == 1:
        with pytest.raises(TooAlike):
            choose_some(looks, share)
        return
    chosen = choose_some(looks, share)
    assert 0 < len(chosen) < len(brighter)
    same = {brighter[row] for row in chosen}
    assert chosen == [row for row, by in enumerate(brighter) if by in same]


def test_files_are_divided_by_what_they_show(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(20)]
    for number, path in enumerate(files):
        picture(number).save(path)
    rest, chosen = divide(files, 0.25)
    assert chosen == [files[row] for row in GOLDEN]
    assert sorted(rest + chosen) == sorted(files)
    bitmaps = [path.with_suffix(".bmp") for path in files]
    for number, path in enumerate(bitmaps):
        picture(number).save(path)
    assert divide(bitmaps, 0.25)[1] == [bitmaps[row] for row in GOLDEN]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_files_too_few_to_divide_are_refused(tmp_path: Path, count: int) -> None:
    files = [tmp_path / "cow" / f"{number}.png" for number in range(count)]
    (tmp_path / "cow").mkdir()
    for path in files:
        picture(0).save(path)
    with pytest.raises(InvalidFolder, match=r"too few different pictures .* Add pictures\."):
        divide(files, 0.25)


def test_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InvalidFolder, match=r"a\.png"):
        divide([tmp_path / "a.png", tmp_path / "b.png"], 0.5)
