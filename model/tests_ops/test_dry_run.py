from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from scones_model.aws import launch
from scones_model.aws.rehearsal import rehearse

PLACE = "s3://scones-pictures/vehicles"
ROLE = "arn:aws:iam::123456789012:role/scones-training"

Requests = list[dict[str, Any]]
Runs = dict[str, Requests]


def created(requests: Requests) -> dict[str, Any]:
    """The job's request, the last one."""
    assert requests[-1]["operation"] == "CreateTrainingJob"
    parameters: dict[str, Any] = requests[-1]["parameters"]
    return parameters


def channels(job: dict[str, Any]) -> dict[str, str]:
    inputs = job["InputDataConfig"]
    return {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in inputs}


@pytest.mark.parametrize("run", ["script", "on demand", "built-in"])
def test_botocore_takes_what_is_printed(dry_runs: Runs, run: str) -> None:
    service = botocore.session.get_session().get_service_model("sagemaker")
    shape = service.operation_model("CreateTrainingJob").input_shape
    assert shape is not None
    report = ParamValidator().validate(created(dry_runs[run]), shape)
    assert not report.has_errors(), report.generate_report()


def test_nothing_but_uploads_comes_before_the_job(dry_runs: Runs) -> None:
    *uploads, _ = dry_runs["script"]
    assert {one["operation"] for one in uploads} == {"PutObject"}
    assert {one["parameters"]["Bucket"] for one in uploads} == {"scones-pictures"}
    job = created(dry_runs["script"])["TrainingJobName"]
    own = f"vehicles/jobs/scones-dev-train/{job}/input/"
    assert all(one["parameters"]["Key"].startswith(own) for one in uploads)


def test_our_training_runs_in_pytorchs_image(dry_runs: Runs) -> None:
    job = created(dry_runs["script"])
    image = job["AlgorithmSpecification"]["TrainingImage"]
    assert re.fullmatch(
        r"\d{12}\.dkr\.ecr\.eu-west-1\.amazonaws\.com/pytorch-training:.*-cpu-.*", image
    )
    assert job["ResourceConfig"]["InstanceType"] == "ml.m5.xlarge"
    assert job["HyperParameters"] == {"epochs": "3"}
    assert job["RoleArn"] == ROLE


def test_channels_are_folders_of_the_data_set(dry_runs: Runs) -> None:
    read = channels(created(dry_runs["script"]))
    pictures = ("train", "calibration", "test", "neither")
    assert {name: read[name] for name in pictures} == {n: f"{PLACE}/{n}/" for n in pictures}
    assert read.keys() - set(pictures) == {"backbone", "code", "sm_drivers"}
    assert "neither" not in channels(created(dry_runs["on demand"]))


def test_the_backbone_is_uploaded_with_the_job(dry_runs: Runs) -> None:
    at = channels(created(dry_runs["script"]))["backbone"]
    keys = [one["parameters"]["Key"] for one in dry_runs["script"][:-1]]
    assert at.removeprefix("s3://scones-pictures/") in keys
    assert at.endswith("/backbone/backbone.pt")
    assert "backbone" not in channels(created(dry_runs["on demand"]))


def test_a_spot_job_keeps_checkpoints_of_its_own_and_a_limit(dry_runs: Runs) -> None:
    job = created(dry_runs["script"])
    assert job["EnableManagedSpotTraining"] is True
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    assert job["CheckpointConfig"]["LocalPath"] == "/opt/ml/checkpoints"
    assert job["TrainingJobName"] in job["CheckpointConfig"]["S3Uri"]


def test_a_job_on_demand_does_not_wait_nor_keep(dry_runs: Runs) -> None:
    job = created(dry_runs["on demand"])
    assert job["EnableManagedSpotTraining"] is False
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert "CheckpointConfig" not in job


@pytest.mark.parametrize(
    ("line", "metric", "value"),
    [
        ("epoch 5: loss 0.312, accuracy on held-out pictures 0.953", "train:loss", "0.312"),
        ("epoch 5: loss 0.312, accuracy on held-out pictures 0.953", "held-out:accuracy", "0.953"),
        ('{"model": "m", "test_accuracy": 0.95, "test_nll": 1e-05}', "test:accuracy", "0.95"),
        ('{"model": "m", "test_accuracy": 0.95, "test_nll": 1e-05}', "test:nll", "1e-05"),
        ('{"test_nll": 0.15, "test_ece": 0.02}', "test:ece", "0.02"),
    ],
)
def test_metrics_are_read_from_what_train_prints(
    dry_runs: Runs, line: str, metric: str, value: str
) -> None:
    defined = created(dry_runs["script"])["AlgorithmSpecification"]["MetricDefinitions"]
    found = re.search({one["Name"]: one["Regex"] for one in defined}[metric], line)
    assert found is not None
    assert found[1] == value


@pytest.mark.parametrize("run", ["script", "built-in"])
def test_traffic_is_encrypted_and_the_job_is_tagged(dry_runs: Runs, run: str) -> None:
    job = created(dry_runs[run])
    assert job["EnableInterContainerTrafficEncryption"] is True
    tags = {tag["Key"]: tag["Value"] for tag in job["Tags"]}
    head = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
        capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    assert tags["project"] == "scones"
    assert tags["stage"] == "dev"
    assert tags.get("commit", "").removesuffix("-dirty") == head


def test_the_built_in_algorithm_is_told_of_the_data_set(dry_runs: Runs, data_set: Path) -> None:
    job = created(dry_runs["built-in"])
    pictures = len(list((data_set / "train").glob("*/*.png")))
    assert job["HyperParameters"] == {
        "image_shape": "3,32,32",
        "num_classes": "2",
        "num_training_samples": str(pictures),
        "epochs": "30",
    }


def test_the_built_in_algorithm_reads_lists_and_brings_no_code(dry_runs: Runs) -> None:
    assert len(dry_runs["built-in"]) == 1
    job = created(dry_runs["built-in"])
    assert channels(job) == {
        "train": f"{PLACE}/train/",
        "validation": f"{PLACE}/calibration/",
        "train_lst": f"{PLACE}/train_lst/",
        "validation_lst": f"{PLACE}/validation_lst/",
    }
    assert {one["ContentType"] for one in job["InputDataConfig"]} == {"application/x-image"}
    assert job["ResourceConfig"]["InstanceType"] == "ml.g4dn.xlarge"
    assert job["EnableManagedSpotTraining"] is True
    assert set(job["AlgorithmSpecification"]) == {"TrainingImage", "TrainingInputMode"}


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (["--role", "scones-training"], "arn:aws:iam"),
        (["--max-wait", "60"], "--max-run"),
        (["--max-run", "0"], "--max-wait"),
        (["--hyperparameter", "epochs"], "name=value"),
        (["--hyperparameter", "name='; rm -rf /; '"], "name=value"),
        (["--backbone", "/nowhere/backbone.pt"], "pretrain"),
        (["--without", "train"], "calibration"),
        (["--without", "nobody"], "calibration"),
        (["--builtin"], "--data"),
        (["--builtin", "--data", "/nowhere"], "manifest"),
        (["--instance-type", "big"], "--image"),
    ],
)
def test_bad_options_are_told_with_what_to_do(
    capsys: pytest.CaptureFixture[str], options: list[str], advice: str
) -> None:
    assert launch.main([PLACE, "--role", ROLE, "--dry-run", *options]) == 2
    assert advice in capsys.readouterr().err


def test_a_missing_role_region_or_place_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert launch.main([PLACE, "--dry-run"]) == 2
    assert "--role arn:aws:iam" in capsys.readouterr().err
    assert launch.main(["vehicles", "--role", ROLE, "--dry-run"]) == 2
    assert "s3://<bucket>/<prefix>" in capsys.readouterr().err
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert launch.main([PLACE, "--role", ROLE, "--dry-run"]) == 2
    assert "AWS_DEFAULT_REGION" in capsys.readouterr().err


def test_a_region_without_the_image_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "xx-west-1")
    assert launch.main([PLACE, "--role", ROLE, "--dry-run"]) == 2
    assert "--image" in capsys.readouterr().err


def test_a_rehearsal_in_which_the_request_never_comes_is_a_fault() -> None:
    with pytest.raises(AssertionError, match="CreateTrainingJob"):
        rehearse(
            lambda session: session.client("s3").list_buckets(), "eu-west-1", "CreateTrainingJob"
        )
