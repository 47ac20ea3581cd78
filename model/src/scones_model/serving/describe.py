"""Print what a model file says about itself, as JSON."""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from scones_model.serving.inference import Classifier, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the metadata; exit status 2 with a sentence when the file is no servable model."""
    parser = argparse.ArgumentParser(prog="scones-model describe", description=__doc__)
    parser.add_argument("model", type=Path, help="the .onnx file")
    arguments = parser.parse_args(argv)
    try:
        print(json.dumps(asdict(Classifier(arguments.model).metadata), indent=2))
    except ModelUnavailable as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
