from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from scones_model.data.manifest import (
    InvalidManifest,
    LeftOut,
    Origin,
    copied_test_pictures,
    read_manifest,
    survey,
    write_manifest,
)

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = Origin({"folder": "photos"}, {"test": 0.2}, (LeftOut("cow/notes.txt", "No picture."),))


def noise(seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


PICTURES = {
    "train/bicycle/a.png": noise(1),
    "train/cow/b.png": noise(2),
    "calibration/bicycle/c.png": noise(3),
    "calibration/cow/d.png": noise(4),
    "test/bicycle/e.png": noise(5),
    "test/cow/f.png": noise(6),
    "neither/train/street/g.png": noise(7),
    "neither/test/street/h.png": noise(8),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, picture in PICTURES.items():
        put(picture, tmp_path / "set" / name)
    return tmp_path / "set"


def put(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def pairs(folder: Path) -> list[tuple[str, str]]:
    return [(copy.path, copy.copy_of) for copy in survey(folder, ORIGIN).copies]


def test_every_picture_is_in_the_manifest(folder: Path) -> None:
    manifest = survey(folder, ORIGIN)
    assert {picture.path for picture in manifest.pictures} == set(PICTURES)
    assert manifest.classes == ("bicycle", "cow")
    street = manifest.pictures[-1]
    assert (street.split, street.label, street.width, street.height) == (
        "neither/test", "street", 24, 20,
    )  # fmt: skip
    assert manifest.copies == ()
    assert manifest.contradictions == ()


def test_manifest_is_read_as_it_was_written(folder: Path) -> None:
    put(noise(1), folder / "test" / "cow" / "same.png")
    manifest = survey(folder, ORIGIN)
    write_manifest(folder, manifest)
    assert read_manifest(folder) == manifest


def test_same_pictures_give_the_same_bytes_anywhere(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "another place"
    for name, picture in reversed(PICTURES.items()):
        put(picture, other / name)
    texts = []
    for place in (folder, other):
        write_manifest(place, survey(place, ORIGIN))
        texts.append((place / "manifest.json").read_bytes())
    assert texts[0] == texts[1]
    assert str(tmp_path).encode() not in texts[0]


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("test/cow/x.png", "train/cow/y.png"),
        ("test/cow/x.png", "calibration/cow/y.png"),
        ("calibration/cow/x.png", "train/bicycle/y.png"),
        ("test/cow/x.png", "neither/train/street/y.png"),
        ("neither/test/street/x.png", "neither/calibration/street/y.png"),
    ],
)
def test_near_copies_of_another_split_are_found(folder: Path, later: str, earlier: str) -> None:
    put(noise(9), folder / earlier)
    put(noise(9).point(lambda value: value * 0.8), folder / later)
    assert pairs(folder) == [(later, earlier)]


def test_near_copies_of_one_split_are_nobodys_business(folder: Path) -> None:
    put(noise(1), folder / "train" / "bicycle" / "again.png")
    put(noise(7), folder / "neither" / "train" / "street" / "again.png")
    assert pairs(folder) == []


def test_copied_test_pictures_are_those_of_the_classes(folder: Path) -> None:
    put(noise(1), folder / "test" / "bicycle" / "x.png")
    put(noise(2), folder / "calibration" / "cow" / "y.png")
    put(noise(7), folder / "neither" / "test" / "street" / "z.png")
    write_manifest(folder, survey(folder, ORIGIN))
    assert copied_test_pictures(folder) == {"test/bicycle/x.png"}


def test_without_a_manifest_no_test_picture_is_known_to_be_copied(folder: Path) -> None:
    assert copied_test_pictures(folder) == set()


def test_identical_pictures_with_different_labels_are_told(folder: Path) -> None:
    put(noise(1), folder / "train" / "cow" / "same.png")
    put(noise(2), folder / "train" / "cow" / "twice.png")
    assert survey(folder, ORIGIN).contradictions == (("train/bicycle/a.png", "train/cow/same.png"),)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"origin": {}}', None],
    ids=["empty", "list", "bare", "part", "not"],
)
def test_manifest_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InvalidManifest, match="write the data set anew"):
        read_manifest(tmp_path)


def test_a_picture_is_on_one_line(folder: Path) -> None:
    write_manifest(folder, survey(folder, ORIGIN))
    text = (folder / "manifest.json").read_text()
    (line,) = [line for line in text.splitlines() if "test/cow/f.png" in line]
    assert json.loads(line.rstrip(","))["label"] == "cow"
