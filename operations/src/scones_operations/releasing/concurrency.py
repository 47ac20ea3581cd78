"""Whether an account can set aside what a function's cap takes of its quota."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scones_operations.account import client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["affordable"]

KEPT_FREE = 100
"""Lambda leaves so many to functions without a cap of their own.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""


def affordable(
    template: Mapping[str, Any], parameters: Mapping[str, str], tell: Callable[[str], None]
) -> dict[str, str]:
    """The cap as a parameter to change: none where the account's quota is too small for it.

    A new account may have a quota of 10, of which Lambda lets nobody set anything aside; the
    quota itself is the cap then, and a lower one than ours.
    """
    default = template["Parameters"]["MaxConcurrency"]["Default"]
    asked = int(parameters.get("MaxConcurrency", default))
    free = client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    if asked <= max(free - KEPT_FREE, 0):
        return {}
    tell(
        f"Of this account's quota {free} concurrent executions are free, and Lambda keeps "
        f"{KEPT_FREE} of them so: MaxConcurrency is 0 in place of {asked}. "
        "Ask for more (Service Quotas), then deploy with --set MaxConcurrency=..."
    )
    return {"MaxConcurrency": "0"}
