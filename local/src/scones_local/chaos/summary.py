"""What a chaos run came to: the figures, the verdict, and a table by fault."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.table import Table

from scones_local.chaos.uploadbook import LETTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from scones_local.chaos.phaserun import PhaseResult
    from scones_local.chaos.uploadbook import Sent, UploadBook

__all__ = [
    "compare_account",
    "figures_of",
    "problems_of",
    "summarise_chaos",
    "summary_table",
    "write_outcomes",
]

DECIDED = ("accepted", "review")
WITHOUT_OUTCOME = ("missing", "doubtful", "under_way")
"""What accounting calls an upload whose outcome it does not know."""
FAULT_OF_FORM = {
    "deleted": "object-deleted",
    "overwritten": "object-overwritten",
    "marked": "delete-marker",
    "text": "hostile-bodies",
    "empty": "hostile-bodies",
    "truncated": "hostile-bodies",
}
"""The fault that a way to upload is."""


def summarise_chaos(book: UploadBook, results: Sequence[PhaseResult]) -> dict[str, Any]:
    """Count outcomes, and by fault what was injected, tried again, redriven and discarded."""
    by_phase = {result.phase.name: book.of_phase(result.phase.name) for result in results}
    faults = {
        result.phase.name: _of_phase(result, by_phase[result.phase.name]) for result in results
    }
    return {
        "uploaded": len(book),
        "lost": sum(sent.is_lost for sent in book),
        "doubled": sum(sent.doubled for sent in book),
        "doubled_orders": sum(sent.doubled_orders for sent in book),
        "strangers": book.strangers,
        "unsettled": sum(sent.unsettled for sent in book),
        "outcomes": _outcomes(book),
        "retries": sum(fault["retries"] for fault in faults.values()),
        "wrong_retries": sum(fault["wrong_retries"] for fault in faults.values()),
        "faults": faults,
    }


def _of_phase(result: PhaseResult, sent: Sequence[Sent]) -> dict[str, Any]:
    counts = result.counts
    injected = counts.injected + result.killed + _injected_by_form(sent)
    return {
        "uploads": len(sent),
        "injected": injected.total(),
        "injected_by_fault": dict(sorted(injected.items())),
        "runs": counts.runs,
        "failed_runs": counts.failed,
        "retries": counts.retries.total(),
        "retries_by_state": dict(sorted(counts.retries.items())),
        "wrong_retries": counts.wrong,
        "outcomes": _outcomes(sent),
        "dead_letters": result.letters.total(),
        "dead_letters_by_error": dict(sorted(result.letters.items())),
        "completed_by_redrive": sum(_is_completed(one) and bool(one.redriven) for one in sent),
        "completed_by_rerun": sum(_is_completed(one) and one.rerun for one in sent),
        "discarded": sum(one.discarded for one in sent),
        "left_as_letters": sum(one.outcome == LETTER and not one.discarded for one in sent),
        "suppressed_duplicates": counts.suppressed,
        "wrong": [*counts.wrong_in_words, *result.wrong],
    }


def _injected_by_form(sent: Iterable[Sent]) -> Counter[str]:
    return Counter(FAULT_OF_FORM[one.form] for one in sent if one.form in FAULT_OF_FORM)


def _outcomes(sent: Iterable[Sent]) -> dict[str, int]:
    return dict(sorted(Counter(one.outcome for one in sent).items()))


def _is_completed(sent: Sent) -> bool:
    return sent.outcome in DECIDED


def figures_of(account: Mapping[str, Any]) -> dict[str, Any]:
    """Accounting's report without its lists of uploads."""
    return {name: value for name, value in account.items() if not isinstance(value, list)}


def compare_account(account: Mapping[str, Any], book: UploadBook) -> list[str]:
    """Where accounting, which has the bucket and the ledger, disagrees with what was seen outside.

    Versions that were deleted are not in the bucket, and so in no account of it. Of an upload that
    is unsettled the ledger may lack the outcome, though the outcome is out.
    """
    there = [sent for sent in book if not sent.gone]
    unsettled = [sent for sent in there if sent.unsettled]
    told = Counter({name: account.get(name) or 0 for name in ("uploaded", "doubled")})
    told += Counter(account.get("outcomes", {}))
    told["without outcome"] = sum(account.get(fate, 0) for fate in WITHOUT_OUTCOME)
    most = Counter({"uploaded": len(there), "without outcome": len(unsettled)})
    most += Counter(_outcomes(there))
    least = most - Counter({"without outcome": len(unsettled)}) - Counter(_outcomes(unsettled))
    return [
        f"accounting says {name} {told[name]}, not {_between(least[name], most[name])}"
        for name in sorted({*told, *most})
        if not least[name] <= told[name] <= most[name]
    ]


def _between(least: int, most: int) -> str:
    return f"{least}" if least == most else f"{least} to {most}"


def problems_of(summary: Mapping[str, Any], disagreements: Sequence[str]) -> list[str]:
    """Why a run is not a success, in sentences; none if it is."""
    must_be_none = ("lost", "doubled", "doubled_orders", "strangers", "wrong_retries")
    problems = [f"{name}: {summary[name]}" for name in must_be_none if summary[name]]
    for name, fault in summary["faults"].items():
        problems += [f"{name}: {told}" for told in fault["wrong"]]
        if fault["runs"] < fault["uploads"]:
            problems.append(f"{name}: the journal tells of {fault['runs']} runs only")
        if fault["left_as_letters"]:
            problems.append(f"{name}: a redrive left {fault['left_as_letters']} as dead letters")
    return [*problems, *disagreements]


def summary_table(summary: Mapping[str, Any]) -> Table:
    """Outcomes and retries by fault."""
    columns = {
        "uploads": "uploads", "injected": "injected", "retries": "retries",
        "wrong": "wrong_retries", "letters": "dead_letters", "redriven": "completed_by_redrive",
        "rerun": "completed_by_rerun", "discarded": "discarded",
        "suppressed": "suppressed_duplicates",
    }  # fmt: skip
    table = Table(box=None, pad_edge=False)
    table.add_column("fault", no_wrap=True)
    for title in (*columns, "accepted", "review", "lost"):
        table.add_column(title, justify="right")
    for name, fault in summary["faults"].items():
        cells = [fault[column] for column in columns.values()]
        cells += [fault["outcomes"].get(kind, 0) for kind in ("accepted", "review", "lost")]
        table.add_row(name, *map(str, cells))
    return table


def write_outcomes(path: Path, book: UploadBook) -> None:
    """Write a line per upload."""
    with path.open("w") as file:
        for sent in book:
            file.write(json.dumps(sent.line()) + "\n")
