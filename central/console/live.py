"""News to every open console, as server-sent events.

Any thread publishes; the events cross into the web server's loop and wait in one bounded queue per browser. A browser
that does not keep up is told to load everything anew and is let go; it comes back by itself. Nothing depends on an
event having arrived: after every (re)connection the page asks for the whole queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from central.access_rules import Who
from central.console.offers import AtDesk, Offers

log = logging.getLogger(__name__)

WAITING_MAX: Final = 256
"""Events a browser may be behind: a flood of that many alarms is quicker read as one list."""
BEAT_S: Final = 2.0
"""Pause between signs of life; the page calls the line lost after 5 s without one."""
READY_KEPT_S: Final = 5.0
"""A console that has answered no sign of life for so long is not ready: alarms may not be reaching it."""
CLIENTS_MAX: Final = 500
"""Most open consoles; far above any centre, and a bound on memory."""

_encode = msgspec.json.Encoder().encode
_RELOAD: Final = b"event: reload\ndata: {}\n\n"


@dataclass(slots=True)
class Client:
    """One open page.

    Attributes:
        session: hash of the session's token; ending the session ends the stream.
        operator: the operator's id.
        state: "ready", "busy", "wrap_up", "break", or "not_ready" (sound not confirmed, or just connected).
        since_at: when it came into that state, Unix seconds; answered_at: when it last answered a sign of life, on the
            monotonic clock.
        who: as the rules of access see them; None sees everything.
    """

    number: int
    session: str
    operator: str
    state: str = "not_ready"
    since_at: float = 0.0
    answered_at: float = -READY_KEPT_S
    who: Who | None = None
    waiting: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(WAITING_MAX))


def event_bytes(name: str, data: object) -> bytes:
    """One server-sent event. JSON holds no line breaks, so one data line is enough."""
    return b"event: " + name.encode() + b"\ndata: " + _encode(data) + b"\n\n"


class Live:
    """The open consoles and how news reaches them.

    Attributes:
        dropped: consoles let go because they did not keep up.
        published: events so far; whoever keeps what they made from the database makes it anew when this has moved.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._signs: dict[str, float] = {}  # operator -> last sign of life
        self._looked_up: set[str] = set()  # of whom it is known whether they lost a case
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: dict[int, Client] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._stopped = False
        self.dropped = 0
        self.published = 0
        self.offers = Offers()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Names the web server's loop; called once when the server starts."""
        self._loop = loop

    def publish(
        self, event_name: str, data: object, sees: Callable[[Who], bool] | None = None, instead: object = None
    ) -> None:
        """Sends an event to every open console. From any thread; never blocks; before the server runs, to nobody.

        Where `sees` is given, those of whom it is false get an event with `instead`.
        """
        self.published += 1
        self._in_loop(self._spread, event_bytes(event_name, data), sees, event_name, instead)

    def stop(self) -> None:
        """Ends every stream, so that the web server can end. From any thread."""
        self._stopped = True
        self._in_loop(self._end_all)

    def close_session(self, session: str) -> None:
        """Ends the streams of a session that has been ended. From any thread."""
        self._in_loop(self._end_session, session)

    def set_state(self, session: str, state: str) -> None:
        """Notes on every page of a session how its operator is; each call is also a sign of life. From any thread."""
        with self._lock:
            for client in self._clients.values():
                if client.session == session:
                    if client.state != state:
                        client.state, client.since_at = state, time.time()
                    client.answered_at = self._monotonic()

    def sign(self, operator: str) -> None:
        """Notes that a console of that operator is there: it speaks. From any thread."""
        with self._lock:
            self._signs[operator] = self._monotonic()

    def acted(self, actor: str) -> None:
        """Notes that somebody has done something: a sign of life, too, of a console that was there before."""
        with self._lock:
            if actor in self._signs:
                self._signs[actor] = self._monotonic()

    def signs(self) -> dict[str, float]:
        """How many seconds ago the consoles of each operator last gave a sign of life, since this process began."""
        with self._lock:
            now = self._monotonic()
            return {operator: now - at for operator, at in self._signs.items()}

    def lost(self, operator: str) -> None:
        """Notes that an operator lost a case with their console and is to be told."""
        with self._lock:
            self._looked_up.discard(operator)

    def may_have_lost(self, operator: str) -> bool:
        """Whether it must be looked up if an operator lost a case; true once after each time that it may be."""
        with self._lock:
            news = operator not in self._looked_up
            self._looked_up.add(operator)
            return news

    def at_desk(self, sees: Callable[[Who], bool] | None = None) -> list[AtDesk]:
        """Who sits at an open console, in the state that says most of them; who does not answer is not ready.

        `sees` leaves out those of whom it is false.
        """
        order = ("busy", "wrap_up", "break", "ready", "not_ready")
        found: dict[str, AtDesk] = {}
        with self._lock:
            for client in self._clients.values():
                if sees is not None and client.who is not None and not sees(client.who):
                    continue
                here = AtDesk(client.operator, self._state(client), client.since_at)
                known = found.get(client.operator)
                if known is None or order.index(here.state) < order.index(known.state):
                    found[client.operator] = here
        return sorted(found.values())

    def ready_operators(self) -> int:
        """How many operators have at least one console open, heard, ready, and answering."""
        with self._lock:
            return len({one.operator for one in self._clients.values() if self._state(one) == "ready"})

    def _state(self, client: Client) -> str:
        answers = self._monotonic() - client.answered_at < READY_KEPT_S
        return client.state if answers else "not_ready"

    def clients(self) -> int:
        """How many consoles are open."""
        with self._lock:
            return len(self._clients)

    async def stream(
        self, session: str, operator: str, beat: Callable[[], object | None], who: Who | None = None
    ) -> AsyncIterator[bytes]:
        """The events of one page until it goes away.

        `beat` is called in a worker thread every `BEAT_S` and gives what the sign of life carries; None ends the
        stream.
        """
        client = self._enter(session, operator, who)
        if client is None:
            return
        beating = asyncio.create_task(self._beat(client, beat))
        try:
            yield b"retry: 1000\n\n"
            while (event := await client.waiting.get()) is not None:
                yield event
            yield _RELOAD
        finally:
            beating.cancel()
            with self._lock:
                self._clients.pop(client.number, None)

    async def _beat(self, client: Client, beat: Callable[[], object | None]) -> None:
        """Signs of life come from a task of their own, so that a slow database never holds back an alarm."""
        while True:
            try:
                sign = await asyncio.to_thread(beat)
            except Exception:
                # without signs of life the page calls the line lost, which is the truth
                log.exception("no sign of life for the console of %s", client.operator)
            else:
                if sign is None:
                    self._end(client)
                    return
                with contextlib.suppress(asyncio.QueueFull):
                    client.waiting.put_nowait(event_bytes("beat", sign))
            await asyncio.sleep(BEAT_S)

    def _enter(self, session: str, operator: str, who: Who | None) -> Client | None:
        with self._lock:
            if len(self._clients) >= CLIENTS_MAX or self._stopped:
                return None
            client = Client(next(self._numbers), session, operator, who=who)
            self._clients[client.number] = client
            self._signs[operator] = self._monotonic()
            self._looked_up.discard(operator)
            return client

    def _in_loop(self, function: Callable[..., None], *arguments: object) -> None:
        if self._loop is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is listening any more
            self._loop.call_soon_threadsafe(function, *arguments)

    def _spread(self, full: bytes, sees: Callable[[Who], bool] | None, event_name: str, instead: object) -> None:
        other = b""
        for client in list(self._clients.values()):
            event = full
            if sees is not None and client.who is not None and not sees(client.who):
                event = other = other or event_bytes(event_name, instead)
            if client.waiting.full():
                self.dropped += 1
                log.warning("console of %s does not keep up: told to load anew", client.operator)
                self._end(client)
            else:
                client.waiting.put_nowait(event)

    def _end(self, client: Client) -> None:
        while not client.waiting.empty():
            client.waiting.get_nowait()
        client.waiting.put_nowait(None)

    def _end_session(self, session: str) -> None:
        for client in list(self._clients.values()):
            if client.session == session:
                self._end(client)

    def _end_all(self) -> None:
        for client in list(self._clients.values()):
            self._end(client)
