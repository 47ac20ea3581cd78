"""A stage's whole life on an engine that was empty: deploy, release, roll back, destroy.

By the commands that users type, in a copy of the repository, with zips as Lambda would get them.
"""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from local.tests_flow.bare_engine import python
from local.tests_flow.conftest import ROOT, Client, jpeg
from local.tests_flow.everything import LISTS, PARTS, resources, stacks, types

from scones_local.aws import connect
from scones_local.stack import REACH, SERVICES, StackSettings
from scones_local.supervisor import supervised

if TYPE_CHECKING:
    from collections.abc import Iterator

SERIALIZER = Path("services/serializer")
SAID, SAYS = "upload serialized", "upload serialized anew"


@dataclass(frozen=True)
class Copy:
    """A copy of the repository, whose commands reach the engine."""

    root: Path
    environment: dict[str, str]

    @classmethod
    def make(cls, root: Path, work: Path) -> Copy:
        """Copy what git would, as it is in the working tree, and commit it."""
        own = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
        person = {
            f"GIT_{role}_{what}": "test@localhost"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        reach = json.loads((work / REACH).read_text())
        copy = cls(root, {**own, **person, **reach, "GIT_CONFIG_GLOBAL": os.devnull})
        listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        told = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for path in filter(None, told.split("\0")):
            if (ROOT / path).is_file():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes((ROOT / path).read_bytes())
        copy.run("git", "init", "--quiet")
        copy.run("git", "add", "--all")
        copy.run("git", "commit", "--quiet", "--message", "as it is")
        return copy

    def run(self, *command: str) -> str:
        """Run a command that succeeds; returns what it said."""
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    def scones_ops(self, *arguments: str) -> str:
        return self.run(python("operations"), "-m", "scones_operations.cli", *arguments)

    def edit(self, path: Path, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert text.count(old) == 1
        (self.root / path).write_text(text.replace(old, new))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client of an engine without stacks."""
    weights = ROOT / "model" / "weights"
    settings = StackSettings(ROOT, ROOT / ".nox", tmp_path / "work", weights, empty=True)
    with supervised(settings) as running:
        yield Client(connect(running.environment), running)


def live(client: Client) -> dict[str, str]:
    """The version behind each service's alias."""
    functions = client.aws.client("lambda")
    names = {service: f"scones-local-{service}" for service in SERVICES}
    return {
        service: functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
        for service, name in names.items()
    }


def said(client: Client, log: Path) -> str:
    """What the serializer's log says of a photo that is uploaded and decided on now."""
    kind, decision = client.outcome(client.upload(jpeg(), "photo.jpg"))
    assert kind in {"accepted", "review"}
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    (message,) = (
        line["message"] for line in lines if line.get("inference_id") == decision["inference_id"]
    )
    return str(message)


def test_a_stage_is_deployed_released_rolled_back_and_destroyed_to_the_last_resource(
    client: Client, tmp_path: Path
) -> None:
    copy = Copy.make(tmp_path / "copy", tmp_path / "work")
    log = tmp_path / "work" / "logs" / "scones-local-serializer.log"
    before = resources(client.aws)

    copy.scones_ops("deploy", "--json", str(tmp_path / "outputs.json"))
    outputs = json.loads((tmp_path / "outputs.json").read_text())
    client = Client(client.aws, replace(client.stack, outputs=outputs))
    assert set(live(client).values()) == {"1"}
    assert said(client, log) == SAID
    deployed = stacks(client.aws)

    commit_a_minor_version(copy)
    copy.scones_ops("release", "serializer")
    assert live(client) == {**dict.fromkeys(SERVICES, "1"), "serializer": "2"}
    assert said(client, log) == SAYS
    assert changed(deployed, stacks(client.aws)) == {"scones-local-serializer"}

    copy.scones_ops("rollback", "serializer")
    assert set(live(client).values()) == {"1"}
    assert said(client, log) == SAID
    assert changed(deployed, stacks(client.aws)) == {"scones-local-serializer"}

    assert types(client.aws) - PARTS <= LISTS.keys(), "teach everything.py to list the new type"
    copy.scones_ops("destroy", "--empty", "--yes")
    assert stacks(client.aws) == {}
    assert resources(client.aws) == before


def commit_a_minor_version(copy: Copy) -> None:
    """Another behaviour of the serializer, with version, changelog and tag."""
    project, changelog = SERIALIZER / "pyproject.toml", SERIALIZER / "CHANGELOG.md"
    version = tomllib.loads((copy.root / project).read_text())["project"]["version"]
    major, minor, _ = version.split(".")
    raised = f"{major}.{int(minor) + 1}.0"
    copy.edit(SERIALIZER / "src/scones_serializer/handler.py", f'"{SAID}"', f'"{SAYS}"')
    copy.edit(project, f'version = "{version}"', f'version = "{raised}"')
    copy.edit(changelog, f"## [{version}]", f"## [{raised}] - 2026-11-25\n\n## [{version}]")
    copy.run("git", "commit", "--quiet", "--all", "--message", "serializer: says it anew")
    copy.run("git", "tag", f"serializer-v{raised}")


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Names of the stacks that are not what they were, by all that CloudFormation tells."""
    return {name for name in before | after if before.get(name) != after.get(name)}
