"""The demo and `up`/`down` as a person runs them: their own processes, their files, their exits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from local.tests_flow.conftest import ROOT, jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PYTHON = str(ROOT / ".nox" / "runtime-local" / "bin" / "python")
NOWHERE = "http://127.0.0.1:9"
"""A proxy that nobody should ask: everything is on loopback."""
COMMAND = [PYTHON, "-m", "scones_local"]


def processes_of(work: Path) -> list[psutil.Process]:
    """Every process that was started for a work folder."""
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if any(str(work) in text for text in told) and process.pid != os.getpid():
            found.append(process)
    return found


def wait_for(work: Path, program: str) -> None:
    deadline = time.monotonic() + 60
    while not any(program in process.cmdline() for process in processes_of(work)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def wait_until_gone(work: Path) -> None:
    deadline = time.monotonic() + 30
    while processes_of(work):
        assert time.monotonic() < deadline, processes_of(work)
        time.sleep(0.1)


def metadata(folder: Path) -> list[dict[str, str]]:
    """The `eventMetadata` of every record below a folder."""
    lines = [line for path in folder.rglob("*.jsonl") for line in path.read_text().splitlines()]
    return [json.loads(line)["eventMetadata"] for line in lines]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for label in ("bicycle", "motorcycle"):
        (folder / label).mkdir(parents=True)
        (folder / label / "drawn.jpg").write_bytes(jpeg((320, 240)))
    (folder / "bicycle" / "broken.png").write_bytes(b"no picture")
    (folder / "bicycle" / "notes.txt").write_text("is not uploaded")
    return folder


def demo(out: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "demo", "--root", str(ROOT), "--out", str(out), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "HTTP_PROXY": NOWHERE, "AWS_PROFILE": "absent", "PYTHONPATH": "/absent"},
    )


def test_the_demo_accounts_for_every_picture_of_a_folder(tmp_path: Path, pictures: Path) -> None:
    process = demo(tmp_path / "out", "--images", str(pictures), "--story", "off")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    summary: dict[str, Any] = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["uploaded"] == 3
    assert summary["accepted"] + summary["review"] == 2
    assert (summary["dead_letter"], summary["lost"], summary["duplicates"]) == (1, 0, 0)
    assert summary["traces"] == 3
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p95"]
    lines = (tmp_path / "out" / "outcomes.jsonl").read_text().splitlines()
    outcomes = {line["key"].split("/", 2)[2]: line for line in map(json.loads, lines)}
    assert outcomes.keys() == {
        "bicycle/drawn.jpg", "bicycle/broken.png", "motorcycle/drawn.jpg",
    }  # fmt: skip
    assert outcomes["bicycle/broken.png"]["reason"].startswith("NotAnImage: ")
    assert "1 file without an image's suffix" in output
    page = (tmp_path / "out" / "trace.html").read_text()
    assert "scones-local-filter" in page
    captured = tmp_path / "out" / "captures" / "scones-local" / "AllTraffic"
    decided = {line["inference_id"] for line in outcomes.values() if line["label"]}
    assert {record["inferenceId"] for record in metadata(captured)} == decided
    labelled = {record["eventId"] for record in metadata(tmp_path / "out" / "labels")}
    assert labelled == decided
    assert len(decided) == 2
    assert not (tmp_path / "out" / "drift").exists()
    wait_until_gone(tmp_path)


def test_a_picture_that_cannot_be_read_is_named_and_the_others_go_on(
    tmp_path: Path, pictures: Path
) -> None:
    (pictures / "bicycle" / "secret.png").symlink_to("/proc/self/mem")
    process = demo(tmp_path / "out", "--images", str(pictures), "--story", "off")
    output, _ = process.communicate()
    assert process.returncode == 1
    assert "not uploaded 'bicycle/secret.png'  Could not be uploaded: " in output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    counted = {name: summary[name] for name in ("uploaded", "not_uploaded", "lost")}
    assert counted == {"uploaded": 3, "not_uploaded": 1, "lost": 0}


@dataclass(frozen=True)
class Drawn:
    """What a demo of drawn pictures said and left."""

    output: str
    out: Path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    model = ROOT / ".nox" / "runtime-model" / "bin" / "python"
    place = tmp_path_factory.mktemp("drawn")
    folder = str(place / "pictures")
    command = [str(model), "-m", "scones_model.data.drawn", "--out", folder, "--count", "12"]
    subprocess.run(command, check=True)
    process = demo(place / "out", "--images", folder, "--story-hours", "12")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return Drawn(output, place / "out")


def test_drawn_pictures_come_out_as_what_they_show(drawn: Drawn) -> None:
    """Says that labels and colours keep their order through the flow; nothing of the model."""
    summary = json.loads((drawn.out / "summary.json").read_text())
    assert summary["uploaded"] == 12
    assert summary["accuracy_all"] >= 0.9


def test_the_demo_ends_with_a_report_that_finds_what_was_planted(drawn: Drawn) -> None:
    drift = drawn.out / "drift"
    report = json.loads((drift / "report.json").read_text())
    assert report["verdict"] == "ALARM"
    assert report["records"] == {"read": 8 * 250, "malformed": 0}
    assert report["baseline"]["records"] == 4 * 250
    assert report["labels"] == ["bicycle", "motorcycle"]
    assert (report["accuracy"]["labelled"], report["accuracy"]["unmatched"]) == (8 * 250, 0)
    for said in ("Replayed       12 hours", "False alarms   0 of 2 clean windows", "ALARM: "):
        assert said in drawn.output
    assert f"Drift report   {drift / 'report.html'}" in drawn.output
    assert "a lens out of focus" in drawn.output
    assert (drift / "report.html").stat().st_size > 10_000


@pytest.fixture
def keyboard() -> Iterator[None]:
    """Let programs hear Ctrl-C: a shell's background jobs, as this one may be, begin deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("keyboard")
def test_ctrl_c_ends_the_demo_and_everything_it_started(tmp_path: Path, pictures: Path) -> None:
    process = demo(tmp_path / "out", "--images", str(pictures))
    wait_for(tmp_path, "awslambdaric")
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    output, _ = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in output
    wait_until_gone(tmp_path)


def test_a_demo_that_is_killed_leaves_nothing_running(tmp_path: Path, pictures: Path) -> None:
    process = demo(tmp_path / "out", "--images", str(pictures))
    wait_for(tmp_path, "scones_local.engine")
    process.kill()
    process.communicate()
    wait_until_gone(tmp_path)


def test_a_folder_without_pictures_is_refused_at_once_with_what_would_do(tmp_path: Path) -> None:
    process = demo(tmp_path / "out", "--images", str(tmp_path))
    output, _ = process.communicate()
    assert process.returncode == 2
    assert f"{tmp_path} holds no images" in output
    assert "Traceback" not in output


def test_a_folder_without_a_model_is_refused_with_what_it_must_hold(
    tmp_path: Path, pictures: Path
) -> None:
    process = demo(tmp_path / "out", "--images", str(pictures), "--model", str(tmp_path))
    output, _ = process.communicate()
    assert process.returncode == 2
    assert f"{tmp_path} holds 0 .onnx files; it must hold one.\n" in output
    assert "Traceback" not in output


def test_up_prints_what_to_set_and_down_ends_everything(tmp_path: Path) -> None:
    place = ["--root", str(ROOT), "--work", str(tmp_path), "--port", "0"]
    up = subprocess.run([*COMMAND, "up", *place], capture_output=True, text=True, check=True)
    reach = json.loads((tmp_path / "environment.json").read_text())
    assert f"export AWS_ENDPOINT_URL={reach['AWS_ENDPOINT_URL']}\n" in up.stdout
    again = subprocess.run([*COMMAND, "up", *place], capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert again.stderr.startswith(f"A stack is up already in {tmp_path}: `make down` stops ")
    listening = {
        connection.laddr.ip
        for process in processes_of(tmp_path)
        for connection in process.net_connections("inet")
        if connection.status in {psutil.CONN_LISTEN, psutil.CONN_NONE}
    }
    assert listening == {"127.0.0.1"}
    down = subprocess.run([*COMMAND, "down", *place], capture_output=True, text=True, check=True)
    assert down.stdout == "Stopped.\n"
    assert not (tmp_path / "environment.json").exists()
    assert processes_of(tmp_path) == []
