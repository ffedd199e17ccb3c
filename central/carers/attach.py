"""Puts the pages of carers and residents into the web application of the desk."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from central.carer_desk import CarerDesk
from central.carers import (
    family_pages,
    invitation_changes,
    invitation_pages,
    link_pages,
    phone_pages,
    requests_page,
    rights_pages,
    rota_pages,
    share_changes,
)
from central.carers.day import Mornings

_ROOMS: Final = (
    link_pages,
    family_pages,
    rota_pages,
    phone_pages,
    rights_pages,
    requests_page,
    share_changes,
    invitation_changes,
    invitation_pages,
)


def attach(app: FastAPI) -> set[str]:
    """Adds routes and files; gives the paths that are served. To be called before `/static` is mounted."""
    parts = app.state.parts
    app.state.carers = CarerDesk(parts.desk)
    app.state.mornings = Mornings(parts.telemetry)
    app.mount("/static/carers", StaticFiles(directory=Path(__file__).parent / "static"), name="carers")
    for room in _ROOMS:
        app.router.routes.extend(room.router.routes)
    return {getattr(route, "path", "") for room in _ROOMS for route in room.router.routes}
