"""Orders to install a unit: made in a home's file, listed beside the repairs, and counted on the page of quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from sqlalchemy import Connection

from central import install_figures as installs
from central.console.access import Seat
from central.console.pages.editing import not_found, writing
from central.console.problem import Problem
from central.console.rights import allowed
from central.console.templating import CENTRE_TIMEZONE
from central.install_figures import Installs, OpenOrder
from central.storage import home_file, homes, installations
from central.storage.reach import homes_within
from central.storage.service_quality import Scope
from central.storage.tables import homes as homes_table
from central.texts import later

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("devices", "read"))]
Writer = Annotated[Seat, Depends(allowed("devices", "write"))]


class OrderBody(BaseModel):
    """An urgent installation is due within two working days, any other within five."""

    urgent: bool = False


@dataclass(frozen=True, slots=True)
class ToInstall:
    """What waits to be installed; `overdue` of them longer than they may."""

    orders: list[OpenOrder]
    overdue: int


@router.get("/api/installations", tags=["devices"])
def to_install(request: Request, seat: Reader) -> ToInstall:
    """Homes within reach that wait for their unit, in the order in which they are due: urgent ones within two working
    days, all others within five."""
    state = request.app.state
    now: float = state.clock()
    with state.parts.database.read() as connection:
        known = installations.waiting(connection, homes_within(seat.who))
    found = installs.waiting(known, now, CENTRE_TIMEZONE)
    return ToInstall(found, sum(one.overdue_s > 0 for one in found))


@router.post("/api/homes/{home_id}/installation", status_code=204, tags=["devices"])
def order(request: Request, seat: Writer, home_id: str, body: OrderBody) -> None:
    """Orders a unit for a home. One that waits already keeps its date, and may only become urgent."""
    with writing(request, seat) as (connection, now, by):
        home = home_file.home_of(connection, home_id)
        if home is None or homes.is_unknown(home_id):
            raise not_found()
        heard = request.app.state.parts.states.of(home.hub) if home.hub else None
        if heard is not None and heard.state.online:
            raise Problem(409, "installed", later("The unit of this home is heard: there is nothing to install."))
        installations.order(connection, home_id, now, by, urgent=body.urgent)


@router.delete("/api/homes/{home_id}/installation", status_code=204, tags=["devices"])
def call_off(request: Request, seat: Writer, home_id: str) -> None:
    """Calls off what waits to be installed in a home."""
    with writing(request, seat) as (connection, now, by):
        if not installations.call_off(connection, home_id, now, by):
            raise not_found()


def install_values(connection: Connection, scope: Scope, now: float) -> dict[str, Any]:
    """What the pages of quality show: figures of the orders of a span by urgency, and those overdue now."""
    towns = scope.municipalities
    within = None if towns is None else homes_table.c.municipality.in_(sorted(towns))
    span = installations.ordered(connection, scope.since_at, scope.until_at, within)
    by_urgency: dict[str, Installs] = {
        name: installs.figures((one for one in span if one.urgent == urgent), now, CENTRE_TIMEZONE)
        for name, urgent in (("urgent", True), ("others", False))
    }
    waiting = installs.waiting(installations.waiting(connection, within), now, CENTRE_TIMEZONE)
    return {"installs": by_urgency, "late_installs": [one for one in waiting if one.overdue_s > 0]}
