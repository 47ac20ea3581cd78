"""AWS's prices: a dated table, with the page of each."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from scones_operations.account import CannotBeDone

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

__all__ = ["Price", "Prices", "read_prices"]


@dataclass(frozen=True)
class Price:
    """A price.

    Attributes:
        usd: US dollars for `per` units.
        per: So many units.
        unit: What is counted.
        page: AWS's page.
        seen: A page that was read on the table's date and says the same; empty: remembered.
    """

    usd: float
    per: float
    unit: str
    page: str
    seen: str

    def __str__(self) -> str:
        count = "" if self.per == 1 else f"{self.per:,.0f} "
        return f"{self.usd:.10f}".rstrip("0").rstrip(".") + f" / {count}{self.unit}"


@dataclass(frozen=True)
class Prices:
    """The prices of one region on one day."""

    date: dt.date
    region: str
    by_name: Mapping[str, Price]

    def __getitem__(self, name: str) -> Price:
        """The price of that name.

        Raises:
            CannotBeDone: The table lacks it.
        """
        if name not in self.by_name:
            raise CannotBeDone(f"cost/prices.toml has no price of {name}: add it, with its page.")
        return self.by_name[name]


def read_prices() -> Prices:
    """The table that is part of this package."""
    table = tomllib.loads((files(__package__) / "prices.toml").read_text(encoding="utf-8"))
    prices = {name: Price(**price) for name, price in table["prices"].items()}
    return Prices(table["date"], table["region"], prices)
