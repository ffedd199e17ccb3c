"""When a carer can come and how they are reached: said by themselves, in force at once.

A telephone number or an e-mail address counts only once a code that was sent there has come back: a slip of the finger
must not make somebody unreachable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from central.alarm_cases.rota import CONTACTS_MAX, SPANS_MAX, Absence, Profile, Span
from central.carers import ways
from central.carers.family_pages import contacts_of, say_muted, say_reach
from central.carers.rota_words import DAYS, PARTS, WAYS, absence_line, grid_of, spans_of
from central.carers.speaker import called_by
from central.carers.ways import Way
from central.carers.web import carer_page
from central.console.access import Seat
from central.console.problem import Problem
from central.console.rights import allowed
from central.reach_watch import ReachWatch
from central.storage import people, reach_tests, rota
from central.texts import later, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("rota", "read"))]
Writer = Annotated[Seat, Depends(allowed("rota", "write"))]

MUTE_MAX_S: Final = 30 * 86_400.0
"""Longer than that is a holiday, which says when it ends."""
AHEAD_MAX_S: Final = 2 * 366 * 86_400.0


class SpanBody(BaseModel):
    """Part of a day of the week (0 Monday), in minutes from local midnight."""

    day: Annotated[int, Field(ge=0, le=6)]
    from_min: Annotated[int, Field(ge=0, le=1440)]
    until_min: Annotated[int, Field(ge=0, le=1440)]


class WeekBody(BaseModel):
    """When somebody can come: `weekly` empty means at any time; `night_ok`: may be woken."""

    weekly: Annotated[list[SpanBody], Field(max_length=SPANS_MAX)] = []
    night_ok: bool = True


class GridBody(BaseModel):
    """The same as ticked on the page: "always", or `cells` such as "0-morning"."""

    when: Annotated[str, Field(pattern=r"^(always|week)$")]
    cells: Annotated[list[Annotated[str, Field(max_length=16)]], Field(max_length=60)] = []
    night_ok: bool = False


class AwayBody(BaseModel):
    """A holiday or journey, Unix seconds."""

    from_at: Annotated[float, Field(ge=0, le=1e11)]
    until_at: Annotated[float, Field(ge=0, le=1e11)]
    reason: Annotated[str, Field(max_length=100)] = ""


class FromBody(BaseModel):
    """Which absence ends: by its begin."""

    from_at: float


class MuteBody(BaseModel):
    """For how long nothing more shall come, in hours; 0 ends it."""

    hours: Annotated[float, Field(ge=0, le=MUTE_MAX_S / 3600)]


class NameBody(BaseModel):
    """What a carer calls the person: "Mum"; "" as everybody does."""

    calls_them: Annotated[str, Field(max_length=40)] = ""


class OrderBody(BaseModel):
    """The ways to be reached, the preferred first, as numbers of the list before; what is left out is given up."""

    order: Annotated[list[Annotated[int, Field(ge=0, le=20)]], Field(min_length=1, max_length=20)]


class NewWayBody(BaseModel):
    """A telephone number or an e-mail address, to which a code is sent."""

    address: Annotated[str, Field(min_length=3, max_length=120)]


class CodeBody(BaseModel):
    """The code that was sent, and where to."""

    address: Annotated[str, Field(min_length=3, max_length=120)]
    code: Annotated[str, Field(max_length=12)]


@dataclass(frozen=True, slots=True)
class Rota:
    """What a carer said of when and how they can be reached."""

    contact_id: str
    weekly: list[SpanBody]
    night_ok: bool
    absences: list[AwayBody]
    muted_until_at: float
    calls_them: str
    ways: list[Way]


@router.get("/family/rota", include_in_schema=False)
def show(request: Request, seat: Reader, contact: str = "") -> Response:
    """The page, for one of the people whom they care for."""
    state = request.app.state
    now: float = state.clock()
    language = seat.operator.language
    words = translator(language)
    with state.parts.database.read() as conn:
        mine = contacts_of(conn, seat)[:CONTACTS_MAX]
        chosen = next((one for one in mine if one.id == contact), mine[0] if mine else None)
        if chosen is None:
            return RedirectResponse("/family", status_code=303)
        profile = rota.profile(conn, chosen.id)
        timezone = rota.timezone_of(conn, chosen.home_id)
        names = {one.id: called_by(conn, one.id, one.home_id, language) for one in mine}
        test = reach_tests.latest_of(conn, chosen.id)
        known = ways.ways_of(conn, chosen.id, state.parts.desk.channels)
    absences = [(one.from_at, absence_line(one, timezone, words)) for one in profile.absences if one.until_at > now]
    return carer_page(
        request,
        "rota.html",
        language,
        seat=seat,
        here="rota",
        contact=chosen,
        names=names,
        days=[words.gettext(day) for day in DAYS],
        parts={name: words.gettext(part.text) for name, part in PARTS.items()},
        grid=grid_of(profile.weekly),
        profile=profile,
        absences=absences,
        muted=say_muted(profile, timezone, now, words),
        ways=known,
        way_names={name: words.gettext(text) for name, text in WAYS.items()},
        reach=say_reach(test, now, words),
    )


@router.get("/api/family/contacts/{contact_id}/rota", tags=["carers"])
def read(request: Request, seat: Reader, contact_id: str) -> Rota:
    """What this carer said."""
    with request.app.state.parts.database.read() as conn:
        _own(conn, seat, contact_id)
        profile = rota.profile(conn, contact_id)
        known = ways.ways_of(conn, contact_id, request.app.state.parts.desk.channels)
    return Rota(
        contact_id=contact_id,
        weekly=[SpanBody(**msgspec.structs.asdict(span)) for span in profile.weekly],
        night_ok=profile.night_ok,
        absences=[AwayBody(**msgspec.structs.asdict(one)) for one in profile.absences],
        muted_until_at=profile.muted_until_at,
        calls_them=profile.calls_them,
        ways=known,
    )


@router.put("/api/family/contacts/{contact_id}/week", tags=["carers"], status_code=204)
def set_week(request: Request, seat: Writer, contact_id: str, body: WeekBody) -> Response:
    """When they can come."""
    if any(span.from_min >= span.until_min for span in body.weekly):
        raise Problem(422, "bad_span", later("A part of a day must end after it begins."))
    weekly = tuple(Span(span.day, span.from_min, span.until_min) for span in body.weekly)
    return _change(request, seat, contact_id, weekly=weekly, night_ok=body.night_ok)


@router.put("/api/family/contacts/{contact_id}/grid", tags=["carers"], status_code=204)
def set_grid(request: Request, seat: Writer, contact_id: str, body: GridBody) -> Response:
    """When they can come, as ticked on the page."""
    weekly = spans_of(body.cells) if body.when == "week" else ()
    if body.when == "week" and not weekly:
        text = later("Tick at least one time. If you can never come, ask the centre to take you off the list.")
        raise Problem(422, "never", text)
    return _change(request, seat, contact_id, weekly=weekly, night_ok=body.night_ok)


@router.post("/api/family/contacts/{contact_id}/absences", tags=["carers"], status_code=204)
def add_absence(request: Request, seat: Writer, contact_id: str, body: AwayBody) -> Response:
    """They are away for a while, and are not asked then."""
    now: float = request.app.state.clock()
    if body.until_at <= body.from_at or body.until_at <= now or body.until_at > now + AHEAD_MAX_S:
        raise Problem(422, "bad_span", later("The last day must not be before the first, nor in the past."))
    with request.app.state.parts.database.read() as conn:
        held = [one for one in rota.profile(conn, contact_id).absences if one.until_at > now]
    if len(held) >= SPANS_MAX:
        raise Problem(409, "too_many", later("There are too many entries. Take one away first."))
    absences = sorted({*held, Absence(body.from_at, body.until_at, body.reason)}, key=lambda one: one.from_at)
    return _change(request, seat, contact_id, absences=tuple(absences))


@router.post("/api/family/contacts/{contact_id}/absences/end", tags=["carers"], status_code=204)
def end_absence(request: Request, seat: Writer, contact_id: str, body: FromBody) -> Response:
    """They are not away after all."""
    with request.app.state.parts.database.read() as conn:
        held = rota.profile(conn, contact_id).absences
    return _change(request, seat, contact_id, absences=tuple(one for one in held if one.from_at != body.from_at))


@router.post("/api/family/contacts/{contact_id}/mute", tags=["carers"], status_code=204)
def mute(request: Request, seat: Writer, contact_id: str, body: MuteBody) -> Response:
    """Nothing more shall come for some hours."""
    now: float = request.app.state.clock()
    return _change(request, seat, contact_id, muted_until_at=now + body.hours * 3_600.0 if body.hours else 0.0)


@router.put("/api/family/contacts/{contact_id}/name", tags=["carers"], status_code=204)
def set_name(request: Request, seat: Writer, contact_id: str, body: NameBody) -> Response:
    """What they call the person."""
    return _change(request, seat, contact_id, calls_them=" ".join(body.calls_them.split()))


@router.put("/api/family/contacts/{contact_id}/ways", tags=["carers"], status_code=204)
def order_ways(request: Request, seat: Writer, contact_id: str, body: OrderBody) -> Response:
    """In which order they want to be reached; one way at least stays."""
    with request.app.state.parts.database.read() as conn:
        held = rota.ways_of(conn, contact_id)
    if len(set(body.order)) != len(body.order) or any(number >= len(held) for number in body.order):
        raise Problem(422, "no_such_way", later("The list has changed meanwhile. Load the page again."))
    return _change(request, seat, contact_id, addresses=tuple(held[number] for number in body.order))


@router.post("/api/family/contacts/{contact_id}/ways/new", tags=["carers"], status_code=204)
def new_way(request: Request, seat: Writer, contact_id: str, body: NewWayBody) -> Response:
    """Sends a code to a number or address. Nothing changes until it has come back."""
    with request.app.state.parts.database.read() as conn:
        contact = _own(conn, seat, contact_id)
    ways.send_code(request, contact, body.address)
    return Response(status_code=204)


@router.post("/api/family/contacts/{contact_id}/ways/proof", tags=["carers"], status_code=204)
def prove_way(request: Request, seat: Writer, contact_id: str, body: CodeBody) -> Response:
    """The code has come back: the number or address is one of their ways from now on."""
    with request.app.state.parts.database.read() as conn:
        _own(conn, seat, contact_id)
    added = ways.prove(request, contact_id, body.address, body.code)
    with request.app.state.parts.database.read() as conn:
        held = rota.ways_of(conn, contact_id)
    return _change(request, seat, contact_id, addresses=(*held, *(one for one in added if one not in held))[:10])


@router.post("/api/family/contacts/{contact_id}/test", tags=["carers"], status_code=204)
def test_me(request: Request, seat: Writer, contact_id: str) -> Response:
    """A test message to oneself, by the preferred way."""
    state = request.app.state
    with state.parts.database.begin() as conn:
        _own(conn, seat, contact_id)
        queued = ways.queue_test(conn, contact_id, state.parts.desk.channels, "carer", state.clock())
    if not queued:
        raise Problem(409, "no_way", later("There is no way by which we could reach you, or a test is on its way."))
    return Response(status_code=204)


def _own(conn: sa.Connection, seat: Seat, contact_id: str) -> people.Contact:
    """The contact that an account speaks as; somebody else's of the same home is not found."""
    found = next((one for one in contacts_of(conn, seat) if one.id == contact_id), None)
    if found is None:
        raise Problem(404, "no_such_contact", later("There is no such contact."))
    return found


def _change(request: Request, seat: Seat, contact_id: str, **values: object) -> Response:
    state = request.app.state
    now: float = state.clock()
    with state.parts.database.begin() as conn:
        contact = _own(conn, seat, contact_id)
        profile: Profile = msgspec.structs.replace(rota.profile(conn, contact_id), **values)
        rota.keep_profile(conn, contact_id, profile, now, seat.operator.id)
    # a gap that this makes or mends is known at once
    ReachWatch(state.parts.desk).look(contact.home_id, now)
    return Response(status_code=204)
