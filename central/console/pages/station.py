"""The console page itself: the operator's place of work, its queue, and the live line."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel

from central.access_rules import EVERYWHERE
from central.console import access, key_map, wording
from central.console.access import Seat
from central.console.answers_today import AnswerTimes, answers_today
from central.console.call_view import CALL_STATES
from central.console.desk_words import CALL_RESULTS
from central.console.hub_troubles import cannot_call
from central.console.live import Live
from central.console.offers import Offer
from central.console.pages.own_desk import keys_of, telephone_of
from central.console.rights import allowed, first_page
from central.console.templating import CENTRE_TIMEZONE, page, rail_of
from central.service_settings import as_body
from central.storage import consoles, incidents, pages, reach
from central.storage import settings as service_settings
from central.storage.pages import Card
from central.texts import later, translator

router = APIRouter()
Made = TypeVar("Made")

Anybody = Annotated[Seat, Depends(allowed("me", "read"))]
Reader = Annotated[Seat, Depends(allowed("station", "read"))]
Worker = Annotated[Seat, Depends(allowed("station", "work"))]
SIGN_KEPT_S: Final = 1.0
"""One look at the database serves the signs of life of all consoles for this long, while nothing changes."""
ANSWERS_KEPT_S: Final = 5.0
"""Today's answer times are counted over all of today's cases, and need not be newer than that."""


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
    """Many silent homes with one cause ("area:Gràcia", "provider:orange", "centre", "broker"): its cases within reach,
    those most at risk first."""

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

    `offers` says by case to whom it is offered first, and until when; `wrap_up_s` for how long a closed case is written
    up.
    """

    now: float
    stamp: str
    cards: list[Card]
    answers: AnswerTimes
    link: LinkHealth
    incidents: list[OpenIncident]
    offers: dict[int, Offer]
    colleagues: list[Colleague]
    wrap_up_s: float


class OwnState(BaseModel):
    """Ready for alarms, busy with one, writing up the last one, on a break, or not ready (the sound has not been heard
    on this console)."""

    state: Literal["ready", "busy", "wrap_up", "break", "not_ready"]


class StateTaken(LinkHealth):
    """How the links are, and what this operator has lost: a sentence for each case, said once."""

    lost: list[str]


@router.get("/", include_in_schema=False)
def show(request: Request, seat: Anybody) -> Response:
    """The console; who has no place there is sent to the page where their work is."""
    if not seat.may("station", "read") or seat.operator.password_due:
        return RedirectResponse(first_page(seat, request.app.state.served), status_code=303)
    language = seat.operator.language
    with request.app.state.parts.database.read() as conn:
        settled = service_settings.current(conn)
    data = {
        "closings": as_body(settled.closings)["templates"],
        "form_token": seat.form_token,
        "operator": {"id": seat.operator.id, "called": seat.operator.called},
        "timezone": CENTRE_TIMEZONE,
        "triage": list(wording.TRIAGE),
        "keys": keys_of(request, seat),
        "key_names": dict(key_map.ACTIONS),
        "usual_keys": dict(key_map.USUAL),
        "call_results": dict(CALL_RESULTS),
        "call_states": dict(CALL_STATES),
        "telephone": telephone_of(request, seat),
        "causes": dict(wording.CAUSES),
        "actions": dict(wording.ACTIONS),
        "outcomes": dict(wording.OUTCOMES),
        "delivery_states": {**wording.DELIVERY_STATES, **wording.CALLS_MISSED},
        "channels": dict(wording.CHANNELS),
    }
    return page("console.html", language, data=data, operator=seat.operator, entries=rail_of(request, seat))


@router.get("/api/queue", tags=["cases"])
def queue(request: Request, seat: Reader) -> Queue:
    """Every open case within reach, the most urgent and then the oldest first; today's answer times; the links."""
    state = request.app.state
    now = state.clock()
    with state.parts.database.read() as conn:
        within = reach.within(seat.who, now)
        cards = pages.queue(conn, now, within)
        stamp = _stamp(pages.queue_stamp(conn, within))
        grouped = incidents.open_incidents(conn, now) if any(one.incident_id for one in cards) else []
        called = pages.operator_names(conn)
        wrap_up_s = service_settings.current(conn).desk.wrap_up_s
    seen = {one.id for one in cards}
    live: Live = state.parts.live
    return Queue(
        now=now,
        stamp=stamp,
        cards=cards,
        answers=_shared_answers(request, seat).renew(now),
        link=link_health(request),
        incidents=[
            OpenIncident(one.id, one.cause, one.opened_at, [home.case_id for home in one.homes if home.case_id in seen])
            for one in grouped
        ],
        offers={key: offer for key, offer in live.offers.standing(now).items() if key in seen},
        colleagues=[
            Colleague(one.operator, called.get(one.operator, one.operator), one.state, one.since_at)
            for one in live.at_desk()
        ],
        wrap_up_s=wrap_up_s,
    )


@router.post("/api/me/state", tags=["me"])
def set_state(request: Request, seat: Worker, own: OwnState) -> StateTaken:
    """Says how this operator is. It holds for as long as their console says it again with every sign of life."""
    live: Live = request.app.state.parts.live
    live.set_state(seat.session, own.state)
    live.sign(seat.operator.id)
    return StateTaken(**link_health(request).model_dump(), lost=_lost(request, seat))


def _lost(request: Request, seat: Seat) -> list[str]:
    """One sentence for each case that went back to everybody while this operator's console was lost, said once."""
    parts = request.app.state.parts
    if not parts.live.may_have_lost(seat.operator.id):
        return []
    with parts.database.begin() as conn:
        found = consoles.take_lost(conn, seat.operator.id)
    words = translator(seat.operator.language)
    return [words.say(later("Your console was lost. Case {id} has gone back to everybody."), id=one) for one in found]


@router.get("/live", include_in_schema=False)
def live(request: Request, seat: Reader) -> StreamingResponse:
    """Server-sent events: `case` with a card, `beat` every two seconds, `reload` when this page fell behind or is to go
    by other settings.

    A beat's `untaken` says of which cases the colleague to whom this operator gave them has not taken them in time.
    """
    state = request.app.state
    token = request.cookies[access.SESSION_COOKIE]
    shared = _shared_sign(request, seat)

    def beat() -> object | None:
        now = state.clock()
        if access.seat_of(state.parts.database, token, now) is None:
            return None
        return {**shared.look(now), "now": now, "untaken": _untaken(request, seat, now)}

    stream = state.parts.live.stream(seat.session, seat.operator.id, beat, seat.who)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _untaken(request: Request, seat: Seat, now: float) -> list[str]:
    """One sentence for each case that this operator gave to a colleague who has not taken it, said once."""
    parts = request.app.state.parts
    ended = parts.live.offers.untaken(seat.operator.id, now)
    if not ended:
        return []
    words = translator(seat.operator.language)
    text = later("{who} has not taken case {id} in time. It waits for somebody to take it.")
    with parts.database.read() as conn:
        called = pages.operator_names(conn)
    return [
        words.say(text, who=called.get(offer.operator, offer.operator), id=case_id) for case_id, offer in ended.items()
    ]


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


class _Shared(Generic[Made]):
    """What all consoles are told alike, made anew when it is `kept_s` old, or when `change` gives another number."""

    def __init__(self, make: Callable[[float], Made], kept_s: float, change: Callable[[], int] = lambda: 0) -> None:
        self._make = make
        self._kept_s = kept_s
        self._change = change
        self._lock = threading.Lock()
        self._made: tuple[float, int, Made] | None = None

    def look(self, now: float) -> Made:
        change = self._change()  # before the look at the database: what comes between is looked at again
        with self._lock:
            made = self._made
            if made is None or made[1] != change or not made[0] <= now < made[0] + self._kept_s:
                made = self._made = (now, change, self._make(now))
            return made[2]

    def renew(self, now: float) -> Made:
        """Made anew, for this one and for all who look soon after."""
        with self._lock:
            self._made = None
        return self.look(now)


def _shared_sign(request: Request, seat: Seat) -> _Shared[dict[str, Any]]:
    """One for all who see everything; who sees a part has one of their own."""
    state = request.app.state
    who = seat.who
    live: Live = state.parts.live
    answers = _shared_answers(request, seat)

    def make(now: float) -> dict[str, Any]:
        with state.parts.database.read() as conn:
            stamp = _stamp(pages.queue_stamp(conn, reach.within(who, now)))
        return {"stamp": stamp, "link": link_health(request).model_dump(), "answers": answers.look(now)}

    if EVERYWHERE not in who.municipalities:
        return _Shared(make, SIGN_KEPT_S, lambda: live.published)
    if not hasattr(state, "shared_sign"):
        state.shared_sign = _Shared(make, SIGN_KEPT_S, lambda: live.published)
    shared: _Shared[dict[str, Any]] = state.shared_sign
    return shared


def _shared_answers(request: Request, seat: Seat) -> _Shared[AnswerTimes]:
    """Today's answer times, one for all who see the same municipalities."""
    state = request.app.state
    towns = seat.who.towns

    def make(now: float) -> AnswerTimes:
        with state.parts.database.read() as conn:
            return answers_today(conn, towns, now)

    if not hasattr(state, "shared_answers"):
        state.shared_answers = {}
    by_towns: dict[frozenset[str] | None, _Shared[AnswerTimes]] = state.shared_answers
    return by_towns.setdefault(towns, _Shared(make, ANSWERS_KEPT_S))


def _stamp(counted: tuple[int, int]) -> str:
    return f"{counted[0]}.{counted[1]}"
