"""Health: whether alarms and measurements come through, what was refused, and what to do in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from central.console import hub_troubles
from central.console.access import Seat
from central.console.health_view import HealthView
from central.console.hub_troubles import TroubledHome
from central.console.refusal_words import say_reason, say_source
from central.console.rights import allowed
from central.console.templating import office_page
from central.hub_states import HubStates
from central.paper_list import LATE_S as PAPER_LATE_S
from central.storage import hub_settings, pages
from central.storage.pages import RefusalLine
from central.texts import Words, later, say_duration, say_number, translator

router = APIRouter()

Reader = Annotated[Seat, Depends(allowed("health", "read"))]

COMMIT_SLOW_MS = 250.0
"""An alarm whose commit takes longer than this misses the budget of being heard within a second."""


RESTARTS_SHOWN_S = 86_400.0
"""For so long it is said that a process of the centre had to be started again."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One row of the page: what, how it stands ("ok", "warn", "bad"), in words, and what to do when it is not well.

    `detail` is what a machine said about it, in its own words.
    """

    name: str
    state: str
    says: str
    advice: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SilentHub:
    """A home not heard lately; `silent_s` is None when its hub was never heard."""

    home: str
    hub: str
    address: str
    silent_s: float | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Input refused by value, in words: `source` and `reason` are codes, `from_words` and `why` what is read."""

    source: str
    reason: str
    from_words: str
    why: str
    count: int
    last_at: float
    last_detail: str


@dataclass(frozen=True, slots=True)
class Health:
    """The whole page. Counts of the receiver are since its start. `troubled_more` homes had no room in the list."""

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
    refused: list[Refused]
    silent: list[SilentHub]
    troubled: list[TroubledHome]
    troubled_more: int


@router.get("/health", include_in_schema=False)
def show(request: Request, seat: Reader) -> Response:
    """The page; it fetches its contents by itself every few seconds."""
    return office_page(request, seat, "health.html", "/health")


@router.get("/api/health", tags=["health"])
def health(request: Request, seat: Reader) -> Health:
    """How desk, receiver, broker, database and homes are."""
    state = request.app.state
    now: float = state.clock()
    view: HealthView = state.parts.health()
    silent = view.receiver.silent if view.receiver else []
    words = translator(seat.operator.language)
    with state.parts.database.read() as conn:
        refused = pages.refusal_lines(conn)
        addresses = pages.home_names(conn, [presence.home for presence in silent])
        troubled, troubled_more = _troubled(conn, state.parts.states, now, words)
    receiver = view.receiver
    in_receiver = [
        RefusalLine("receiver", reason, count, receiver.at, "")
        for reason, count in sorted(receiver.refused.items() if receiver else [], key=lambda item: -item[1])
        if receiver
    ]
    return Health(
        now=now,
        signs=[*_signs(view, now, state.parts.live.ready_operators(), words), _units(troubled, troubled_more, words)],
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
        refused=[_in_words(line, words) for line in refused + in_receiver],
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
        troubled=troubled,
        troubled_more=troubled_more,
    )


def _troubled(conn: Connection, states: HubStates, now: float, words: Words) -> tuple[list[TroubledHome], int]:
    """The homes whose units have something to say, the gravest first, and how many more there are."""
    heard = states.complaining()
    unsettled = {one.hub_id: one for one in hub_settings.not_in_force(conn)}
    heard |= {hub: said for hub in unsettled if (said := states.of(hub)) is not None}
    found = [hub for _, hub in hub_troubles.in_trouble(heard, unsettled, now)]
    where = pages.homes_of_hubs(conn, found[: hub_troubles.SHOWN_MAX])
    shown = [
        hub_troubles.describe(hub, where[hub], heard.get(hub), unsettled.get(hub), now, words)
        for hub in found[: hub_troubles.SHOWN_MAX]
        if hub in where
    ]
    gravest = ["bad", "warn", "note"]
    shown.sort(key=lambda one: (gravest.index(one.state), one.address))
    return shown, max(0, len(found) - hub_troubles.SHOWN_MAX)


def _in_words(line: RefusalLine, words: Words) -> Refused:
    why, source = say_reason(line.reason, words), say_source(line.source, words)
    return Refused(line.source, line.reason, source, why, line.count, line.last_at, line.last_detail)


def _signs(view: HealthView, now: float, ready: int, words: Words) -> list[Sign]:
    return [
        _operators(ready, words),
        _broker(view, words),
        _database(view, words),
        _receiver(view, now, words),
        _store(view, words),
        _hubs(view, words),
        _channels(view, words),
        _processes(view, now, words),
        _paper(view, now, words),
        *_clock(view, words),
    ]


def _units(troubled: list[TroubledHome], more: int, words: Words) -> Sign:
    name = words.gettext(later("Units in the homes"))
    bad = sum(one.state == "bad" for one in troubled)
    warn = sum(one.state == "warn" for one in troubled) + more
    if bad:
        says = words.say(later("Homes from which an alarm may not come: {count}."), count=bad)
        return Sign(
            name, "bad", says, words.gettext(later("A technician must see to them now; they are listed below."))
        )
    if warn:
        says = words.say(later("Homes that need a technician: {count}."), count=warn)
        return Sign(name, "warn", says, words.gettext(later("They are listed below with what to do.")))
    return Sign(name, "ok", words.gettext(later("No unit complains.")), "")


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
    return Sign(
        name,
        "bad",
        words.gettext(later("Not connected: alarms do not arrive.")),
        words.gettext(
            later("Check that the broker runs and that the network to it stands. Homes resend by themselves.")
        ),
        view.broker,
    )


def _database(view: HealthView, words: Words) -> Sign:
    name = words.gettext(later("Case database"))
    if view.database != "ok":
        return Sign(
            name,
            "bad",
            words.gettext(later("Does not take alarms.")),
            words.gettext(
                later("Alarms wait at the homes until it answers. Check its disk, its server, and what locks it.")
            ),
            view.database,
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
            words.gettext(later("Takes no measurements.")),
            words.say(
                later(
                    "Check the telemetry store. {spooled} of at most {cap} readings wait on disk; none is lost so far."
                ),
                spooled=receiver.spooled,
                cap=receiver.spool_cap,
            ),
            receiver.store,
        )
    if receiver.spooled:
        return Sign(
            name, "warn", words.say(later("Catching up: {spooled} readings wait."), spooled=receiver.spooled), ""
        )
    return Sign(name, "ok", words.gettext(later("Takes everything.")), "")


CHANNELS: Final = {
    "push": later("notifications of browsers"),
    "sms": later("SMS"),
    "voice": later("telephone calls"),
    "apprise": later("Telegram, ntfy and the like"),
    "email": later("e-mail"),
}


def _channels(view: HealthView, words: Words) -> Sign:
    name = words.gettext(later("Ways to carers"))
    up = ", ".join(words.gettext(said) for channel, said in CHANNELS.items() if channel in view.channels)
    missing = ", ".join(words.gettext(said) for channel, said in CHANNELS.items() if channel not in view.channels)
    if not up:
        says = words.gettext(later("None is set up: carers are not told of anything."))
        return Sign(name, "bad", says, words.gettext(later("Set up at least one in the configuration of the centre.")))
    if not missing:
        return Sign(name, "ok", words.say(later("Set up: {channels}."), channels=up), "")
    says = words.say(later("Set up: {channels}."), channels=up)
    lacking = later("Not set up: {missing}. Who can only be reached by these counts as not reachable.")
    return Sign(name, "ok", says, words.say(lacking, missing=missing))


PROCESSES: Final = {"desk": later("alarm desk"), "receiver": later("receiver of measurements")}

STARTED_AGAIN: Final = {
    "stuck": later("Stood still and was started again: {program}, {span} ago."),
    "ended": later("Ended and was started again: {program}, {span} ago."),
}


def _processes(view: HealthView, now: float, words: Words) -> Sign:
    name = words.gettext(later("Programs of the centre"))
    lately = [one for one in view.restarts if now - one.at < RESTARTS_SHOWN_S]
    if not lately:
        return Sign(name, "ok", words.gettext(later("None had to be started again in the last 24 hours.")), "")
    last = lately[-1]
    who = words.gettext(PROCESSES[last.name]) if last.name in PROCESSES else last.name
    span = say_duration(max(now - last.at, 0.0), words.language)
    says = words.say(STARTED_AGAIN[last.why], program=who, span=span)
    if len(lately) > 1:
        says += " " + words.say(later("In the last 24 hours: {count} times."), count=len(lately))
    advice = words.gettext(
        later("Nothing is lost by it. If it happens again, send the log of that time to who looks after the centre.")
    )
    return Sign(name, "warn", says, advice)


def _clock(view: HealthView, words: Words) -> list[Sign]:
    if not view.ahead_s:
        return []
    name, span = words.gettext(later("Clock")), say_duration(view.ahead_s, words.language)
    says = words.say(later("The machine's clock was set back by {span}. The desk counts on from before."), span=span)
    advice = later("Nothing waits longer for it, but times are ahead by as much until no case is open.")
    return [Sign(name, "warn", says, words.gettext(advice))]


def _paper(view: HealthView, now: float, words: Words) -> Sign:
    name = words.gettext(later("Paper list"))
    if not view.paper:
        says = words.gettext(later("None is written: when the centre is down, nobody knows whom to ring."))
        return Sign(name, "warn", says, words.gettext(later("Name a folder under [paper] in the configuration.")))
    if view.paper_at is None or now - view.paper_at > PAPER_LATE_S:
        says = words.gettext(later("Last night none was written."))
        advice = later("Look whether its folder is there and can be written to; the log of the desk says what failed.")
        return Sign(name, "bad", says, words.gettext(advice))
    span = say_duration(max(now - view.paper_at, 0.0), words.language)
    return Sign(name, "ok", words.say(later("Written {span} ago."), span=span), "")


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
