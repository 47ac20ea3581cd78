from __future__ import annotations

import hashlib
import http.server
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from scones_model.data import dataset
from scones_model.data.download import CouldNotDownload, download

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = b"the published archive" * 1000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Mirror(http.server.ThreadingHTTPServer):
    """A web server on this machine that counts what it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.asked = 0
        self.url = f"http://127.0.0.1:{self.server_port}/archive.tar.gz"


class Page(http.server.BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        self.server.asked += 1
        if "absent" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        promised = len(CONTENT) + (100 if "cut" in self.path else 0)
        self.send_header("content-length", str(promised))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Keep the test's output clean."""


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    server = Mirror()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_archive_is_downloaded_once(mirror: Mirror, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "archive.tar.gz"
    for _ in range(2):
        assert download(mirror.url, MD5, target).read_bytes() == CONTENT
    assert mirror.asked == 1
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_other_bytes_are_refused_and_not_kept(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(CouldNotDownload, match=f"md5 {MD5}, not {'0' * 32}"):
        download(mirror.url, "0" * 32, tmp_path / "archive.tar.gz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("page", ["absent", "cut"])
def test_failing_transfer_is_told_and_not_kept(mirror: Mirror, tmp_path: Path, page: str) -> None:
    with pytest.raises(CouldNotDownload):
        download(f"{mirror.url}?{page}", "0" * 32, tmp_path / "archive.tar.gz")
    assert list(tmp_path.iterdir()) == []


def test_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(CouldNotDownload, match=r"no answer within 0\.1 seconds"):
            download(url, MD5, tmp_path / "archive.tar.gz", connect_seconds=0.1)


def test_command_ends_with_3_and_says_what_to_do_when_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CIFAR100", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as closing:
        url = f"http://127.0.0.1:{closing.getsockname()[1]}/"
    options = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--url", url]
    assert dataset.main(options) == 3
    assert "CIFAR100=<archive>" in capsys.readouterr().err
