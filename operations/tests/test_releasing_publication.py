"""Publishing: what the stack is asked for, what Lambda publishes, where the alias goes."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from scones_operations import account
from scones_operations.account import CannotBeDone, Failed
from scones_operations.building.build import Zip
from scones_operations.releasing import (
    concurrency,
    publication,
    release,
    rollback,
    versions,
)
from scones_operations.releasing.publication import move_alias, publish_service
from scones_operations.stacks import outputs
from scones_operations.stacks.cloudformation import Stack
from scones_operations.stacks.template import read_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TEMPLATE = read_template(Path(__file__).parents[2] / "services" / "filter" / "template.yaml")
BUCKET = "scones-dev-artifacts-123456789012"


class Missing(Exception):
    """What Lambda says of an alias that is not there."""


class Lambda:
    """Functions with versions and one alias, as far as a release asks for them."""

    def __init__(self) -> None:
        self.exceptions = type("Exceptions", (), {"ResourceNotFoundException": Missing})
        self.latest: dict[str, tuple[str, str]] = {}
        self.versions: dict[str, list[tuple[tuple[str, str], str]]] = {}
        self.live: dict[str, str] = {}
        self.free = 1000

    def publish_version(self, **asked: str) -> dict[str, str]:
        function = asked["FunctionName"]
        sha256, _ = self.latest[function]
        assert b64decode(asked["CodeSha256"]).hex() == sha256
        known = self.versions.setdefault(function, [])
        if not known or known[-1][0] != self.latest[function]:
            known.append((self.latest[function], asked["Description"]))
        return {"Version": str(len(known))}

    def get_alias(self, **asked: str) -> dict[str, Any]:
        return {"FunctionVersion": self._alias(asked["FunctionName"])}

    def get_function_configuration(self, **asked: str) -> dict[str, str]:
        function = asked["FunctionName"]
        return self._version(function, int(self._alias(function)))

    def get_paginator(self, operation: str) -> Lambda:
        assert operation == "list_versions_by_function"
        return self

    def paginate(self, **asked: str) -> list[dict[str, Any]]:
        function = asked["FunctionName"]
        numbers = range(1, len(self.versions[function]) + 1)
        found = [self._version(function, number) for number in numbers]
        return [{"Versions": [{"Version": "$LATEST"}]}, {"Versions": found}]

    def get_account_settings(self) -> dict[str, dict[str, int]]:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self.free}}

    def _alias(self, function: str) -> str:
        if function not in self.live:
            raise Missing
        return self.live[function]

    def _version(self, function: str, number: int) -> dict[str, str]:
        _, description = self.versions[function][number - 1]
        return {
            "Version": str(number), "Description": description,
            "LastModified": "2026-11-25T07:00:00.000+0000",
        }  # fmt: skip


class Account:
    """An account's stacks and functions; S3 is moto's."""

    def __init__(self) -> None:
        self.lambdas = Lambda()
        self.stacks: dict[str, Stack] = {}
        self.asked: list[Mapping[str, str]] = []
        self.refused: set[str] = set()
        self.others: dict[str, Any] = {}
        self.made("scones-dev-artifacts", {}, {"ArtifactBucket": BUCKET})

    def made(
        self, name: str, parameters: dict[str, str], outputs: dict[str, str], status: str = "DONE"
    ) -> Stack:
        self.stacks[name] = Stack(name, f"arn:{name}", status, parameters, outputs)
        return self.stacks[name]

    def client(self, service: str) -> Any:
        return self.lambdas if service == "lambda" else self.others[service]

    def find_stack(self, name: str) -> Stack | None:
        return self.stacks.get(name)

    def apply_stack(
        self,
        name: str,
        template: Mapping[str, Any] | None,
        parameters: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> Stack:
        self.asked.append(parameters)
        if parameters["LiveVersion"] in self.refused:
            raise Failed(f"{name}: Live: alarm {name}-new-version-errors")
        before = self.stacks.get(name)
        settings = {**(before.parameters if before else {}), **parameters}
        _, _, service = name.split("-")
        if template is not None:
            sha256 = template["Resources"]["Function"]["Properties"]["CodeUri"]["Key"][-68:-4]
            self.lambdas.latest[name] = (sha256, settings.get("ConfidenceThreshold", ""))
        if live := settings["LiveVersion"]:
            self.lambdas.live[name] = live
        tell(f"{name} is UPDATE_IN_PROGRESS ...")
        return self.made(name, settings, {f"{service.capitalize()}FunctionName": name})


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account in which only the artifact bucket is there."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for name in ("AWS_ENDPOINT_URL", "STAGE", "ARCH"):
        monkeypatch.delenv(name, raising=False)
    made = Account()
    for module in (publication, concurrency, versions, rollback):
        monkeypatch.setattr(module, "client", made.client)
    for module in (outputs, publication, release, rollback):
        monkeypatch.setattr(module, "find_stack", made.find_stack)
    monkeypatch.setattr(publication, "apply_stack", made.apply_stack)
    with mock_aws():
        account._client.cache_clear()
        boto3.setup_default_session()
        boto3.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        yield made
    account._client.cache_clear()


def built(folder: Path, content: str, service: str = "filter", arch: str = "arm64") -> Zip:
    path = folder / f"{service}-1.0.0-{arch}.zip"
    path.write_text(content)
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    return Zip(path, sha256, len(content), "1.0.0", service, arch)


class Publisher:
    """Publishes the filter again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []

    def publish(self, content: str, **parameters: str) -> tuple[str | None, str]:
        made = built(self.folder, content)
        done = publish_service("dev", made, TEMPLATE, parameters, "9f5c736", self.told.append)
        return done.before, done.after


@pytest.fixture
def filter_service(aws: Account, tmp_path: Path) -> Publisher:
    return Publisher(tmp_path)


def test_the_first_publication_makes_the_function_before_its_alias(
    aws: Account, filter_service: Publisher
) -> None:
    assert filter_service.publish("code") == (None, "1")
    assert [asked["LiveVersion"] for asked in aws.asked] == ["", "1"]
    assert aws.asked[0]["Architecture"] == "arm64"
    (_, description), *_ = aws.lambdas.versions["scones-dev-filter"]
    sha256 = hashlib.sha256(b"code").hexdigest()
    assert description == f"filter 1.0.0 git 9f5c736 zip {sha256}"
    body = boto3.client("s3").get_object(Bucket=BUCKET, Key=f"filter/1.0.0/{sha256}.zip")["Body"]
    assert body.read() == b"code"


def test_publishing_the_same_again_moves_nothing_and_uploads_nothing(
    aws: Account, filter_service: Publisher
) -> None:
    filter_service.publish("code")
    filter_service.told.clear()
    assert filter_service.publish("code") == ("1", "1")
    assert len(aws.asked) == 3
    assert filter_service.told[-1] == "filter: nothing changed, version 1 stays live."
    assert not [line for line in filter_service.told if "s3://" in line]


@pytest.mark.parametrize(
    "change",
    [("other code", {}), ("code", {"ConfidenceThreshold": "0.8"})],
    ids=["code", "setting"],
)
def test_changed_code_and_a_changed_setting_alone_are_new_versions(
    aws: Account, filter_service: Publisher, change: tuple[str, dict[str, str]]
) -> None:
    filter_service.publish("code")
    content, parameters = change
    assert filter_service.publish(content, **parameters) == ("1", "2")
    assert aws.asked[-2]["LiveVersion"] == "1", "code and settings change $LATEST alone"
    assert aws.asked[-1] == {"LiveVersion": "2", "PreviousVersion": "1", "AtOnce": "false"}


def test_a_version_that_is_taken_back_is_told_with_its_alarm_and_what_serves(
    aws: Account, filter_service: Publisher
) -> None:
    filter_service.publish("code")
    aws.refused.add("2")
    with pytest.raises(Failed) as failed:
        filter_service.publish("bad code")
    assert "version 2 did not stay live; calls go to version 1." in str(failed.value)
    assert "alarm scones-dev-filter-new-version-errors" in str(failed.value)


def test_after_a_rollback_the_next_release_is_gradual_again(
    aws: Account, filter_service: Publisher
) -> None:
    filter_service.publish("code")
    filter_service.publish("bad code")
    move_alias(aws.stacks["scones-dev-filter"], "filter", "1", print, back=True)
    assert aws.asked[-1] == {"LiveVersion": "1", "PreviousVersion": "", "AtOnce": "true"}
    assert filter_service.publish("better code") == ("1", "3")
    assert [asked["AtOnce"] for asked in aws.asked[-2:]] == ["false", "false"]


def test_waiting_says_how_the_calls_are_divided(aws: Account, filter_service: Publisher) -> None:
    filter_service.publish("code")
    assert filter_service.told[-1].endswith("UPDATE_IN_PROGRESS, calls go to version 1 ...")


def test_a_shift_is_passed_on_and_without_one_the_stacks_own_stays(
    aws: Account, tmp_path: Path
) -> None:
    made = built(tmp_path, "code", arch="local")
    publish_service("dev", made, TEMPLATE, {}, "9f5c736", print, "AllAtOnce")
    assert aws.asked[0]["TrafficShift"] == "AllAtOnce"
    assert "Architecture" not in aws.asked[0], "what was built for here runs on no Lambda"
    publish_service("dev", made, TEMPLATE, {}, "9f5c736", print)
    assert "TrafficShift" not in aws.asked[2]


@pytest.mark.parametrize(("free", "cap"), [(1000, None), (200, None), (199, "0"), (10, "0")])
def test_a_small_account_gets_no_cap_that_it_could_not_give(
    aws: Account, filter_service: Publisher, free: int, cap: str | None
) -> None:
    aws.lambdas.free = free
    filter_service.publish("code")
    assert aws.asked[0].get("MaxConcurrency") == cap
    assert any("Service Quotas" in line for line in filter_service.told) == (cap == "0")


def test_without_an_artifact_bucket_nothing_is_done(
    aws: Account, filter_service: Publisher
) -> None:
    del aws.stacks["scones-dev-artifacts"]
    with pytest.raises(
        CannotBeDone, match="no stack scones-dev-artifacts: `scones-ops deploy --stage dev` first"
    ):
        filter_service.publish("code")
    assert not aws.asked
