"""The wallboard: who works, who waits, and how well people are answered today; a screen for the wall without names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from central import service_figures as figures
from central.access_rules import Action, Resource, Role, listed
from central.alarm_cases.case import CaseEvent, EventType, Facts
from central.console import case_view
from central.console.access import Seat
from central.console.answers_today import midnight_before
from central.console.pages.station import LinkHealth, link_health
from central.console.problem import Problem
from central.console.rights import allowed
from central.console.templating import CENTRE_TIMEZONE, office_page
from central.service_settings import Targets
from central.storage import accounts, agenda, incidents, pages, reach, service_quality, settings
from central.storage.pages import Card
from central.storage.service_quality import scope_of
from central.texts import later

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("quality", "read"))]
Reassigner = Annotated[Seat, Depends(allowed("quality", "work"))]

REASON_MIN: Final = 5
CASES_SHOWN: Final = 60
"""Open cases on the board; more would not be read by anybody."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody at an open console: ready, busy, wrap_up, break or not_ready, since when; the cases that they hold."""

    id: str
    called: str
    state: str
    since_at: float
    case_ids: list[int]


@dataclass(frozen=True, slots=True)
class BoardCase:
    """An open case on the board; `who` and `where` are "" on the screen for the wall.

    `supervisor_due_at`, `exception_due_at`: as of a card of the queue, by the case's own ladder.
    """

    id: int
    mark: str
    priority: int
    kind: str
    state: str
    opened_at: float
    ring_at: float | None
    supervisor_due_at: float | None
    exception_due_at: float | None
    owner_id: str
    owner: str
    who: str
    where: str
    repeats: int
    helper: bool
    eta_at: float | None
    wake_at: float | None


@dataclass(frozen=True, slots=True)
class BoardIncident:
    """Many silent homes of one cause."""

    id: int
    cause: str
    opened_at: float
    homes: int


@dataclass(frozen=True, slots=True)
class AgendaLoad:
    """Outgoing calls: due now, and overdue."""

    due: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Today:
    """Today's answers so far."""

    calls: int
    counted: int
    abandoned: int
    over: int
    unexplained: int
    share_50: float | None
    share_60: float | None
    share_180: float | None
    p50_s: float | None
    max_s: float | None


@dataclass(frozen=True, slots=True)
class Board:
    """All that the wallboard shows. `exceptions` are open cases that ask for a reason and have none."""

    now: float
    workers: list[Worker]
    waiting: dict[str, int]
    oldest_at: float | None
    cases: list[BoardCase]
    more_cases: int
    incidents: list[BoardIncident]
    exceptions: list[int]
    agenda: AgendaLoad
    today: Today
    targets: dict[str, float]
    link: LinkHealth


class ReassignBody(BaseModel):
    """To whom a case goes, "" for whoever takes it first, and why."""

    to: Annotated[str, Field(max_length=32)] = ""
    reason: Annotated[str, Field(max_length=300)]


@router.get("/wallboard", include_in_schema=False)
def show(request: Request, seat: Reader, big: Annotated[bool, Query()] = False) -> Response:
    """The page; with `big` for the wall, without any resident's name."""
    state = request.app.state
    with state.parts.database.read() as conn:
        operators = _can_take(conn)
    data = {
        "big": big,
        "may_reassign": seat.may("quality", "work") and not big,
        "live": seat.may("station", "read"),
        "board": "/api/wallboard?names=false" if big else "/api/wallboard",
    }
    template = "wallboard_big.html" if big else "wallboard.html"
    return office_page(request, seat, template, "/wallboard", data=data, operators=operators)


@router.get("/api/wallboard", tags=["quality"])
def board(request: Request, seat: Reader, names: bool = True) -> Board:
    """How the room stands now, within one's municipalities; without `names` nothing names or locates a resident."""
    state = request.app.state
    now: float = state.clock()
    with state.parts.database.read() as conn:
        cards = pages.queue(conn, now, reach.within(seat.who, now))
        called = pages.operator_names(conn)
        scope = scope_of(seat.who, midnight_before(now), now + 1)
        today = _today(conn, scope, now)
        grouped = incidents.open_incidents(conn, now) if any(card.incident_id for card in cards) else []
        exceptions = service_quality.open_exceptions(conn, scope)
        load = agenda.load(conn, seat.who, now, now + 1)
        targets = settings.current(conn).targets
    may_name = names and seat.may("case", "read")
    ringing = [card for card in cards if card.ring_at is not None]
    seen = {card.id for card in cards}
    return Board(
        now=now,
        workers=_workers(request, seat, cards, called),
        waiting={mark: sum(card.mark == mark for card in ringing) for mark in ("P1", "P2", "P3", "T", "TEST")},
        oldest_at=min((card.ring_at or now for card in ringing if card.priority <= figures.ROUTINE), default=None),
        cases=[_case(card, named=may_name) for card in cards[:CASES_SHOWN]],
        more_cases=max(0, len(cards) - CASES_SHOWN),
        incidents=[
            BoardIncident(one.id, one.cause, one.opened_at, sum(home.case_id in seen for home in one.homes))
            for one in grouped
            if any(home.case_id in seen for home in one.homes)
        ],
        exceptions=exceptions,
        agenda=AgendaLoad(load.due, load.overdue),
        today=today,
        targets=_targets(targets),
        link=link_health(request),
    )  # fmt: skip


@router.post("/api/cases/{case_id}/reassign", tags=["quality"], status_code=204)
def reassign(request: Request, seat: Reassigner, case_id: int, body: ReassignBody) -> Response:
    """Takes a case out of its operator's hands: offered first to whom it is meant for, and anybody may take it."""
    reason = " ".join(body.reason.replace("\x00", " ").split())
    if len(reason) < REASON_MIN:
        raise Problem(422, "no_reason", later("Write down why, in a few words."))
    state = request.app.state
    with state.parts.database.read() as conn:
        if body.to and body.to not in dict(_can_take(conn)):
            raise Problem(422, "no_such_operator", later("There is no such colleague."))
    facts = Facts(reason=reason, operator=body.to)
    event = CaseEvent(EventType.HANDED_OVER, state.clock(), seat.operator.id, facts)
    case_view.answer(request, seat, state.parts.desk.happen(case_id, event), case_id)
    return Response(status_code=204)


def _can_take(conn: Connection) -> list[tuple[str, str]]:
    """Who may be given a case: id and name."""
    return [
        (one.id, one.called)
        for one in accounts.list_accounts(conn, [role for role in Role if listed(role, Resource.CASE, Action.WORK)])
        if not one.disabled
    ]


def _workers(request: Request, seat: Seat, cards: list[Card], called: dict[str, str]) -> list[Worker]:
    held: dict[str, list[int]] = {}
    for card in cards:
        if card.owner_id:
            held.setdefault(card.owner_id, []).append(card.id)
    here = {one.operator: one for one in request.app.state.parts.live.at_desk()}
    shown = []
    for name in sorted({*here, *held}):
        one = here.get(name)
        if one is not None and one.state == "not_ready" and name == seat.operator.id and name not in held:
            continue  # this very page, not a place of work
        state, since_at = ("away", 0.0) if one is None else (one.state, one.since_at)
        shown.append(Worker(name, called.get(name, name), state, since_at, held.get(name, [])))
    return shown


def _case(card: Card, *, named: bool) -> BoardCase:
    who = card.person.called if named and card.person else ""
    return BoardCase(
        id=card.id,
        mark=card.mark,
        priority=card.priority,
        kind=card.kind,
        state=card.state,
        opened_at=card.opened_at,
        ring_at=card.ring_at,
        supervisor_due_at=card.supervisor_due_at,
        exception_due_at=card.exception_due_at,
        owner_id=card.owner_id,
        owner=card.owner,
        who=who,
        where=card.address if named else "",
        repeats=card.repeats,
        helper=bool(card.helper_id),
        eta_at=card.eta_at,
        wake_at=card.wake_at,
    )


def _today(conn: Connection, scope: service_quality.Scope, now: float) -> Today:
    calls = service_quality.calls(conn, scope, CENTRE_TIMEZONE)
    total = figures.answers(calls, now)
    late = service_quality.late_answers(conn, scope, now) if total.over else []
    return Today(
        calls=total.calls,
        counted=total.counted,
        abandoned=total.abandoned,
        over=total.over,
        unexplained=sum(one.reason == "" for one in late),
        share_50=total.share(50),
        share_60=total.share(60),
        share_180=total.share(180),
        p50_s=total.p50_s,
        max_s=total.max_s,
    )


def _targets(targets: Targets) -> dict[str, Any]:
    return {"50": targets.share_50, "60": targets.share_60, "180": targets.share_180}
