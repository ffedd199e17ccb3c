"""What makes the family's pages an app on a telephone: manifest, service worker, notifications, offline page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from central.carers.web import carer_page
from central.console import access
from central.console.access import Seat
from central.console.rights import allowed, open_door
from central.storage import push
from central.storage.push import Subscribed
from central.texts import Words, later, say_day, translator

router = APIRouter()
Own = Annotated[Seat, Depends(allowed("rota", "read"))]
Public = [Depends(open_door)]
_SIZES: Final = (192, 512)
_WORKER: Final = Path(__file__).parent / "static" / "sw.js"


@router.get("/family/phone", include_in_schema=False)
def show(request: Request, seat: Own) -> Response:
    """Notifications and installation on this telephone; language; log-out."""
    language = seat.operator.language
    with request.app.state.parts.database.read() as conn:
        browsers = said_browsers(push.of_account(conn, seat.operator.id), language)
    return carer_page(request, "phone.html", language, seat=seat, here="phone", browsers=browsers)


class SaidBrowser(NamedTuple):
    """A browser that takes notifications, since when in words."""

    id: str
    contact_id: str
    browser: str
    since: str


def said_browsers(found: Sequence[Subscribed], language: str) -> list[SaidBrowser]:
    """Browsers as a page lists them."""
    return [SaidBrowser(one.id, one.contact_id, one.browser, say_day(one.made_at, language)) for one in found]


@router.get("/family/manifest.webmanifest", include_in_schema=False, dependencies=Public)
def manifest(request: Request) -> Response:
    """What a telephone needs to install the pages. Tells nothing about anybody."""
    body = manifest_of(translator(access.language_of(request)), "/family")
    return JSONResponse(body, media_type="application/manifest+json")


def manifest_of(words: Words, start: str) -> dict[str, Any]:
    """What a telephone needs to install the pages and open them at `start`."""
    icons = [
        {"src": f"/static/carers/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for size in _SIZES
        for purpose in ("any", "maskable")
    ]
    return {
        "id": start,
        "name": "Llar",
        "short_name": "Llar",
        "description": words.gettext(later("Alarms and calm days of the people you care for.")),
        "lang": words.language,
        "start_url": start,
        "scope": "/",
        "display": "standalone",
        "background_color": "#f2f0eb",
        "theme_color": "#0b5a6b",
        "icons": [*icons, {"src": "/static/carers/icon.svg", "sizes": "any", "type": "image/svg+xml"}],
    }


@router.get("/family/sw.js", include_in_schema=False, dependencies=Public)
def worker() -> Response:
    """The service worker, which may also serve the pages of links."""
    return FileResponse(_WORKER, media_type="text/javascript", headers={"service-worker-allowed": "/"})


@router.get("/family/offline", include_in_schema=False, dependencies=Public)
def offline(request: Request) -> Response:
    """What a telephone shows when it has no connection; kept by the service worker."""
    return carer_page(request, "offline.html", access.language_of(request))
