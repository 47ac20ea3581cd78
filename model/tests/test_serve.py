from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]
import pytest
from model.tests.serving_program import Server, png, serving, with_announced_size
from PIL import Image

from scones_model.serving.bodies import MAX_BODY
from scones_model.serving.serve import InvalidSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def server(shipped_model: Path) -> Iterator[Server]:
    with serving(shipped_model.parent) as running:
        yield running


@pytest.fixture
def photo() -> Image.Image:
    """A colourful picture that is not model-sized."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((180, 120), Image.Resampling.BICUBIC)


@pytest.fixture
def small(photo: Image.Image) -> Image.Image:
    return photo.resize((32, 32))


def test_ping_answers_200_with_the_labels(server: Server) -> None:
    status, answer, _ = server.ask("GET", "/ping")
    assert (status, answer) == (200, {"labels": ["bicycle", "motorcycle"]})


def test_answer_equals_a_direct_session(
    server: Server, small: Image.Image, shipped_model: Path
) -> None:
    pixels = np.asarray(small)[None]
    direct = ort.InferenceSession(shipped_model).run(None, {"pixels": pixels})[0][0]
    status, answer, headers = server.ask(
        "POST", "/invocations", png(small), content_type="image/png"
    )
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert answer == pytest.approx(direct.tolist(), abs=1e-6)
    assert sum(answer) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("PNG", "application/x-image"),
        ("JPEG", "application/x-image"),
        ("PNG", "Image/PNG; charset=binary"),
    ],
)
def test_photo_of_natural_size_is_taken(
    server: Server, photo: Image.Image, kind: str, content_type: str
) -> None:
    status, answer = server.classify(png(photo, kind), content_type)
    assert status == 200
    assert len(answer) == 2


def test_alpha_of_255_changes_nothing(server: Server, small: Image.Image) -> None:
    assert server.classify(png(small.convert("RGBA"))) == server.classify(png(small))


def test_other_content_type_is_415(server: Server, small: Image.Image) -> None:
    status, answer = server.classify(png(small), "text/csv")
    assert status == 415
    assert "image/png" in answer["error"]


def test_missing_content_type_is_415(server: Server, small: Image.Image) -> None:
    assert server.ask("POST", "/invocations", png(small))[0] == 415


@pytest.mark.parametrize("body", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_undecodable_body_is_400(server: Server, body: bytes) -> None:
    status, answer = server.classify(body)
    assert (status, answer) == (400, {"error": "The body is not a complete PNG picture."})


def test_truncated_picture_is_400(server: Server, photo: Image.Image) -> None:
    assert server.classify(png(photo)[:-2000])[0] == 400


def test_jpeg_sent_as_png_is_400(server: Server, photo: Image.Image) -> None:
    assert server.classify(png(photo, "JPEG"), "image/png")[0] == 400


@pytest.mark.parametrize("size", [(5001, 5000), (60_000, 60_000)])
def test_too_many_pixels_is_400(server: Server, small: Image.Image, size: tuple[int, int]) -> None:
    status, answer = server.classify(with_announced_size(png(small), *size))
    assert status == 400
    assert "limit of 25000000" in answer["error"]


def test_narrow_strip_is_taken(server: Server) -> None:
    assert server.classify(png(Image.new("RGB", (1, 3000), "red")))[0] == 200


def test_largest_body_is_read_whole(server: Server) -> None:
    assert server.classify(b"x" * MAX_BODY)[0] == 400


def test_announced_oversize_is_413_before_any_of_it_is_sent(server: Server) -> None:
    connection = server.connect()
    connection.putrequest("POST", "/invocations")
    connection.putheader("content-type", "image/png")
    connection.putheader("content-length", str(MAX_BODY + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_streamed_oversize_is_413_while_it_is_sent(server: Server) -> None:
    """The body never ends: an answer can only come from the bound."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(
            b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        for _ in range(MAX_BODY // 0x10000 + 1):
            client.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_client_that_leaves_does_not_disturb_the_next(server: Server, small: Image.Image) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(
            b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\n"
            b"content-length: 1000\r\n\r\nhalf"
        )
    assert server.classify(png(small))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("POST", "/ping", "GET"), ("GET", "/invocations", "POST")]
)
def test_wrong_method_is_405_and_names_the_right_one(
    server: Server, method: str, path: str, allowed: str
) -> None:
    status, answer, headers = server.ask(method, path)
    assert (status, headers["allow"]) == (405, allowed)
    assert allowed in answer["error"]


def test_other_path_is_404(server: Server) -> None:
    assert server.ask("GET", "/")[0] == 404


def test_missing_folder_is_told_by_ping_and_by_invocations(
    tmp_path: Path, small: Image.Image
) -> None:
    with serving(tmp_path / "absent") as server:
        status, answer, _ = server.ask("GET", "/ping")
        assert (status, server.classify(png(small))[0]) == (503, 503)
        assert "SM_MODEL_DIR" in answer["error"]


def test_empty_folder_is_told_by_ping(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        status, answer, _ = server.ask("GET", "/ping")
    assert status == 503
    assert "it holds none" in answer["error"]


def test_two_models_are_told_by_ping(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / name).touch()
    with serving(tmp_path) as server:
        assert "a.onnx, b.onnx" in server.ask("GET", "/ping")[1]["error"]


def replaced(model: bytes, old: bytes, new: bytes) -> bytes:
    """The model with one text changed for another of the same length."""
    assert old in model
    return model.replace(old, new.ljust(len(old)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda model: model[: len(model) // 2], "not a usable model"),
        (lambda _: b"no model", "not a usable model"),
        (lambda model: replaced(model, b"pad_color", b"pad_shade"), "no metadata property"),
        (lambda model: replaced(model, b'"letterbox"', b'"stretched"'), 'fit="stretched"'),
        (lambda model: replaced(model, b'"letterbox"', b"letterbox"), "is not JSON"),
        (
            lambda model: replaced(model, b'["bicycle", "motorcycle"]', b'["a", "b", "c"]'),
            "its labels need (1, 3)",
        ),
    ],
    ids=["truncated", "garbage", "no-property", "impossible-fit", "no-json", "other-labels"],
)
def test_corrupt_model_is_told_by_ping(
    tmp_path: Path,
    shipped_model: Path,
    change: Callable[[bytes], bytes],
    reason: str,
) -> None:
    (tmp_path / "model.onnx").write_bytes(change(shipped_model.read_bytes()))
    with serving(tmp_path) as server:
        status, answer, _ = server.ask("GET", "/ping")
    assert status == 503
    assert reason in answer["error"]


def test_sagemakers_serve_argument_is_accepted(shipped_model: Path) -> None:
    with serving(shipped_model.parent, "serve") as server:
        assert server.ask("GET", "/ping")[0] == 200


def test_sigterm_lets_the_call_under_way_finish(shipped_model: Path, small: Image.Image) -> None:
    body = png(small)
    with serving(shipped_model.parent) as server:
        client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        head = "POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\n"
        client.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[:10])
        server.ask("GET", "/ping")  # the half request has arrived before this one
        server.process.send_signal(signal.SIGTERM)
        wait_until_refused(server.port)
        client.sendall(body[10:])
        answer = b"".join(iter(lambda: client.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert len(json.loads(answer.partition(b"\r\n\r\n")[2])) == 2


def wait_until_refused(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    raise AssertionError("the server still takes new connections")


def test_settings_have_sagemakers_defaults_and_listen_on_this_machine_only() -> None:
    assert Settings.from_environment({}) == Settings(Path("/opt/ml/model"), "127.0.0.1", 8080)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "", "²"])
def test_impossible_port_is_refused_by_name(port: str) -> None:
    with pytest.raises(InvalidSettings, match="SAGEMAKER_BIND_TO_PORT"):
        Settings.from_environment({"SAGEMAKER_BIND_TO_PORT": port})


def test_program_ends_with_2_and_a_sentence_for_an_impossible_port() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "scones_model.serving.serve"],
        env={**os.environ, "SAGEMAKER_BIND_TO_PORT": "http"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("SAGEMAKER_BIND_TO_PORT is 'http'")
