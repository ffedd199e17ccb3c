"""Pages for carers and residents: big, plain, and kept fresh by asking again for the part that changes."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from central.console.access import Seat
from central.console.templating import page
from central.storage import settings
from central.texts import translator


def carer_page(
    request: Request, template: str, language: str, *, seat: Seat | None = None, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page in the frame of `carer.html`. `seat` None: who came by a link. `here`: which entry of the bar it is."""
    words = translator(language)
    data = {
        "form_token": seat.form_token if seat else "",
        "push_key": "/api/push/key",
        "texts": {text: words.gettext(text) for text in _FOR_SCRIPT},
    }
    given = values.pop("data", {})
    frame = {
        "here": "",
        "phone": _centre_phone(request),
        "seat": seat,
        "manifest": "/family/manifest.webmanifest",
        "push_token": "",
    }
    shown = {**frame, **values, "data": {**data, **given}}
    return page(template, language, status, **shown)


def fragment_answer(request: Request, template: str, language: str, **values: Any) -> Response:
    """The part of a page that changes, or 304 when it is as whoever asks has it."""
    values = {"phone": _centre_phone(request), **values}
    answer = page(template, language, **values)
    tag = f'"{sha256(bytes(answer.body)).hexdigest()[:24]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"etag": tag})
    answer.headers["etag"] = tag
    return answer


_FOR_SCRIPT = (
    "No connection since {time}. What you see may be old.",
    "It was NOT sent. Try again, or call the centre.",
    "Notifications are on.",
    "Notifications are off.",
    "This browser cannot show notifications.",
    (
        "On an iPhone or iPad, first put this page on the home screen: the share button, then “Add to Home Screen”. "
        "Open it from there and turn notifications on."
    ),
    "We reach you in the ways that the centre knows: message, call or e-mail.",
    "This centre does not send notifications yet.",
    "You have refused notifications; allow them in the settings of the browser.",
    "Saved.",
    "The code was sent.",
)
"""Said by the pages' scripts."""


def _centre_phone(request: Request) -> str:
    """On which carers ring the centre: the number of the configuration, else the one set on the page of settings."""
    parts = request.app.state.parts
    if parts.carers.phone:
        return str(parts.carers.phone)
    with parts.database.read() as conn:
        return settings.current(conn).desk.call_back
