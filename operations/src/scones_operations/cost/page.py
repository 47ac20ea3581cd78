"""The calculation as Markdown: shown in the terminal, and docs/cost.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_operations.cost.assumptions import explain
from scones_operations.cost.bill import Line, image_lines, month_lines, total
from scones_operations.cost.savings import find_savings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scones_operations.cost.assumptions import Assumptions
    from scones_operations.cost.prices import Price, Prices
    from scones_operations.cost.system import System

__all__ = ["show_costs", "show_grounds"]


def show_costs(
    counts: Sequence[int], system: System, given: Assumptions, prices: Prices
) -> Iterator[str]:
    """What so many images, and a month, cost, and how to pay less; a line of text each."""
    bills = [image_lines(count, system, given, prices) for count in counts]
    month = month_lines(system, given, prices)
    yield f"US dollars in {prices.region}, prices of {prices.date}, without free tier and tax."
    yield from ("", _in_short(counts, bills, month))
    yield from ("", "## A month, images or not", "")
    yield from _bills([month], ["a month"])
    yield from ("", "## Images", "", "On top, when they come evenly over a month.", "")
    yield from _bills(bills, [f"{count:,} images" for count in counts])
    yield from ("", "## To pay less", "")
    savings = (
        (one.how, one.but, f"{_dollars(one.usd)} a {one.unit}")
        for one in find_savings(system, given, prices)
    )
    yield from _table(("do", "and lose", "saves"), savings, right=1)


def _in_short(counts: Sequence[int], bills: Sequence[Sequence[Line]], month: Sequence[Line]) -> str:
    dearest = max(month, key=lambda line: line.usd)
    images = ", ".join(
        f"{count:,} images **{_dollars(total(bill))}**"
        for count, bill in zip(counts, bills, strict=True)
    )
    return (
        f"A stage costs **{_dollars(total(month))}** a month while it is there, "
        f"{_dollars(dearest.usd)} of it for the {dearest.what}; {images}."
    )


def _bills(bills: Sequence[Sequence[Line]], heads: Sequence[str]) -> Iterator[str]:
    rows = [
        (same[0].service, same[0].what, str(same[0].price), *(_dollars(one.usd) for one in same))
        for same in zip(*bills, strict=True)
    ]
    sums = ("**together**", "", "", *(f"**{_dollars(total(bill))}**" for bill in bills))
    yield from _table(("service", "for", "price", *heads), [*rows, sums], right=len(heads))


def _dollars(usd: float) -> str:
    if usd >= 1:
        return f"{usd:,.2f}"
    return f"{usd:.4f}" if usd >= 0.00005 else "0.0000"  # noqa: PLR2004 - what four places show


def show_grounds(given: Assumptions, prices: Prices) -> Iterator[str]:
    """What the calculation assumes, and the prices with their sources; a line of text each."""
    yield from ("", "## Assumed of an average image", "")
    assumed = ((f"`{name}`", value, meaning) for name, value, meaning in explain(given))
    yield from _table(("", "", ""), assumed)
    yield from ("", "## Prices", "")
    yield (
        "AWS's page is right when the table is not. `seen` is a page that says the same, read on "
        f"{prices.date} in a stored copy; AWS's own pages load their figures by script, so that "
        "most are others', some of them years old. `remembered`: confirmed by no page that day."
    )
    yield ""
    yield from _table(("price", "AWS's page", "seen"), _price_rows(prices.by_name))


def _price_rows(by_name: Mapping[str, Price]) -> Iterator[tuple[str, ...]]:
    for name, price in by_name.items():
        what = f"{name}: {price}" if name.startswith("ml.") else str(price)
        seen = f"[{price.seen.split('/')[2]}]({price.seen})" if price.seen else "remembered"
        yield what, f"[{price.page.removeprefix('https://')}]({price.page})", seen


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0) -> Iterator[str]:
    """A table whose last `right` columns are numbers."""
    marks = ["---"] * (len(head) - right) + ["---:"] * right
    for row in (head, marks, *rows):
        yield f"| {' | '.join(row)} |"
