"""The receiver process: measurements, heartbeats and states from the broker into the telemetry store, and detection.

One thread and one loop. A message is decoded as it comes; its rows join a batch; the batch goes into the store, or on
disk while the store is down; only then are its messages acknowledged. What dies with the process the broker delivers
again, and storing twice is storing once.
"""

from __future__ import annotations

import gc
import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from central.care_words import CareWords
from central.config import CentralConfig, read_secret
from central.default_limits import default_limits
from central.detection.engine import Engine
from central.detection.profile import Limits
from central.fall_watch import FallWatch
from central.finding_outbox import FindingOutbox
from central.habit_store import HabitStore
from central.ingest import Intake, Refusals
from central.internal import HEALTH_TOPIC, LABELS_FILTER, ReceiverHealth, encode
from central.label_book import LabelBook
from central.pulse import PULSE
from central.recall import HomesToRecall
from central.storage.database import Database, DatabaseError
from central.storage.homes import EnrolledHome, list_enrolled
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.feed import Feed
from central.telemetry.open_store import open_store
from central.telemetry.spool import Spool
from central.telemetry.store import Row, StoreUnavailable, TelemetryStore
from gateway.contract.topics import Channel, everyone
from gateway.fast_receiver import FastReceiver
from gateway.line import BrokerSettings
from gateway.mqtt_client import Received

logger = logging.getLogger(__name__)

BATCH_MESSAGES: Final = 2_000
"""A batch is written when it has so many messages: half of the window that our broker configuration grants, so that
the broker fills the other half meanwhile. The more rows of a sensor come together, the fewer pages are written."""
BATCH_AGE_S: Final = 0.25
"""... or when its oldest message has waited so long. A commit each quarter second is nothing even on a slow disk."""
QUIET_MESSAGES: Final = 20
"""... or when nothing more comes and so many wait: a foreign broker's window may be as small as this."""
HELD_MESSAGES_MAX: Final = 4 * BATCH_MESSAGES
"""Messages held unacknowledged while neither store nor spool takes rows: bounds memory whatever the broker's window."""
POLL_S: Final = 0.02
REGISTRY_EVERY_S: Final = 30.0
REGISTRY_AGAIN_S: Final = 2.0
"""A message of an unknown hub makes the registry be read again, at most this often: it may be newly enrolled."""
HEALTH_EVERY_S: Final = 5.0
KEEP_EVERY_S: Final = 1.0
RETRY_EVERY_S: Final = 1.0
TIDY_EVERY_S: Final = 60.0
STALL_S: Final = 60.0
"""A loop that did not turn for so long (suspended, blocked, clock set ahead) has heard nothing meanwhile."""
RECALL_WAIT_S: Final = 600.0
"""If the store cannot tell the past by then, homes are judged by what has come since the start."""

SUBSCRIPTIONS: Final = (
    *(everyone(channel) for channel in (Channel.MEASUREMENTS, Channel.HEARTBEAT, Channel.STATE)),
    LABELS_FILTER,
)


class Clock(Protocol):
    """The wall clock and the steady one, as in `time`."""

    def time(self) -> float: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...


class Client(Protocol):
    """The receiver's session, as in `FastReceiver`."""

    @property
    def connected(self) -> bool: ...
    def poll(self, timeout_s: float) -> None: ...
    def acknowledge(self, received: Received) -> None: ...
    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, on_done: Callable[[bool], None] | None = None
    ) -> bool: ...
    def stop(self) -> None: ...


class Parts(NamedTuple):
    """What a receiver works with.

    Attributes:
        broker: the receiver's own session.
        store, spool: where readings go.
        registry: reads who is enrolled; raises DatabaseError.
        kept_file: where open findings are kept over a restart; what was learned of homes lies beside it.
        limits: the centre's defaults.
        grace_s: after the start, silence is not judged for so long.
        refusals: counts what is refused.
        clock: what it goes by.
    """

    broker: BrokerSettings
    store: TelemetryStore
    spool: Spool
    registry: Callable[[], Sequence[EnrolledHome]]
    kept_file: Path
    limits: Limits
    grace_s: float
    refusals: Refusals
    clock: Clock = time


class Receiver:
    """The loop and what it holds. Call `turn` again and again from one thread, then `close`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._clock = parts.clock
        self._started_at = self._clock.monotonic()
        self._turned_at = self._clock.time()
        self._engine = Engine(self._turned_at, parts.grace_s)
        self._engine.outage_began(self._turned_at)
        self._labels = LabelBook(parts.kept_file.with_name("labels.sqlite"))
        self._intake = Intake(self._engine, parts.limits, parts.refusals, self._labels)
        self._falls = FallWatch(parts.clock.monotonic, self._on_windows_lost, parts.kept_file.with_name("movement"))
        self._intake.on_window = self._falls.give
        self._feed = Feed(parts.store, parts.spool)
        self._client = self._new_client()
        self._rows: list[Row] = []
        self._unacknowledged: list[Received] = []
        self._batch_since = 0.0
        self._retry_at = 0.0
        self._overflowed = False
        self._delay_s = 0.0
        self._refused_batch = False
        self._registry_at = -REGISTRY_EVERY_S
        self._seen: set[str] = set()
        self._findings = FindingOutbox(parts.kept_file)
        self._habits = HabitStore(parts.kept_file.with_name("habits.sqlite"))
        self._care = CareWords(self._engine)
        self._to_recall = HomesToRecall(self._engine, parts.store, self._habits)
        self._reopened = False
        self._next_keep = 0.0
        self._next_health = 0.0
        self._next_tidy = 0.0

    def _new_client(self) -> Client:
        return FastReceiver(
            self._parts.broker,
            subscriptions=SUBSCRIPTIONS,
            on_message=self._on_message,
            on_connection=self._on_connection,
        )

    # the loop

    def turn(self) -> None:
        """One turn: reads what has come, writes and acknowledges what is due, judges, tells."""
        now = self._clock.monotonic()
        if not self._load_registry(now):
            # without the registry every hub would be a stranger and its readings refused: the broker keeps them
            self._clock.sleep(POLL_S)
            return
        before = len(self._unacknowledged)
        self._client.poll(0.0 if self._to_recall and not self._feed.spooled else POLL_S)
        now = self._clock.monotonic()
        quiet = len(self._unacknowledged) == before
        if self._batch_due(now, quiet):
            self._write_batch(now)
        self._feed.drain(now)
        self._recall(now)
        self._note_hearing(self._clock.time())
        self._findings.add(self._falls.turn())
        self._tell_desk(now)
        self._tidy(now)

    def close(self) -> None:
        """Writes and acknowledges what has come, keeps open findings, says good-bye to the broker."""
        self._write_batch(self._clock.monotonic())
        self._client.stop()
        self._falls.close()
        if self._reopened:
            self._findings.keep(self._engine.opens())
            self._habits.keep(self._engine.learned())
        self._habits.close()
        self._labels.close()
        self._parts.spool.close()
        self._parts.store.close()

    # messages

    def _on_message(self, received: Received) -> None:
        if len(self._unacknowledged) >= HELD_MESSAGES_MAX:
            self._overflowed = True
            return
        now = self._clock.monotonic()
        if not self._unacknowledged:
            self._batch_since = now
        if not self._intake.knows(received.topic) and now - self._registry_at >= REGISTRY_AGAIN_S:
            self._registry_at = -REGISTRY_EVERY_S
            self._load_registry(now)
        self._rows += self._intake.take(received.topic, received.payload, received.retained, self._clock.time())
        self._unacknowledged.append(received)

    def _on_windows_lost(self, count: int, reason: str) -> None:
        self._parts.refusals.add("window_not_judged", "movement", reason, self._clock.time(), count)

    def _on_connection(self, up: bool, reason: str) -> None:
        if up:
            logger.info("connected to the broker")
        else:
            logger.warning("no connection to the broker: %s", reason)

    def _note_hearing(self, now: float) -> None:
        """Tells the engine whether hubs can be heard: not without a line, nor while no message can be kept."""
        if now - self._turned_at > STALL_S:
            logger.warning(
                "nothing was heard for %.0f s: the loop stood still, or the clock was set", now - self._turned_at
            )
            self._engine.outage_began(self._turned_at)
        self._turned_at = now
        if self._client.connected and not self._refused_batch:
            self._engine.outage_ended(now)
        else:
            self._engine.outage_began(now)

    def _batch_due(self, now: float, quiet: bool) -> bool:
        waiting = len(self._unacknowledged)
        if not waiting or now < self._retry_at:
            return False
        return (
            waiting >= BATCH_MESSAGES or now - self._batch_since >= BATCH_AGE_S or (quiet and waiting >= QUIET_MESSAGES)
        )

    def _write_batch(self, now: float) -> None:
        self._refused_batch = not self._feed.put(self._rows, now)
        if self._refused_batch:
            self._retry_at = now + RETRY_EVERY_S
            return
        if self._unacknowledged:
            self._delay_s = self._clock.monotonic() - self._batch_since
            self._falls.sync()
        for received in self._unacknowledged:
            self._client.acknowledge(received)
        self._rows.clear()
        self._unacknowledged.clear()
        if self._overflowed:
            # what was passed over comes again with a new connection
            self._overflowed = False
            self._client.stop()
            self._client = self._new_client()

    # who is enrolled

    def _load_registry(self, now: float) -> bool:
        """Reads the registry when it is time; False while it has never been read."""
        if now - self._registry_at < (REGISTRY_EVERY_S if self._reopened else REGISTRY_AGAIN_S):
            return self._reopened
        self._registry_at = now
        try:
            homes = self._parts.registry()
        except DatabaseError as error:
            logger.warning("cannot read the registry: %s", str(error).partition("\n")[0])
            return self._reopened
        self._findings.add(self._intake.enrol(homes, self._clock.time()))
        self._to_recall.extend(home.home_id for home in homes if home.home_id not in self._seen)
        self._seen = {home.home_id for home in homes}
        if not self._reopened:
            self._reopened = True
            self._findings.add(self._engine.reopen(self._findings.load()))
        return True

    # what was before the start

    def _recall(self, now: float) -> None:
        late = now - self._started_at > RECALL_WAIT_S
        if self._to_recall and (late or not self._feed.spooled):
            home = self._to_recall.one(now, self._clock.time(), late=late)
            if home is not None:
                self._care.look(home)

    # findings

    def _tell_desk(self, now: float) -> None:
        self._findings.add(self._engine.due(self._clock.time()))
        if now >= self._next_keep:
            self._next_keep = now + KEEP_EVERY_S
            self._findings.keep(self._engine.opens())
            learned = self._engine.learned()
            self._habits.keep(learned)
            for home in learned:
                self._care.look(home)
        self._findings.send(self._client.publish)
        self._care.send(self._client.publish)
        if now >= self._next_health and self._client.connected:
            self._client.publish(HEALTH_TOPIC, encode(self.health()), retain=True)
            self._next_health = now + HEALTH_EVERY_S

    # how it stands

    def health(self) -> ReceiverHealth:
        """How the measurement lane stands now."""
        silent_count, silent = self._intake.presence(self._clock.time())
        return ReceiverHealth(
            at=self._clock.time(),
            messages=self._intake.messages,
            readings=self._intake.readings,
            refused=dict(self._parts.refusals.counts),
            store=self._feed.status,
            spooled=self._feed.spooled,
            spool_cap=self._parts.spool.cap_bytes,
            delay_s=round(self._delay_s, 3),
            hubs_online=self._intake.hubs - silent_count,
            hubs_silent=silent_count,
            silent=silent,
            gaps=self._intake.gaps(),
            duplicates=self._intake.duplicates,
            labels=self._labels.counts(),
        )

    def _tidy(self, now: float) -> None:
        store = self._parts.store
        if now < self._next_tidy or not isinstance(store, EmbeddedStore):
            return
        try:
            more = store.tidy(self._clock.time())
        except StoreUnavailable as error:
            logger.warning("cannot tidy the store: %s", error)
            more = False
        self._next_tidy = now + (2 * BATCH_AGE_S if more else TIDY_EVERY_S)


def run(config: CentralConfig) -> None:
    """Runs the receiver until SIGTERM or SIGINT.

    Raises:
        ConfigError: a secret cannot be read.
        StoreUnavailable: the embedded store's folder cannot be used.
        BadDatabaseUrl: the database's address cannot be used.
        OSError: the data folder cannot be written.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    folder = config.data_folder / "receiver"
    folder.mkdir(parents=True, exist_ok=True)
    database = Database.open(config.database.url)
    refusals = Refusals()

    def refused_by_store(count: int, reason: str) -> None:
        refusals.add("store_refused", "telemetry store", reason, time.time(), count)

    def registry() -> Sequence[EnrolledHome]:
        with database.read() as connection:
            return list_enrolled(connection)

    broker = config.broker
    receiver = Receiver(
        Parts(
            broker=BrokerSettings(
                host=broker.host,
                port=broker.port,
                client_id="receiver",
                username="receiver",
                password=read_secret(broker.receiver_password_file),
                ca_file=broker.ca_file,
                tls=broker.tls,
            ),
            store=open_store(config.telemetry, config.data_folder, on_refused=refused_by_store),
            spool=Spool(folder / "spool"),
            registry=registry,
            kept_file=folder / "findings.json",
            limits=default_limits(config),
            grace_s=config.detection.restart_grace_s,
            refusals=refusals,
        )
    )
    # rows are many and have no cycles: the collector's frequent walks over them cost a fifth of the receiver's time
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    logger.info("ready")
    try:
        while not stopping.is_set():
            PULSE.at_work()
            receiver.turn()
    finally:
        receiver.close()
        database.close()
        logger.info("stopped")
