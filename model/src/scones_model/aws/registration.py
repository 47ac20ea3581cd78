"""What registering a model asks of AWS: uploads, then a model package that names them.

Everything of a version lies in one folder that is named after its content, so that registering it
again, or half of it after a fault, changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scones_model.aws.facts import VALUE_LENGTH, kept
from scones_model.aws.requests import Request
from scones_model.card.sagemaker import sagemaker_card

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_model.aws.place import Place
    from scones_model.evaluation.result import Evaluation
    from scones_model.serving.metadata import ModelMetadata

__all__ = ["Version", "group_request", "requests"]

CONTENT_TYPES = ("image/png", "image/jpeg", "application/x-image")
INSTANCE_TYPES = (
    "ml.c5.large", "ml.c5.xlarge", "ml.c6i.large", "ml.c6i.xlarge", "ml.m5.large", "ml.m5.xlarge",
)  # fmt: skip
"""Small CPU ones, x86-64 as the Dockerfile's image; none that bursts, as those do not scale."""

_FACTS = 50
_NOT_ALLOWED = re.compile(r"[^\w .:/=+@-]")
"""In the registry's values: it takes no comma, bracket or quote."""


@dataclass(frozen=True)
class Version:
    """A model to register: its package's content, what it says of itself, and its figures.

    `artifact` is model.tar.gz, `predictions` the table beside the model.
    """

    group: str
    image: str
    artifact: bytes
    predictions: bytes
    metadata: ModelMetadata
    evaluation: Evaluation
    commit: str


def group_request(group: str) -> Request:
    """Creates the group. It takes the tags: versions in it have none of their own."""
    return Request(
        "sagemaker",
        "CreateModelPackageGroup",
        {
            "ModelPackageGroupName": group,
            "ModelPackageGroupDescription": "Picture classifiers of Scones Unlimited",
            "Tags": [{"Key": "project", "Value": "scones"}],
        },
    )


def requests(version: Version, below: Place) -> list[Request]:
    """Uploads into a folder of `below`, which is the group's, and the package.

    Raises CannotBePassed when the services could not be told what the model needs.
    """
    quality = _quality(version.evaluation)
    folder = below / _address(version.artifact, version.predictions, quality)
    model, table, figures = (
        folder / name for name in ("model.tar.gz", "predictions.csv", "quality.json")
    )
    return [
        _upload(model, version.artifact, "application/gzip"),
        _upload(table, version.predictions, "text/csv"),
        _upload(figures, quality, "application/json"),
        Request(
            "sagemaker",
            "CreateModelPackage",
            {
                **_package(version, model),
                "ModelMetrics": {
                    "ModelQuality": {"Statistics": _source(figures, quality, "application/json")}
                },
                "DriftCheckBaselines": {
                    "ModelQuality": {"Statistics": _source(table, version.predictions, "text/csv")}
                },
            },
        ),
    ]


def _package(version: Version, model: Place) -> dict[str, Any]:
    measured, test = version.evaluation.model, version.evaluation.test
    return {
        "ModelPackageGroupName": version.group,
        "ModelPackageDescription": (
            f"{measured.name}: accuracy {test.accuracy:.4f} on {test.images} pictures"
        ),
        "InferenceSpecification": {
            "Containers": [{"Image": version.image, "ModelDataUrl": str(model)}],
            "SupportedContentTypes": list(CONTENT_TYPES),
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": list(INSTANCE_TYPES),
        },
        "ModelApprovalStatus": "PendingManualApproval",
        "Domain": "COMPUTER_VISION",
        "Task": "IMAGE_CLASSIFICATION",
        "CustomerMetadataProperties": _facts(version),
        "ModelCard": {
            "ModelCardContent": json.dumps(sagemaker_card(version.evaluation)),
            "ModelCardStatus": "PendingReview",
        },
    }


def _facts(version: Version) -> dict[str, str]:
    """What people and the other commands want to see without fetching the model."""
    about, test = version.metadata, version.evaluation.test
    facts: dict[str, object] = {
        "sha256": version.evaluation.model.sha256,
        **kept(about),
        "temperature": about.temperature,
        "seed": about.seed,
        "command": about.command,
        "commit": version.commit,
        "test_images": test.images,
        "test_accuracy": round(test.accuracy, 5),
        "test_nll": round(test.nll, 5),
        "test_ece": round(test.ece, 5),
        "test_coverage": round(test.coverage, 5),
        "test_accepted_accuracy": round(test.accepted_accuracy, 5),
        "latency_ms": round(version.evaluation.latency_ms, 3),
        "labels": len(about.labels),
    }
    room = _FACTS - len(facts)
    labels = {f"label_{number}": label for number, label in enumerate(about.labels[:room])}
    texts = {name: _value(fact) for name, fact in {**facts, **labels}.items()}
    return {name: text for name, text in texts.items() if text}


def _value(fact: object) -> str:
    return _NOT_ALLOWED.sub("_", " ".join(str(fact).split()))[:VALUE_LENGTH]


def _quality(evaluation: Evaluation) -> bytes:
    """The figures in the form in which SageMaker shows them.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
    """
    test, labels = evaluation.test, evaluation.model.labels
    spread = math.sqrt(test.accuracy * (1 - test.accuracy) / test.images)
    confusion = {
        truth: dict(zip(labels, row, strict=True))
        for truth, row in zip(labels, evaluation.confusion, strict=True)
    }
    figures = {
        "accuracy": {"value": test.accuracy, "standard_deviation": spread},
        "confusion_matrix": confusion,
        **{
            name: {"value": value, "standard_deviation": "NaN"}
            for name, value in {
                "negative_log_likelihood": test.nll,
                "expected_calibration_error": test.ece,
                "coverage": test.coverage,
                "accepted_accuracy": test.accepted_accuracy,
            }.items()
        },
    }
    return json.dumps({"multiclass_classification_metrics": figures}, indent=2).encode()


def _address(*contents: bytes) -> str:
    digests: Sequence[bytes] = [hashlib.sha256(content).digest() for content in contents]
    return hashlib.sha256(b"".join(digests)).hexdigest()[:16]


def _upload(to: Place, body: bytes, content_type: str) -> Request:
    return Request(
        "s3",
        "PutObject",
        {"Bucket": to.bucket, "Key": to.key, "Body": body, "ContentType": content_type},
    )


def _source(at: Place, body: bytes, content_type: str) -> dict[str, str]:
    digest = hashlib.sha256(body).hexdigest()
    return {"S3Uri": str(at), "ContentType": content_type, "ContentDigest": f"sha256:{digest}"}
