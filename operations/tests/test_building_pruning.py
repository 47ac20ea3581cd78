from __future__ import annotations

import ast
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import Loader
from botocore.session import Session
from botocore.stub import Stubber

from scones_operations.building.pruning import CLIENTS, prune
from scones_operations.repository import SERVICES, find_root

INSTALLED = Path(botocore.__file__).parent / "data"
KEPT = (
    "aws_lambda_powertools/logging/logger.py",
    "aws_lambda_powertools/utilities/__init__.py",
    "aws_lambda_powertools/utilities/typing/__init__.py",
    "aws_xray_sdk/ext/botocore/patch.py",
    "aws_xray_sdk/ext/resources/aws_para_whitelist.json",
    "PIL/AvifImagePlugin.py",
    "PIL/ImageCms.py",
    "PIL/_imagingcms.cpython-313-aarch64-linux-gnu.so",
    "pillow.libs/liblcms2-4345ab8b.so.2.0.19",
    "pydantic/main.py",
    "scones_serializer/handler.py",
)
LEFT_OUT = (
    ".lock",
    "aws_lambda_powertools/event_handler/__init__.py",
    "aws_lambda_powertools/utilities/parser/__init__.py",
    "aws_xray_sdk/ext/django/apps.py",
    "bin/jp.py",
    "pillow-13.0.0.dist-info/RECORD",
    "PIL/FpxImagePlugin.py",
    "PIL/ImageDraw.py",
    "PIL/_imagingft.cpython-313-aarch64-linux-gnu.so",
    "PIL/_imaging.pyi",
    "pillow.libs/libfreetype-6d43b1fe.so.6.20.6",
    "pydantic/v1/main.py",
    "wrapt/_wrappers.c",
)
OF_BOTO = ("botocore/client.py", "dateutil/tz/tz.py", "six.py", "urllib3/__init__.py")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def left(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_relative_to(folder / "botocore/data")
    }


def copy_models(folder: Path, *clients: str) -> Path:
    """What of botocore's own data is enough to see the rest go."""
    data = folder / "botocore/data"
    data.mkdir(parents=True, exist_ok=True)
    for path in INSTALLED.glob("*.json"):
        shutil.copy(path, data)
    for client in clients:
        shutil.copytree(INSTALLED / client, data / client)
    return data


def test_a_service_with_clients_keeps_botocore(tmp_path: Path) -> None:
    write(tmp_path, *KEPT, *LEFT_OUT, *OF_BOTO)
    copy_models(tmp_path, "s3")
    prune(tmp_path, ("s3",))
    assert left(tmp_path) == {*KEPT, *OF_BOTO}


def test_a_service_without_clients_has_no_botocore(tmp_path: Path) -> None:
    write(tmp_path, *KEPT, *LEFT_OUT, *OF_BOTO)
    prune(tmp_path, ())
    assert left(tmp_path) == {*KEPT}


def test_models_and_endpoints_of_other_clients_go(tmp_path: Path) -> None:
    data = copy_models(tmp_path, "s3", "sts", "sagemaker-runtime", "dynamodb")
    prune(tmp_path, ("sagemaker-runtime", "sts"))
    assert {path.name for path in data.iterdir() if path.is_dir()} == {"sagemaker-runtime", "sts"}
    partitions = json.loads((data / "endpoints.json").read_text())["partitions"]
    whole = json.loads((INSTALLED / "endpoints.json").read_text())["partitions"]
    assert [each["regions"] for each in partitions] == [each["regions"] for each in whole]
    named = {name for each in partitions for name in each["services"]}
    assert named == {"runtime.sagemaker", "sts"}  # what botocore calls the two there


@pytest.mark.parametrize(
    ("client", "call", "sent", "answer"),
    [
        ("s3", "get_object", {"Bucket": "uploads", "Key": "a.jpg"}, {"ETag": '"1"'}),
        (
            "sagemaker-runtime",
            "invoke_endpoint",
            {"EndpointName": "vehicles", "Body": b"png"},
            {"Body": b"[1]", "ContentType": "application/json"},
        ),
        ("sts", "get_caller_identity", {}, {"Account": "123456789012"}),
    ],
)
def test_botocore_makes_and_uses_a_client_of_what_is_left(
    client: str, call: str, sent: dict[str, str], answer: dict[str, str], tmp_path: Path
) -> None:
    data = copy_models(tmp_path, client, "dynamodb")
    prune(tmp_path, (client,))
    session = Session()
    session.register_component(
        "data_loader", Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    )
    assert session.get_available_services() == [client]
    made = session.create_client(
        client,
        region_name="eu-central-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    with Stubber(made) as stubber:
        stubber.add_response(call, answer, sent)
        assert getattr(made, call)(**sent) == answer


def test_documentation_goes_and_a_member_of_that_name_stays(tmp_path: Path) -> None:
    model: dict[str, Any] = {
        "metadata": {"endpointPrefix": "sts"},
        "documentation": "<p>Long.</p>",
        "shapes": {"Part": {"members": {"documentation": {"shape": "Text"}}}},
    }
    data = copy_models(tmp_path)
    (data / "sts/2011-06-15").mkdir(parents=True)
    packed = data / "sts/2011-06-15/service-2.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(model).encode()))
    prune(tmp_path, ("sts",))
    assert not packed.exists()
    assert json.loads(packed.with_suffix("").read_text()) == {**model, "documentation": ""}


@pytest.mark.parametrize("service", SERVICES)
def test_the_clients_are_those_that_the_service_makes(service: str) -> None:
    source = find_root() / "services" / service / "src"
    made = {
        node.args[0].value
        for path in source.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"client", "create_client"}
        and isinstance(node.args[0], ast.Constant)
    }
    assert set(CLIENTS[service]) - {"sts"} == made
