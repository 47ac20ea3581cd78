"""Releasing from GitHub: the workflows and the role that they take agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from scones_operations.repository import RELEASED
from scones_operations.stacks.template import read_template

ROOT = Path(__file__).parents[2]
WORKFLOWS = {path.stem: path for path in (ROOT / ".github" / "workflows").glob("*.yml")}
ON: Any = True
"""YAML 1.1 reads the key `on` as a truth value."""


def workflow(name: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))
    return loaded


def role() -> dict[str, Any]:
    template = read_template(ROOT / "operations" / "github.yaml")
    properties: dict[str, Any] = template["Resources"]["ReleaseRole"]["Properties"]
    return properties


def statements() -> list[dict[str, Any]]:
    (policy,) = role()["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def test_actions_are_pinned_by_commit_and_say_their_version() -> None:
    for path in WORKFLOWS.values():
        used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
        assert used
        for action in used:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_every_job_starts_without_permissions_and_only_the_release_is_vouched_for() -> None:
    granted: dict[str, dict[str, str]] = {}
    for name in WORKFLOWS:
        assert workflow(name)["permissions"] == {}
        granted |= {job: one["permissions"] for job, one in workflow(name)["jobs"].items()}
    vouched = {"contents": "read", "id-token": "write"}
    assert granted.pop("release") == vouched
    assert all(permissions == {"contents": "read"} for permissions in granted.values())


def test_the_role_is_lent_to_the_releases_tags_and_environment_alone() -> None:
    release = workflow("release")
    (statement,) = role()["AssumeRolePolicyDocument"]["Statement"]
    issuer = "token.actions.githubusercontent.com"
    (tags,) = release[ON]["push"]["tags"]
    assert statement["Condition"]["StringLike"] == {f"{issuer}:ref": f"refs/tags/{tags}"}
    equal = statement["Condition"]["StringEquals"]
    assert equal[f"{issuer}:sub"] == {"Fn::Sub": "${SubjectPrefix}:environment:${EnvironmentName}"}
    assert set(equal) == {f"{issuer}:{claim}" for claim in ("aud", "sub", "repository")}
    parameters = read_template(ROOT / "operations" / "github.yaml")["Parameters"]
    job = release["jobs"]["release"]
    assert job["environment"] == parameters["EnvironmentName"]["Default"]


def test_a_tag_of_each_package_is_taken_and_no_command_in_a_tags_name() -> None:
    step = workflow("release")["jobs"]["release"]["steps"][0]["run"]
    pattern = re.compile(step.split("=~ ")[1].removesuffix(" ]]"))
    assert all(pattern.fullmatch(f"{name}-v1.20.0") for name in RELEASED)
    for tag in (
        "filter-v1",
        "other-v1.0.0",
        "filter-v1.0.0;id",
        "filter-v1.0.0$(id)",
        "x-filter-v1.0.0",
    ):
        assert not pattern.fullmatch(tag)


def test_the_release_changes_no_role() -> None:
    actions = [
        action
        for statement in statements()
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    ]
    assert [action for action in actions if action.startswith("iam:")] == ["iam:PassRole"]
