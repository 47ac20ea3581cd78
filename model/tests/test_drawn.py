from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from scones_model.data import drawn

if TYPE_CHECKING:
    from pathlib import Path


def drawn_set(folder: Path, *options: str) -> dict[str, bytes]:
    assert drawn.main(["--out", str(folder), *options]) == 0
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")}


def test_count_is_shared_by_both_labels(tmp_path: Path) -> None:
    written = drawn_set(tmp_path, "--count", "5", "--size", "32")
    assert sorted(written) == [
        "bicycle/000.png", "bicycle/001.png", "bicycle/002.png",
        "motorcycle/000.png", "motorcycle/001.png",
    ]  # fmt: skip


def test_every_picture_is_another_one(tmp_path: Path) -> None:
    assert len(set(drawn_set(tmp_path, "--count", "20", "--size", "32").values())) == 20


def test_same_seed_draws_the_same_pictures(tmp_path: Path) -> None:
    options = ("--count", "4", "--size", "48", "--seed")
    first = drawn_set(tmp_path / "a", *options, "3")
    assert first == drawn_set(tmp_path / "b", *options, "3")
    assert first != drawn_set(tmp_path / "c", *options, "4")


def test_pictures_are_rgb_of_the_size_asked_for(tmp_path: Path) -> None:
    drawn_set(tmp_path, "--count", "2", "--size", "80")
    with Image.open(tmp_path / "motorcycle" / "000.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (80, 80))
