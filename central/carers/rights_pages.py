"""The resident's own page: what is known of me, who looked, what I share with whom, what I ask. In large print.

A legal representative has an account of the role "resident" for the same person, and sees and does the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from central.access_rules import Role
from central.alarm_cases.rota import Share
from central.carers.looked import Look, looks
from central.carers.phone_pages import said_browsers
from central.carers.rights_readable import readable, reader_of, say_readings
from central.carers.rights_words import CATEGORIES, KINDS, ROUTINE_NAME, ROUTINE_SEES, SHARED, STATES
from central.carers.share_changes import decisions_of
from central.carers.web import carer_page
from central.console.access import Seat
from central.console.problem import Problem
from central.console.rights import admit, allowed
from central.reach_watch import ReachWatch
from central.storage import care, pages, people, person_export, push, rights_requests, shares
from central.storage.homes import ROUTINE
from central.storage.rights_requests import RightsRequest
from central.telemetry.store import StoreUnavailable, TelemetryStore
from central.texts import later, local, say_date, say_day, say_moment, translator

router = APIRouter()
Own = Annotated[Seat, Depends(allowed("resident_file", "read"))]
Exporter = Annotated[Seat, Depends(allowed("resident_file", "export"))]
ConsentReader = Annotated[Seat, Depends(allowed("consents", "read"))]
ConsentWriter = Annotated[Seat, Depends(allowed("consents", "write"))]
LookReader = Annotated[Seat, Depends(allowed("who_looked", "read"))]
Asker = Annotated[Seat, Depends(allowed("rights", "write"))]
RightsReader = Annotated[Seat, Depends(allowed("rights", "read"))]

READINGS_MAX: Final = 200_000
"""Readings in one export; the rest is had by asking."""


class ShareBody(BaseModel):
    """Whether a contact may see a kind of data from now on."""

    share: Share
    given: bool


class RoutineBody(BaseModel):
    """Whether the care team may see one's weeks in numbers."""

    given: bool


class RequestBody(BaseModel):
    """What somebody asks about their data."""

    kind: Literal["see", "correct", "erase", "restrict", "object"]
    text: Annotated[str, Field(max_length=2_000)] = ""


@dataclass(frozen=True, slots=True)
class ContactShares:
    """What one contact may see."""

    contact_id: str
    called: str
    relation: str
    shares: list[str]


@dataclass(frozen=True, slots=True)
class Made:
    """The number of a request."""

    id: int


@router.get("/rights", include_in_schema=False)
def show(request: Request, seat: Own) -> Response:
    """The page."""
    if seat.who.role is not Role.RESIDENT or not seat.who.resident_id:
        raise Problem(404, "not_found", later("This page is for the person who is cared for."))
    resident_id = seat.who.resident_id
    seat = admit(request, seat, "resident_file", "read", resident_id=resident_id)
    state = request.app.state
    now: float = state.clock()
    words = translator(seat.operator.language)
    with state.parts.database.read() as conn:
        home_id = seat.place.home_id if seat.place else ""
        me = next(one for one in people.residents_of(conn, home_id) if one.id == resident_id)
        contacts = people.contacts_of(conn, home_id)
        given = {contact.id: shares.shared_with(conn, contact.id) for contact in contacts}
        changes = decisions_of(conn, home_id, words)[:10]
        found = looks(conn, home_id, resident_id, now, words)
        routine = care.agrees(conn, resident_id, ROUTINE)
        asked = rights_requests.of_resident(conn, resident_id)
        phones = said_browsers(push.listed(conn, [one.id for one in contacts]), words.language)
    return carer_page(
        request,
        "rights.html",
        words.language,
        seat=seat,
        here="rights",
        me=me,
        contacts=contacts,
        given=given,
        phones=phones,
        shared=SHARED,
        categories=CATEGORIES,
        retention_days=state.parts.carers.retention_days,
        changes=[(say_moment(one.at, now, words.language), one) for one in changes],
        looks=[one for one in found if one.role != "" and not _own_look(one, words.gettext(later("resident")))],
        routine=routine,
        routine_name=words.gettext(ROUTINE_NAME),
        routine_sees=words.gettext(ROUTINE_SEES),
        kinds=KINDS,
        states=STATES,
        requests=[(one, say_day(one.made_at, words.language), say_day(one.due_at, words.language)) for one in asked],
    )


@router.get("/api/rights/{resident_id}/shares", tags=["rights"])
def read_shares(request: Request, seat: ConsentReader, resident_id: str) -> list[ContactShares]:
    """What each contact may see."""
    with request.app.state.parts.database.read() as conn:
        contacts = people.contacts_of(conn, seat.place.home_id if seat.place else "")
        return [
            ContactShares(one.id, one.called, one.relation, sorted(shares.shared_with(conn, one.id)))
            for one in contacts
        ]


@router.put("/api/rights/{resident_id}/shares/{contact_id}", tags=["rights"], status_code=204)
def set_share(request: Request, seat: ConsentWriter, resident_id: str, contact_id: str, body: ShareBody) -> Response:
    """Gives or takes back one kind of data for one contact. It holds at once, on every open page."""
    state = request.app.state
    now: float = state.clock()
    with state.parts.database.begin() as conn:
        changed = shares.set_share(
            conn, contact_id, body.share, now, given=body.given, resident_id=resident_id, by=seat.operator.id
        )
    if changed and body.share == "alarms" and seat.place:
        ReachWatch(state.parts.desk).look(seat.place.home_id, now)
    return Response(status_code=204)


@router.put("/api/rights/{resident_id}/routine", tags=["rights"], status_code=204)
def set_routine(request: Request, seat: ConsentWriter, resident_id: str, body: RoutineBody) -> Response:
    """Whether the care team may see one's weeks in numbers. Taken back, what was told by it is deleted."""
    now: float = request.app.state.clock()
    with request.app.state.parts.database.begin() as conn:
        change = care.give_consent if body.given else care.withdraw_consent
        change(conn, resident_id, ROUTINE, now, seat.operator.id)
    return Response(status_code=204)


@router.get("/api/rights/{resident_id}/looks", tags=["rights"])
def read_looks(request: Request, seat: LookReader, resident_id: str) -> list[Look]:
    """Who looked at a person's file in the last three months, and why."""
    state = request.app.state
    home_id = seat.place.home_id if seat.place else ""
    with state.parts.database.read() as conn:
        return looks(conn, home_id, resident_id, state.clock(), translator(seat.operator.language))


@router.get("/api/rights/{resident_id}/requests", tags=["rights"])
def read_requests(request: Request, seat: RightsReader, resident_id: str) -> list[RightsRequest]:
    """What a person asked about their data."""
    with request.app.state.parts.database.read() as conn:
        return rights_requests.of_resident(conn, resident_id)


@router.post("/api/rights/{resident_id}/requests", tags=["rights"], status_code=201)
def ask(request: Request, seat: Asker, resident_id: str, body: RequestBody) -> Made:
    """Asks something about one's data; coordinators see it at once and answer within a month."""
    now: float = request.app.state.clock()
    home_id = seat.place.home_id if seat.place else ""
    with request.app.state.parts.database.begin() as conn:
        number = rights_requests.add(conn, resident_id, home_id, body.kind, body.text, now, seat.operator.id)
    if number is None:
        raise Problem(409, "too_many", later("Many of your requests are still open. Please wait for an answer."))
    return Made(number)


@router.get("/api/rights/{resident_id}/export", tags=["rights"])
def export(request: Request, seat: Exporter, resident_id: str) -> Response:
    """Everything that is known of a person, as JSON to take away. Times are Unix seconds."""
    body = json.dumps(_everything(request, seat, resident_id), ensure_ascii=False, indent=1, default=str)
    headers = {"content-disposition": f'attachment; filename="llar-{resident_id}.json"'}
    return Response(body, media_type="application/json", headers=headers)


@router.get("/rights/{resident_id}/export", include_in_schema=False)
def show_export(request: Request, seat: Exporter, resident_id: str) -> Response:
    """The same to be read and printed; readings as a count of each."""
    now: float = request.app.state.clock()
    language = seat.operator.language
    words = translator(language)
    everything = _everything(request, seat, resident_id)
    readings = everything.pop("readings")
    del everything["made_at"]
    with request.app.state.parts.database.read() as conn:
        reader = reader_of(everything, pages.operator_names(conn), words)
    return carer_page(
        request,
        "export.html",
        language,
        seat=seat,
        tables=readable(everything, reader),
        readings=say_readings(readings, reader),
        made=say_date(local(now, reader.timezone).date(), language),
    )


def _everything(request: Request, seat: Seat, resident_id: str) -> dict[str, Any]:
    state = request.app.state
    with state.parts.database.read() as conn:
        tables = person_export.export(conn, resident_id)
    readings = _readings(state.parts.telemetry, seat.place.home_id if seat.place else "", state.clock())
    return {"made_at": state.clock(), **tables, "readings": readings}


def _readings(store: TelemetryStore | None, home_id: str, now: float) -> list[dict[str, Any]]:
    """The raw readings that are still kept, by series; empty where the store cannot be read."""
    found: list[dict[str, Any]] = []
    left = READINGS_MAX
    try:
        for row in store.last(home_id) if store is not None else ():
            points = store.points(home_id, row.device, row.kind, 0.0, now + 1.0)[-left:] if store and left else []
            left -= len(points)
            series = [[point.at, point.value] for point in points]
            found.append({"device": row.device, "kind": row.kind, "points": series})
    except StoreUnavailable:
        return [*found, {"device": "", "kind": "unavailable", "points": []}]
    return found


def _own_look(one: Look, resident: str) -> bool:
    return one.role == resident
