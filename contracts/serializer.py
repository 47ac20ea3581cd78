"""upload -> serialized-image: the serializer's handler on a picture in a stubbed S3."""

from __future__ import annotations

import io
import os
from base64 import b64decode
from typing import Any

from botocore.response import StreamingBody
from botocore.stub import Stubber
from contract import Contract, LambdaContext, run
from PIL import Image

# The handler makes its client on import.
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
}

from scones_serializer import handler as service
from scones_serializer.events import SerializedImage, Upload

ETAG = "9b2cf535f27731c974343645a3985328"


def process(_name: str, upload: dict[str, Any]) -> dict[str, Any]:
    """Serialize the picture as if S3 held it under the upload's name."""
    picture = _picture()
    answer = {
        "Body": StreamingBody(io.BytesIO(picture), len(picture)),
        "ContentLength": len(picture),
        "ETag": f'"{ETAG}"',
    }
    version = upload.get("detail", {}).get("object", {}).get("version-id")
    with Stubber(service.s3) as s3:
        s3.add_response("get_object", answer | ({"VersionId": version} if version else {}))
        emitted: dict[str, Any] = service.handler(upload, LambdaContext())
    return emitted


def _picture() -> bytes:
    """A landscape-shaped grey ramp, as PNG: JPEG decoders differ in the last bit."""
    encoded = io.BytesIO()
    Image.linear_gradient("L").resize((96, 64)).convert("RGB").save(encoded, "PNG")
    return encoded.getvalue()


def same(committed: dict[str, Any], emitted: dict[str, Any]) -> bool:
    """Compare the picture by its pixels: how well zlib packs them differs between machines."""
    return _with_pixels(committed) == _with_pixels(emitted)


def _with_pixels(message: dict[str, Any]) -> dict[str, Any]:
    with Image.open(io.BytesIO(b64decode(message["image_data"]))) as picture:
        return message | {"image_data": (picture.size, picture.mode, picture.tobytes())}


if __name__ == "__main__":
    emits = ("serialized-image", SerializedImage)
    run(Contract("upload", emits, process, reads=Upload, same=same))
