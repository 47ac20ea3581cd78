"""The course's road: SageMaker's built-in image classification, on the same pictures.

It brings its own program (MXNet, a ResNet from scratch) and metrics, and wants a GPU.
"""

# mypy: disable-error-code="import-not-found, import-untyped"

# ruff: noqa: PLC0415 - the SDK is in the extra `ops` alone, and takes seconds to import

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_model.aws.trainjob import Algorithm

if TYPE_CHECKING:
    from scones_model.data.manifest import Manifest

__all__ = ["BUILT_IN", "hyperparameters"]


def _image(region: str, _: str) -> str:
    from sagemaker.core import image_uris

    return str(image_uris.retrieve("image-classification", region=region))


BUILT_IN = Algorithm(
    name="builtin",
    instance_type="ml.g4dn.xlarge",
    image=_image,
    channels={
        "train": "train/",
        "validation": "calibration/",
        "train_lst": "train_lst/",
        "validation_lst": "validation_lst/",
    },
    content_type="application/x-image",
)


def hyperparameters(manifest: Manifest) -> dict[str, str]:
    """What the algorithm must know of the data set, and how long to train."""
    trained_on = sum(picture.split == "train" for picture in manifest.pictures)
    return {
        "image_shape": "3,32,32",
        "num_classes": str(len(manifest.classes)),
        "num_training_samples": str(trained_on),
        "epochs": "30",
    }
