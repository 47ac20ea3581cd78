"""SAM's translation of the templates, by the library that AWS's own transform runs."""

from __future__ import annotations

import copy
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3

from scones_operations.account import Failed
from scones_operations.building.sam import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CannotBeTranslated", "translate"]

_UPLOADED = {"CodeUri", "DefinitionUri"}
_ONE_AT_A_TIME = Lock()
"""SAM keeps its metrics and its region for the whole process."""


class CannotBeTranslated(Failed):
    """SAM refuses a template; the message has its reasons, one a line."""


def translate(body: Mapping[str, Any]) -> dict[str, Any]:
    """What CloudFormation gets of a parsed SAM template.

    Raises:
        CannotBeTranslated: SAM says what is wrong.
    """
    # Only the environment of `make validate` has it, and the rest of this room works without.
    from samtranslator.model.exceptions import InvalidDocumentException  # noqa: PLC0415
    from samtranslator.parser.parser import Parser  # noqa: PLC0415
    from samtranslator.translator.translator import Translator  # noqa: PLC0415

    with _ONE_AT_A_TIME:
        # Not its `transform`, which takes the region from AWS's configuration and fails without.
        translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=REGION))
        try:
            made: dict[str, Any] = translator.translate(_as_uploaded(body), parameter_values={})
        except InvalidDocumentException as error:
            raise CannotBeTranslated("\n".join(one.message for one in error.causes)) from error
        finally:
            translator.metrics.publish()  # to nobody; else it complains that nobody asked for them
    return made


def _as_uploaded(body: Mapping[str, Any]) -> dict[str, Any]:
    """The template as a deployment sends it, code and definitions in S3."""
    sent = copy.deepcopy(dict(body))
    for resource in sent["Resources"].values():
        properties = resource.get("Properties", {})
        for key in properties.keys() & _UPLOADED:
            properties[key] = {"Bucket": "bucket", "Key": "key"}
    return sent
