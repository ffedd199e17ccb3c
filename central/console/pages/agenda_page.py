"""The agenda: calls that go out today, who makes them, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from central.access_rules import Role
from central.agenda.desk import AgendaDesk, NotDone
from central.agenda.rules import Kind, Outcome, read_rule
from central.console.access import Seat
from central.console.pages import agenda_words
from central.console.pages.editing import Day, Line, Made, Moment, check_entered_by, not_found, writing
from central.console.pages.file_words import choices
from central.console.problem import Problem
from central.console.rights import allowed
from central.console.templating import CENTRE_TIMEZONE, office_page
from central.storage import agenda, home_file, pages, people
from central.storage.agenda import Call, Load
from central.texts import later, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("agenda", "read"))]
Worker = Annotated[Seat, Depends(allowed("agenda", "work"))]
Writer = Annotated[Seat, Depends(allowed("agenda", "write"))]
Show = Literal["due", "mine", "overdue", "today", "week", "done"]

SHOWS = {
    "due": later("Due now"),
    "mine": later("Mine"),
    "overdue": later("Overdue"),
    "today": later("Today"),
    "week": later("Seven days"),
    "done": later("Done"),
}
_SENIOR = frozenset({Role.SUPERVISOR, Role.COORDINATOR})
_REFUSALS = {
    "no_such_call": (404, later("There is no such call.")),
    "taken": (409, later("{who} is making this call.")),
    "not_open": (409, later("This call is settled already, by {who}.")),
    "changed": (409, later("Somebody else was faster. Look again.")),
    "reason": (422, later("Say why, in a few words.")),
    "past": (422, later("Choose a time that is still to come.")),
    "too_far": (422, later("This call may not be put off so far.")),
    "senior": (403, later("Only a supervisor may call this off.")),
}


class ItemBody(BaseModel):
    """Calls that are wanted. Times are on the home's own clock; an empty `assigned_to` is anybody."""

    kind: Kind
    resident: Annotated[str, Field(max_length=32)] = ""
    title: Line = ""
    note: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""
    repeat: Literal["once", "days", "weekly", "monthly", "yearly"] = "once"
    every: Annotated[int, Field(ge=1, le=365)] = 1
    weekdays: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(max_length=7)] = []
    at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "10:00"
    window_min: Annotated[int, Field(ge=5, le=1440)] = 60
    starts_on: Day
    until_on: Day = ""
    assigned_to: Annotated[str, Field(max_length=32)] = ""


class OutcomeBody(BaseModel):
    """How a call ended."""

    outcome: Literal["reached", "no_answer"]
    note: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""


class MoveBody(BaseModel):
    """Until when a call is put off, and why."""

    to_at: Moment
    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]


class ReasonBody(BaseModel):
    """Why."""

    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]


@dataclass(frozen=True, slots=True)
class CallView:
    """One call: due from `due_at`, overdue from `late_at`; `say` is what to say or ask."""

    id: int
    home_id: str
    resident_id: str
    kind: str
    title: str
    say: str
    due_at: float
    late_at: float
    state: str
    attempts: int
    owner_id: str
    assigned_to: str
    done_at: float | None
    done_by: str
    outcome: str
    note: str
    version: int
    called: str
    address: str
    phone: str
    language: str


@dataclass(frozen=True, slots=True)
class Agenda:
    """Calls, and how many wait in all."""

    now: float
    load: Load
    calls: list[CallView]


@router.get("/api/agenda", tags=["agenda"])
def listed(
    request: Request,
    seat: Reader,
    show: Show = "due",
    kind: Annotated[str, Query(max_length=16, pattern=r"^[a-z_]*$")] = "",
) -> Agenda:
    """Calls within reach: those due now, one's own, overdue ones, today's, of seven days, or those done today."""
    found, load = _found(request, seat, show, kind)
    return Agenda(request.app.state.clock(), load, [view_of(call) for call in found])


@router.get("/agenda", include_in_schema=False)
def show_page(
    request: Request,
    seat: Reader,
    show: Show = "due",
    kind: Annotated[str, Query(max_length=16, pattern=r"^[a-z_]*$")] = "",
) -> Response:
    """The page."""
    found, load = _found(request, seat, show, kind)
    now: float = request.app.state.clock()
    words = translator(seat.operator.language)
    with request.app.state.parts.database.read() as connection:
        names = pages.operator_names(connection)
        events = agenda.events_of(connection, [call.id for call in found])
    return office_page(
        request,
        seat,
        "agenda.html",
        "/agenda",
        load=load,
        lines=[agenda_words.line(call, now, words) for call in found],
        events=events,
        outcomes=choices(agenda_words.OUTCOMES, words),
        show=show,
        shows=choices(SHOWS, words),
        kind=kind,
        kinds=choices(agenda_words.KINDS, words),
        names=names,
        me=seat.operator.id,
        senior=seat.who.role in _SENIOR,
        may_work=seat.may("agenda", "work"),
    )


@router.post("/api/homes/{home_id}/agenda", tags=["agenda"])
def add(request: Request, seat: Writer, home_id: str, body: ItemBody) -> Made:
    """Wants calls to a home, once or again and again."""
    given = body.model_dump(exclude={"kind", "resident", "title", "assigned_to"})
    rule = read_rule(given | {"weekdays": tuple(body.weekdays)})
    if isinstance(rule, str):
        raise Problem(422, "bad_rule", later("These days do not fit together."))
    with writing(request, seat) as (connection, now, by):
        home = home_file.home_of(connection, home_id)
        if home is None:
            raise not_found()
        if body.resident and body.resident not in {one.id for one in people.residents_of(connection, home_id)}:
            raise Problem(422, "no_such_resident", later("There is no such resident."))
        if body.assigned_to and people.operator(connection, body.assigned_to) is None:
            raise Problem(422, "no_such_operator", later("There is no such account."))
        facts: dict[str, Any] = {"resident_id": body.resident, "title": body.title, "assigned_to": body.assigned_to}
        number = agenda.add_item(
            connection, home_id, body.kind.value, rule, now=now, by=by, timezone=home.timezone, **facts
        )
    _desk(request).work(request.app.state.clock())
    return Made(id=str(number))


@router.post("/api/homes/{home_id}/agenda/{item_id}/end", status_code=204, tags=["agenda"])
def end(request: Request, seat: Writer, home_id: str, item_id: int, body: ReasonBody) -> None:
    """No more of these calls; those that a supervisor must answer for only by one, and a program only its own."""
    with writing(request, seat) as (connection, now, by):
        item = agenda.item(connection, home_id, _number(item_id))
        if item is None or item.ended_at is not None:
            raise not_found()
        check_entered_by(seat, item.made_by)
        if item.kind == Kind.SUICIDE_RISK and (seat.who.role not in _SENIOR or len(body.reason.strip()) < 5):
            raise Problem(403, "senior", later("Only a supervisor may call this off."))
        agenda.end_item(connection, item.id, now, by)


@router.post("/api/homes/{home_id}/calls/{call_id}/take", tags=["agenda"])
def take(request: Request, seat: Worker, home_id: str, call_id: int) -> CallView:
    """Takes a call upon oneself; the first wins."""
    return _answer(request, seat, _desk(request).take(home_id, _number(call_id), seat.operator.id, _now(request)))


@router.post("/api/homes/{home_id}/calls/{call_id}/release", tags=["agenda"])
def release(request: Request, seat: Worker, home_id: str, call_id: int) -> CallView:
    """Gives a call back to all."""
    return _answer(request, seat, _desk(request).release(home_id, _number(call_id), seat.operator.id, _now(request)))


@router.post("/api/homes/{home_id}/calls/{call_id}/outcome", tags=["agenda"])
def outcome(request: Request, seat: Worker, home_id: str, call_id: int, body: OutcomeBody) -> CallView:
    """The call was made: somebody was reached, or nobody answered and it is tried again by its kind's rule."""
    by, ended = seat.operator.id, Outcome(body.outcome)
    done = _desk(request).made(home_id, _number(call_id), by, ended, body.note, _now(request))
    return _answer(request, seat, done)


@router.post("/api/homes/{home_id}/calls/{call_id}/move", tags=["agenda"])
def move(request: Request, seat: Worker, home_id: str, call_id: int, body: MoveBody) -> CallView:
    """Puts a call off, for a reason."""
    by, now, senior = seat.operator.id, _now(request), seat.who.role in _SENIOR
    done = _desk(request).move(home_id, _number(call_id), by, body.to_at, body.reason, now, senior=senior)
    return _answer(request, seat, done)


@router.post("/api/homes/{home_id}/calls/{call_id}/cancel", tags=["agenda"])
def call_off(request: Request, seat: Worker, home_id: str, call_id: int, body: ReasonBody) -> CallView:
    """Calls a call off, for a reason."""
    by, now, senior = seat.operator.id, _now(request), seat.who.role in _SENIOR
    return _answer(
        request, seat, _desk(request).call_off(home_id, _number(call_id), by, body.reason, now, senior=senior)
    )


def _answer(request: Request, seat: Seat, done: Call | NotDone) -> CallView:
    if isinstance(done, Call):
        return view_of(done)
    status, text = _REFUSALS[done.reason]
    with request.app.state.parts.database.read() as connection:
        account = people.operator(connection, done.who) if done.who else None
    who = account.called if account else done.who
    raise Problem(status, done.reason, translator(seat.operator.language).say(text, who=who), who or None)


def view_of(call: Call) -> CallView:
    """A call as programs read it."""
    values = {name: getattr(call, name) for name in CallView.__slots__ if name != "say"}
    return CallView(**values, say=call.rule.note)


def _desk(request: Request) -> AgendaDesk:
    return AgendaDesk(request.app.state.parts.desk)


def _now(request: Request) -> float:
    now: float = request.app.state.clock()
    return now


def _number(value: int) -> int:
    if not 0 < value < 2**31:
        raise not_found()
    return value


def _found(request: Request, seat: Seat, show: Show, kind: str) -> tuple[list[Call], Load]:
    now: float = request.app.state.clock()
    local = datetime.fromtimestamp(now, ZoneInfo(CENTRE_TIMEZONE))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    tonight = (midnight + timedelta(days=1)).timestamp()
    until_at = {"due": now + 1, "overdue": now, "mine": tonight, "week": now + 7 * 86_400}.get(show, tonight)
    with request.app.state.parts.database.read() as connection:
        if show == "done":
            since, states = (midnight - timedelta(days=1)).timestamp(), ("done", "cancelled")
            found = agenda.calls(
                connection, seat.who, states=states, from_at=since, until_at=until_at, kind=kind, newest_first=True
            )
        else:
            found = agenda.calls(connection, seat.who, states=agenda.OPEN, until_at=until_at, kind=kind)
        load = agenda.load(connection, seat.who, now, tonight)
    if show == "overdue":
        found = [call for call in found if call.late_at <= now]
    if show == "mine":
        me = seat.operator.id
        found = [call for call in found if me in {call.owner_id, call.assigned_to}]
    return found, load
