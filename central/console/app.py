"""The operators' console: one web application in the desk process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Connection
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from central.access_rules import Place, Resource, Who, in_reach, rings_for_all
from central.audit import AuditTrail
from central.carers.attach import attach as attach_carers
from central.carers.parts import CarersParts
from central.case_change import CaseChange
from central.case_desk import CaseDesk
from central.claim_desk import ClaimDesk
from central.config import CentralConfig, ClaimsConfig, ConsoleConfig
from central.console import access
from central.console.access import Guard
from central.console.health_view import HealthView
from central.console.limits import Pace
from central.console.live import Live
from central.console.offers import Handed, Offer, hears_it, offered_to
from central.console.openapi import describe
from central.console.pages import (
    accounts_page,
    api_docs,
    api_keys,
    audit_page,
    care,
    case_calls,
    case_help,
    cases,
    health,
    homes,
    office,
    own_account,
    own_desk,
    push,
    service,
    sign_in,
    station,
    webhooks_page,
)
from central.console.problem import Problem
from central.console.rights import NeedsReason
from central.console.templating import office_page
from central.console.templating import page as html_page
from central.dial_desk import DialDesk
from central.entrances import claim as claim_entrance
from central.entrances import phone as phone_entrance
from central.entrances import sms as sms_entrance
from central.entrances.phone import PhoneEntrance
from central.entrances.sms import SmsEntrance
from central.hub_states import HubStates
from central.push_desk import PushDesk
from central.sealing import Sealer
from central.storage import operator_settings
from central.storage import pages as read_models
from central.storage.database import Database, DatabaseError, in_words
from central.storage.pages import Card
from central.telemetry.store import TelemetryStore
from central.texts import later, translator
from central.webhooks.rules import IpNetwork

log = logging.getLogger(__name__)

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """What the console works with.

    Attributes:
        desk: commands on cases.
        database: read for the pages, and for operators and sessions.
        telemetry: readings of homes for ribbon and charts; None when this process has no store.
        live: the open consoles.
        health: how the desk and its neighbours are, at the moment of the call; must be quick.
        config: of the console.
        whole_config: all of the file, to be shown; None where there is none.
        sms: where SMS gateways deliver; None when no SMS is taken.
        claims: where new hubs redeem their codes; None when none are given out.
        states: what hubs said last of themselves.
        sealer: seals the secrets of second factors and webhooks.
        wake_webhooks: says that something waits for a receiver.
        webhook_networks: those besides the public Internet to which webhooks may point.
        phone: where the phone gateway reports; None when there is none.
        push: browsers that take notifications; None when none are sent.
        calls: those that the centre places for operators; None where nothing would be reported of them.
        carers: what the pages of carers and residents need besides.
        claims_config: what new hubs are told; None when this centre gives none out.
    """

    desk: CaseDesk
    database: Database
    telemetry: TelemetryStore | None
    live: Live
    health: Callable[[], HealthView]
    config: ConsoleConfig
    whole_config: CentralConfig | None = None
    sms: SmsEntrance | None = None
    claims: ClaimDesk | None = None
    states: HubStates = field(default_factory=HubStates)
    sealer: Sealer = field(default_factory=Sealer)
    wake_webhooks: Callable[[], None] = lambda: None
    webhook_networks: tuple[IpNetwork, ...] = ()
    phone: PhoneEntrance | None = None
    push: PushDesk | None = None
    calls: DialDesk | None = None
    carers: CarersParts = field(default_factory=CarersParts)
    claims_config: ClaimsConfig | None = None


def case_announcer(database: Database, live: Live) -> Callable[[CaseChange], None]:
    """A listener for the desk: shows each change on every open console, with all that a card needs."""

    def announce(change: CaseChange) -> None:
        live.acted(change.actor)
        if not change.ringing:
            live.offers.end(change.case_id)
        if live.clients() == 0:
            return
        with database.read() as conn:
            card, municipality = read_models.card_in_town(conn, change.case_id, change.at)
            quiet = Place(change.home_id, municipality)
            calling = replace(quiet, calls=change.case_id)
            is_open = card is not None and card.state != "closed"
            owner = card.owner_id if card is not None and is_open else ""
            for_all = card is not None and is_open and rings_for_all(card.priority, card.ring_at, change.at)

            def sees(who: Who) -> bool:
                calls = for_all or (is_open and owner == who.account_id)
                return in_reach(who, Resource.CASE, calling if calls else quiet)

            offer = offer_first(conn, live, change, card, sees)
        told: dict[str, object] = {"now": change.at, "event": change.event_type, "actor": change.actor}
        gone = {"id": change.case_id, "state": "closed", "version": card.version if card else 0}
        # whose reach the case has just left takes it off their list
        instead = {**told, "actor": "", "card": gone, "offer": None}
        live.publish("case", {**told, "card": card, "offer": offer}, sees, instead)

    return announce


_OFFERED_AFTER: Final = frozenset(
    {"opened", "joined", "answered", "released", "handed_over", "recalled", "needs_help", "reopened"}
)


def offer_first(
    conn: Connection, live: Live, change: CaseChange, card: Card | None, sees: Callable[[Who], bool]
) -> Offer | None:
    """To whom a case that has begun to ring is offered first; None when to nobody, or when it rings no more."""
    if card is None or card.ring_at is None:
        live.offers.end(change.case_id)
        return None
    if change.event_type not in _OFFERED_AFTER or card.ring_at < change.at:
        return live.offers.standing(change.at).get(change.case_id)
    at_desk = live.at_desk(sees)
    if change.to:
        giver = read_models.operator_names(conn).get(change.actor, "")
        handed = Handed(change.actor, giver, change.reason, hears_it(at_desk, change.to))
        return live.offers.hand(change.case_id, change.to, handed, change.at)
    ready = [one.operator for one in at_desk if one.state == "ready"]
    busy = read_models.busy_operators(conn) if ready else set()
    spoken = operator_settings.spoken_by(conn, ready) if len(ready) > 1 else {}
    language = card.person.language if card.person else ""
    operator = offered_to(at_desk, busy, spoken, language, card.owner_id)
    return live.offers.give(change.case_id, operator, change.at) if operator else None


_PAGES: Final = (
    sign_in,
    own_account,
    own_desk,
    station,
    cases,
    case_help,
    case_calls,
    homes,
    care,
    health,
    accounts_page,
    audit_page,
    *service.PAGES,
    *office.PAGES,
    api_keys,
    webhooks_page,
    api_docs,
)
_DOORS: Final = (sms_entrance, phone_entrance, claim_entrance, push)
"""For machines and browsers without a session; they are no pages."""


def create_app(parts: ConsoleParts, clock: Callable[[], float] = time.time) -> FastAPI:
    """The web application. Whoever serves it calls `parts.live.stop()` before it stops the server."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        parts.live.attach(asyncio.get_running_loop())
        yield
        parts.live.stop()

    app = FastAPI(
        title="Llar console",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
    )
    app.state.parts = parts
    app.state.clock = clock
    app.state.audit = AuditTrail(parts.database)
    app.state.pace = Pace()
    app.add_middleware(Guard)
    for_carers = attach_carers(app)
    app.mount("/static", StaticFiles(directory=_FOLDER / "static"), name="static")
    for room in (*_PAGES, *_DOORS):
        # the routes as they are: `include_router` would make each anew, with all its types, for every application
        app.router.routes.extend(room.router.routes)
    app.state.served = {getattr(route, "path", "") for page in _PAGES for route in page.router.routes} | for_carers

    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_bad_content)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(DatabaseError, _answer_database_down)
    return app


_UNFINISHED: Final = frozenset({"password_due", "second_factor_due"})
"""What is put right on the page of one's own account."""


def _language(request: Request) -> str:
    state = request.app.state
    found = access.seat_of(state.parts.database, request.cookies.get(access.SESSION_COOKIE, ""), state.clock())
    return access.language_of(request) if found is None else found.operator.language


def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    language = _language(request)
    text = translator(language).gettext(error.text)
    if error.status == 401 and not _for_scripts(request):
        own = request.url.path.startswith(("/family", "/rights"))
        return RedirectResponse("/login?to=family" if own else "/login", status_code=303)
    if not _for_a_reader(request):
        return error.answer(text)
    if error.reason in _UNFINISHED:
        return RedirectResponse("/me", status_code=303)
    if isinstance(error, NeedsReason):
        return office_page(request, error.seat, "glass.html", "", status=403, text=text, home_id=error.home_id)
    return html_page("refused.html", language, error.status, text=text)


def _for_scripts(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/live"))


def _for_a_reader(request: Request) -> bool:
    """Whether a browser shows the answer as a page."""
    return not _for_scripts(request) and "text/html" in request.headers.get("accept", "")


def _refuse(request: Request, language: str, status: int, reason: str, text: str) -> Response:
    """A page for who reads, a Problem for programs."""
    if _for_a_reader(request):
        return html_page("refused.html", language, status, text=text)
    return Problem(status, reason, text).answer()


def _answer_bad_content(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["loc"][0] == "body" and not _says_json(request) and request.url.path.startswith("/api/"):
        text = translator(_language(request)).gettext(later("Send this as application/json."))
        return Problem(415, "not_json", text).answer()
    place = ".".join(str(part) for part in first["loc"][1:])
    language = _language(request)
    text = translator(language).say(later("The request cannot be read: {place}."), place=place or "body")
    return _refuse(request, language, 422, "bad_content", text)


def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reason, text = _REFUSALS.get(error.status_code, ("refused", later("This cannot be done.")))
    language = access.language_of(request)
    answer = _refuse(request, language, error.status_code, reason, translator(language).gettext(text))
    answer.headers.update(error.headers or {})
    return answer


_REFUSALS: Final = {
    400: ("bad_content", later("The request cannot be read.")),
    404: ("not_found", later("There is nothing here.")),
    405: ("not_possible", later("This cannot be done.")),
    413: ("too_large", access.TOO_LARGE),
}


def _says_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _answer_database_down(request: Request, error: Exception) -> Response:
    language = access.language_of(request)
    words = translator(language)
    if isinstance(error, DataError):  # such as a NUL in a text, or a number too large for its column
        log.warning("the database cannot hold what was sent: %s", in_words(error))
        return _refuse(request, language, 422, "bad_content", words.gettext(_REFUSALS[400][1]))
    log.error("the database failed: %s", error)
    text = words.gettext(later("The database does not answer. Nothing was stored."))
    return _refuse(request, language, 503, "database", text)
