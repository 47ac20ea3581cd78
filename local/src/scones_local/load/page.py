"""The figures of a load as one page to look at, in light and in dark, without scripts."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from scones_local.load.linechart import Chart, Line, draw_chart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["render_load_page"]

COLOURS = ("one", "two", "three", "four", "five", "six")
VERDICTS = {True: "yes", False: "no", None: "too short to say"}
PERCENTILES = ("p50", "p95", "p99")


def render_load_page(figures: Mapping[str, Any]) -> str:
    """Draw the content of `load.json` as a self-contained HTML page."""
    steps = figures["steps"]
    body = "".join(
        (
            f"<header><h1>Load</h1><p>{escape(_summary(figures))}</p></header>",
            draw_chart(_latency(steps)),
            draw_chart(_throughput(steps)),
            draw_chart(_memory(figures["memory"])),
            _table("Steps", "uploads/s asked", _step_rows(steps)),
            _table("Memory in the long run, MB", "program", _growth_rows(figures["growth"])),
        )
    )
    return PAGE.format(style=STYLE, body=body)


def _summary(figures: Mapping[str, Any]) -> str:
    counts, long_run = figures["counts"], figures["long_run"]
    verdicts = {name: growth["grows"] for name, growth in figures["growth"].items()}
    grows = [name for name, verdict in verdicts.items() if verdict]
    steady = "was not watched long enough" if None in verdicts.values() else "does not grow"
    return (
        f"{counts['uploaded']} uploads, lost {counts['lost']}, doubled {counts['doubled']}. "
        f"Kept up with {figures['sustained_per_s']:g} uploads/s. {long_run['calls']} uploads at "
        f"{long_run['asked_per_s']:g}/s: "
        + (f"memory grows in {', '.join(grows)}." if grows else f"memory {steady}.")
    )


def _latency(steps: Sequence[Mapping[str, Any]]) -> Chart:
    lines = [
        Line(
            f"{name} of the flow",
            css,
            [(_asked(step), step["flow"][f"{name}_ms"]) for step in steps],
        )
        for name, css in zip(PERCENTILES, COLOURS, strict=False)
    ]
    by_hand = [(_asked(step), step["by_hand"]["p50_ms"]) for step in steps if step["by_hand"]]
    lines.append(Line("p50 by hand", "six", by_hand))
    return Chart(
        "Latency from the time an upload was due", "uploads/s asked", "ms", lines, logarithmic=True
    )


def _throughput(steps: Sequence[Mapping[str, Any]]) -> Chart:
    asked = [_asked(step) for step in steps]
    achieved = [(_asked(step), step["flow"]["achieved_per_s"]) for step in steps]
    lines = [
        Line("outcomes", "one", achieved),
        Line("asked", "five", list(zip(asked, asked, strict=True))),
    ]
    return Chart("Throughput", "uploads/s asked", "outcomes/s", lines)


def _memory(samples: Sequence[Mapping[str, Any]]) -> Chart:
    programs = sorted({name for sample in samples for name in sample["rss_mb"]})
    lines = [
        Line(
            name,
            COLOURS[number % len(COLOURS)],
            [(one["uploads"], one["rss_mb"][name]) for one in samples if name in one["rss_mb"]],
        )
        for number, name in enumerate(programs)
    ]
    return Chart("Resident memory in the long run", "uploads", "MB", lines)


def _asked(step: Mapping[str, Any]) -> float:
    asked: float = step["flow"]["asked_per_s"]
    return asked


def _step_rows(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    return [
        {
            "": f"{_asked(step):g}",
            "outcomes/s": step["flow"]["achieved_per_s"],
            **{f"{name} ms": step["flow"][f"{name}_ms"] for name in PERCENTILES},
            "waiting at the end": step["flow"]["waiting_at_end"],
            "p50 by hand": step["by_hand"]["p50_ms"] if step["by_hand"] else "",
            "kept up": "yes" if step["flow"]["kept_up"] else "no",
        }
        for step in steps
    ]


def _growth_rows(growth: Mapping[str, Mapping[str, Any]]) -> list[dict[str, object]]:
    return [
        {
            "": name,
            "first tenth": one["first_mb"],
            "middle": one["middle_mb"],
            "last tenth": one["last_mb"],
            "per 1,000 uploads": one["slope_mb"],
            "grows": VERDICTS[one["grows"]],
        }
        for name, one in growth.items()
    ]


def _table(caption: str, first: str, rows: Sequence[Mapping[str, object]]) -> str:
    columns = [first, *[name for name in rows[0] if name]] if rows else []
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    lines = "".join(
        f'<tr><th scope="row">{escape(str(row[""]))}</th>'
        + "".join(f"<td>{escape(str(value))}</td>" for name, value in row.items() if name)
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )


STYLE = files(__package__).joinpath("page.css").read_text()
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Load</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
