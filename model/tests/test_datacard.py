from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from scones_model.data.datacard import card, write_card
from scones_model.data.manifest import Copy, LeftOut, Manifest, Origin, Picture

if TYPE_CHECKING:
    from pathlib import Path

SPLITS = ("train", "calibration", "test")


def picture(path: str, size: tuple[int, int] = (32, 32)) -> Picture:
    split, label, _ = path.rsplit("/", 2)
    return Picture(path, split, label, path, *size)


def manifest(*pictures: Picture) -> Manifest:
    labels = sorted({each.label for each in pictures if each.split == "train"})
    return Manifest(Origin({"folder": "photos"}, {"test": 0.2}), tuple(labels), pictures, (), ())


VEHICLES = manifest(
    *(picture(f"train/bicycle/{number}.png") for number in range(6)),
    *(picture(f"train/motorcycle/{number}.png", (200, 100)) for number in range(4)),
    *(
        picture(f"{split}/{label}/x.png")
        for split in SPLITS[1:]
        for label in ("bicycle", "motorcycle")
    ),
    picture("neither/test/cow/moo.png", (8, 4)),
)


def test_card_counts_pictures_by_class_and_split() -> None:
    text = card(VEHICLES)
    assert "| bicycle | 6 | 1 | 1 |\n| motorcycle | 4 | 1 | 1 |\n" in text
    assert "| none of them (kinds: 1) | 0 | 0 | 1 |" in text
    assert "The largest class has 1.50 times the training pictures of the smallest." in text


def test_card_tells_the_smallest_the_middle_and_the_largest_size() -> None:
    assert "| 8 x 4 | 32 x 32 | 200 x 100 |" in card(VEHICLES)


def test_card_of_clean_pictures_says_so() -> None:
    text = card(VEHICLES)
    assert "No two pictures of different splits correlate at 0.9 or more." in text
    assert "No picture is there under two labels." in text


def test_card_tells_what_to_beware_of() -> None:
    copies = (
        Copy("test/bicycle/x.png", "train/bicycle/0.png", 0.93),
        Copy("test/bicycle/x.png", "train/bicycle/1.png", 0.97),
        Copy("neither/test/cow/moo.png", "train/bicycle/1.png", 0.9),
    )
    twice = (("train/bicycle/0.png", "train/motorcycle/0.png"),)
    origin = replace(VEHICLES.origin, left_out=(LeftOut("cow/notes.txt", "No picture."),))
    text = card(replace(VEHICLES, copies=copies, contradictions=twice, origin=origin))
    assert "| test | 1 | 2 |\n| neither/test | 1 | 1 |" in text
    nearest = [line for line in text.splitlines() if line.startswith("| `test/bicycle/x.png`")]
    assert [line.split(" | ")[2] for line in nearest] == ["0.97 |", "0.93 |"]
    assert "- `train/bicycle/0.png`, `train/motorcycle/0.png`" in text
    assert "- `cow/notes.txt`: No picture." in text


def test_card_of_cifar100_names_its_author_and_the_archive() -> None:
    origin = Origin(
        {"archive": "CIFAR-100", "sha256": "abc"}, {"calibration": 0.15, "neither": 0.04}
    )
    text = card(replace(VEHICLES, origin=origin))
    assert "Krizhevsky" in text
    assert "SHA-256 of the archive: `abc`" in text
    assert "15 % of each class's training pictures" in text


# --- contact sheet -------------------------------------------------------------------------------


def stored(folder: Path, contents: Manifest, colors: dict[str, str]) -> Path:
    """Every picture in the one colour of its label, in its size."""
    for each in contents.pictures:
        path = folder / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (each.width, each.height), colors.get(each.label)).save(path)
    return folder


def shown(folder: Path) -> Image.Image:
    with Image.open(folder / "contact-sheet.png") as sheet:
        return sheet.convert("RGB")


def area(sheet: Image.Image, color: tuple[int, int, int]) -> int:
    """Pixels of about that colour."""
    near = np.abs(np.asarray(sheet, dtype=int) - color).max(axis=2) < 40
    return int(near.sum())


def test_sheet_shows_every_class_and_what_is_neither(tmp_path: Path) -> None:
    colors = {"bicycle": "red", "motorcycle": "blue", "cow": "lime"}
    write_card(stored(tmp_path, VEHICLES, colors), VEHICLES)
    sheet, cell = shown(tmp_path), 72 * 72
    assert area(sheet, (255, 0, 0)) == pytest.approx(8 * cell, rel=0.05)
    assert area(sheet, (0, 0, 255)) == pytest.approx((4 * 0.5 + 2) * cell, rel=0.05)
    assert area(sheet, (0, 255, 0)) == pytest.approx(0.5 * cell, rel=0.05)


def test_sheet_shows_copies_side_by_side(tmp_path: Path) -> None:
    copied = replace(VEHICLES, copies=(Copy("test/bicycle/x.png", "train/bicycle/0.png", 0.93),))
    folder = stored(tmp_path, VEHICLES, {"bicycle": "red"})
    write_card(folder, VEHICLES)
    without = area(shown(folder), (255, 0, 0))
    write_card(folder, copied)
    assert area(shown(folder), (255, 0, 0)) == pytest.approx(without + 2 * 72 * 72, rel=0.05)


def test_sheet_of_many_classes_with_long_names_stays_small(tmp_path: Path) -> None:
    labels = [f"a vehicle of kind {number} with a name that goes on" for number in range(30)]
    many = manifest(
        *(picture(f"{split}/{label}/x.png", (400, 1)) for label in labels for split in SPLITS)
    )
    write_card(stored(tmp_path, many, {}), many)
    assert shown(tmp_path).width < 1500
    assert shown(tmp_path).height < 1500


def test_same_pictures_give_the_same_sheet(tmp_path: Path) -> None:
    for place in ("one", "two"):
        write_card(stored(tmp_path / place, VEHICLES, {"bicycle": "red"}), VEHICLES)
    sheets = [(tmp_path / place / "contact-sheet.png").read_bytes() for place in ("one", "two")]
    assert sheets[0] == sheets[1]
