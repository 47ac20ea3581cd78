"""The smoke test's own test: services made up for it, right or broken in one way."""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from scones_operations.building.smoke import DoesNotWork, handler_of, smoke_test
from scones_operations.repository import SERVICES, find_package, find_root

PYTHON = Path(sys.executable)

COMMON = """
import base64, hashlib, json, os, socket, urllib.request

def tell(**document):
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        message = '{"format": "json", "version": 1}\\n' + json.dumps(document)
        daemon.sendto(message.encode(), (host, int(port)))

def ask(operation, path, data=None):
    tell(aws={"operation": operation})
    return urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + path, data)

def handler(event, context):
    answer = answered(event)
    tell(annotations={"inference_id": answer["inference_id"]})
    print("a line of the log")
    return answer
"""
HANDLERS = {
    "serializer": """
def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()

def answered(event):
    bucket, thing = event["detail"]["bucket"]["name"], event["detail"]["object"]
    with ask("GetObject", f"/{bucket}/{thing['key']}?versionId={thing['version-id']}") as reply:
        version, etag = reply.headers["x-amz-version-id"], reply.headers["ETag"].strip('"')
        body = reply.read()
    source = {"bucket": bucket, "key": thing["key"], "version_id": version, "etag": etag}
    parts = "".join(digest(part) for part in (bucket, thing["key"], version))
    return {
        "inference_id": digest(parts),
        "source": source,
        "image_data": base64.b64encode(body).decode(),
        "content_type": "image/png",
        "width": int(os.environ["IMAGE_WIDTH"]),
        "height": int(os.environ["IMAGE_HEIGHT"]),
    }
""",
    "classifier": """
def answered(event):
    endpoint = os.environ["ENDPOINT_NAME"]
    image = base64.b64decode(event["image_data"])
    with ask("InvokeEndpoint", f"/endpoints/{endpoint}/invocations", image) as reply:
        labels = dict(zip(os.environ["LABELS"].split(","), json.load(reply)))
        variant = reply.headers["x-Amzn-Invoked-Production-Variant"]
    label = max(labels, key=labels.get)
    return {
        "inference_id": event["inference_id"],
        "source": event["source"],
        "label": label,
        "confidence": labels[label],
        "probabilities": labels,
        "endpoint": endpoint,
        "variant": variant,
    }
""",
    "filter": """
def answered(event):
    threshold = float(os.environ["CONFIDENCE_THRESHOLD"])
    sure = f"Confidence {event['confidence']} in {event['label']}"
    return {
        **event,
        "decision": "accepted",
        "reason": f"{sure} reaches the threshold {threshold}.",
        "threshold": threshold,
        "route": json.loads(os.environ["ROUTES"])[event["label"]],
    }
""",
}


def write(folder: Path, service: str, *, instead: tuple[str, str] = ("", "")) -> None:
    """Write a made-up service that works, with one text in place of another."""
    module, _ = handler_of(find_package(find_root(), service)).rsplit(".", 1)
    path = folder / f"{module.replace('.', '/')}.py"
    path.parent.mkdir()
    (path.parent / "__init__.py").touch()
    path.write_text((COMMON + HANDLERS[service]).replace(*instead))


def smoke(folder: Path, service: str) -> None:
    smoke_test(folder, find_package(find_root(), service), PYTHON)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_works_passes(service: str, tmp_path: Path) -> None:
    write(tmp_path, service)
    smoke(tmp_path, service)
    assert list(tmp_path.rglob("*.pyc")) == []  # what is tested stays as it was


@pytest.mark.parametrize(
    ("service", "text", "instead", "message"),
    [
        ("filter", "import base64", "import yaml, base64", "No module named 'yaml'"),
        ("filter", "threshold = float", "threshold = 2 * float", "threshold is 1.8 instead of 0.9"),
        ("filter", '"route"', '"way"', "route is missing instead of .*; way is .* of missing"),
        ("filter", "return answer", "return None", "inference_id is missing instead of"),
        ("filter", "tell(annotations", "dict(annotations", "the handler is not on the trace"),
        ("filter", "answered(event)\n", "1 / 0\n", "ZeroDivisionError"),
        ("serializer", "tell(aws", "dict(aws", "GetObject is not on the trace"),
        ("serializer", "b64encode(body)", "b64encode(body[8:])", "image_data is PNG .* instead"),
        ("classifier", "tell(aws", "dict(aws", "InvokeEndpoint is not on the trace"),
    ],
)
def test_what_is_broken_is_said(
    service: str, text: str, instead: str, message: str, tmp_path: Path
) -> None:
    write(tmp_path, service, instead=(text, instead))
    with pytest.raises(DoesNotWork, match=message):
        smoke(tmp_path, service)


def test_a_compiled_module_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    write(tmp_path, "filter")
    (tmp_path / "imaging").mkdir()
    (tmp_path / f"imaging/_avif{EXTENSION_SUFFIXES[0]}").write_bytes(b"no library")
    with pytest.raises(DoesNotWork, match="_avif"):
        smoke(tmp_path, "filter")


def test_this_process_lends_it_neither_settings_nor_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lent.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    asks = "import os; assert 'AWS_PROFILE' not in os.environ; import lent, base64"
    folder = tmp_path / "built"
    folder.mkdir()
    write(folder, "filter", instead=("import base64", asks))
    with pytest.raises(DoesNotWork, match="No module named 'lent'"):
        smoke(folder, "filter")
