from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from scones_local.pictures import NoPictures, choose, find_pictures, prepare_pictures

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, count in (("bicycle", 30), ("motorcycle", 5)):
        (tmp_path / label).mkdir()
        for number in range(count):
            (tmp_path / label / f"{number}.PNG").touch()
    (tmp_path / "loose.jpg").touch()
    (tmp_path / "notes.txt").touch()
    return tmp_path


def test_subfolders_are_labels_and_other_files_are_mentioned(folder: Path) -> None:
    console = Console(record=True, width=200)
    pictures = find_pictures(folder, console)
    assert Counter(picture.label for picture in pictures) == {
        "bicycle": 30, "motorcycle": 5, None: 1,
    }  # fmt: skip
    assert "1 file without an image's suffix stay" in console.export_text()


def test_a_choice_is_even_over_classes_and_the_same_each_time(folder: Path) -> None:
    pictures = find_pictures(folder, Console())
    chosen = choose(pictures, 9)
    assert Counter(picture.label for picture in chosen) == {
        "bicycle": 4, "motorcycle": 4, None: 1,
    }  # fmt: skip
    assert chosen == choose(pictures, 9)
    assert sorted(p.name for p in choose(pictures, 99)) == sorted(p.name for p in pictures)


def test_a_folder_without_pictures_is_an_error_that_lists_the_suffixes(tmp_path: Path) -> None:
    with pytest.raises(NoPictures, match=r"holds no images .*\.jpg"):
        find_pictures(tmp_path, Console())


def interpreter(folder: Path, dataset_status: int) -> str:
    """A stand-in for the model's Python: `dataset` ends as told, `drawn` makes its folder."""
    script = folder / "python"
    script.write_text(
        f"""#!/bin/sh
case "$2" in
  scones_model.data.dataset) exit {dataset_status} ;;
  scones_model.data.drawn) mkdir -p "$4" ;;
esac
"""
    )
    script.chmod(0o700)
    return str(script)


def test_drawn_pictures_stand_in_when_nothing_can_be_downloaded(tmp_path: Path) -> None:
    console = Console(record=True, width=200)
    folder = prepare_pictures(interpreter(tmp_path, 3), tmp_path, None, console)
    assert folder == tmp_path / "drawn"
    assert folder.is_dir()
    assert "Drawn pictures stand in" in console.export_text()


def test_a_bad_archive_of_the_users_is_an_error_not_a_reason_to_draw(tmp_path: Path) -> None:
    with pytest.raises(NoPictures, match="the reason stands above"):
        prepare_pictures(interpreter(tmp_path, 2), tmp_path, "mine.tar.gz", Console())
    assert not (tmp_path / "drawn").exists()


def test_pictures_that_were_prepared_before_are_used_again(tmp_path: Path) -> None:
    folder = tmp_path / "cifar100-vehicles"
    folder.mkdir()
    (folder / "test.lst").touch()
    assert prepare_pictures(interpreter(tmp_path, 1), tmp_path, None, Console()) == folder / "test"
