"""What a stage's stacks say about themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_operations.account import CannotBeDone
from scones_operations.stacks.cloudformation import find_stack, stack_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["stage_outputs"]


def stage_outputs(stage: str, part: str) -> Mapping[str, str]:
    """Outputs of the stack of one part of a stage.

    Raises:
        CannotBeDone: There is no such stack.
    """
    name = stack_name(stage, part)
    stack = find_stack(name)
    if stack is None:
        raise CannotBeDone(f"There is no stack {name}: `scones-ops deploy --stage {stage}` first.")
    return stack.outputs
