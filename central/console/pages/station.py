"""The console page itself: the operator's place of work, its queue, and the live line."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel

from central.access_rules import EVERYWHERE
from central.console import access, key_map, wording
from central.console.access import Seat
from central.console.desk_words import CALL_RESULTS
from central.console.hub_troubles import cannot_call
from central.console.live import Live
from central.console.offers import Offer
from central.console.pages.own_desk import keys_of
from central.console.rights import allowed, first_page
from central.console.templating import page, rail_of
from central.service_settings import as_body
from central.storage import incidents, pages, reach
from central.storage import settings as service_settings
from central.storage.pages import AnswerTimes, Card
from central.texts import local

router = APIRouter()

CENTRE_TIMEZONE: Final = "Europe/Madrid"
Anybody = Annotated[Seat, Depends(allowed("me", "read"))]
Reader = Annotated[Seat, Depends(allowed("station", "read"))]
Worker = Annotated[Seat, Depends(allowed("station", "work"))]
SIGN_KEPT_S: Final = 1.0
"""One look at the database serves the signs of life of all consoles for this long."""


class LinkHealth(BaseModel):
    """Whether alarms can reach this desk: `broker` "ok" or "down"; `receiver` "ok", "silent", "store" or "never".

    `hubs_deaf` counts the hubs that report themselves that an alarm may not come from there.
    """

    broker: str
    receiver: str
    hubs_silent: int
    hubs_deaf: int
    ready_operators: int


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """Many silent homes with one cause ("area:Gràcia", "centre"): its cases within reach, those most at risk first."""

    id: int
    cause: str
    opened_at: float
    case_ids: list[int]


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody at an open console: ready, busy, wrap_up, break or not_ready, since when."""

    id: str
    called: str
    state: str
    since_at: float


@dataclass(frozen=True, slots=True)
class Queue:
    """All open cases, and what the top strip shows. `stamp` is the queue's fingerprint, repeated in signs of life.

    `offers` says by case to whom it is offered first, and until when.
    """

    now: float
    stamp: str
    cards: list[Card]
    answers: AnswerTimes
    link: LinkHealth
    incidents: list[OpenIncident]
    offers: dict[int, Offer]
    colleagues: list[Colleague]


class OwnState(BaseModel):
    """Ready for alarms, busy with one, writing up the last one, on a break, or not ready (the sound has not been heard
    on this console)."""

    state: Literal["ready", "busy", "wrap_up", "break", "not_ready"]


@router.get("/", include_in_schema=False)
def show(request: Request, seat: Anybody) -> Response:
    """The console; who has no place there is sent to the page where their work is."""
    if not seat.may("station", "read") or seat.operator.password_due:
        return RedirectResponse(first_page(seat, request.app.state.served), status_code=303)
    language = seat.operator.language
    with request.app.state.parts.database.read() as conn:
        closings = as_body(service_settings.current(conn).closings)["templates"]
    data = {
        "closings": closings,
        "form_token": seat.form_token,
        "operator": {"id": seat.operator.id, "called": seat.operator.called},
        "timezone": CENTRE_TIMEZONE,
        "triage": list(wording.TRIAGE),
        "keys": keys_of(request, seat),
        "key_names": dict(key_map.ACTIONS),
        "usual_keys": dict(key_map.USUAL),
        "call_results": dict(CALL_RESULTS),
        "causes": dict(wording.CAUSES),
        "actions": dict(wording.ACTIONS),
        "outcomes": dict(wording.OUTCOMES),
        "delivery_states": dict(wording.DELIVERY_STATES),
        "channels": dict(wording.CHANNELS),
    }
    return page("console.html", language, data=data, operator=seat.operator, entries=rail_of(request, seat))


@router.get("/api/queue", tags=["cases"])
def queue(request: Request, seat: Reader) -> Queue:
    """Every open case within reach, the most urgent and then the oldest first; today's answer times; the links."""
    state = request.app.state
    now = state.clock()
    midnight = local(now, CENTRE_TIMEZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    with state.parts.database.read() as conn:
        within = reach.within(seat.who, now)
        cards = pages.queue(conn, within)
        stamp = _stamp(pages.queue_stamp(conn, within))
        answers = pages.answer_times(conn, midnight.timestamp(), now)
        grouped = incidents.open_incidents(conn, now) if any(one.incident_id for one in cards) else []
        called = pages.operator_names(conn)
    seen = {one.id for one in cards}
    live: Live = state.parts.live
    return Queue(
        now=now,
        stamp=stamp,
        cards=cards,
        answers=answers,
        link=link_health(request),
        incidents=[
            OpenIncident(one.id, one.cause, one.opened_at, [home.case_id for home in one.homes if home.case_id in seen])
            for one in grouped
        ],
        offers=live.offers.standing(now),
        colleagues=[
            Colleague(one.operator, called.get(one.operator, one.operator), one.state, one.since_at)
            for one in live.at_desk()
        ],
    )


@router.post("/api/me/state", tags=["me"])
def set_state(request: Request, seat: Worker, own: OwnState) -> LinkHealth:
    """Says how this operator is. It holds for as long as their console says it again with every sign of life."""
    request.app.state.parts.live.set_state(seat.session, own.state)
    return link_health(request)


@router.get("/live", include_in_schema=False)
def live(request: Request, seat: Reader) -> StreamingResponse:
    """Server-sent events: `case` with a card, `beat` every two seconds, `reload` when this page fell behind."""
    state = request.app.state
    token = request.cookies[access.SESSION_COOKIE]
    shared: _SharedSign = _shared_sign(request, seat)

    def beat() -> object | None:
        now = state.clock()
        if access.seat_of(state.parts.database, token, now) is None:
            return None
        return shared.look(now)

    stream = state.parts.live.stream(seat.session, seat.operator.id, beat, seat.who)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def link_health(request: Request) -> LinkHealth:
    """How the links are, in words for programs."""
    state = request.app.state
    view = state.parts.health()
    return LinkHealth(
        broker="ok" if view.broker_connected else "down",
        receiver=view.receiver_state(state.clock()),
        hubs_silent=0 if view.receiver is None else view.receiver.hubs_silent,
        hubs_deaf=cannot_call(state.parts.states.complaining()),
        ready_operators=state.parts.live.ready_operators(),
    )


class _SharedSign:
    """The sign of life, made at most once in `SIGN_KEPT_S` for however many consoles."""

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._at = -SIGN_KEPT_S
        self._sign: dict[str, Any] = {}

    def look(self, now: float) -> dict[str, Any]:
        with self._lock:
            if not self._at <= now < self._at + SIGN_KEPT_S:
                self._sign, self._at = self._make(), now
            return {**self._sign, "now": now}


def _shared_sign(request: Request, seat: Seat) -> _SharedSign:
    """One for all who see everything; who sees a part has one of their own."""
    state = request.app.state
    who = seat.who

    def make() -> dict[str, Any]:
        with state.parts.database.read() as conn:
            stamp = _stamp(pages.queue_stamp(conn, reach.within(who, state.clock())))
        return {"stamp": stamp, "link": link_health(request).model_dump()}

    if EVERYWHERE not in who.municipalities:
        return _SharedSign(make)
    if not hasattr(state, "shared_sign"):
        state.shared_sign = _SharedSign(make)
    shared: _SharedSign = state.shared_sign
    return shared


def _stamp(counted: tuple[int, int]) -> str:
    return f"{counted[0]}.{counted[1]}"
