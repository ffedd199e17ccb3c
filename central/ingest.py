"""What hubs send, apart from alarms, to rows for the telemetry store and news for the detectors. No I/O.

Everything is acknowledged in the end: what cannot be used is refused by value and counted, since no hub would send it
differently the next time. Memory is bounded by what is enrolled: nothing is kept of strangers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from central.detection.engine import Engine
from central.detection.finding import Finding
from central.detection.profile import DeviceAtHome, Limits, limits_of
from central.internal import LABELS_FILTER, HubPresence, decode_labels
from central.label_book import LabelBook
from central.storage.homes import EnrolledHome
from central.telemetry.store import Row, storable_name
from central.worn import worn_of
from devices.rejection import Rejection
from devices.vocabulary import Reading
from devices.wearable.judge_lines import Worn
from gateway.contract.encoding import decode
from gateway.contract.messages import Heartbeat, HubState
from gateway.contract.ordering import Arrival, SequenceTracker
from gateway.contract.senml import decode_measurements
from gateway.contract.topics import Channel, read_topic, topic

logger = logging.getLogger(__name__)

HUB_DEVICE: Final = "hub"
"""Under this device the hub's own marks are stored: kind `heartbeat`, value = messages waiting in its outbox."""
STRANGE_DEVICES_MAX: Final = 64
"""Devices of a home that nobody enrolled here and whose readings are kept all the same: room for a technician who
fits sensors before the office writes them down, and a bound on what a broken hub can invent."""
LOG_EVERY_S: Final = 60.0
"""One refusal of a kind is logged in so many seconds; all are counted."""
SILENT_SHOWN_MAX: Final = 50
WINDOW_KIND: Final = "acceleration"
OnWindow = Callable[[str, Reading, Worn], None]
"""Takes a home, a window of acceleration, and how the wearable is worn."""
_LABELS: Final = LABELS_FILTER.removesuffix("+")


class Refusals:
    """Counts what was refused, by reason (a small fixed set of words), and logs one of each reason a minute."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._logged_at: dict[str, float] = {}

    def add(self, reason: str, source: str, detail: str, now: float, count: int = 1) -> None:
        """Counts `count` refusals. `source` is a hub's id or a topic, `detail` a sentence for a technician."""
        total = self.counts[reason] = self.counts.get(reason, 0) + count
        if now - self._logged_at.get(reason, -LOG_EVERY_S) >= LOG_EVERY_S:
            self._logged_at[reason] = now
            logger.warning("refused from %.64r: %s: %.200s (%d so far)", source, reason, detail, total)


def _storable(home: EnrolledHome) -> bool:
    if storable_name(home.home_id):
        return True
    logger.error("the home id %r cannot stand in the telemetry store: its readings are refused", home.home_id)
    return False


class _Hub:
    """What is kept of one enrolled hub. `known` are the devices whose readings are kept, `strangers` how many of
    them nobody enrolled."""

    __slots__ = ("home", "hub", "known", "numbers", "strangers", "waiting", "worn")

    def __init__(self, home: str, hub: str) -> None:
        self.home = home
        self.hub = hub
        self.known: set[str] = set()
        self.worn: dict[str, Worn] = {}
        self.strangers = 0
        self.numbers = SequenceTracker()
        self.waiting = 0


class Intake:
    """Takes the messages of enrolled hubs; tells the engine what it must know; gives back rows.

    Attributes:
        messages, readings, duplicates: taken since start.
        on_window: takes the movement of wearables in which falls are looked for here.
        refusals: what was refused.
    """

    def __init__(self, engine: Engine, defaults: Limits, refusals: Refusals, labels: LabelBook | None = None) -> None:
        self.on_window: OnWindow = lambda _home, _reading, _worn: None
        self._engine = engine
        self._labels = labels
        self._defaults = defaults
        self._enrolled: dict[str, EnrolledHome] = {}
        self._hubs: dict[str, _Hub] = {}
        self._packs: dict[str, _Hub] = {}
        self.messages = 0
        self.readings = 0
        self.duplicates = 0
        self.refusals = refusals

    # who there is

    def enrol(self, homes: Iterable[EnrolledHome], now: float) -> list[Finding]:
        """Takes over the registry as it is now. Returns the end of what was open about homes that are gone."""
        by_id = {home.home_id: home for home in homes if _storable(home)}
        for before in self._enrolled.values():
            after = by_id.get(before.home_id)
            if after is None or after.hub_id != before.hub_id:
                # before anybody is enrolled: the hub may stand in another home now
                self._forget(before.hub_id)
        for home in by_id.values():
            if self._enrolled.get(home.home_id) != home:
                self._enrol(home, now)
        gone = [home_id for home_id in self._enrolled if home_id not in by_id]
        self._enrolled = by_id
        return self._engine.dismiss(gone)

    def _enrol(self, home: EnrolledHome, now: float) -> None:
        devices = {
            one.id: DeviceAtHome(one.id, one.room, one.silence_max_s, one.model, one.place_code) for one in home.devices
        }
        limits, faults = limits_of(self._defaults, home.care_plan, home.timezone, devices)
        if faults:
            logger.warning("care plan of %s: %s", home.home_id, "; ".join(faults))
        limits = msgspec.structs.replace(
            limits,
            hub_enrolled_at=home.hub_enrolled_at,
            away_until_at=home.away_until_at,
            unusual=self._labels.unusual(home.home_id) if self._labels else (),
            routine_since_at=home.routine_since_at,
            visits_counted=home.routine_since_at is not None and home.residents == 1,
        )
        self._engine.enrol(home.home_id, limits, now)
        hub = self._hubs.get(home.hub_id)
        if hub is None:
            hub = self._hubs[home.hub_id] = _Hub(home.home_id, home.hub_id)
            self._packs[topic(home.hub_id, Channel.MEASUREMENTS)] = hub
        hub.home = home.home_id
        hub.worn, faults = worn_of(home.care_plan)
        if faults:
            logger.warning("care plan of %s: %s", home.home_id, "; ".join(faults))
        strange = hub.known - devices.keys() - {HUB_DEVICE}
        hub.known = {HUB_DEVICE, *devices, *strange}
        hub.strangers = len(strange)

    def _forget(self, hub_id: str) -> None:
        self._hubs.pop(hub_id, None)
        self._packs.pop(topic(hub_id, Channel.MEASUREMENTS), None)

    def knows(self, topic_name: str) -> bool:
        """Whether a message on this topic can be taken; a stranger may just have been enrolled."""
        if topic_name in self._packs:
            return True
        address = read_topic(topic_name)
        return address is None or address.hub in self._hubs

    # what comes

    def take(self, topic_name: str, payload: bytes, retained: bool, received_at: float) -> Sequence[Row]:
        """One message. Returns the rows to store, none where it was refused or has none.

        What the broker retained was said at some earlier time, and proves nothing about now.
        """
        self.messages += 1
        hub = self._packs.get(topic_name)
        if hub is not None:
            return self._take_pack(hub, payload, retained, received_at)
        if topic_name.startswith(_LABELS):
            return self._take_labels(topic_name, payload, received_at)
        address = read_topic(topic_name)
        if address is None:
            self.refusals.add("bad_topic", topic_name, "not a topic of a hub", received_at)
            return ()
        hub = self._hubs.get(address.hub)
        if hub is None:
            self.refusals.add("unknown_hub", address.hub, "nobody enrolled this hub", received_at)
            return ()
        if address.channel is Channel.HEARTBEAT:
            return self._take_heartbeat(hub, payload, retained, received_at)
        if address.channel is Channel.STATE:
            return self._take_state(hub, payload, retained, received_at)
        self.refusals.add("bad_topic", topic_name, "not a topic for the receiver", received_at)
        return ()

    def _take_labels(self, topic_name: str, payload: bytes, received_at: float) -> list[Row]:
        told = decode_labels(payload)
        if isinstance(told, Rejection):
            self.refusals.add(told.reason, topic_name, told.detail, received_at)
        elif self._labels is not None and self._labels.take(told) and told.home in self._enrolled:
            self._enrol(self._enrolled[told.home], received_at)
        return []

    def _take_pack(self, hub: _Hub, payload: bytes, retained: bool, received_at: float) -> list[Row]:
        pack = decode_measurements(hub.hub, payload, received_at)
        if isinstance(pack, Rejection):
            self.refusals.add(pack.reason, hub.hub, pack.detail, received_at)
            return []
        if pack.sequence is not None and hub.numbers.observe(pack.epoch, pack.sequence) is Arrival.DUPLICATE:
            # taken all the same: storing twice is storing once, and the first copy's batch may have been lost
            self.duplicates += 1
        for reason in pack.refused:
            self.refusals.add(reason, hub.hub, "a record of a measurement pack", received_at)
        home, known = hub.home, hub.known
        readings = pack.readings
        rows = [
            Row(home, reading.device, reading.kind, reading.measured_at, reading.value)
            for reading in readings
            if reading.device in known and reading.kind != WINDOW_KIND
        ]
        if len(rows) < len(readings):
            readings = [reading for reading in readings if self._admit(hub, reading, received_at)]
            rows = [Row(home, one.device, one.kind, one.measured_at, one.value) for one in readings]
        self.readings += len(rows)
        self._engine.take(home, readings, received_at)
        if not retained:
            lived_at = received_at
            if self._engine.catching_up:
                newest_at = max([reading.measured_at for reading in readings], default=None)
                lived_at = self._engine.lived_at(newest_at, received_at)
            self._hear(hub, rows, lived_at)
        return rows

    def _admit(self, hub: _Hub, reading: Reading, received_at: float) -> bool:
        """Whether a reading is kept: not a window, and not of one strange device too many."""
        if reading.kind == WINDOW_KIND and reading.device in hub.worn:
            self._engine.hear_devices(hub.home, {reading.device: 0.0}, min(reading.measured_at, received_at))
            self.on_window(hub.home, reading, hub.worn[reading.device])
            return False
        if reading.kind == WINDOW_KIND:
            self.refusals.add("window_not_kept", hub.hub, "accelerometer windows are not stored", received_at)
            return False
        if reading.device in hub.known:
            return True
        if hub.strangers >= STRANGE_DEVICES_MAX:
            self.refusals.add("too_many_devices", hub.hub, f"{reading.device} and others are not enrolled", received_at)
            return False
        hub.strangers += 1
        hub.known.add(reading.device)
        return True

    def _take_heartbeat(self, hub: _Hub, payload: bytes, retained: bool, received_at: float) -> list[Row]:
        beat = decode(Heartbeat, payload)
        if isinstance(beat, Rejection):
            self.refusals.add(f"heartbeat_{beat.reason}", hub.hub, beat.detail, received_at)
            return []
        rows: list[Row] = []
        if not retained:
            hub.waiting = beat.waiting
            self._engine.catch_up(beat.at, received_at)
            lived_at = self._engine.lived_at(beat.at, received_at)
            self._hear(hub, rows, lived_at)
            self._engine.hear_devices(hub.home, beat.heard, lived_at)
        return rows

    def _take_state(self, hub: _Hub, payload: bytes, retained: bool, received_at: float) -> list[Row]:
        state = decode(HubState, payload)
        if isinstance(state, Rejection):
            self.refusals.add(f"state_{state.reason}", hub.hub, state.detail, received_at)
            return []
        rows: list[Row] = []
        if not state.online:
            self._engine.offline(hub.home)
        elif not retained:
            hub.waiting = state.waiting
            self._hear(hub, rows, self._engine.lived_at(state.at, received_at))
        return rows

    def _hear(self, hub: _Hub, rows: list[Row], at: float) -> None:
        if self._engine.hear(hub.home, at):
            rows.append(Row(hub.home, HUB_DEVICE, "heartbeat", at, float(hub.waiting)))

    # how it stands

    def presence(self, now: float) -> tuple[int, list[HubPresence]]:
        """How many hubs are silent, and the longest silent of them, worst first."""
        silent = []
        for hub in self._hubs.values():
            timeline = self._engine.timeline(hub.home)
            heard_at = (timeline.heard_at if timeline else None) or 0.0
            online = timeline is not None and timeline.online
            if not online or now - heard_at > self._defaults.hub_silent_shown_s:
                silent.append(HubPresence(hub.home, hub.hub, False, heard_at, hub.numbers.gaps_open, hub.waiting))
        silent.sort(key=lambda presence: presence.seen_at)
        return len(silent), silent[:SILENT_SHOWN_MAX]

    def gaps(self) -> int:
        """Holes in the running numbers of all hubs' packs."""
        return sum(hub.numbers.gaps_open for hub in self._hubs.values())

    @property
    def hubs(self) -> int:
        """How many hubs are enrolled."""
        return len(self._hubs)
