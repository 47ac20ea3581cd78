"""What git, versions and changelogs say: candidates for a release, and what is due."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scones_operations.account import CannotBeDone
from scones_operations.releasing import due
from scones_operations.releasing.candidate import find_candidate
from scones_operations.releasing.changelog import newest_version
from scones_operations.releasing.due import find_due
from scones_operations.releasing.reach import STACKS, folder_of, reaching, stacks_reached
from scones_operations.releasing.wheel import build_wheel
from scones_operations.repository import RELEASED, find_package

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = """\
[build-system]
requires = ["uv_build>=0.13,<0.14"]
build-backend = "uv_build"

[project]
name = "scones-{name}"
version = "{version}"
requires-python = ">=3.11"
"""


class Repository:
    """A repository of packages."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self) -> None:
        """Make the five packages, all released as 1.0.0."""
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("noxfile.py", "")
        for name in RELEASED:
            home = folder_of(name)
            self.write(f"{home}/src/scones_{name}/__init__.py", '"""A package."""\n')
            self.write(f"{home}/template.yaml", "Resources: {}\n")
            self.version(name, "1.0.0")
        self.commit()
        for name in RELEASED:
            self.git("tag", f"{name}-v1.0.0")

    def git(self, *arguments: str) -> None:
        author = {f"GIT_{who}_{what}": "someone@example.org"
                  for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}  # fmt: skip
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        command = ("git", "-C", str(self.root), *arguments)
        subprocess.run(
            command, check=True, capture_output=True, env={**os.environ, **author, **own}
        )

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def version(self, name: str, version: str, *, noted: bool = True) -> None:
        home = folder_of(name)
        self.write(f"{home}/pyproject.toml", PROJECT.format(name=name, version=version))
        if noted:
            self.write(f"{home}/CHANGELOG.md", f"# Changelog\n\n## [{version}] - 2026-11-25\n")

    def commit(self, message: str = "change") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)


@pytest.fixture(scope="session")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository as it begins, made once: git takes its time."""
    root = tmp_path_factory.mktemp("beginning")
    Repository(root).begin()
    return root


@pytest.fixture
def repository(tmp_path: Path, beginning: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    root = tmp_path / "repository"
    shutil.copytree(beginning, root)
    monkeypatch.chdir(root)
    for who in ("AUTHOR", "COMMITTER"):  # for the commands under test
        for what in ("NAME", "EMAIL"):
            monkeypatch.setenv(f"GIT_{who}_{what}", "someone@example.org")
    return Repository(root)


# --- what is due ---------------------------------------------------------------------------------


def test_a_change_to_one_service_makes_only_that_one_due(repository: Repository) -> None:
    repository.write("services/filter/src/scones_filter/decision.py", "SURE = True\n")
    repository.version("filter", "1.1.0")
    repository.commit()
    found = {name: find_due(repository.root, name, f"{name}-v1.0.0") for name in RELEASED}
    assert [name for name, one in found.items() if one.files] == ["filter"]
    assert found["filter"].files == (
        "services/filter/pyproject.toml",
        "services/filter/src/scones_filter/decision.py",
    )
    assert found["filter"].advice == "make release PACKAGE=filter"
    assert (found["filter"].before, found["filter"].version) == ("1.0.0", "1.1.0")


@pytest.mark.parametrize(
    "path", ["README.md", "CHANGELOG.md", "tests/test_x.py", "requirements-test.txt"]
)
def test_what_reaches_no_artifact_makes_nothing_due(repository: Repository, path: str) -> None:
    repository.write(f"services/filter/{path}", "changed\n")
    repository.commit()
    assert find_due(repository.root, "filter", "filter-v1.0.0").files == ()


@pytest.mark.parametrize("moved", ["services/filter/src", "services/filter/tests"])
def test_code_that_moves_away_is_a_change(repository: Repository, moved: str) -> None:
    (repository.root / moved).mkdir(exist_ok=True)
    old = repository.root / "services/serializer/src/scones_serializer/__init__.py"
    old.rename(repository.root / moved / "moved.py")
    repository.commit()
    assert find_due(repository.root, "serializer", "serializer-v1.0.0").files


@pytest.mark.parametrize(
    ("version", "noted", "status", "advice"),
    [
        ("1.0.0", True, 1, "raise the version, 1.0.0"),
        ("1.1.0", False, 1, "begin [1.1.0] in its changelog"),
        ("1.1.0", True, 0, "make release PACKAGE=model"),
    ],
)
def test_check_wants_a_raised_version_and_a_changelog(
    repository: Repository, version: str, noted: bool, status: int, advice: str
) -> None:
    repository.write("model/src/scones_model/network.py", "WIDE = True\n")
    repository.version("model", version, noted=noted)
    repository.commit()
    assert find_due(repository.root, "model", "model-v1.0.0").advice == advice
    assert due.main(["--check"]) == status
    assert due.main(["HEAD~1..HEAD", "--check"]) == status
    assert due.main([]) == 0


def test_a_version_without_a_tag_may_change_once_more(repository: Repository) -> None:
    repository.version("filter", "1.1.0")
    repository.commit()
    repository.write("services/filter/template.yaml", "Resources: {More: {}}\n")
    repository.commit()
    assert due.main(["HEAD~1", "--check"]) == 0
    repository.git("tag", "filter-v1.1.0", "HEAD~1")
    assert due.main(["HEAD~1", "--check"]) == 1
    repository.git("tag", "--force", "filter-v1.1.0", "HEAD")
    assert find_due(repository.root, "filter", "HEAD~1").advice == "released"


def test_three_dots_compare_with_where_the_branch_left(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.write("docs/new.md", "text\n")
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.write("services/filter/src/scones_filter/decision.py", "SURE = True\n")
    repository.commit()
    assert due.main(["main..topic"]) == 0
    assert "filter: " in capsys.readouterr().out, "two dots see main's own change, backwards"
    assert due.main(["main...topic"]) == 0
    assert "filter: " not in capsys.readouterr().out


def test_a_range_of_no_commits_is_bad_input(repository: Repository) -> None:
    assert due.main(["nowhere..HEAD"]) == 2
    assert due.main(["nowhere...HEAD"]) == 2


def test_a_package_that_was_never_released_is_due_as_a_whole(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.git("tag", "--delete", "filter-v1.0.0")
    assert due.main([]) == 0
    assert "never released" in capsys.readouterr().out


def test_stacks_without_a_package_are_named(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.write("orchestration/backfill.yaml", "Resources: {}\n")
    repository.write("observability/tests/test_x.py", "")
    repository.commit()
    assert due.main(["HEAD~1"]) == 0
    assert "HEAD~1): backfill." in capsys.readouterr().out


def test_every_stack_of_the_repository_is_made_of_files_that_are_there() -> None:
    root = Path(__file__).parents[2]
    assert [part for parts in STACKS.values() for part in parts if not (root / part).exists()] == []
    assert stacks_reached(part for parts in STACKS.values() for part in parts) == tuple(STACKS)


@given(st.lists(st.from_regex(r"\A[a-z_][a-z._-]{0,9}(/[a-z_][a-z._-]{0,9}){0,4}\Z"), max_size=5))
@settings(deadline=None)
def test_no_file_reaches_two_packages(files: list[str]) -> None:
    under = [f"{folder_of(name)}/src/{path}" for name in RELEASED for path in files]
    for path in (*files, *under):
        assert sum(path in reaching(name, [path]) for name in RELEASED) == (path in under)


# --- changelogs and candidates -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("## [Unreleased]\n\n## [1.1.0] - 2026-11-25\n\n## [1.0.0] - 2026-11-01\n", "1.1.0"),
        ("## [1.1.0]\n\n## [1.0.0] - 2026-11-01\n", "1.0.0"),
        ("# Changelog\n\n### [1.0.0] - 2026-11-01\n", None),
    ],
    ids=["unreleased", "no date", "no section"],
)
def test_the_newest_dated_section_counts(text: str, version: str | None) -> None:
    assert newest_version(text) == version


def test_a_tagged_clean_package_may_be_released(repository: Repository) -> None:
    found = find_candidate(repository.root, "filter", "filter-v1.0.0")
    assert found.tagged
    assert found.package.version == "1.0.0"
    repository.version("filter", "1.1.0")
    repository.commit()
    assert not find_candidate(repository.root, "filter").tagged


@pytest.fixture(params=["tag of another", "changelog", "uncommitted", "new file", "tag elsewhere"])
def disagreement(request: pytest.FixtureRequest, repository: Repository) -> Iterator[str]:
    """Bring a repository into a state that must not be released; gives words of the message."""
    match request.param:
        case "tag of another":
            yield "model-v1.0.0 is not the tag of filter 1.0.0"
            return
        case "changelog":
            repository.version("filter", "1.1.0", noted=False)
            repository.commit()
            yield "CHANGELOG.md is 1.0.0, the version in pyproject.toml 1.1.0"
        case "uncommitted":
            repository.write("services/filter/template.yaml", "Resources: {More: {}}\n")
            yield "Not committed, so in no release: services/filter/template.yaml"
        case "new file":
            repository.write("services/filter/src/scones_filter/new.py", "")
            yield "Not committed, so in no release: services/filter/src/scones_filter/new.py"
        case _:
            repository.write("docs/new.md", "text\n")
            repository.commit()
            yield "`git checkout filter-v1.0.0` first, or raise the version"


def test_what_disagrees_is_not_released(
    request: pytest.FixtureRequest, repository: Repository, disagreement: str
) -> None:
    tag = "model-v1.0.0" if "another" in request.node.name else None
    with pytest.raises(CannotBeDone) as refused:
        find_candidate(repository.root, "filter", tag)
    assert disagreement in str(refused.value)


def test_what_another_package_has_not_committed_is_no_obstacle(repository: Repository) -> None:
    repository.write("services/serializer/src/scones_serializer/new.py", "")
    assert find_candidate(repository.root, "filter").tagged


def test_a_wheel_is_the_same_bytes_in_another_folder(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    other = shutil.copytree(repository.root / "model", tmp_path / "other" / "model").parent
    for path in other.rglob("*"):
        os.utime(path, (0, 0))
    one, another = (
        build_wheel(root, find_package(root, "model")) for root in (repository.root, other)
    )
    assert one.path != another.path
    assert one.sha256 == another.sha256
