"""The report's JSON inside the page, so that a program needs the page alone.

It is `report.json` with six decimals. Where that would be too much for a page, only the latest
windows are in it, and each variant says how many are left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scones_monitoring.report import Report

__all__ = ["embedded_json"]

MOST_CHARACTERS = 16_000
KEPT = (32, 16, 8, 4, 0)
"""How many windows of each variant to try to keep, after all of them."""
DECIMALS = 6


def embedded_json(report: Report) -> str:
    """The report as JSON for a script element: it holds no `<`."""
    document = json.loads(report.to_json(), parse_float=lambda text: round(float(text), DECIMALS))
    written = _written(document)
    for keep in KEPT:
        if len(written) <= MOST_CHARACTERS:
            break
        _drop_windows(document, keep)
        written = _written(document)
    return written


def _written(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":")).replace("<", "\\u003c")


def _drop_windows(document: dict[str, Any], keep: int) -> None:
    for variant in document["variants"]:
        dropped = max(0, len(variant["windows"]) - keep)
        variant["windows_left_out"] = variant.get("windows_left_out", 0) + dropped
        variant["windows"] = variant["windows"][dropped:]
        for chart in variant["charts"]:
            chart["points"] = chart["points"][dropped:]
