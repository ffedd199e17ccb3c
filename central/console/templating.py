"""HTML pages from templates: texts in the reader's language, everything escaped."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from central.texts import LANGUAGES, translator

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, language: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page in `language`. Templates have `_` for texts and `as_json` for data that scripts read."""
    words = translator(language)
    html = _environment.get_template(template).render(
        _=words.gettext,
        say=words.say,
        language=words.language,
        languages=LANGUAGES,
        as_json=_as_json,
        texts=words.catalogue,
        **values,
    )
    return HTMLResponse(html, status_code=status)


def _as_json(value: object) -> Markup:
    """JSON for a script element: nothing in it can end the element."""
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704 - no `<` is left in it
