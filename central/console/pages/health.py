"""Health: whether alarms and measurements come through, what was refused, and what to do in plain words."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from central.console.access import SeatNeeded
from central.console.health_view import HealthView
from central.console.templating import page
from central.storage import pages
from central.storage.pages import RefusalLine
from central.texts import Words, later, say_duration, say_number, translator

router = APIRouter()

COMMIT_SLOW_MS = 250.0
"""An alarm whose commit takes longer than this misses the budget of being heard within a second."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One row of the page: what, how it stands ("ok", "warn", "bad"), in words, and what to do when it is not well."""

    name: str
    state: str
    says: str
    advice: str


@dataclass(frozen=True, slots=True)
class SilentHub:
    """A home not heard lately; `silent_s` is None when its hub was never heard."""

    home: str
    hub: str
    address: str
    silent_s: float | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Health:
    """The whole page. Counts of the receiver are since its start."""

    now: float
    signs: list[Sign]
    messages: int
    readings: int
    spooled: int
    spool_cap: int
    delay_s: float
    hubs_online: int
    hubs_silent: int
    commits: int
    commit_p50_ms: float | None
    commit_p99_ms: float | None
    refused: list[RefusalLine]
    silent: list[SilentHub]


@router.get("/health", include_in_schema=False)
def show(request: Request, seat: SeatNeeded) -> Response:
    """The page; it fetches its contents by itself every few seconds."""
    data = {
        "form_token": seat.form_token,
        "operator": {"id": seat.operator.id, "called": seat.operator.called},
        "timezone": "Europe/Madrid",
    }
    return page("health.html", seat.operator.language, data=data, operator=seat.operator)


@router.get("/api/health", tags=["health"])
def health(request: Request, seat: SeatNeeded) -> Health:
    """How desk, receiver, broker, database and homes are."""
    state = request.app.state
    now: float = state.clock()
    view: HealthView = state.parts.health()
    silent = view.receiver.silent if view.receiver else []
    with state.parts.database.read() as conn:
        refused = pages.refusal_lines(conn)
        addresses = pages.home_names(conn, [presence.home for presence in silent])
    receiver = view.receiver
    in_receiver = [
        RefusalLine("receiver", reason, count, receiver.at, "")
        for reason, count in sorted(receiver.refused.items() if receiver else [], key=lambda item: -item[1])
        if receiver
    ]
    return Health(
        now=now,
        signs=_signs(view, now, state.parts.live.ready_operators(), translator(seat.operator.language)),
        messages=receiver.messages if receiver else 0,
        readings=receiver.readings if receiver else 0,
        spooled=receiver.spooled if receiver else 0,
        spool_cap=receiver.spool_cap if receiver else 0,
        delay_s=receiver.delay_s if receiver else 0.0,
        hubs_online=receiver.hubs_online if receiver else 0,
        hubs_silent=receiver.hubs_silent if receiver else 0,
        commits=view.commits,
        commit_p50_ms=view.commit_p50_ms,
        commit_p99_ms=view.commit_p99_ms,
        refused=refused + in_receiver,
        silent=[
            SilentHub(
                one.home,
                one.hub,
                addresses.get(one.home, ""),
                max(now - one.seen_at, 0.0) if one.seen_at else None,
                one.waiting,
            )
            for one in silent
        ],
    )


def _signs(view: HealthView, now: float, ready: int, words: Words) -> list[Sign]:
    return [
        _operators(ready, words),
        _broker(view, words),
        _database(view, words),
        _receiver(view, now, words),
        _store(view, words),
        _hubs(view, words),
    ]


def _operators(ready: int, words: Words) -> Sign:
    name = words.gettext(later("Operators"))
    if ready:
        return Sign(name, "ok", words.say(later("Ready at a console: {count}."), count=ready), "")
    return Sign(
        name,
        "bad",
        words.gettext(later("Nobody is ready.")),
        words.gettext(later("Somebody must open the console, confirm the sound and set themselves to ready.")),
    )


def _broker(view: HealthView, words: Words) -> Sign:
    name = words.gettext(later("Line to the homes"))
    if view.broker_connected:
        return Sign(name, "ok", words.gettext(later("Connected.")), "")
    says = words.gettext(later("Not connected: alarms do not arrive.")) + (f" {view.broker}" if view.broker else "")
    return Sign(
        name,
        "bad",
        says,
        words.gettext(
            later("Check that the broker runs and that the network to it stands. Homes resend by themselves.")
        ),
    )


def _database(view: HealthView, words: Words) -> Sign:
    name = words.gettext(later("Case database"))
    if view.database != "ok":
        return Sign(
            name,
            "bad",
            view.database,
            words.gettext(later("Alarms wait at the homes until it answers. Check its disk and its server.")),
        )
    if view.commit_p99_ms is None:
        return Sign(name, "ok", words.gettext(later("Answers.")), "")
    says = words.say(
        later("Answers; an alarm is stored within {ms} ms."), ms=say_number(view.commit_p99_ms, words.language)
    )
    if view.commit_p99_ms > COMMIT_SLOW_MS:
        return Sign(name, "warn", says, words.gettext(later("The disk is slow. Look for what else uses it.")))
    return Sign(name, "ok", says, "")


def _receiver(view: HealthView, now: float, words: Words) -> Sign:
    name = words.gettext(later("Receiver of measurements"))
    advice = words.gettext(
        later("Start the receiver. Alarms still come; inactivity and silent homes are not noticed meanwhile.")
    )
    state = view.receiver_state(now)
    if state == "never" or view.receiver is None:
        return Sign(name, "bad", words.gettext(later("Has not been heard since the desk started.")), advice)
    if state == "silent":
        span = say_duration(now - view.receiver.at, words.language)
        return Sign(name, "bad", words.say(later("Not heard for {span}."), span=span), advice)
    return Sign(
        name,
        "ok",
        words.say(
            later("Takes measurements; {delay} s to store."), delay=say_number(view.receiver.delay_s, words.language, 1)
        ),
        "",
    )


def _store(view: HealthView, words: Words) -> Sign:
    name = words.gettext(later("Store of measurements"))
    receiver = view.receiver
    if receiver is None:
        return Sign(name, "warn", words.gettext(later("Not known.")), "")
    if receiver.store != "ok":
        return Sign(
            name,
            "bad",
            receiver.store,
            words.say(
                later(
                    "Check the telemetry store. {spooled} of at most {cap} readings wait on disk; none is lost so far."
                ),
                spooled=receiver.spooled,
                cap=receiver.spool_cap,
            ),
        )
    if receiver.spooled:
        return Sign(
            name, "warn", words.say(later("Catching up: {spooled} readings wait."), spooled=receiver.spooled), ""
        )
    return Sign(name, "ok", words.gettext(later("Takes everything.")), "")


def _hubs(view: HealthView, words: Words) -> Sign:
    name = words.gettext(later("Homes"))
    receiver = view.receiver
    if receiver is None:
        return Sign(name, "warn", words.gettext(later("Not known.")), "")
    says = words.say(
        later("Heard: {online}. Silent: {silent}."), online=receiver.hubs_online, silent=receiver.hubs_silent
    )
    if receiver.hubs_silent:
        advice = words.gettext(
            later("Many at once mean a fault of the network or the broker; one alone, its own line or power.")
        )
        return Sign(name, "warn", says, advice)
    return Sign(name, "ok", says, "")
