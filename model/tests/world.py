"""All of the account that the commands deploy to, and files to register in it."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from model.tests.fake_account import REGION, Account
from model.tests.fake_endpoints import Endpoints
from model.tests.fake_stacks import Stacks
from moto import mock_aws

from scones_model.aws import approve, deploy, register
from scones_model.aws.account import client
from scones_model.evaluation.result import Bin, Evaluation, Measures, ModelFile, Operation
from scones_model.serving.inference import Classifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

GROUP = "vehicles"
IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/scones/model:1.2.0"
BUCKET = "artifacts"


class World:
    """The account, and what a person does in it; `folder` holds that person's files."""

    def __init__(self, folder: Path, original: Path) -> None:
        self.account = Account()
        self.endpoints = Endpoints(self.account)
        self.stacks = Stacks(self.account, self.endpoints)
        self.folder = folder
        self.original = original
        where: Any = {"LocationConstraint": REGION}
        client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        self.account.calls.clear()

    def model(self, number: int) -> Path:
        """A model file of its own: the shipped one, with another comment in it."""
        path = self.folder / f"model-{number}.onnx"
        comment = f"number {number}".encode()
        # Protocol buffers join what is appended: this is ModelProto.doc_string.
        path.write_bytes(self.original.read_bytes() + bytes([0x32, len(comment)]) + comment)
        path.with_suffix(".predictions.csv").write_text(f"truth,a,b\na,0.9,0.{number}\n")
        return path

    def register(self, number: int, *more: str) -> int:
        return self.register_file(self.model(number), *more)

    def register_file(self, model: Path, *more: str) -> int:
        path = model.with_suffix(".evaluation.json")
        path.write_text(evaluation(model).to_json(), encoding="utf-8")
        return register.main(
            [str(model), "--evaluation", str(path), "--group", GROUP, "--image", IMAGE,
             "--bucket", f"s3://{BUCKET}/models", *more]
        )  # fmt: skip

    def gate(self, candidate: int, current: int | None, *reasons: str) -> Path:
        """The gate's verdict: passed unless there are reasons."""
        path = self.folder / "gate.json"
        verdict = {
            "passed": not reasons,
            "reasons": list(reasons),
            "candidate": {"sha256": sha256(self.model(candidate))},
            "current": {"sha256": sha256(self.model(current))} if current else None,
        }
        path.write_text(json.dumps(verdict), encoding="utf-8")
        return path

    def approve(self, version: int, current: int | None) -> int:
        gate = self.gate(version, current)
        return approve.main([f"{GROUP}:{version}", "--gate", str(gate)])

    def deploy(self, *more: str) -> int:
        return deploy.main(["--group", GROUP, *more])

    def approval(self, version: int) -> tuple[str, str]:
        """A version's status and reason."""
        arn = package_arn(version)
        told = client("sagemaker").describe_model_package(ModelPackageName=arn)
        return told["ModelApprovalStatus"], told.get("ApprovalDescription", "")

    def deploy_the_first_of_two(self) -> None:
        """Version 1 serves, version 2 is approved; the calls until then are forgotten."""
        for version in (1, 2):
            assert self.register(version) == 0
            assert approve.main([f"{GROUP}:{version}", "--override", "a test"]) == 0
        assert self.deploy("--version", "1") == 0
        self.account.calls.clear()

    def once_when(self, happens: Callable[[], bool], act: Callable[[], Any]) -> None:
        """Do something while the command under test waits."""

        def look() -> None:
            if happens():
                self.account.ticking.remove(look)
                act()

        self.account.ticking.append(look)

    def moves_traffic(self) -> bool:
        """Whether a new fleet has had a part of the traffic."""
        return bool(self.endpoints.courses)

    def changed(self) -> list[str]:
        """Operations so far that change something."""
        reads = ("Describe", "List", "Get", "Head")
        return [name for name, _ in self.account.calls if not name.startswith(reads)]

    def parameters(self) -> dict[str, str]:
        """Of the last change set that was made."""
        asked = self.account.named("CreateChangeSet")[-1]["Parameters"]
        return {one["ParameterKey"]: one["ParameterValue"] for one in asked}

    def outputs(self, stage: str = "dev") -> dict[str, str]:
        """Of the stage's stack."""
        told = client("cloudformation").describe_stacks(StackName=f"scones-{stage}-endpoint")
        return {one["OutputKey"]: one["OutputValue"] for one in told["Stacks"][0]["Outputs"]}

    def serves(self, stage: str = "dev") -> str:
        """The package behind the endpoint, found through configuration and model."""
        sagemaker = client("sagemaker")
        name = sagemaker.describe_endpoint(EndpointName=f"scones-{stage}")["EndpointConfigName"]
        config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
        model = config["ProductionVariants"][0]["ModelName"]
        return sagemaker.describe_model(ModelName=model)["PrimaryContainer"]["ModelPackageName"]


@contextmanager
def fake_world(monkeypatch: pytest.MonkeyPatch, folder: Path, original: Path) -> Iterator[World]:
    """An account with an empty registry; time passes only while a command sleeps."""
    with mock_aws():
        world = World(folder, original)
        monkeypatch.setattr("time.sleep", world.account.sleep)
        yield world
        boto3.DEFAULT_SESSION = None


def package_arn(version: int) -> str:
    return f"arn:aws:sagemaker:{REGION}:123456789012:model-package/{GROUP}/{version}"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def evaluation(model: Path) -> Evaluation:
    """One such as `scones-model evaluate` writes, of invented figures."""
    about = Classifier(model).metadata
    measures = Measures(200, 0.95, 0.91, 0.973, 0.15, 0.03, 0.81, 0.99)
    return Evaluation(
        model=ModelFile(
            name=model.name,
            sha256=sha256(model),
            size_bytes=model.stat().st_size,
            labels=about.labels,
            input_size=about.size,
            temperature=about.temperature,
            threshold=about.threshold,
            command=about.command,
            seed=about.seed,
        ),
        data={"train": 880, "test": 200},
        test=measures,
        calibration=measures,
        without_copies=None,
        operations=[Operation(0.9, 0.81, 0.99, 0.97, 1.0, 2, 0.08)],
        reliability=[Bin(0.9, 1.0, 160, 0.96, 0.97)],
        confusion=[[95 if said == truth else 5 for said in about.labels] for truth in about.labels],
        robustness=[],
        neither=None,
        mistakes=[],
        latency_ms=0.21,
        threads=1,
    )
