"""What is kept and what is deleted: terms, legal holds, who has left the service, and what each purge did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, false

from central.console.access import Seat
from central.console.problem import Problem
from central.console.rights import admit, allowed
from central.console.templating import CENTRE_TIMEZONE, office_page
from central.privacy.purge import CHORE
from central.privacy.retention import CLASSES, next_night
from central.storage import audit_log, holds, pages, settings
from central.storage.holds import Departure, Hold, Purge
from central.storage.purging import PAST_PREFIX
from central.storage.reach import NUMBER_MAX, homes_within
from central.texts import later
from central.webhooks.sender import KEPT_S

router = APIRouter(tags=["privacy"])
Reader = Annotated[Seat, Depends(allowed("retention", "read"))]
Writer = Annotated[Seat, Depends(allowed("retention", "write"))]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]

FOUND_MAX: Final = 20
REASON_MIN: Final = 10
NO_SUCH_DAY: Final = later("There is no such day.")
THEN: Final = {"deleted": later("is deleted"), "anonymised": later("is made anonymous")}


class HoldBody(BaseModel):
    """A legal hold on all of a person and their home, or on one case; until a day, or until somebody lifts it."""

    resident_id: Annotated[str, Field(max_length=32)] = ""
    case_id: Annotated[int, Field(ge=0, le=NUMBER_MAX)] = 0
    reason: Annotated[str, Field(max_length=500)]
    until: Annotated[str, Field(max_length=10)] = ""


class DepartureBody(BaseModel):
    """The last day of the service."""

    last_day: Day


@dataclass(frozen=True, slots=True)
class Placed:
    """The number of a hold."""

    id: int


@dataclass(frozen=True, slots=True)
class Term:
    """How long a class of records is kept, in months, and what becomes of it then."""

    name: str
    months: int
    then: str
    default: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Retention:
    """All of it; `next_at` is the next purge."""

    terms: list[Term]
    holds: list[Hold]
    departures: list[Departure]
    purges: list[Purge]
    next_at: float


@router.get("/retention", include_in_schema=False)
def show(
    request: Request,
    seat: Reader,
    person: Annotated[str, Query(max_length=80)] = "",
    case: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """The page; with a person or a case in its address it offers what can be done about them."""
    state = request.app.state
    with state.parts.database.read() as conn:
        known = _read(conn, seat, state.clock())
        versions = settings.versions(conn, "retention")
        text = person.replace("\x00", "").strip()
        meant = audit_log.homes_matching(conn, text) if text else false()
        found = holds.people_at(conn, meant, homes_within(seat.who), FOUND_MAX)
        names = pages.operator_names(conn)
    wanted = int(case) if case.isascii() and case.isdigit() else 0
    return office_page(
        request,
        seat,
        "retention.html",
        "/retention",
        known=known,
        classes=CLASSES,
        then=THEN,
        months={term.name: term.months for term in known.terms},
        version=versions[0].version if versions else 0,
        set_by=versions[0] if versions else None,
        telemetry_days=state.parts.carers.retention_days,
        webhook_days=round(KEPT_S / 86_400),
        names=names,
        now=state.clock(),
        asked=person,
        found=found,
        case=wanted,
        left={one.resident_id: one for one in known.departures},
        may_write=seat.may("retention", "write"),
    )


@router.get("/api/retention")
def read(request: Request, seat: Reader) -> Retention:
    """Terms in force, legal holds and departures within reach, and the latest purges."""
    with request.app.state.parts.database.read() as conn:
        return _read(conn, seat, request.app.state.clock())


@router.post("/api/retention/holds", status_code=201)
def place(request: Request, seat: Writer, body: HoldBody) -> Placed:
    """A legal hold. What is held is not purged, whatever its term says."""
    reason = " ".join(body.reason.replace("\x00", " ").split())
    if len(reason) < REASON_MIN:
        raise Problem(422, "no_reason", later("Write down why, in a few words."))
    if bool(body.resident_id) == bool(body.case_id):
        raise Problem(422, "one_of_them", later("Name either a person or a case."))
    ids: dict[str, Any] = {"resident_id": body.resident_id} if body.resident_id else {"case_id": body.case_id}
    seat = admit(request, seat, "retention", "write", **ids)
    state = request.app.state
    now: float = state.clock()
    until_at = _end_of(body.until) if body.until else None
    if until_at is not None and until_at <= now:
        raise Problem(422, "past", later("This day has passed."))
    home_id = seat.place.home_id if seat.place else ""
    if home_id.startswith(PAST_PREFIX):
        raise Problem(409, "anonymous", later("This case is anonymous already: there is nothing left to keep."))
    with state.parts.database.begin() as conn:
        number = holds.place(
            conn, home_id=home_id, **ids, reason=reason, until_at=until_at, now=now, by=seat.operator.id
        )
    return Placed(number)


@router.post("/api/retention/holds/{hold_id}/lift", status_code=204)
def lift(request: Request, seat: Writer, hold_id: int) -> Response:
    """Ends a legal hold: what is due goes with the next purge."""
    state = request.app.state
    with state.parts.database.read() as conn:
        found = holds.find(conn, hold_id) if 0 < hold_id <= NUMBER_MAX else None
    if found is None:
        raise Problem(404, "no_such_hold", later("There is no such hold."))
    admit(request, seat, "retention", "write", home_id=found.home_id)
    with state.parts.database.begin() as conn:
        done = holds.lift(conn, hold_id, state.clock(), seat.operator.id)
    if not done:
        raise Problem(409, "lifted", later("Somebody has lifted it already."))
    return Response(status_code=204)


@router.put("/api/residents/{resident_id}/departure", status_code=204)
def leave(request: Request, seat: Writer, resident_id: str, body: DepartureBody) -> Response:
    """Somebody has left the service: from that day the term of their file is counted. Alarms are taken as before."""
    state = request.app.state
    now: float = state.clock()
    left_at = _end_of(body.last_day)
    if left_at > now + 86_400:
        raise Problem(422, "future", later("This day has not come yet."))
    with state.parts.database.begin() as conn:
        home_id = seat.place.home_id if seat.place else ""
        holds.note_departure(conn, resident_id, home_id, left_at, now, seat.operator.id)
    return Response(status_code=204)


@router.delete("/api/residents/{resident_id}/departure", status_code=204)
def stay(request: Request, seat: Writer, resident_id: str) -> Response:
    """They have not left, or are back."""
    with request.app.state.parts.database.begin() as conn:
        if not holds.take_back_departure(conn, resident_id):
            raise Problem(404, "not_left", later("Nobody has said that they left."))
    return Response(status_code=204)


def _read(conn: Connection, seat: Seat, now: float) -> Retention:
    terms = settings.current(conn).retention
    within = homes_within(seat.who)
    return Retention(
        [Term(name, terms.of(name), one.then, one.months, one.least, one.most) for name, one in CLASSES.items()],
        holds.listed(conn, within),
        holds.departed(conn, within),
        holds.purges_done(conn),
        holds.next_purge_at(conn, CHORE) or next_night(now),
    )


def _end_of(day: str) -> float:
    """When a day at the centre is over."""
    try:
        following = date.fromisoformat(day) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise Problem(422, "no_such_day", NO_SUCH_DAY) from None
    return datetime.combine(following, time(), ZoneInfo(CENTRE_TIMEZONE)).timestamp()
