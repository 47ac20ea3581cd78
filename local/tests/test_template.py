from __future__ import annotations

from pathlib import Path

import pytest

from scones_local.template import read_template, translate

ROOT = Path(__file__).parents[2]
FOLDERS = ["services/serializer", "services/classifier", "services/filter", "orchestration"]


def test_short_function_names_are_spelled_out(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "a: !Ref B\nb: !GetAtt C.Arn\nc: !Sub ['${x}', {x: !Ref D}]\nd: !Condition E\n"
        "e: !If [Yes, 1, !Ref 'AWS::NoValue']\n"
    )
    assert read_template(template) == {
        "a": {"Ref": "B"},
        "b": {"Fn::GetAtt": ["C", "Arn"]},
        "c": {"Fn::Sub": ["${x}", {"x": {"Ref": "D"}}]},
        "d": {"Condition": "E"},
        "e": {"Fn::If": [True, 1, {"Ref": "AWS::NoValue"}]},
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_template_translates_to_cloudformation_alone(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-2")
    template = read_template(ROOT / folder / "template.yaml")
    for resource in template["Resources"].values():
        for field in {"CodeUri", "DefinitionUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][field] = {"Bucket": "artifacts", "Key": "key"}
    translated = translate(template, dict.fromkeys(template["Parameters"], "x"))
    types = {resource["Type"] for resource in translated["Resources"].values()}
    assert types
    assert not {name for name in types if name.startswith("AWS::Serverless::")}
