"""CloudFormation's operations on stacks and change sets.

What a stack's work is, see fake_stackwork.py; it goes on by ticks of the account's clock.
"""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from model.tests.fake_account import REGION, Account, Refusal
from model.tests.fake_resources import NEW_ONES
from model.tests.fake_stackwork import Stack, Work
from model.tests.resolver import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from model.tests.fake_endpoints import Endpoints


class Stacks:
    """Answers CloudFormation's operations.

    Templates are resolved as CloudFormation does; resources are made in moto and the other fakes.
    """

    def __init__(self, account: Account, endpoints: Endpoints) -> None:
        self.work = Work(endpoints)
        self.there: dict[str, Stack] = {}
        self._changes: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)
        for operation, handler in self._operations().items():
            account.handle(f"cloudformation.{operation}", handler)
        account.ticking.append(self._tick)

    def _operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]]:
        return {
            "DescribeStacks": self._describe,
            "DescribeStackEvents": lambda asked: {
                "StackEvents": self._find(asked["StackName"]).events[::-1]
            },
            "ListStackResources": self._resources,
            "GetTemplate": lambda asked: {"TemplateBody": self._find(asked["StackName"]).template},
            "GetTemplateSummary": _summary,
            "CreateChangeSet": self._create_change_set,
            "DescribeChangeSet": lambda asked: self._changes[asked["ChangeSetName"]]["told"],
            "DeleteChangeSet": lambda _: {},
            "ExecuteChangeSet": self._execute,
            "CancelUpdateStack": self._cancel,
            "ContinueUpdateRollback": self._continue,
            "DeleteStack": self._delete,
        }

    # --- operations ------------------------------------------------------------------------------

    def _find(self, name: str) -> Stack:
        for stack in self.there.values():
            if name == stack.arn or (name == stack.name and stack.status != "DELETE_COMPLETE"):
                return stack
        raise Refusal("ValidationError", f"Stack with id {name} does not exist")

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = [self._find(asked["StackName"])] if "StackName" in asked else self.there.values()
        return {
            "Stacks": [
                {
                    "StackName": one.name,
                    "StackId": one.arn,
                    "StackStatus": one.status,
                    "CreationTime": datetime.now(UTC),
                    "Parameters": [
                        {"ParameterKey": k, "ParameterValue": v} for k, v in one.parameters.items()
                    ],
                    "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in one.outputs.items()],
                }
                for one in found
            ]
        }

    def _resources(self, asked: dict[str, Any]) -> dict[str, Any]:
        stack = self._find(asked["StackName"])
        return {
            "StackResourceSummaries": [
                {
                    "LogicalResourceId": logical,
                    "PhysicalResourceId": made.physical,
                    "ResourceType": made.kind,
                    "LastUpdatedTimestamp": datetime.now(UTC),
                    "ResourceStatus": "CREATE_COMPLETE",
                }
                for logical, made in stack.made.items()
            ]
        }

    def _create_change_set(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["StackName"]
        creates = asked["ChangeSetType"] == "CREATE"
        if creates:
            arn = f"arn:aws:cloudformation:{REGION}:123456789012:stack/{name}/{next(self._ids)}"
            self.there[arn] = Stack(name, arn, "REVIEW_IN_PROGRESS")
        stack = self._find(name)
        given = {one["ParameterKey"]: one["ParameterValue"] for one in asked["Parameters"]}
        template = self.work.template(asked["TemplateBody"], given, stack)
        _check_parameters(given, template.whole["Parameters"])
        changes = list(_changes(template, stack))
        told: dict[str, Any] = {"Status": "CREATE_COMPLETE", "Changes": changes}
        if not (changes or creates or template.outputs().keys() != stack.outputs.keys()):
            reason = (
                "The submitted information didn't contain changes. Submit different information"
            )
            told = {"Status": "FAILED", "StatusReason": reason, "Changes": []}
        self._changes[asked["ChangeSetName"]] = {
            "told": told, "stack": stack, "given": given, "template": asked["TemplateBody"],
        }  # fmt: skip
        return {"StackId": stack.arn}

    def _execute(self, asked: dict[str, Any]) -> dict[str, Any]:
        change = self._changes.pop(asked["ChangeSetName"])
        stack: Stack = change["stack"]
        creates = stack.status == "REVIEW_IN_PROGRESS"
        stack.work = self.work.update(stack, change["template"], change["given"], creates=creates)
        return {}

    def _cancel(self, asked: dict[str, Any]) -> dict[str, Any]:
        stack = self._find(asked["StackName"])
        if stack.status != "UPDATE_IN_PROGRESS":
            raise Refusal(
                "ValidationError", f"CancelUpdateStack cannot be called from {stack.status}"
            )
        stack.cancelled = True
        return {}

    def _continue(self, asked: dict[str, Any]) -> dict[str, Any]:
        stack = self._find(asked["StackName"])
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise Refusal("ValidationError", f"{stack.name} is {stack.status}")
        stack.work = self.work.undo(stack, stack.before, creates=False)
        return {}

    def _delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        stack = self._find(asked["StackName"])
        stack.work = self.work.remove(stack)
        return {}

    def _tick(self) -> None:
        for stack in list(self.there.values()):
            next(stack.work, None)


def _summary(asked: dict[str, Any]) -> dict[str, Any]:
    declared = Template(asked["TemplateBody"], {}).whole["Parameters"]
    return {
        "Parameters": [
            {
                "ParameterKey": name,
                **({"DefaultValue": str(one["Default"])} if "Default" in one else {}),
            }
            for name, one in declared.items()
        ]
    }


def _check_parameters(given: dict[str, str], declared: dict[str, Any]) -> None:
    """As CloudFormation does it: of texts, which ours are as far as they have patterns."""
    if unknown := sorted(given.keys() - declared.keys()):
        raise Refusal("ValidationError", f"Parameters: {unknown} do not exist in the template")
    for name, value in given.items():
        pattern = declared[name].get("AllowedPattern", "(?s:.*)")
        allowed = map(str, declared[name].get("AllowedValues", [value]))
        if not re.fullmatch(pattern, value) or value not in allowed:
            raise Refusal("ValidationError", f"Parameter {name} failed to satisfy constraint")


def _changes(template: Template, stack: Stack) -> Iterator[dict[str, Any]]:
    for logical, resource in template.resources().items():
        made = stack.made.get(logical)
        kind = resource["Type"]
        if made is None:
            action = {"Action": "Add"}
        elif made.properties != template.resolve(resource["Properties"]):
            action = {"Action": "Modify", "Replacement": str(kind in NEW_ONES)}
        else:
            continue
        told = {"LogicalResourceId": logical, "ResourceType": kind, **action}
        yield {"Type": "Resource", "ResourceChange": told}
