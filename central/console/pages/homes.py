"""A home beside its case: the resident's card, the last hour of its rooms, small charts of the last day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request

from central.alarm_cases.rota import Gap, unreachable_hours
from central.console.access import Seat
from central.console.case_view import BY_HAND
from central.console.problem import Problem
from central.console.rights import allowed
from central.storage import drills, pages, people, rota
from central.storage.ages import Age, ages_of
from central.storage.pages import HomeLine, PastCase
from central.storage.people import Contact, Resident
from central.storage.reach import NUMBER_MAX
from central.telemetry.store import Row, StoreUnavailable, TelemetryStore
from central.texts import later
from devices.vocabulary import KINDS

router = APIRouter(prefix="/api/homes", tags=["homes"])

RIBBON_MINUTES: Final = 60
RIBBON_EVENTS_MAX: Final = 1_000
CHART_S: Final = 24 * 3600.0
CHART_STEP_S: Final = 900.0
CHARTED: Final = ("heart_rate", "systolic", "diastolic", "spo2", "body_temperature", "weight", "temperature")
"""What is drawn, in this order; each from the device that spoke last."""
FileReader = Annotated[Seat, Depends(allowed("resident_file", "read"))]
TelemetryReader = Annotated[Seat, Depends(allowed("telemetry", "read"))]
_ACTIVITY: Final = sorted(kind.name for kind in KINDS.values() if kind.activity)


@dataclass(frozen=True, slots=True)
class ResidentCard:
    """Everything about a home that an operator needs within the first minute.

    Attributes:
        proven_at: when the path from the button to a person was last proven by a test; None when never.
        heard_at, unit_troubles: when its unit last told of itself since this desk started, and how many things of it
            are not well.
        ages: of the residents by their ids.
        gaps: times within the coming week in which no contact could be reached.
    """

    now: float
    home: HomeLine
    residents: list[Resident]
    ages: dict[str, Age]
    contacts: list[Contact]
    last_cases: list[PastCase]
    proven_at: float | None
    heard_at: float | None
    unit_troubles: int
    gaps: list[Gap]


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """Somebody was noticed: when, in which room, by what."""

    at: float
    room: str
    kind: str


@dataclass(frozen=True, slots=True)
class Rooms:
    """The last hour of rooms. `unavailable` says why it cannot be told: "none" (no store here) or "down"."""

    start_at: float
    end_at: float
    rooms: list[str]
    events: list[RoomEvent]
    unavailable: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One curve: means of quarter hours as (Unix seconds, value)."""

    device: str
    room: str
    kind: str
    unit: str
    last_at: float
    last: float
    points: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Charts:
    """Curves of the last day; `unavailable` as for rooms."""

    start_at: float
    end_at: float
    series: list[Series]
    unavailable: str = ""


@router.get("/{home_id}/card")
def card(
    request: Request, seat: FileReader, home_id: str, besides: Annotated[int | None, Query(ge=0, le=NUMBER_MAX)] = None
) -> ResidentCard:
    """The people of a home, their contacts in order, and the last three cases besides the one looked at."""
    state = request.app.state
    with state.parts.database.read() as conn:
        home = pages.home_line(conn, home_id)
        if home is None:
            raise Problem(404, "no_such_home", later("There is no such home."))
        now: float = state.clock()
        heard = state.parts.states.of(home.hub)
        contacts = people.contacts_of(conn, home_id) if seat.may("contacts", "read") else []
        roster = rota.roster(conn, home_id, {*state.parts.desk.channels, BY_HAND})
        return ResidentCard(
            now=now,
            home=home if seat.may("keys", "read") else replace(home, access_notes=""),
            residents=[_seen(person, seat) for person in people.residents_of(conn, home_id)],
            ages=ages_of(conn, [home_id], now),
            contacts=contacts,
            last_cases=pages.last_cases(conn, home_id, besides) if seat.may("case", "read") else [],
            proven_at=drills.last_proven_at(conn, home_id),
            heard_at=None if heard is None else heard.received_at,
            unit_troubles=0 if heard is None else len(heard.state.problems) + len(heard.state.faults),
            gaps=unreachable_hours(roster, now, home.timezone) if roster else [],
        )


@router.get("/{home_id}/rooms")
def rooms(request: Request, _seat: TelemetryReader, home_id: str) -> Rooms:
    """Where somebody was noticed in the last hour."""
    state = request.app.state
    now: float = state.clock()
    start_at = now - RIBBON_MINUTES * 60
    names = _rooms(request, home_id)
    store: TelemetryStore | None = state.parts.telemetry
    if store is None:
        return Rooms(start_at, now, [], [], "none")
    try:
        rows = store.events(home_id, _ACTIVITY, start_at, now, RIBBON_EVENTS_MAX)
    except StoreUnavailable:
        return Rooms(start_at, now, [], [], "down")
    events = [RoomEvent(row.at, names.get(row.device) or row.device, row.kind) for row in rows if _noticed(row)]
    return Rooms(start_at, now, list(dict.fromkeys(event.room for event in events)), events)


@router.get("/{home_id}/charts")
def charts(request: Request, _seat: TelemetryReader, home_id: str) -> Charts:
    """What was measured on the person and in the home in the last day, where there is any."""
    state = request.app.state
    now: float = state.clock()
    start_at = now - CHART_S
    names = _rooms(request, home_id)
    store: TelemetryStore | None = state.parts.telemetry
    if store is None:
        return Charts(start_at, now, [], "none")
    try:
        series = _series(store, home_id, names, start_at, now)
    except StoreUnavailable:
        return Charts(start_at, now, [], "down")
    return Charts(start_at, now, series)


def _series(store: TelemetryStore, home_id: str, names: dict[str, str], start_at: float, end_at: float) -> list[Series]:
    newest: dict[str, Row] = {}
    for row in store.last(home_id):
        if row.kind in CHARTED and (row.kind not in newest or row.at > newest[row.kind].at):
            newest[row.kind] = row
    found = []
    for kind in CHARTED:
        last = newest.get(kind)
        if last is None or last.at < start_at or not isinstance(last.value, float | int):
            continue
        points = store.points(home_id, last.device, kind, start_at, end_at, CHART_STEP_S)
        pairs = [(point.at, point.value) for point in points]
        room = names.get(last.device, "")
        found.append(Series(last.device, room, kind, KINDS[kind].unit, last.at, float(last.value), pairs))
    return found


def _seen(person: Resident, seat: Seat) -> Resident:
    return person if seat.may("medical", "read") else replace(person, conditions="", flags=())


def _noticed(row: Row) -> bool:
    """Whether a row tells of somebody: a door opened or closed does either way, stillness does not."""
    return row.kind == "open" or KINDS[row.kind].words != () or bool(row.value)


def _rooms(request: Request, home_id: str) -> dict[str, str]:
    with request.app.state.parts.database.read() as conn:
        if pages.home_line(conn, home_id) is None:
            raise Problem(404, "no_such_home", later("There is no such home."))
        return pages.room_names(conn, home_id)
