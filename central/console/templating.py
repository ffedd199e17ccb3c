"""HTML pages from templates: texts in the reader's language, everything escaped."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from central.console.access import Seat
from central.console.navigation import OWN_ENTRIES, Entry, entries_for
from central.console.rights import may_read
from central.texts import LANGUAGES, local, say_date, say_month, say_number, translator

CENTRE_TIMEZONE: Final = "Europe/Madrid"

_FOLDER: Final = Path(__file__).parent

_environment = Environment(
    loader=FileSystemLoader([_FOLDER / "templates", _FOLDER.parent / "carers" / "templates"]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, language: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page in `language`. Templates have `_` for texts, `as_json` for data that scripts read, and
    for days and numbers `said_date`, `said_month`, `said_number`; `plain` is a number without an idle ".0"."""
    words = translator(language)
    html = _environment.get_template(template).render(
        _=words.gettext,
        say=words.say,
        language=words.language,
        languages=LANGUAGES,
        as_json=_as_json,
        said_date=lambda day: say_date(_day_of(day), words.language),
        said_month=lambda month: say_month(month, words.language),
        said_number=lambda value, digits=0: say_number(value, words.language, digits),
        plain=lambda value: f"{value:g}" if isinstance(value, float) else value,
        texts=words.catalogue,
        **values,
    )
    return HTMLResponse(html, status_code=status)


def office_page(
    request: Request, seat: Seat, template: str, section: str, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page of the office, in the frame of `office.html`. `section` is the rail's entry that it belongs to.

    Scripts find `data` in the page: what is given as `data`, with what every page needs.
    """
    given = values.pop("data", {})
    assert isinstance(given, dict)
    operator = seat.operator
    data = {
        "form_token": seat.form_token,
        "operator": {"id": operator.id, "called": operator.called},
        "timezone": CENTRE_TIMEZONE,
        **given,
    }
    shown = {**values, "data": data, "operator": operator, "section": section, "entries": rail_of(request, seat)}
    return page(template, operator.language, status, **shown)


def rail_of(request: Request, seat: Seat) -> list[Entry]:
    """The entries of the rail for who asks."""
    own = OWN_ENTRIES.get(seat.who.role)
    return [own] if own else entries_for(may_read(seat), request.app.state.served)


def _day_of(day: date | str | float) -> date | str:
    return local(day, CENTRE_TIMEZONE).date() if isinstance(day, float) else day


def _as_json(value: object) -> Markup:
    """JSON for a script element: nothing in it can end the element."""
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704 - no `<` is left in it
