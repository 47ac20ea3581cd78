"""The card as one page: what to expect of the model first, then what that rests on.

The page is a single file without scripts or anything fetched; a person opens it from a bucket or a
mail, on a phone as on a wide screen.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from scones_model.card import opening, sections
from scones_model.card.markup import text

if TYPE_CHECKING:
    from scones_model.evaluation.result import Evaluation

__all__ = ["render_page"]

_BEFORE_PERCENT = re.compile(r"(?<=\d) (?=%)")
_SECTIONS = (
    opening.header,
    opening.use_section,
    sections.figure_section,
    sections.threshold_section,
    sections.confidence_section,
    sections.class_section,
    sections.change_section,
    sections.other_section,
    sections.mistake_section,
    sections.data_section,
    sections.making_section,
)
_STYLE = files(__package__).joinpath("card.css").read_text(encoding="utf-8")
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'sha256-{style_hash}'; img-src data:; base-uri 'none'; form-action 'none'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
<footer><p>Sections after Mitchell et al. 2019, \
<cite>Model Cards for Model Reporting</cite>. Intervals are Wilson's, with 95 %.</p></footer>
</body>
</html>
"""


def render_page(evaluation: Evaluation) -> str:
    """The card as a self-contained HTML page.

    Args:
        evaluation: What to tell of; all its texts may be foreign.

    Returns:
        The page; all of it can be encoded as UTF-8.
    """
    body = "\n".join(render(evaluation) for render in _SECTIONS)
    return _PAGE.format(
        title=text(f"Model card of {evaluation.model.name}"),
        style=_STYLE,
        style_hash=_STYLE_HASH,
        body=_BEFORE_PERCENT.sub("\N{NO-BREAK SPACE}", body),
    )
