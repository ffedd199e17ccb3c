"""A month of a few homes as it passes through the receiver, in virtual time, with the receiver killed now and then.

The receiver is the real one with its real files; the broker stands in memory and keeps what a broker keeps: what was
not acknowledged comes again. A kill ends the receiver at any call of one of its own functions: between saying and
storing, within a recall, within a batch.
"""

from __future__ import annotations

import inspect
import random
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from central.detection.finding import Finding
from central.detection.profile import Limits
from central.ingest import Refusals
from central.internal import decode_finding
from central.receiver import Client, Parts, Receiver
from central.storage.homes import EnrolledHome
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.spool import Spool
from devices.rejection import Rejection
from gateway.contract.topics import INTERNAL_ROOT
from gateway.line import BrokerSettings, Received

MINUTE_S: Final = 60.0
GRACE_S: Final = 180.0
WINDOW: Final = 4_000
"""Messages that the broker has under way, as in our broker's configuration."""
_BATCH_S: Final = 0.3
_CENTRE: Final = f"{Path(__file__).parent.parent / 'central'}/"


class Message(NamedTuple):
    """What a hub sends, and when."""

    at: float
    topic: str
    payload: bytes


class Killed(BaseException):
    """The receiver ends here, without a word."""


class Kill(NamedTuple):
    """The receiver dies in the first turn from `at` on, at its so many-th call, and is started again after `down_s`."""

    at: float
    calls: int
    down_s: float


class VirtualTime:
    """A clock of the receiver that stands still by itself."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        """Unix seconds."""
        return self.now

    def monotonic(self) -> float:
        """The same: it is never set."""
        return self.now

    def sleep(self, seconds: float, /) -> None:
        """Passes at once."""
        self.now += seconds


@dataclass
class VirtualBroker:
    """Keeps what it was given until it is acknowledged; `told` is what the desk heard, and when."""

    messages: Sequence[Message]
    told: list[tuple[float, Finding]] = field(default_factory=list)
    unacknowledged: dict[int, Message] = field(default_factory=dict)
    _next: int = 0
    _again: deque[int] = field(default_factory=deque)

    def connected_anew(self) -> None:
        """Everything that was not acknowledged comes again, first."""
        self._again = deque(self.unacknowledged)

    def due(self, now: float) -> Iterator[Received]:
        """What may be delivered now."""
        while self._again:
            number = self._again.popleft()
            if number in self.unacknowledged:
                yield self._received(number, self.unacknowledged[number])
        while (
            self._next < len(self.messages)
            and self.messages[self._next].at <= now
            and len(self.unacknowledged) < WINDOW
        ):
            self._next += 1
            message = self.unacknowledged[self._next] = self.messages[self._next - 1]
            yield self._received(self._next, message)

    def _received(self, number: int, message: Message) -> Received:
        return Received(message.topic, message.payload, False, number)


class VirtualLine:
    """The receiver's session with that broker."""

    connected = True

    def __init__(self, broker: VirtualBroker, clock: VirtualTime, on_message: Callable[[Received], None]) -> None:
        self._broker, self._clock, self._on_message = broker, clock, on_message
        self._confirmed: list[Callable[[bool], None]] = []
        broker.connected_anew()

    def poll(self, _timeout_s: float) -> None:
        """Delivers what is due; then a batch is old enough to be written."""
        confirmed, self._confirmed = self._confirmed, []
        for on_done in confirmed:
            on_done(True)
        for received in self._broker.due(self._clock.now):
            self._on_message(received)
        self._clock.now += _BATCH_S

    def acknowledge(self, received: Received) -> None:
        """The broker forgets it."""
        self._broker.unacknowledged.pop(received.handle, None)

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, on_done: Callable[[bool], None] | None = None
    ) -> bool:
        """The desk hears it at once, the receiver that it did, later."""
        if topic.startswith(f"{INTERNAL_ROOT}/finding/"):
            finding = decode_finding(payload)
            assert not isinstance(finding, Rejection), finding
            self._broker.told.append((self._clock.now, finding))
        if on_done is not None:
            self._confirmed.append(on_done)
        return not retain

    def stop(self) -> None:
        """Hangs up."""


class VirtualReceiver(Receiver):
    """A receiver on a virtual line."""

    def __init__(self, parts: Parts, broker: VirtualBroker, clock: VirtualTime) -> None:
        self._line = broker, clock
        super().__init__(parts)

    def _new_client(self) -> Client:
        return VirtualLine(*self._line, self._on_message)

    @property
    def recalling(self) -> bool:
        """Whether the past of some home has not been read yet."""
        return bool(self._to_recall)

    def die(self) -> None:
        """Leaves everything as it is, and lets go of the files."""
        self._habits.close()
        self._parts.spool.close()
        store = self._parts.store
        assert isinstance(store, EmbeddedStore)
        store.close()


@dataclass
class Centre:
    """A receiver that can be killed, its files, and its broker.

    Attributes:
        kills: how often it died; blind: from when to when it could judge nothing for that.
    """

    folder: Path
    homes: Sequence[EnrolledHome]
    broker: VirtualBroker
    clock: VirtualTime
    kills: int = 0
    blind: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self._receiver = self._start()

    def _start(self) -> VirtualReceiver:
        parts = Parts(
            broker=BrokerSettings(host="", port=0, client_id="receiver", username="", password=""),
            store=EmbeddedStore(self.folder / "telemetry"),
            spool=Spool(self.folder / "spool"),
            registry=lambda: self.homes,
            kept_file=self.folder / "findings.json",
            limits=Limits(),
            grace_s=GRACE_S,
            refusals=Refusals(),
            clock=self.clock,
        )
        return VirtualReceiver(parts, self.broker, self.clock)

    def live(self, until_at: float, kills: Sequence[Kill] = ()) -> None:
        """A turn each minute, more while it has to catch up."""
        waiting = deque(sorted(kills))
        while self.clock.now < until_at:
            minute_at = (self.clock.now // MINUTE_S + 1) * MINUTE_S
            self._turns(waiting)
            self.clock.now = max(self.clock.now, minute_at)
        for _ in range(3):
            self._receiver.turn()

    def _turns(self, waiting: deque[Kill]) -> None:
        kill = waiting[0] if waiting and waiting[0].at <= self.clock.now else None
        try:
            with dying_after(kill.calls if kill else None):
                self._receiver.turn()
                # one turn may have fewer calls
                while self._receiver.recalling or kill is not None:
                    self._receiver.turn()
                    if kill is not None and sys.getprofile() is None:
                        # raised where Python lets nothing pass: in a finalizer
                        raise Killed  # noqa: TRY301 - as the profiler raises it, in the same place
        except Killed:
            assert kill is not None
            waiting.popleft()
            self.restart(kill.down_s)

    def restart(self, down_s: float) -> None:
        """Killed now, and started again later."""
        self._receiver.die()
        self.kills += 1
        since = self.clock.now // MINUTE_S * MINUTE_S
        if self.blind and since <= self.blind[-1][1]:
            since = self.blind.pop()[0]
        self.clock.now += down_s
        self.blind.append((since, self.clock.now + GRACE_S + MINUTE_S))
        self._receiver = self._start()

    def close(self) -> None:
        """Ends it."""
        self._receiver.die()


@contextmanager
def dying_after(calls: int | None) -> Iterator[None]:
    """Raises `Killed` at the so many-th call of a function of the centre within it; None = never."""
    if calls is None:
        yield
        return
    left = calls

    def count(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal left
        # not in a generator: it is called as well when it is thrown away half used, and Python lets nothing pass there
        if event != "call" or frame.f_code.co_flags & inspect.CO_GENERATOR:
            return
        if frame.f_code.co_filename.startswith(_CENTRE):
            left -= 1
            if left == 0:
                raise Killed

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)


def changes(told: Sequence[tuple[float, Finding]]) -> dict[str, list[tuple[float, bool]]]:
    """Of each key when it began and ended to hold, without what was only said again."""
    found: dict[str, list[tuple[float, bool]]] = {}
    for at, finding in told:
        words = found.setdefault(finding.key, [])
        if not words or words[-1][1] != finding.active:
            words.append((at, finding.active))
    return found


def some_kills(
    told: Sequence[tuple[float, Finding]], begin_at: float, end_at: float, count: int, seed: int
) -> list[Kill]:
    """Random kills: half of them in minutes in which something is said, or just before and after."""
    dice = random.Random(f"kills-{seed}")
    moments = [words[0] for found in changes(told).values() for words in found]
    kills = []
    for number in range(count):
        at = dice.uniform(begin_at, end_at)
        if moments and number % 2:
            at = dice.choice(moments) // MINUTE_S * MINUTE_S + dice.choice((-2, -1, 0, 0, 0, 0, 1)) * MINUTE_S
        kills.append(Kill(at, round(10 ** dice.uniform(0, 3.5)), dice.choice((5.0, 60.0, 600.0))))
    return sorted(kills)
