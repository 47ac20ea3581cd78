from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from scones_model.data import dataset
from scones_model.data.copies import look_at
from scones_model.data.manifest import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ("bicycle", "cow", "motorcycle")
MODES = ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "RGB", "L", "I;16")


def noise(seed: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def put(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Ten pictures of each of three classes, in many modes and sizes."""
    for row, label in enumerate(LABELS):
        for number, mode in enumerate(MODES):
            picture = noise(100 * row + number, (400, 20 + number))
            picture = picture.convert("L" if mode == "I;16" else mode).convert(mode)
            kind = "jpg" if mode == "CMYK" else "png"
            put(picture, tmp_path / "photos" / label / f"{number}.{kind}")
    return tmp_path / "photos"


def write(source: Path, out: Path, *options: str) -> int:
    return dataset.main(["--out", str(out), "--folder", str(source), *options])


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*/*.png"))


def counts(out: Path) -> dict[str, int]:
    folders = sorted({path.parent for path in out.rglob("*/*.png")})
    return {str(folder.relative_to(out)): len(list(folder.iterdir())) for folder in folders}


def test_folder_is_divided_the_same_way_whatever_its_names(photos: Path, tmp_path: Path) -> None:
    assert write(photos, tmp_path / "one") == 0
    for path in sorted(photos.rglob("*.*")):
        path.rename(path.with_stem(f"renamed-{path.stem}"))
    assert write(photos, tmp_path / "two") == 0
    renamed = [name.replace("renamed-", "") for name in names(tmp_path / "two")]
    assert renamed == names(tmp_path / "one")
    each = {"train": 7, "calibration": 1, "test": 2}
    assert counts(tmp_path / "one") == {
        f"{split}/{label}": count for split, count in each.items() for label in LABELS
    }


def test_pictures_become_bounded_rgb_png(photos: Path, tmp_path: Path) -> None:
    write(photos, tmp_path / "out")
    written = names(tmp_path / "out")
    assert len(written) == 30
    for name in written:
        with Image.open(tmp_path / "out" / name) as picture:
            assert (picture.mode, picture.format, picture.width) == ("RGB", "PNG", 256)


def test_sideways_photo_is_written_upright(photos: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    noise(7, (64, 32)).save(photos / "cow" / "sideways.jpg", exif=exif)
    write(photos, tmp_path / "out")
    (written,) = (tmp_path / "out").rglob("sideways-jpg.png")
    with Image.open(written) as picture:
        assert picture.size == (32, 64)


def test_near_copies_are_never_divided(photos: Path, tmp_path: Path) -> None:
    for number in range(6):
        brighter = noise(number).point(lambda value: min(value + 20, 255))
        put(noise(number), photos / "cow" / f"twin-{number}.png")
        put(brighter, photos / "cow" / f"twin-{number}.bmp")
    write(photos, tmp_path / "out")
    twins = [name for name in names(tmp_path / "out") if "twin" in name]
    assert len(twins) == 12
    assert len({name.rsplit("-", 1)[0] for name in twins}) == 6  # one split for both of a pair
    assert read_manifest(tmp_path / "out").copies == ()


@pytest.mark.parametrize("count", [3, 4, 5])
def test_few_pictures_give_every_split_one(photos: Path, tmp_path: Path, count: int) -> None:
    for path in sorted((photos / "cow").iterdir())[count:]:
        path.unlink()
    write(photos, tmp_path / "out")
    found = counts(tmp_path / "out")
    assert all(found[f"{split}/cow"] for split in ("train", "calibration", "test"))


def test_bursts_larger_than_a_share_give_every_split_one(photos: Path, tmp_path: Path) -> None:
    shutil.rmtree(photos / "cow")
    for number in range(12):
        shade = noise(number % 3).point(lambda value, by=number: min(value + by, 255))
        put(shade, photos / "cow" / f"{number}.png")
    write(photos, tmp_path / "out")
    found = counts(tmp_path / "out")
    assert [found[f"{split}/cow"] for split in ("train", "calibration", "test")] == [4, 4, 4]


def test_class_of_too_few_pictures_is_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in sorted((photos / "cow").iterdir())[2:]:
        path.unlink()
    assert write(photos, tmp_path / "out") == 2
    assert "cow has 2 pictures to divide, too few different ones" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# --- folders that are divided --------------------------------------------------------------------


def divided(photos: Path, *splits: str) -> Path:
    """The photos as `train`, with one of each class moved to each other split."""
    source = photos.parent / "divided"
    photos.rename(source / "train") if source.exists() else shutil.move(photos, source / "train")
    for number, split in enumerate(splits):
        for label in LABELS:
            target = source / split / label / f"{number}.png"
            target.parent.mkdir(parents=True)
            (source / "train" / label / f"{number}.png").rename(target)
    return source


def test_divided_folder_keeps_its_test_and_gives_to_calibration(
    photos: Path, tmp_path: Path
) -> None:
    write(divided(photos, "test"), tmp_path / "out", "--classes", "bicycle,cow")
    assert (tmp_path / "out" / "test.lst").read_text() == (
        "0\t0\tbicycle/0-png.png\n1\t1\tcow/0-png.png\n"
    )
    found = counts(tmp_path / "out")
    assert (found["train/cow"], found["calibration/cow"], "train/motorcycle" in found) == (
        8,
        1,
        False,
    )
    assert read_manifest(tmp_path / "out").origin.shares == {"calibration": 0.15}


def test_folder_with_all_splits_keeps_them(photos: Path, tmp_path: Path) -> None:
    write(divided(photos, "test", "calibration"), tmp_path / "out")
    assert [name for name in names(tmp_path / "out") if "cow" in name and "train" not in name] == [
        "calibration/cow/1-png.png", "test/cow/0-png.png",
    ]  # fmt: skip
    assert counts(tmp_path / "out")["train/cow"] == 8


def test_divided_folder_with_unequal_classes_is_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = divided(photos, "test")
    shutil.rmtree(source / "test" / "motorcycle")
    assert write(source, tmp_path / "out") == 2
    assert "other classes to train than in test" in capsys.readouterr().err


def test_copies_in_a_divided_folder_are_told(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = divided(photos, "test")
    shutil.copy(source / "test" / "cow" / "0.png", source / "train" / "cow" / "again.png")
    assert write(source, tmp_path / "out") == 0
    told = capsys.readouterr().err
    assert "near copies across splits (of the classes: 1, of none: 0)" in told
    assert str(tmp_path / "out" / "card.md") in told


# --- pictures of none of the classes -------------------------------------------------------------


@pytest.mark.parametrize("place", ["streets", ""])
def test_pictures_of_neither_are_divided_too(photos: Path, tmp_path: Path, place: str) -> None:
    for number in range(10):
        put(noise(1000 + number), tmp_path / "nothing" / place / f"{number}.png")
    write(photos, tmp_path / "out", "--neither-folder", str(tmp_path / "nothing"))
    found = counts(tmp_path / "out" / "neither")
    label = place or "other"
    assert found == {f"train/{label}": 7, f"calibration/{label}": 1, f"test/{label}": 2}
    assert read_manifest(tmp_path / "out").origin.source == {
        "folder": "photos", "neither_folder": "nothing",
    }  # fmt: skip


def test_neither_folder_without_a_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "out"), "--neither-folder", str(tmp_path)]
    assert dataset.main(options) == 2
    assert "--neither-folder goes with --folder" in capsys.readouterr().err


# --- what is refused or left out -----------------------------------------------------------------


def test_files_that_are_no_pictures_are_named(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "cow" / "notes.txt").write_text("moo")
    (photos / "cow" / "more").mkdir()
    (photos / "cow" / ".DS_Store").write_text("hidden")
    assert write(photos, tmp_path / "out") == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    assert told == [
        "left out cow/more: Is a directory.",
        "left out cow/notes.txt: The body is not a complete known picture.",
    ]
    left_out = read_manifest(tmp_path / "out").origin.left_out
    assert [each.file for each in left_out] == ["cow/more", "cow/notes.txt"]


@pytest.mark.parametrize("labels", [(), ("cow",)])
def test_folder_with_fewer_than_two_classes_is_refused(
    tmp_path: Path, labels: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for label in labels:
        (tmp_path / "in" / label).mkdir()
    assert write(tmp_path / "in", tmp_path / "out") == 2
    assert "two or more class subfolders" in capsys.readouterr().err


def test_class_that_the_folder_lacks_is_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(photos, tmp_path / "out", "--classes", "cow,scooter") == 2
    assert "no scooter; it has bicycle, cow, motorcycle" in capsys.readouterr().err


def test_class_without_pictures_is_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (photos / "cow").iterdir():
        path.write_text("moo")
    assert write(photos, tmp_path / "out") == 2
    assert "None of the files for train/cow is a picture" in capsys.readouterr().err


def test_pictures_whose_written_names_would_be_one_are_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "cow" / "0.png").rename(photos / "cow" / "1-png")
    assert write(photos, tmp_path / "out") == 2
    assert "rename it" in capsys.readouterr().err


def test_names_with_tabs_do_not_break_the_lists(photos: Path, tmp_path: Path) -> None:
    (photos / "cow" / "0.png").rename(photos / "cow" / "a\tb\n.png")
    write(photos, tmp_path / "out")
    lines = [
        line.split("\t")
        for split in ("train", "calibration", "test")
        for line in (tmp_path / "out" / f"{split}.lst").read_text().splitlines()
    ]
    assert len(lines) == 30
    assert [path for _, _, path in lines if path.startswith("cow/a")] == ["cow/a-b--png.png"]


def test_test_pictures_alone_are_the_same_ones(photos: Path, tmp_path: Path) -> None:
    write(photos, tmp_path / "all")
    write(photos, tmp_path / "some", "--split", "test")
    assert sorted(path.name for path in (tmp_path / "some").iterdir()) == ["test", "test.lst"]
    assert names(tmp_path / "some" / "test") == names(tmp_path / "all" / "test")


def test_written_pixels_are_what_the_manifest_says(photos: Path, tmp_path: Path) -> None:
    write(photos, tmp_path / "out")
    for each in read_manifest(tmp_path / "out").pictures:
        with Image.open(tmp_path / "out" / each.path) as picture:
            assert (picture.width, picture.height) == (each.width, each.height)
            assert look_at([picture]).digests[0].hex() == each.sha256
