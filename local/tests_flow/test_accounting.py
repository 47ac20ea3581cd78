"""Uploads against outcomes on the whole system, as a user runs `scones-ops account`.

The bucket and the queues are shared with the other tests: each looks at a prefix of its own.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from local.tests_flow.conftest import jpeg
from local.tests_flow.test_recovery import scones_ops

if TYPE_CHECKING:
    from pathlib import Path

    from local.tests_flow.conftest import Client

KEY = "my photo + 50% é.jpg"


def account(client: Client, tmp_path: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """The command's exit status and its report."""
    report = tmp_path / "report.json"
    done = scones_ops(client, "account", "--patience", "1s", "--json", str(report), *options)
    assert done.returncode in {0, 3}, done.stderr
    return done.returncode, json.loads(report.read_text())


def put(client: Client, key: str, body: bytes) -> None:
    client.aws.client("s3").put_object(
        Bucket=client.stack.outputs["UploadBucket"], Key=key, Body=body
    )


def test_an_upload_whose_event_was_lost_is_found_and_a_rerun_gives_it_its_one_outcome(
    client: Client, tmp_path: Path
) -> None:
    prefix = f"incoming/{uuid.uuid4()}/"
    for name, body in ((KEY, jpeg()), (KEY, jpeg((800, 600))), ("text.jpg", b"text")):
        put(client, prefix + name, body)  # other bytes under the same key are another upload
    client.outcome(prefix + "text.jpg")  # takes the message: the ledger alone knows
    events, rule = client.aws.client("events"), client.stack.outputs["UploadedRuleName"]
    events.disable_rule(Name=rule)
    try:
        put(client, prefix + "lost.jpg", jpeg())
        time.sleep(2)  # older than the patience, and by then delivered, were it to be
    finally:
        events.enable_rule(Name=rule)
    status, told = account(client, tmp_path, "--prefix", prefix, "--rerun")
    assert (status, told["uploaded"], told["missing"], told["doubled"]) == (3, 4, 1, 0)
    assert told["missing_uploads"][0]["key"] == prefix + "lost.jpg"
    assert told["outcomes"]["dead_letter"] == 1
    client.outcome(prefix + "lost.jpg")
    status, told = account(client, tmp_path, "--prefix", prefix)
    assert (status, told["missing"], told["doubled"]) == (0, 0, 0)
    assert told["outcomes"]["accepted"] + told["outcomes"]["review"] == 3
