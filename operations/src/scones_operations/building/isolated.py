"""Invoke the handler of a built folder where there is nothing but it and the standard library.

    python -I -S isolated.py <folder> <module>.<function> < event.json

The smoke test runs this file by its path, with the Python that the folder was built for. The last
line of standard output is the handler's answer; an error ends as it does on Lambda, by a traceback.
"""

from __future__ import annotations

import importlib
import json
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import SimpleNamespace

__all__ = ["main"]

CONTEXT = SimpleNamespace(
    function_name="smoke-test",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:smoke-test:live",
    aws_request_id="00000000-0000-0000-0000-000000000000",
)
"""What Powertools reads of Lambda's context."""


def main(folder: Path, handler: str) -> None:
    """Call the handler, named as in a template, with the event on standard input."""
    sys.path.insert(0, str(folder))
    module, _, function = handler.rpartition(".")
    call = getattr(importlib.import_module(module), function)
    answer = json.dumps(call(json.load(sys.stdin), CONTEXT))
    for name in _compiled_modules(folder):
        importlib.import_module(name)
    sys.stdout.write(f"\n{answer}\n")


def _compiled_modules(folder: Path) -> list[str]:
    """Names of all of them: loading one finds the shared libraries that it needs.

    Packages try theirs and go on without; Pillow, for one, would just read no AVIF.
    """
    return sorted(
        ".".join((*path.relative_to(folder).parts[:-1], path.name.removesuffix(suffix)))
        for suffix in EXTENSION_SUFFIXES[:1]
        for path in folder.rglob(f"*{suffix}")
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
