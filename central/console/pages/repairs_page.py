"""Faults that wait for repair, by when they are due: the technician's list, and the figures of the service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from central import repair_figures as repairs
from central.console.access import Seat
from central.console.finding_words import KIND_WORDS
from central.console.hub_troubles import raises_alarms
from central.console.hub_words import PROBLEMS
from central.console.pages.installations_page import to_install
from central.console.rights import allowed
from central.console.templating import office_page
from central.repair_figures import Fault, OpenFault, Repairs
from central.storage import repairs as repairs_store
from central.storage.reach import homes_within
from central.storage.service_quality import Scope
from central.storage.tables import homes
from central.texts import Words, say_duration, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("devices", "read"))]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for repair; `overdue` of them longer than they may."""

    faults: list[OpenFault]
    overdue: int


@router.get("/api/repairs", tags=["devices"])
def waiting(request: Request, seat: Reader) -> Waiting:
    """Faults within reach that are not repaired, in the order in which they are due: within 48 hours where no alarm may
    come because of it, within 96 hours else."""
    state = request.app.state
    now: float = state.clock()
    with state.parts.database.read() as connection:
        known = repairs_store.waiting(connection, homes_within(seat.who))
    found = repairs.waiting(known, raises_alarms, now)
    return Waiting(found, sum(one.overdue_s > 0 for one in found))


@router.get("/repairs", include_in_schema=False)
def show(request: Request, seat: Reader) -> Response:
    """The page."""
    found = waiting(request, seat)
    words = translator(seat.operator.language)
    return office_page(
        request,
        seat,
        "repairs.html",
        "/devices",
        waiting=found,
        installs=to_install(request, seat),
        said_fault=lambda fault: fault_words(fault, words),
        span=lambda seconds: say_duration(abs(seconds), words.language),
    )


def fault_words(fault: Fault, words: Words) -> str:
    """What is out of order, in words."""
    if fault.kind in PROBLEMS:
        what = fault.room or fault.device or "?"
        return words.say(PROBLEMS[fault.kind].says, what=what)
    return words.gettext(KIND_WORDS.get(fault.kind, fault.kind))


def figures_of(connection: Connection, scope: Scope, now: float) -> dict[str, Any]:
    """What the pages of quality show: figures of the faults of a span by what they stop, and those overdue now."""
    towns = scope.municipalities
    within = None if towns is None else homes.c.municipality.in_(sorted(towns))
    span = repairs_store.begun(connection, scope.since_at, scope.until_at, within)
    waiting_now = repairs.waiting(repairs_store.waiting(connection, within), raises_alarms, now)
    overdue = [one for one in waiting_now if one.overdue_s > 0]
    return {"repairs": _by_gravity(span, now), "overdue": overdue}


def _by_gravity(faults: list[Fault], now: float) -> dict[str, Repairs]:
    stopping = [one for one in faults if repairs.stops_alarms(one, raises_alarms)]
    others = [one for one in faults if not repairs.stops_alarms(one, raises_alarms)]
    return {"stops": repairs.figures(stopping, now), "others": repairs.figures(others, now)}
