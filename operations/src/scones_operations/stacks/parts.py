"""The parts of a stage: which template each stack is made of, and in which order they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_operations.repository import SERVICES

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BUCKETS", "ENDPOINT", "ORDER", "PARTS", "template_path"]

ENDPOINT = "endpoint"
"""The stack that `scones-model deploy` makes of model/template.yaml, before all others."""
ORDER = (
    ("artifacts",),
    SERVICES,
    ("orchestration",),
    ("backfill", "observability", "monitoring"),
)
"""Parts of one row need nothing of one another, and are created together."""
PARTS = tuple(part for row in ORDER for part in row)
BUCKETS = {
    "artifacts": "ArtifactBucket",
    "orchestration": "UploadBucket",
    "monitoring": "ReportBucket",
}
"""Parts that create a bucket which outlives them, and the parameter with its name."""

_ELSEWHERE = {"artifacts": "operations/artifacts.yaml", "backfill": "orchestration/backfill.yaml"}


def template_path(root: Path, part: str) -> Path:
    """The template of a part, in the repository at `root`."""
    if part in _ELSEWHERE:
        return root / _ELSEWHERE[part]
    return root / ("services" if part in SERVICES else "") / part / "template.yaml"
