"""The model's answers are the same from its file, from its server and from the whole flow.

The pictures are drawn; with `CIFAR100=<archive>` they are its 200 test pictures of vehicles.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from local.tests_flow.conftest import ROOT

from scones_local.stack import ENDPOINT

if TYPE_CHECKING:
    from pathlib import Path

    from local.tests_flow.conftest import Client

PYTHON = str(ROOT / ".nox" / "runtime-model" / "bin" / "python")
FROM_FILE = """
import json, pathlib, sys
from scones_model.evaluation.answers import answer
from scones_model.serving.inference import Classifier, find_model
model, *files = map(pathlib.Path, sys.argv[1:])
print(json.dumps(answer(Classifier(find_model(model)), files).tolist()))
"""
ALIKE = 1e-4


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "pictures"
    source = ["drawn", "--count", "20", "--size", "32"]
    if os.environ.get("CIFAR100"):
        source = ["dataset", "--split", "test"]
    command = [PYTHON, "-m", "scones_model.cli", *source, "--out", str(folder)]
    subprocess.run(command, check=True)
    return sorted(folder.rglob("*/*.png"))


def from_file(pictures: list[Path]) -> list[list[float]]:
    command = [PYTHON, "-c", FROM_FILE, str(ROOT / "model" / "weights"), *map(str, pictures)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    answers: list[list[float]] = json.loads(told)
    return answers


def from_server(client: Client, picture: Path) -> list[float]:
    answer = client.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=ENDPOINT, ContentType="image/png", Body=picture.read_bytes()
    )
    told: list[float] = json.load(answer["Body"])
    return told


def figures(answers: list[list[float]], truth: list[int]) -> tuple[float, float]:
    """Accuracy and mean negative log-likelihood."""
    pairs = list(zip(answers, truth, strict=True))
    right = sum(row.index(max(row)) == number for row, number in pairs)
    surprise = math.fsum(-math.log(row[number]) for row, number in pairs)
    return right / len(pairs), surprise / len(pairs)


def test_answers_are_the_same_from_file_server_and_flow(
    client: Client, pictures: list[Path]
) -> None:
    labels = list(client.stack.classes)
    keys = [client.upload(path.read_bytes(), path.name) for path in pictures]
    decisions = [client.outcome(key)[1]["probabilities"] for key in keys]
    flow = [[decision[label] for label in labels] for decision in decisions]
    file = from_file(pictures)
    server = [from_server(client, path) for path in pictures]
    for answers in (flow, server):
        for told, wanted in zip(answers, file, strict=True):
            assert told == pytest.approx(wanted, abs=ALIKE)
    truth = [labels.index(path.parent.name) for path in pictures]
    for answers in (flow, server):
        assert figures(answers, truth) == pytest.approx(figures(file, truth), abs=ALIKE)
