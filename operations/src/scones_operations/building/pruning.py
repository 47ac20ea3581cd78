"""What of the dependencies is left out of a zip, and why nothing will miss it."""

from __future__ import annotations

import gzip
import json
import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["CLIENTS", "prune"]

CLIENTS = {
    "serializer": ("s3", "sts"),
    "classifier": ("sagemaker-runtime", "sts"),
    "filter": (),
}
"""The AWS clients of each service; sts is for whoever runs it under an assumed role."""

_EVERYWHERE = (
    # What installing leaves behind. Modules tell their versions themselves.
    ".lock",
    "*.dist-info",
    "bin",
    # What only compilers, type checkers, tests and people read.
    "**/*.c",
    "**/*.pyi",
    "**/py.typed",
    "**/tests",
    "wrapt-stubs",
    "pydantic/mypy.py",
    "boto3/examples",
    "botocore/data/**/examples-1.json",
    "botocore/stub.py",
    # boto3.resource(), DynamoDB's and EC2's extras, transfers through the CRT or in processes.
    "boto3/data",
    "boto3/dynamodb",
    "boto3/ec2",
    "s3transfer/crt.py",
    "s3transfer/processpool.py",
    # Models of pydantic 1; HTTP in a browser, by other libraries or through SOCKS; calendars and
    # time zones, as AWS's times are UTC.
    "pydantic/v1",
    "urllib3/contrib/emscripten",
    "urllib3/contrib/pyopenssl.py",
    "urllib3/contrib/socks.py",
    "dateutil/rrule.py",
    "dateutil/zoneinfo/*.tar.gz",
    # Web frameworks. Powertools asks its own for a pydantic model that is logged: log its fields.
    "aws_lambda_powertools/event_handler",
    # Drawing, text (FreeType and what only it links), formulas, windows, PDF. LittleCMS stays: a
    # TIFF may have Lab colours.
    "PIL/ImageDraw*.py",
    "PIL/ImageEnhance.py",
    "PIL/ImageFont.py",
    "PIL/ImageGrab.py",
    "PIL/ImageMath.py",
    "PIL/ImageMorph.py",
    "PIL/ImageQt.py",
    "PIL/ImageShow.py",
    "PIL/ImageStat.py",
    "PIL/ImageText.py",
    "PIL/ImageTk.py",
    "PIL/ImageWin.py",
    "PIL/PSDraw.py",
    "PIL/PdfParser.py",
    "PIL/*FontFile.py",
    "PIL/_imagingft.*",
    "PIL/_imagingmath.*",
    "PIL/_imagingmorph.*",
    "PIL/_imagingtk.*",
    "pillow.libs/libfreetype-*",
    "pillow.libs/libharfbuzz-*",
    "pillow.libs/libpng16-*",  # FreeType's; Pillow reads PNG itself
    "pillow.libs/libbrotli*",
)
"""Patterns below the folder."""

_WITHOUT_CLIENTS = ("botocore", "dateutil", "s3transfer", "six.py", "urllib3")
"""What is installed for boto3 alone. aws-xray-sdk requires botocore too, but imports it only to
patch it and to ask for sampling rules, which it leaves to Lambda."""

_ONLY = {
    # formats.py of the serializer, and what it finds inside JPEG.
    "PIL/*ImagePlugin.py": (
        "AvifImagePlugin.py",
        "BmpImagePlugin.py",
        "GifImagePlugin.py",
        "JpegImagePlugin.py",
        "MpoImagePlugin.py",
        "PngImagePlugin.py",
        "TiffImagePlugin.py",
        "WebPImagePlugin.py",
    ),
    "aws_lambda_powertools/utilities/*": ("__init__.py", "jmespath_utils", "typing"),
    # `patch` asks the resources what it may tell of a call.
    "aws_xray_sdk/ext/*": ("__init__.py", "boto_utils.py", "botocore", "resources", "util.py"),
}
"""Families of which only the named are used."""


def prune(folder: Path, clients: Sequence[str]) -> None:
    """Delete from an installed folder what a service that makes these AWS clients never reads."""
    for pattern in _EVERYWHERE if clients else (*_EVERYWHERE, *_WITHOUT_CLIENTS):
        _delete(folder.glob(pattern))
    for pattern, kept in _ONLY.items():
        _delete(path for path in folder.glob(pattern) if path.name not in kept)
    if clients:
        _prune_botocore(folder / "botocore/data", clients)


def _delete(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _prune_botocore(data: Path, clients: Sequence[str]) -> None:
    """Keep the models of the clients, and what the list of all endpoints says of them."""
    _delete(path for path in data.iterdir() if path.is_dir() and path.name not in clients)
    for path in data.rglob("*.json.gz"):
        _write(path.with_suffix(""), _undocumented(json.loads(gzip.decompress(path.read_bytes()))))
        path.unlink()
    prefixes = {_endpoint_prefix(data / client) for client in clients}
    path = data / "endpoints.json"
    endpoints = json.loads(path.read_bytes())
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in prefixes}
    _write(path, endpoints)


def _undocumented(model: Any) -> Any:  # noqa: ANN401 - JSON is any JSON
    """The model with its documentation, most of it, empty: botocore wants some of it there."""
    if isinstance(model, list):
        return [_undocumented(each) for each in model]
    if not isinstance(model, dict):
        return model
    return {
        name: "" if name == "documentation" and isinstance(value, str) else _undocumented(value)
        for name, value in model.items()
    }


def _endpoint_prefix(client: Path) -> str:
    """What endpoints.json calls a client: sagemaker-runtime is runtime.sagemaker there."""
    (model,) = client.glob("*/service-2.json")
    prefix: str = json.loads(model.read_bytes())["metadata"]["endpointPrefix"]
    return prefix


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
