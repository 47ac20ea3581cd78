"""All rules, by the name under which `scones-ops validate` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scones_operations.validation import (
    definitions,
    policies,
    running,
    statements,
    stored,
    trust,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Rule = Callable[[Mapping[str, Any]], Iterator[str]]

__all__ = ["MACHINE_RULES", "POLICY_RULES", "RULES", "TEXT_RULES"]

POLICY_RULES: Mapping[str, Rule] = {
    "policies: actions are spelled out": policies.star_actions,
    "policies: nothing is allowed by exception": policies.unnamed_rights,
    "policies: a star only where AWS offers nothing narrower": policies.star_resources,
    "policies: wildcards only end an ARN": policies.middle_wildcards,
    "policies: roles are passed to one service": policies.unbound_pass_role,
    "policies: none is written elsewhere": policies.managed_policies,
    "policies: everybody is allowed nothing": trust.anybody,
    "policies: services act for this account alone": trust.deputies,
    "policies: one repository takes a role": trust.strangers,
}
"""Rules of policies: of those that are written, and of those that SAM would add."""
RULES: Mapping[str, Rule] = {
    **POLICY_RULES,
    "buckets: private, encrypted, their owner's": stored.open_buckets,
    "buckets: abandoned uploads are ended": stored.unended_uploads,
    "buckets, queues, topics: by TLS alone": stored.without_tls,
    "tables: by TLS alone, and they forget": stored.unguarded_tables,
    "queues, topics: encrypted": stored.plain_messages,
    "parameters: no secret has a default": stored.secret_defaults,
    "log groups: forget": running.endless_logs,
    "functions: logs of their own": running.unlogged_functions,
    "functions: bounded and traced": running.unbounded_functions,
    "state machines: trace and log": running.silent_machines,
}
"""Rules of a parsed template as it is written."""
TEXT_RULES: Mapping[str, Callable[[str], Iterator[str]]] = {
    "policies: each star has its reason beside it": statements.unexplained_stars,
    "secrets: none is written out": stored.secrets,
}
"""Rules of a template's text."""
MACHINE_RULES: Mapping[str, Callable[[definitions.Machine], Iterator[str]]] = {
    "state machines: tasks end, try again, lead on": definitions.fragile_tasks,
    "state machines: what is asked for is filled in": definitions.substitutions,
    "state machines: every state is reached": definitions.unreached,
}
"""Rules of state machines, wherever their definitions are."""
