from __future__ import annotations

import subprocess
import sys

import pytest

_HEAVY = ("boto3", "botocore", "sagemaker")


@pytest.mark.parametrize(
    "modules", ["scones_model.cli, scones_model.serving.serve", "scones_model.aws.launch"]
)
def test_no_aws_library_is_imported_until_it_is_asked_for(modules: str) -> None:
    script = f"import sys, {modules}; print(sorted(sys.modules.keys() & set({_HEAVY})))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_machine_without_the_sdk_is_told_how_to_get_it() -> None:
    script = """
import sys
import importlib.util as util
find = util.find_spec
util.find_spec = lambda name, *rest: None if name == "sagemaker" else find(name, *rest)
from scones_model.aws import launch
sys.exit(launch.main(["s3://bucket/prefix"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'pip install -e "model[ops]"' in done.stderr
