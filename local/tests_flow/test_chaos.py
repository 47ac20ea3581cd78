"""A short chaos run through the real stack, as `make chaos` runs a long one."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from local.tests_flow.conftest import ROOT
from rich.console import Console

from scones_local.chaos.chaos import ChaosSettings, run_chaos
from scones_local.chaos.faultplan import NO_IMAGE, Phase
from scones_local.pictures import choose, find_pictures
from scones_local.stack import StackSettings

if TYPE_CHECKING:
    from pathlib import Path

    from scones_local.pictures import Picture

UPLOADS = 150
PHASES = (
    Phase(
        name="repeated and unsent",
        part=0.4,
        shares={
            "event-duplicate": 0.5, "execution-twice": 0.5, "ledger-forgets": 0.2,
            "s3-denied": 0.15, "queue-refuses:dead-letter": 1.0,
        },
        # The last runs of repeated events may still be trying to send when the queue takes letters.
        errors=("ObjectAccessDenied",),
    ),
    Phase(
        name="mixed",
        shares={
            "event-delay": 0.2,
            "endpoint-fails": 0.3,
            "endpoint-malformed": 0.05,
            "lambda-crash:filter": 0.1,
            "bus-refuses": 0.3,
        },
        forms=(*("plain",) * 6, "overwritten", "deleted", "marked", "text"),
        nightmares=("workers-killed now and then", "endpoint-killed now and then"),
        errors=(
            "EndpointUnavailable", "ModelFailed", "MalformedAnswer", "Runtime.ExitError",
            "EventBridge.FailedEntry", "ObjectNotFound", *NO_IMAGE,
        ),
        hopeless=("ObjectNotFound", *NO_IMAGE),
    ),
)  # fmt: skip


def drawn(folder: Path, stack: StackSettings) -> list[Picture]:
    """Pictures of which the model accepts some, and sends some to review."""
    command = [stack.python("model"), "-m", "scones_model.data.drawn", "--out", str(folder)]
    subprocess.run(command, check=True)
    return choose(find_pictures(folder, Console()), 60)


def test_under_faults_every_upload_has_one_outcome_and_the_account_agrees(tmp_path: Path) -> None:
    weights, faults = ROOT / "model" / "weights", tmp_path / "faults"
    stack = StackSettings(ROOT, ROOT / ".nox", tmp_path / "stack", weights, faults=faults)
    pictures = drawn(tmp_path / "drawn", stack)
    settings = ChaosSettings(tmp_path / "out", pictures, UPLOADS, 7, PHASES)
    succeeded = run_chaos(stack, settings)

    summary = json.loads((settings.out / "summary.json").read_text())
    assert summary["problems"] == []
    assert succeeded
    figures = ("uploaded", "lost", "doubled", "wrong_retries")
    assert [summary[name] for name in figures] == [UPLOADS, 0, 0, 0]
    assert sum(summary["outcomes"].values()) == UPLOADS
    repeated, mixed = (summary["faults"][phase.name] for phase in PHASES)
    assert repeated["suppressed_duplicates"] > 0
    assert repeated["retries_by_state"]["Claim"] > 0
    assert repeated["completed_by_rerun"] > 0
    assert repeated["retries_by_state"]["SendDeadLetter"] >= 3 * repeated["failed_runs"] > 0
    assert mixed["completed_by_redrive"] > 0
    assert mixed["discarded"] > 0
    assert mixed["retries_by_state"].keys() >= {"Classify", "PublishAccepted"}
    lines = (settings.out / "outcomes.jsonl").read_text().splitlines()
    assert len({json.loads(line)["version_id"] for line in lines}) == UPLOADS
