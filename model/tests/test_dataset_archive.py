from __future__ import annotations

import io
import os
import pickle
import tarfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from scones_model.data import dataset
from scones_model.data.cifar100 import InvalidArchive, Layout, class_labels, read_archive
from scones_model.data.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LABELS = ("bicycle", "cow", "motorcycle", "tank")
LAYOUT = Layout(classes=4, each={"train": 10, "test": 2})
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
    for reader in (class_labels, read_archive):
        monkeypatch.setattr(reader, "__defaults__", (LAYOUT,))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_archive(tmp_path / "cifar.tar.gz", whole_content())


def test_archive_pixels_are_rows_of_red_green_blue(archive: Path) -> None:
    first = next(iter(read_archive(archive, ["cow"], ["train"], LAYOUT)))
    stored = split_content("train")[b"data"][1]
    assert (first.split, first.label, first.names[0]) == ("train", "cow", "picture_s_000001.png")
    assert first.pixels.shape == (10, 32, 32, 3)
    assert first.pixels[0, 0, 5].tolist() == [stored[5], stored[1024 + 5], stored[2048 + 5]]


def test_class_labels_are_in_the_archives_order_and_need_no_pictures(tmp_path: Path) -> None:
    partial = write_archive(tmp_path / "meta.tar.gz", {"meta": whole_content()["meta"]})
    assert class_labels(partial, LAYOUT) == LABELS


def test_class_labels_of_another_archive_are_refused(archive: Path) -> None:
    with pytest.raises(InvalidArchive, match="does not name 100 classes"):
        class_labels(archive)


# --- the data set --------------------------------------------------------------------------------


def write(archive: Path, out: Path, *options: str) -> int:
    return dataset.main(["--out", str(out), "--archive", str(archive), *options])


def counts(out: Path) -> dict[str, int]:
    """Pictures of every folder that has some."""
    folders = sorted({path.parent for path in out.rglob("*/*.png")})
    return {str(folder.relative_to(out)): len(list(folder.iterdir())) for folder in folders}


@pytest.mark.usefixtures("small_layout")
def test_archive_is_divided_and_brings_what_is_neither(archive: Path, tmp_path: Path) -> None:
    assert write(archive, tmp_path / "out") == 0
    vehicles, others = ("bicycle", "motorcycle"), ("cow", "tank")
    assert counts(tmp_path / "out") == {
        **{f"train/{label}": 8 for label in vehicles},
        **{f"calibration/{label}": 2 for label in vehicles},
        **{f"test/{label}": 2 for label in vehicles},
        **{f"neither/{split}/{label}": 1 for split in ("train", "calibration") for label in others},
        **{f"neither/test/{label}": 2 for label in others},
    }
    manifest = read_manifest(tmp_path / "out")
    assert manifest.classes == vehicles
    assert manifest.origin.shares == {"calibration": 0.15, "neither": 0.04}


@pytest.mark.usefixtures("small_layout")
def test_no_picture_is_in_two_places(archive: Path, tmp_path: Path) -> None:
    write(archive, tmp_path / "out")
    digests = [picture.sha256 for picture in read_manifest(tmp_path / "out").pictures]
    assert len(set(digests)) == len(digests) == 32


@pytest.mark.usefixtures("small_layout")
def test_pictures_and_lists_are_the_archives_own(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(archive, out)
    assert (out / "test.lst").read_text() == (
        "0\t0\tbicycle/picture_s_000000.png\n"
        "1\t0\tbicycle/picture_s_000004.png\n"
        "2\t1\tmotorcycle/picture_s_000002.png\n"
        "3\t1\tmotorcycle/picture_s_000006.png\n"
    )
    lines = [
        len((out / f"{split}.lst").read_text().splitlines()) for split in ("train", "calibration")
    ]
    assert lines == [16, 4]
    with Image.open(out / "test" / "motorcycle" / "picture_s_000002.png") as picture:
        stored = split_content("test")[b"data"][2].reshape(3, 32, 32).transpose(1, 2, 0)
        assert (np.asarray(picture) == stored).all()


@pytest.mark.usefixtures("small_layout")
def test_what_is_neither_can_be_left_out(archive: Path, tmp_path: Path) -> None:
    write(archive, tmp_path / "out", "--no-neither")
    assert {place.split("/")[0] for place in counts(tmp_path / "out")} == {
        "train", "calibration", "test",
    }  # fmt: skip


@pytest.mark.usefixtures("small_layout")
def test_test_pictures_are_had_without_the_others(tmp_path: Path) -> None:
    content = whole_content()
    del content["train"]
    partial = write_archive(tmp_path / "test-only.tar.gz", content)
    assert write(partial, tmp_path / "out", "--split", "test") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["test", "test.lst"]
    assert counts(tmp_path / "out") == {"test/bicycle": 2, "test/motorcycle": 2}


@pytest.mark.usefixtures("small_layout")
def test_command_takes_the_archive_that_the_environment_names(
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CIFAR100", str(archive))
    out = tmp_path / "out"
    assert dataset.main(["--out", str(out), "--classes", "tank, cow"]) == 0
    assert capsys.readouterr().out == (
        f"16 train pictures in {out}/train\n"
        f"4 calibration pictures in {out}/calibration\n"
        f"4 test pictures in {out}/test\n"
        f"2 neither/train pictures in {out}/neither/train\n"
        f"2 neither/calibration pictures in {out}/neither/calibration\n"
        f"4 neither/test pictures in {out}/neither/test\n"
    )


@pytest.mark.usefixtures("small_layout")
def test_output_that_is_not_empty_is_left_alone(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    assert write(archive, out) == 2
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_command_refuses_a_bad_archive_and_leaves_no_output(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(archive, tmp_path / "out") == 2  # too few pictures for CIFAR-100
    assert "does not name 100 classes" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


# --- archives that are none ----------------------------------------------------------------------


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
    "shape": ("train", b"data", np.zeros((40, 100), np.uint8), r"shape \(40, 3072\)"),
    "type": ("train", b"data", np.zeros((40, 3072), np.float32), "must be uint8"),
    "count": ("test", b"fine_labels", [0, 1], "must be 8 class numbers"),
    "balance": ("test", b"fine_labels", [0, 0, 0, 1, 1, 2, 3, 3], "must have 2 pictures"),
    "range": ("test", b"fine_labels", [0, 0, 1, 1, 2, 2, 9, 9], "must have 2 pictures"),
    "escape": ("test", b"filenames", [b"../../x.png"] * 8, "plain .png names"),
    "repeat": ("test", b"filenames", [b"x.png"] * 8, "filenames of motorcycle repeat"),
    "no names": ("test", b"filenames", None, "must be 8 names"),
    "classes": ("meta", b"fine_label_names", [b"apple"], "does not name 4 classes"),
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
    with pytest.raises(
        InvalidArchive, match="no class scooter; it has bicycle, cow, motorcycle, tank"
    ):
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
