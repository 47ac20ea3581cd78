"""What the page shows of the records themselves: the least confident ones, and the unreadable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scones_monitoring.page.markup import section, table, text
from scones_monitoring.phrases import count, counted, decimal

if TYPE_CHECKING:
    from scones_monitoring.report import GalleryImage, Report

__all__ = ["gallery_section", "quality_section"]

IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|bmp);base64,[A-Za-z0-9+/]+={0,2}")
"""What may become an image's source; everything else is only a text."""


def gallery_section(report: Report) -> str:
    """The least confident predictions with their images; empty without any."""
    if not report.gallery:
        return ""
    several = len(report.variants) > 1
    tiles = "".join(
        _tile(number, one, one.variant if several else "")
        for number, one in enumerate(report.gallery, 1)
    )
    note = "Of all predictions read, the most doubtful first."
    return section("Least confident", f'<ol class="gallery">{tiles}</ol>', note)


def _tile(number: int, one: GalleryImage, variant: str) -> str:
    named = f"<small>{text(variant)}</small>" if variant else ""
    return (
        f"<li>{_image(number, one)}<b>{text(one.predicted)}</b> {decimal(one.confidence)}"
        f"{named}<details><summary>where it lies</summary><code>{text(one.file)}</code> "
        f"at byte {count(one.offset)}</details></li>"
    )


def _image(number: int, one: GalleryImage) -> str:
    if one.image is not None and IMAGE.fullmatch(one.image):
        said = (
            f"Image {number}, predicted {one.predicted} with confidence {decimal(one.confidence)}"
        )
        return f'<img src="{one.image}" width="96" height="96" alt="{text(said)}">'
    return f'<span class="missing">{text(one.missing or "no image that a page can show")}</span>'


def quality_section(report: Report) -> str:
    """How many lines were no captured predictions, why, and where the first of them lie."""
    read, malformed = report.records.read, report.records.malformed
    if not malformed:
        note = f"Malformed: none of {counted(read, 'line')}."
        return section("Data quality", "", note)
    note = (
        f"Malformed: {count(malformed)} of {counted(read + malformed, 'line')}. They count here "
        "and nowhere else."
    )
    reasons = sorted(report.malformed_reasons.items(), key=lambda item: -item[1])
    by_reason = table(
        "Malformed lines by reason",
        ("reason", "lines"),
        [(text(reason), count(number)) for reason, number in reasons],
    )
    return section("Data quality", by_reason + _lines(report), note)


def _lines(report: Report) -> str:
    rows = [
        (f"<code>{text(line.file)}</code>", count(line.offset), text(line.reason))
        for line in report.malformed
    ]
    if not rows:
        return ""
    body = table("Malformed lines", ("file", "byte", "reason"), rows, {2})
    return f"<details><summary>The first {count(len(rows))}</summary>{body}</details>"
