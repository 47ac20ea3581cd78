"""What SAM is asked for and what becomes of its answer; SAM itself is `make validate`'s."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from operations.tests.test_building_smoke import write

from scones_operations.account import CannotBeDone
from scones_operations.building import sam
from scones_operations.building.sam import SamFailed, check_with_sam
from scones_operations.building.smoke import DoesNotWork
from scones_operations.building.targets import find_target
from scones_operations.repository import find_root

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = """#!{python}
import json, os, pathlib, shutil, sys
words = sys.argv[1:]
with open({told!r}, "a") as told:
    print(json.dumps([os.environ["PATH"].split(os.pathsep)[0], *words]), file=told)
if words[0] == "build":
    if not pathlib.Path({made!r}).exists():
        sys.exit("Build Failed")
    shutil.copytree({made!r}, pathlib.Path(words[words.index("--build-dir") + 1]) / "Function")
"""


@pytest.fixture(autouse=True)
def this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The running Python in place of Lambda's, which need not be here."""
    target = find_target("x86_64")
    monkeypatch.setattr(sam, "target_for_here", lambda: (target, Path(sys.executable)))


def stand_in(folder: Path) -> str:
    """A program that takes the folder `made` for what it builds, and tells how it was called."""
    program = folder / "sam"
    names = {"told": str(folder / "told"), "made": str(folder / "made")}
    program.write_text(PROGRAM.format(python=sys.executable, **names))
    program.chmod(0o755)
    return str(program)


def told(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "told").read_text().splitlines()]


def following(words: Sequence[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_sam_validates_builds_for_this_machine_and_its_folder_is_invoked(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    write(tmp_path / "made", "filter")
    check_with_sam(find_root(), "filter", stand_in(tmp_path))
    validate, build = told(tmp_path)
    assert validate[1:3] == ["validate", "--lint"]
    assert build[1] == "build"
    assert build[0] == str(Path(sys.executable).parent)  # where SAM looks for python3.13
    home = find_root() / "services/filter"
    assert following(build, "--template") == str(home / "template.yaml")
    assert following(build, "--manifest") == str(home / "requirements.txt")
    assert following(build, "--parameter-overrides") == "Architecture=x86_64"


def test_a_folder_of_sams_that_does_not_work_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    write(tmp_path / "made", "filter", instead=("import base64", "import base65"))
    with pytest.raises(DoesNotWork, match="base65"):
        check_with_sam(find_root(), "filter", stand_in(tmp_path))


def test_what_sam_says_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(SamFailed, match="Build Failed"):
        check_with_sam(find_root(), "filter", stand_in(tmp_path))


def test_without_the_functions_python_sam_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = find_target("local")
    monkeypatch.setattr(sam, "target_for_here", lambda: (here, here.python))
    with pytest.raises(CannotBeDone, match=r"needs Python 3\.13"):
        check_with_sam(find_root(), "filter", stand_in(tmp_path))
    assert not (tmp_path / "told").exists()
