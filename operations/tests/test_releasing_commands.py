"""The commands `release` and `rollback`, from the repository to the alias."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from operations.tests.test_releasing_publication import BUCKET, TEMPLATE, Account, aws, built
from operations.tests.test_releasing_repository import Repository, beginning, repository

from scones_operations.account import CannotBeDone
from scones_operations.releasing import release, rollback
from scones_operations.releasing.artifacts import record_release
from scones_operations.releasing.publication import publish_service
from scones_operations.releasing.rollback import target
from scones_operations.releasing.versions import Version
from scones_operations.repository import SERVICES, find_package

if TYPE_CHECKING:
    from pathlib import Path

    from scones_operations.building.build import Zip

__all__ = ["aws", "beginning", "repository"]  # fixtures


class Builder:
    """Stands for `build_service`: the zip is what the test says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.content = "code"

    def __call__(self, root: Path, service: str, arch: str) -> Zip:
        return built(self.folder, self.content, service, arch)


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    made = Builder(tmp_path)
    monkeypatch.setattr(release, "build_service", made)
    monkeypatch.setattr(release, "read_template", lambda path: TEMPLATE)
    return made


@pytest.fixture
def deployed(aws: Account, tmp_path: Path) -> Account:
    """A stage with all three services, each at version 1."""
    for service in SERVICES:
        made = built(tmp_path, f"old {service}", service)
        publish_service("dev", made, TEMPLATE, {}, "abc1234", print)
    aws.asked.clear()
    return aws


def tags(repository: Repository) -> list[str]:
    found = repository.root / ".git" / "refs" / "tags"
    return sorted(path.name for path in found.iterdir())


# --- release -------------------------------------------------------------------------------------


def test_a_release_moves_one_alias_and_says_that_the_others_stayed(
    deployed: Account,
    builder: Builder,
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    repository.version("filter", "1.1.0")
    repository.commit()
    assert release.main(["filter", "--make-tag"]) == 0
    assert "filter-v1.1.0" in tags(repository)
    live = {"scones-dev-serializer": "1", "scones-dev-classifier": "1", "scones-dev-filter": "2"}
    assert deployed.lambdas.live == live
    shown = capsys.readouterr().out
    assert "1: filter 1.0.0 git abc1234 zip " in shown
    assert shown.count("the same") == 2
    assert "The other services are as they were." in shown


def test_another_alias_that_moved_meanwhile_is_named(
    deployed: Account,
    builder: Builder,
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def meanwhile(*arguments: Any) -> None:
        publish_service(*arguments)
        made = built(builder.folder, "somebody's", "classifier")
        publish_service("dev", made, TEMPLATE, {}, "fff0000", print)

    monkeypatch.setattr(release, "publish_service", meanwhile)
    assert release.main(["filter"]) == 0
    assert "classifier was moved by somebody else meanwhile." in capsys.readouterr().out


def test_a_released_version_is_those_bytes_for_ever(
    deployed: Account,
    builder: Builder,
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert release.main(["filter"]) == 0
    assert release.main(["filter"]) == 0, "the same once more"
    builder.content = "other code"
    deployed.asked.clear()
    assert release.main(["filter"]) == 2
    assert "filter 1.0.0 (arm64) was released to dev from commit" in capsys.readouterr().err
    assert not deployed.asked
    assert release.main(["filter", "--arch", "x86_64"]) == 0, "another architecture, other bytes"


def test_of_two_who_release_other_bytes_at_once_the_later_one_is_refused(
    aws: Account, repository: Repository
) -> None:
    package = find_package(repository.root, "filter")
    record_release("dev", package, "arm64", "a" * 64, "1234567")
    record_release("dev", package, "arm64", "a" * 64, "1234567")
    with pytest.raises(CannotBeDone, match="raise the version"):
        record_release("dev", package, "arm64", "b" * 64, "1234567")


def test_a_deployed_build_does_not_take_the_version(
    deployed: Account, builder: Builder, repository: Repository
) -> None:
    made = built(builder.folder, "tried out")
    publish_service("dev", made, TEMPLATE, {}, "fff0000", print)
    assert release.main(["filter"]) == 0


def test_a_dry_run_checks_and_changes_nothing(
    deployed: Account,
    builder: Builder,
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
) -> None:
    repository.git("tag", "--delete", "filter-v1.0.0")
    before = len(boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"])
    assert release.main(["filter", "--make-tag", "--dry-run"]) == 0
    assert "sha256" in capsys.readouterr().out
    assert "filter-v1.0.0" not in tags(repository)
    assert not deployed.asked
    assert len(boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]) == before


def test_without_a_tag_or_a_stack_nothing_is_released(
    aws: Account,
    builder: Builder,
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert release.main(["filter"]) == 2
    assert "There is no stack scones-dev-filter: `scones-ops deploy`" in capsys.readouterr().err
    repository.git("tag", "--delete", "filter-v1.0.0")
    assert release.main(["filter"]) == 2
    assert "There is no tag filter-v1.0.0: --make-tag makes it" in capsys.readouterr().err


def test_a_failed_canary_is_a_failed_release(
    deployed: Account,
    builder: Builder,
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deployed.refused.add("2")
    assert release.main(["filter"]) == 1
    assert "version 2 did not stay live; calls go to version 1" in capsys.readouterr().err


def test_a_wheel_is_kept_beside_the_zips(
    aws: Account,
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert release.main(["monitoring"]) == 0
    assert release.main(["monitoring"]) == 0
    keys = [one["Key"] for one in boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
    (wheel,) = (key for key in keys if key.endswith("/scones_monitoring-1.0.0-py3-none-any.whl"))
    assert sorted(keys) == sorted([wheel, "monitoring/1.0.0/wheel.json"])
    assert "`docker build monitoring`" in capsys.readouterr().out


# --- rollback ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("live", "before", "to", "expected"),
    [
        ("4", "2", None, "2"),  # what was live before, not what was published before
        ("4", "", None, "3"),
        ("2", "", None, "1"),
        ("2", "9", None, "1"),  # what was live before is deleted
        ("1", "2", None, "2"),
        ("4", "2", "3", "3"),
        ("2", "1", "4", "4"),
    ],
)
def test_where_a_rollback_goes(live: str, before: str, to: str | None, expected: str) -> None:
    versions = [Version(str(number), "", "") for number in (1, 2, 3, 4)]
    assert target(versions, {"LiveVersion": live, "PreviousVersion": before}, to) == expected


@pytest.mark.parametrize(
    ("live", "to", "said"),
    [
        ("1", None, "no version before 1: name another by --to"),
        ("2", "2", "Version 2 is what is live; others: 1"),
        ("2", "7", "Version 7 was never published, or is deleted; others: 1"),
    ],
)
def test_where_no_rollback_goes(live: str, to: str | None, said: str) -> None:
    versions = [Version("1", "", ""), Version("2", "", "")]
    with pytest.raises(CannotBeDone, match=said):
        target(versions, {"LiveVersion": live, "PreviousVersion": ""}, to)


def test_a_rollback_changes_the_live_version_and_nothing_else_at_once(
    deployed: Account, builder: Builder, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_service("dev", built(builder.folder, "bad"), TEMPLATE, {}, "fff0000", print)
    assert rollback.main(["filter", "--dry-run"]) == 0
    assert deployed.lambdas.live["scones-dev-filter"] == "2"
    assert rollback.main(["filter"]) == 0
    assert deployed.asked[-1] == {"LiveVersion": "1", "PreviousVersion": "", "AtOnce": "true"}
    assert deployed.lambdas.live["scones-dev-filter"] == "1"
    shown = capsys.readouterr().out
    assert "1: filter 1.0.0 git abc1234 zip" in shown
    assert rollback.main(["filter"]) == 2, "there is nothing older"


def test_what_was_never_live_cannot_go_back(
    aws: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollback.main(["filter"]) == 2
    assert "filter was never live in dev" in capsys.readouterr().err


class CodeDeploy:
    """An application with what of its deployments is running."""

    def __init__(self, account: Account, running: list[str]) -> None:
        self.exceptions = type("Exceptions", (), {"ApplicationDoesNotExistException": LookupError})
        self.account = account
        self.running = running

    def list_deployments(self, **asked: object) -> dict[str, list[str]]:
        assert asked["applicationName"] == "scones-dev-filter"
        return {"deployments": self.running}

    def stop_deployment(self, **asked: object) -> None:
        assert asked == {"deploymentId": "d-1", "autoRollbackEnabled": True}
        stack = self.account.stacks["scones-dev-filter"]
        self.account.stacks[stack.name] = replace(stack, status="UPDATE_ROLLBACK_COMPLETE")


def test_a_canary_under_way_is_stopped_and_codedeploy_takes_it_back(
    deployed: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollback, "PAUSE_S", 0)
    stack = replace(deployed.stacks["scones-dev-filter"], status="UPDATE_IN_PROGRESS")
    deployed.stacks[stack.name] = stack
    deployed.others["codedeploy"] = CodeDeploy(deployed, ["d-1"])
    assert rollback.main(["filter"]) == 0
    assert "Deployment d-1 is stopped." in capsys.readouterr().out
    assert not deployed.asked, "what CodeDeploy takes back needs no change of the stack"


def test_a_stack_that_changes_before_traffic_moves_is_left_alone(
    deployed: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = replace(deployed.stacks["scones-dev-filter"], status="UPDATE_IN_PROGRESS")
    deployed.stacks[stack.name] = stack
    deployed.others["codedeploy"] = CodeDeploy(deployed, [])
    assert rollback.main(["filter"]) == 2
    assert "no traffic moves yet" in capsys.readouterr().err
