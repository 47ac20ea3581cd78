from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from scones_model.data import dataset
from scones_model.data.cifar100 import InvalidArchive, Layout, read_archive
from scones_model.data.folders import InvalidFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LABELS = ("bicycle", "cow", "motorcycle")
LAYOUT = Layout(classes=3, each={"train": 4, "test": 2})
BOTH = ("train", "test")
CLASSES = ("motorcycle", "bicycle")


# --- a small archive in the published shape ------------------------------------------------------


def split_content(split: str) -> dict[bytes, Any]:
    count = len(LABELS) * LAYOUT.each[split]
    return {
        b"data": np.random.default_rng(count).integers(0, 256, (count, 3072), dtype=np.uint8),
        b"fine_labels": [row % len(LABELS) for row in range(count)],
        b"filenames": [b"picture_s_%06d.png" % row for row in range(count)],
    }


def whole_content() -> dict[str, Any]:
    meta = {b"fine_label_names": [label.encode() for label in LABELS]}
    return {"meta": meta, **{split: split_content(split) for split in BOTH}}


def write_archive(path: Path, content: dict[str, Any]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, value in content.items():
            # The published pickles name numpy's builder as numpy 1 did.
            pickled = pickle.dumps(value, protocol=3).replace(b"numpy._core", b"numpy.core")
            member = tarfile.TarInfo(f"cifar-100-python/{name}")
            member.size = len(pickled)
            archive.addfile(member, io.BytesIO(pickled))
    return path


@pytest.fixture
def small_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line take an archive of a few pictures for the whole one."""
    monkeypatch.setattr(read_archive, "__defaults__", (LAYOUT,))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_archive(tmp_path / "cifar.tar.gz", whole_content())


def test_archive_pixels_are_rows_of_red_green_blue(archive: Path) -> None:
    first = next(iter(read_archive(archive, ["cow"], ["train"], LAYOUT)))
    stored = split_content("train")[b"data"][1]
    assert (first.split, first.label, first.names[0]) == ("train", "cow", "picture_s_000001.png")
    assert first.pixels.shape == (4, 32, 32, 3)
    assert first.pixels[0, 0, 5].tolist() == [stored[5], stored[1024 + 5], stored[2048 + 5]]


@pytest.mark.usefixtures("small_layout")
def test_archive_becomes_class_folders_and_manifests(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    dataset.from_archive(archive, out, CLASSES, BOTH)
    assert (out / "test.lst").read_text() == (
        "0\t0\tbicycle/picture_s_000000.png\n"
        "1\t0\tbicycle/picture_s_000003.png\n"
        "2\t1\tmotorcycle/picture_s_000002.png\n"
        "3\t1\tmotorcycle/picture_s_000005.png\n"
    )
    assert len((out / "train.lst").read_text().splitlines()) == 8
    with Image.open(out / "test" / "motorcycle" / "picture_s_000002.png") as picture:
        stored = split_content("test")[b"data"][2].reshape(3, 32, 32).transpose(1, 2, 0)
        assert (np.asarray(picture) == stored).all()


@pytest.mark.usefixtures("small_layout")
def test_one_split_is_read_without_the_other(tmp_path: Path) -> None:
    content = whole_content()
    del content["train"]
    partial = write_archive(tmp_path / "test-only.tar.gz", content)
    dataset.from_archive(partial, tmp_path / "out", CLASSES, ["test"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["test", "test.lst"]


class Exploit:
    """A pickle that runs a command when a careless reader loads it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def test_malicious_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    content = {**whole_content(), "test": {b"data": Exploit(tmp_path / "ran")}}
    bad = write_archive(tmp_path / "bad.tar.gz", content)
    with pytest.raises(InvalidArchive, match=r"asks for \w+\.system, .*Do not trust"):
        list(read_archive(bad, CLASSES, BOTH, LAYOUT))
    assert not (tmp_path / "ran").exists()


BROKEN: dict[str, tuple[str, bytes, Any, str]] = {
    "shape": ("train", b"data", np.zeros((12, 100), np.uint8), r"shape \(12, 3072\)"),
    "type": ("train", b"data", np.zeros((12, 3072), np.float32), "must be uint8"),
    "count": ("test", b"fine_labels", [0, 1], "must be 6 class numbers"),
    "balance": ("test", b"fine_labels", [0, 0, 0, 1, 1, 2], "must have 2 pictures"),
    "range": ("test", b"fine_labels", [0, 0, 1, 1, 9, 9], "must have 2 pictures"),
    "escape": ("test", b"filenames", [b"../../x.png"] * 6, "plain .png names"),
    "repeat": ("test", b"filenames", [b"x.png"] * 6, "filenames of motorcycle repeat"),
    "no names": ("test", b"filenames", None, "must be 6 names"),
    "classes": ("meta", b"fine_label_names", [b"apple"], "does not name 3 classes"),
}


@pytest.mark.parametrize(("part", "key", "value", "message"), BROKEN.values(), ids=BROKEN)
def test_archive_with_other_content_is_refused(
    tmp_path: Path, part: str, key: bytes, value: object, message: str
) -> None:
    content = whole_content()
    content[part][key] = value
    bad = write_archive(tmp_path / "bad.tar.gz", content)
    with pytest.raises(InvalidArchive, match=message):
        list(read_archive(bad, CLASSES, BOTH, LAYOUT))


def test_unknown_class_is_refused_with_the_known_ones(archive: Path) -> None:
    with pytest.raises(InvalidArchive, match="no class scooter; it has bicycle, cow, motorcycle"):
        list(read_archive(archive, ["scooter"], BOTH, LAYOUT))


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda _: b"no archive",
        lambda whole: whole[:20_000] + bytes(100) + whole[20_100:],
        lambda _: b"",
    ],
    ids=["truncated", "garbage", "flipped", "empty"],
)
def test_damaged_archive_is_refused(archive: Path, damage: Callable[[bytes], bytes]) -> None:
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(InvalidArchive, match=r"cifar\.tar\.gz"):
        list(read_archive(archive, CLASSES, BOTH, LAYOUT))


def test_missing_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArchive, match="cannot be read"):
        list(read_archive(tmp_path / "absent.tar.gz", CLASSES, BOTH))


def test_archive_without_pictures_is_refused(tmp_path: Path) -> None:
    bad = write_archive(tmp_path / "bad.tar.gz", {"meta": whole_content()["meta"]})
    with pytest.raises(InvalidArchive, match="no cifar-100-python/test and no train"):
        list(read_archive(bad, CLASSES, BOTH, LAYOUT))


@pytest.mark.usefixtures("small_layout")
def test_output_that_is_not_empty_is_left_alone(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(dataset.OutputExists, match="not empty"):
        dataset.from_archive(archive, out, CLASSES, BOTH)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_failure_leaves_no_output_behind(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InvalidArchive):
        dataset.from_archive(archive, out, CLASSES, BOTH)  # too few pictures for CIFAR-100
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


# --- folders -------------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Ten pictures of each of three classes, in many modes and sizes."""
    chance = np.random.default_rng(0)
    for label in LABELS:
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for number, mode in enumerate(
            ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "RGB", "L", "I;16"]
        ):
            pixels = chance.integers(0, 256, (20 + number, 400, 3), dtype=np.uint8)
            picture = Image.fromarray(pixels).convert("L" if mode == "I;16" else mode)
            kind = "jpg" if mode == "CMYK" else "png"
            picture.convert(mode).save(folder / f"{number}.{kind}")
    return tmp_path / "photos"


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))


def test_folder_is_divided_the_same_way_whatever_its_names(photos: Path, tmp_path: Path) -> None:
    dataset.from_folder(photos, tmp_path / "one", None, BOTH, 0.2)
    for path in sorted(photos.rglob("*.*")):
        path.rename(path.with_stem(f"renamed-{path.stem}"))
    dataset.from_folder(photos, tmp_path / "two", None, BOTH, 0.2)
    renamed = [name.replace("renamed-", "") for name in names(tmp_path / "two")]
    assert renamed == names(tmp_path / "one")
    assert len((tmp_path / "one" / "test.lst").read_text().splitlines()) == 6


def test_folder_pictures_become_bounded_rgb_png(photos: Path, tmp_path: Path) -> None:
    left_out = dataset.from_folder(photos, tmp_path / "out", None, BOTH, 0.2)
    written = list((tmp_path / "out").rglob("*.png"))
    assert left_out == []
    assert len(written) == 30
    for path in written:
        with Image.open(path) as picture:
            assert (picture.mode, picture.format, picture.width) == ("RGB", "PNG", 256)


def test_folder_that_is_divided_already_keeps_its_division(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "divided").mkdir()
    photos.rename(tmp_path / "divided" / "train")
    (tmp_path / "divided" / "test" / "cow").mkdir(parents=True)
    (tmp_path / "divided" / "test" / "bicycle").mkdir()
    for label in ("cow", "bicycle"):
        moved = tmp_path / "divided" / "train" / label / "3.png"
        moved.rename(tmp_path / "divided" / "test" / label / "3.png")
    dataset.from_folder(tmp_path / "divided", tmp_path / "out", ["bicycle", "cow"], BOTH, 0.5)
    assert (
        tmp_path / "out" / "test.lst"
    ).read_text() == "0\t0\tbicycle/3-png.png\n1\t1\tcow/3-png.png\n"


def test_divided_folder_with_unequal_classes_is_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "divided" / "test").mkdir(parents=True)
    photos.rename(tmp_path / "divided" / "train")
    for label in ("bicycle", "cow"):
        (tmp_path / "divided" / "test" / label).mkdir()
    with pytest.raises(InvalidFolder, match="other classes to train than to test"):
        dataset.from_folder(tmp_path / "divided", tmp_path / "out", None, BOTH, 0.5)


def test_files_that_are_no_pictures_are_named(photos: Path, tmp_path: Path) -> None:
    (photos / "cow" / "notes.txt").write_text("moo")
    (photos / "cow" / ".DS_Store").write_text("hidden")
    left_out = dataset.from_folder(photos, tmp_path / "out", None, BOTH, 0.2)
    assert len(left_out) == 1
    assert "notes.txt" in left_out[0]


@pytest.mark.parametrize("labels", [(), ("cow",)])
def test_folder_with_fewer_than_two_classes_is_refused(
    tmp_path: Path, labels: tuple[str, ...]
) -> None:
    (tmp_path / "in").mkdir()
    for label in labels:
        (tmp_path / "in" / label).mkdir()
    with pytest.raises(InvalidFolder, match="two or more class subfolders"):
        dataset.from_folder(tmp_path / "in", tmp_path / "out", None, BOTH, 0.2)


def test_class_that_the_folder_lacks_is_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidFolder, match="no scooter; it has bicycle, cow, motorcycle"):
        dataset.from_folder(photos, tmp_path / "out", ["cow", "scooter"], BOTH, 0.2)


def test_class_without_pictures_is_refused(photos: Path, tmp_path: Path) -> None:
    for path in (photos / "cow").iterdir():
        path.write_text("moo")
    with pytest.raises(InvalidFolder, match="None of the files for train/cow is a picture"):
        dataset.from_folder(photos, tmp_path / "out", None, BOTH, 0.2)


# --- command line --------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_layout")
def test_command_takes_the_archive_that_the_environment_names(
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CIFAR100", str(archive))
    assert dataset.main(["--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == (
        f"8 train pictures in {tmp_path / 'out' / 'train'}\n"
        f"4 test pictures in {tmp_path / 'out' / 'test'}\n"
    )


def test_command_ends_with_2_and_a_sentence_for_a_bad_archive(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dataset.main(["--out", str(tmp_path / "out"), "--archive", str(archive)]) == 2
    assert "does not name 100 classes" in capsys.readouterr().err


def test_command_ends_with_2_for_a_bad_folder(tmp_path: Path) -> None:
    options = ["--out", str(tmp_path / "out"), "--folder", str(tmp_path / "absent")]
    assert dataset.main(options) == 2


def test_command_prefers_a_named_folder_to_the_environments_archive(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFAR100", str(tmp_path / "absent"))
    options = ["--out", str(tmp_path / "out"), "--folder", str(photos), "--split", "test"]
    assert dataset.main([*options, "--classes", "cow, bicycle"]) == 0
    assert len(list((tmp_path / "out").rglob("*.png"))) == 4


def test_dataset_needs_neither_onnxruntime_nor_torch() -> None:
    program = (
        "import sys, scones_model.data.dataset as _; print({'onnxruntime', 'torch'} & {*sys.modules})"
    )
    shown = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert shown == "set()\n"
