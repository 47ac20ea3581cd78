"""What register uploads and asks of the registry, and what approve lets pass."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from model.tests.world import BUCKET, GROUP, IMAGE, World, evaluation, fake_world, package_arn

from scones_model.aws import approve, register
from scones_model.aws.account import client
from scones_model.aws.artifact import packed
from scones_model.aws.evaluationfile import read_evaluation
from scones_model.aws.place import place
from scones_model.aws.registration import Version, requests
from scones_model.serving.inference import Classifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shipped_model: Path) -> Iterator[World]:
    with fake_world(monkeypatch, tmp_path, shipped_model) as made:
        yield made


def asked_for(world: World) -> dict[str, Any]:
    (package,) = world.account.named("CreateModelPackage")
    return package


# --- the artifact --------------------------------------------------------------------------------


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for owner in ("one", "other"):
        folder = tmp_path / owner
        folder.mkdir()
        files = [folder / "b.onnx", folder / "a.csv"]
        for path in files:
            path.write_text(path.name)
        files[0].chmod(0o600 if owner == "one" else 0o755)
        os.utime(files[1], (0, len(owner)))
        made.append(packed(*(files if owner == "one" else reversed(files))))
    assert made[0] == made[1]


def test_other_content_makes_other_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    made = set()
    for content in ("1", "2"):
        path.write_text(content)
        made.add(packed(path))
    assert len(made) == 2


def test_the_archive_holds_the_model_and_its_predictions(world: World) -> None:
    assert world.register(1) == 0
    url = asked_for(world)["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    body = client("s3").get_object(Bucket=BUCKET, Key=place(url).key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.getnames() == ["model-1.onnx", "model-1.predictions.csv"]
        inside = archive.extractfile("model-1.onnx")
        assert inside is not None
        assert inside.read() == world.model(1).read_bytes()


# --- the package ---------------------------------------------------------------------------------


def test_a_version_waits_for_approval_and_tells_what_it_is(world: World) -> None:
    assert world.register(1) == 0
    told = client("sagemaker").describe_model_package(ModelPackageName=package_arn(1))
    about = Classifier(world.model(1)).metadata
    facts = told["CustomerMetadataProperties"]
    assert told["ModelApprovalStatus"] == "PendingManualApproval"
    assert facts["sha256"] == hashlib.sha256(world.model(1).read_bytes()).hexdigest()
    assert facts["label_1"] == about.labels[1]
    assert facts["threshold"] == str(about.threshold)
    assert facts["pad_color"] == " ".join(map(str, about.pad_color))
    assert facts["test_accuracy"] == "0.95"


def test_figures_and_baseline_lie_beside_the_model_with_their_digests(world: World) -> None:
    assert world.register(1) == 0
    package = asked_for(world)
    for source, content_type in (
        (package["ModelMetrics"]["ModelQuality"]["Statistics"], "application/json"),
        (package["DriftCheckBaselines"]["ModelQuality"]["Statistics"], "text/csv"),
    ):
        stored = client("s3").get_object(Bucket=BUCKET, Key=place(source["S3Uri"]).key)
        assert stored["ContentType"] == source["ContentType"] == content_type
        digest = hashlib.sha256(stored["Body"].read()).hexdigest()
        assert source["ContentDigest"] == f"sha256:{digest}"


def test_the_card_goes_along_within_what_the_registry_takes(world: World) -> None:
    assert world.register(1) == 0
    card = asked_for(world)["ModelCard"]
    assert json.loads(card["ModelCardContent"])["intended_uses"]
    assert len(card["ModelCardContent"]) <= 100_000


def test_tags_are_the_groups_as_a_version_takes_none(world: World) -> None:
    assert world.register(1) == 0
    assert world.register(2) == 0
    (group,) = world.account.named("CreateModelPackageGroup")  # once
    assert group["Tags"]
    assert all("Tags" not in one for one in world.account.named("CreateModelPackage"))


def test_facts_fit_the_registry_however_many_and_odd_the_labels(world: World) -> None:
    about = Classifier(world.model(1)).metadata
    labels = ("x" * 300, *(f'a "label" [{number}] ' + "x" * 20 for number in range(99)))
    version = Version(
        group=GROUP,
        image=IMAGE,
        artifact=b"",
        predictions=b"",
        metadata=type(about)(**{**vars(about), "labels": labels, "command": "--a 'b'\n--c=d,e"}),
        evaluation=evaluation(world.model(1)),
        commit="",
    )
    *_, package = requests(version, place(f"s3://{BUCKET}"))
    facts = package.parameters["CustomerMetadataProperties"]
    assert len(facts) <= 50
    assert facts["labels"] == "100"
    assert facts["command"] == "--a _b_ --c=d_e"
    assert all(
        1 <= len(value) <= 256 and not set(value) & set("\",[]'\n") for value in facts.values()
    )


def test_registering_again_puts_the_same_objects(world: World) -> None:
    assert world.register(1) == 0
    assert world.register(1) == 0
    assert client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 3


def test_an_evaluation_of_another_file_is_refused(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    model, other = world.model(1), world.folder / "other.json"
    other.write_text(evaluation(world.model(2)).to_json())
    status = register.main(
        [str(model), "--evaluation", str(other), "--group", GROUP, "--image", IMAGE,
         "--bucket", "s3://artifacts"]
    )  # fmt: skip
    assert status == 2
    assert "evaluate this file" in capsys.readouterr().err
    assert not world.account.calls


def test_a_model_without_predictions_is_refused(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.register(1, "--dry-run") == 0
    (world.folder / "model-1.predictions.csv").unlink()
    arguments = [str(world.folder / "model-1.onnx"), "--evaluation", "x", "--group", GROUP]
    assert register.main([*arguments, "--image", IMAGE, "--bucket", "s3://artifacts"]) == 2
    assert "scones-model train" in capsys.readouterr().err


def test_an_evaluation_comes_back_as_it_was_written(world: World) -> None:
    path = world.folder / "evaluation.json"
    written = evaluation(world.model(1))
    path.write_text(written.to_json())
    assert read_evaluation(path).to_dict() == written.to_dict()


def test_dry_run_shows_the_requests_and_sends_none(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.register(1, "--dry-run") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [one["operation"] for one in shown] == [
        "CreateModelPackageGroup", "PutObject", "PutObject", "PutObject", "CreateModelPackage",
    ]  # fmt: skip
    assert shown[1]["parameters"]["Body"].endswith(hashlib.sha256(packed(
        world.model(1), world.model(1).with_suffix(".predictions.csv")
    )).hexdigest() + ">")  # fmt: skip
    assert not world.account.calls


# --- approval ------------------------------------------------------------------------------------


def test_a_passed_gate_approves_and_is_named(world: World) -> None:
    world.register(1)
    assert world.approve(1, None) == 0
    assert world.approval(1)[0] == "Approved"
    world.register(2)
    assert world.approve(2, 1) == 0
    assert world.approval(2) == ("Approved", "The gate passed it against vehicles:1.")


@pytest.mark.parametrize(
    ("compared", "reasons", "said"),
    [
        ((2, 1), ["Accuracy falls by 3 points."], "Accuracy falls by 3 points."),
        ((1, 1), [], "run the gate on this model"),
        ((2, None), [], "with no other model, but vehicles:1 is approved"),
        ((2, 3), [], "but vehicles:1 is approved"),
    ],
    ids=["failed", "of another model", "compared with none", "compared with another"],
)
def test_approve_refuses_a_gate_that(
    world: World,
    capsys: pytest.CaptureFixture[str],
    compared: tuple[int, int | None],
    reasons: list[str],
    said: str,
) -> None:
    world.register(1)
    world.approve(1, None)
    world.register(2)
    gate = world.gate(*compared, *reasons)
    assert approve.main([f"{GROUP}:2", "--gate", str(gate)]) == 2
    assert said in capsys.readouterr().err
    assert world.approval(2)[0] == "PendingManualApproval"


@pytest.mark.parametrize("content", ["", "[]", '{"passed": true}', '{"passed": "yes"}'])
def test_approve_refuses_what_is_no_gate(
    world: World, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    world.register(1)
    path = world.folder / "gate.json"
    path.write_text(content)
    assert approve.main([GROUP, "--gate", str(path)]) == 2
    assert "is no gate's verdict" in capsys.readouterr().err


def test_an_override_approves_and_says_that_it_was_one(world: World) -> None:
    world.register(1)
    assert approve.main([GROUP, "--override", "the demo\nis tonight"]) == 0
    assert world.approval(1) == ("Approved", "Against or without the gate: the demo is tonight")


def test_a_rejection_keeps_its_reason(world: World) -> None:
    world.register(1)
    assert approve.main([package_arn(1), "--reject", "x" * 2000]) == 0
    status, reason = world.approval(1)
    assert status == "Rejected"
    assert len(reason) == 1024


def test_approve_dry_run_changes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.register(1)
    capsys.readouterr()
    assert approve.main([GROUP, "--override", "why not", "--dry-run"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["parameters"]["ModelApprovalStatus"] == "Approved"
    assert world.approval(1)[0] == "PendingManualApproval"


@pytest.mark.parametrize("target", ["scooters", f"{GROUP}:7", package_arn(7)])
def test_what_is_not_registered_cannot_be_approved(
    world: World, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    world.register(1)
    assert approve.main([target, "--override", "x"]) == 2
    assert "has no" in capsys.readouterr().err
