"""The desk's MQTT session: alarms and findings in, receipts and progress out.

The network thread only sorts messages into a bounded queue. One worker takes them, alarms before findings, else in
order of arrival: decode, hand to the desk, which commits; only then is the message acknowledged and the receipt
published. While the database fails, the message at the head is tried again and nothing is acknowledged: broker and
hubs keep what they have.

The latest progress of every case, also of those closed lately, is kept here for its alarms, and told again when our
connection comes back or when a hub says that it is online: a broker that died may have lost what waited for it, and a
desk that died may not have said what it had stored. It can be rebuilt from the database at any time, which happens at
start.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from central.alarm_cases import escalation
from central.alarm_cases.case import EventType
from central.alarm_cases.transitions import Refused
from central.care_intake import SUBSCRIPTIONS as CARE
from central.care_intake import CareIntake
from central.case_desk import CaseChange, CaseDesk, Done
from central.detection.finding import Finding
from central.home_asking import HomeAsking, comfort
from central.hub_states import HubStates
from central.internal import FINDING_FILTER, HEALTH_TOPIC, ReceiverHealth, decode_finding, decode_health
from central.progress import CLOSED_TOLD_S, Progress, Told, answer_of
from central.pulse import PULSE
from central.refusals import RefusalCounter
from central.storage.cases import AlarmRef
from central.storing import Storing
from devices.rejection import Rejection
from gateway.contract.alarm_kinds import SILENT_KINDS
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import Alarm, AlarmAnswer, Command, HubState, Ref, Stage
from gateway.contract.rescue import rescue_alarm
from gateway.contract.topics import Channel, everyone, read_topic, topic
from gateway.mqtt_client import BrokerSettings, MqttClient, Received

QUEUE_MAX: Final = 20_000
"""Messages waiting for the worker. A broker sends at most its window of unacknowledged ones, which is less."""
LATENCIES_KEPT: Final = 500
"""Latest commits over which the health page's percentiles are taken."""
UNSENT_MAX: Final = 10_000
"""Answers kept while the broker is away; beyond, the oldest go: a hub that hears nothing sends its alarm again."""

_STOP, _ALARM, _FINDING = range(3)
_FINDINGS: Final = FINDING_FILTER.removesuffix("+")
_FROM_HUBS: Final = (Channel.ALARM, Channel.STATE, Channel.COMMAND_OUTCOME)
_ALARM_TAIL, _STATE_TAIL = f"/{Channel.ALARM.value}", f"/{Channel.STATE.value}"
_INVALID_FORMAT, _WRONG_CONTENT, _NOT_TREATED = 2, 3, 5
_FORMAT_FAULTS: Final = frozenset({"bad_json", "too_large"})
_PROGRESS: Final = frozenset(
    event.value
    for event in (
        EventType.TAKEN,
        EventType.RELEASED,
        EventType.HANDED_OVER,
        EventType.CONSOLE_LOST,
        EventType.ON_THE_WAY,
        EventType.DECLINED,
        EventType.ARRIVED,
        EventType.CLOSED,
    )
)

log = logging.getLogger(__name__)


class _Named(msgspec.Struct):
    """All that must be readable of a broken alarm to answer it."""

    ref: Ref


_named_decoder = msgspec.json.Decoder(_Named)


class AlarmLane:
    """Joins the desk to the broker. `settings.client_id` names the persistent session, one holder at a time."""

    def __init__(
        self,
        settings: BrokerSettings,
        desk: CaseDesk,
        refusals: RefusalCounter,
        states: HubStates | None = None,
        care: CareIntake | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._desk = desk
        self._care = care
        self._refusals = refusals
        self._states = states or HubStates()
        self._asking = HomeAsking(desk, refusals, self._ask, clock, self._states)
        self._waiting: queue.PriorityQueue[tuple[int, int, Received | None]] = queue.PriorityQueue(QUEUE_MAX)
        self._arrivals = itertools.count()
        self._stopping = threading.Event()
        self._storing = Storing(desk.database, self._stopping)
        self._until_stored = self._storing.until_stored
        self._lock = threading.Lock()
        self._progress = Progress()
        self._unsent: dict[AlarmRef, AlarmAnswer] = {}
        self._asked: dict[str, tuple[str, Command]] = {}
        self._latencies_ms: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._receiver: ReceiverHealth | None = None
        self._broker = "connecting"
        self.commits = 0
        self._client = MqttClient(
            settings,
            subscriptions=(*map(everyone, _FROM_HUBS), FINDING_FILTER, HEALTH_TOPIC, *CARE),
            on_message=self._on_message,
            on_connection=self._on_connection,
        )
        self._worker = threading.Thread(target=self._work, name="alarm-lane", daemon=True)

    def start(self) -> None:
        """Recalls how cases stand, as soon as the database can be read; then takes alarms."""
        self._worker.start()

    def stop(self) -> None:
        """Ends after the message at hand; what waits unacknowledged comes again to the next holder of the session."""
        self._stopping.set()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait((_STOP, 0, None))
        if self._worker.is_alive():
            self._worker.join()
        self._client.stop()

    def on_change(self, change: CaseChange) -> None:
        """Tells the home how far help has come, or asks it. A listener of the desk; from any thread, never blocks.

        A home where somebody is threatened hears nothing.
        """
        if change.kind in SILENT_KINDS:
            return
        if change.event_type in _PROGRESS:
            for name, answer in self._remember(change):
                self._send(name, answer)
        elif change.step == escalation.HOME_REASSURED and change.hub:
            self._ask(change.hub, comfort(change))
        self._asking.on_change(change)

    def tell_again(self) -> None:
        """Reads how all cases stand, and says it to all homes: what they know already is no news there."""
        self._recall()
        for name, answer in self._progress.all().items():
            self._send(name, answer)

    def publish_kept(self, to: str, payload: bytes, on_done: Callable[[bool], None]) -> bool:
        """Publishes something that the broker keeps for its reader; see `MqttClient.publish`. From any thread."""
        return self._client.publish(to, payload, retain=True, on_done=on_done)

    # for the health page

    @property
    def connected(self) -> bool:
        """Whether the broker session stands."""
        return self._client.connected

    @property
    def broker(self) -> str:
        """Why the broker is not connected, "" when it is."""
        return "" if self._client.connected else self._broker

    @property
    def database_fault(self) -> str:
        """Why the database takes no alarm now, "" when it does."""
        return self._storing.fault

    @property
    def receiver(self) -> ReceiverHealth | None:
        """The receiver's last word."""
        return self._receiver

    def commit_ms(self, share: float) -> float | None:
        """The time from taking an alarm to its commit that `share` of the latest stayed under, in milliseconds."""
        kept = sorted(self._latencies_ms)
        return kept[min(int(share * len(kept)), len(kept) - 1)] if kept else None

    # the network thread

    def _on_message(self, received: Received) -> None:
        if received.topic == HEALTH_TOPIC:
            health = decode_health(received.payload)
            if isinstance(health, Rejection):
                self._refusals.count("health", health, self._clock())
            else:
                self._receiver = health
            self._client.acknowledge(received)
            return
        if received.topic.endswith(_STATE_TAIL) and not self._is_lost(received):
            self._client.acknowledge(received)
            return
        rank = _ALARM if received.topic.endswith(_ALARM_TAIL) else _FINDING
        waiting = (rank, next(self._arrivals), received)
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Full):
                self._waiting.put(waiting, timeout=1.0)
                return

    def _is_lost(self, received: Received) -> bool:
        """Keeps what a hub says of itself; one that comes online hears again how far help has come.

        One that cannot be read is counted by the receiver. True for one that is gone: the worker has to see to it.
        """
        address = read_topic(received.topic)
        state = decode(HubState, received.payload)
        if address is None or isinstance(state, Rejection):
            return False
        self._states.hear(address.hub, state, self._clock())
        if state.online and not received.retained:
            for name, answer in self._progress.of_hub(address.hub).items():
                self._send(name, answer)
            self._ask_again(address.hub)
        return not state.online

    def _on_connection(self, up: bool, reason: str) -> None:
        self._broker = reason
        if not up:
            log.warning("broker: %s", reason)
            return
        log.info("broker: connected")
        with self._lock:
            again = self._unsent | self._progress.all()
            self._unsent.clear()
        self._ask_again()
        for name, answer in again.items():
            self._send(name, answer)

    # the worker

    def _recall(self) -> bool:
        now = self._clock()
        for closed in self._desk.closed_since(now - CLOSED_TOLD_S):
            answer = AlarmAnswer(closed.ref, 0, closed.at, Stage.CLOSED, str(closed.case_id), closed.who)
            self._progress.note(AlarmRef(closed.hub, closed.ref), Told((closed.case_id, closed.version), answer))
        for change in self._desk.standing(now):
            if change.kind not in SILENT_KINDS:
                self._remember(change)
        return True

    def _work(self) -> None:
        PULSE.at_work()
        try:
            self._until_stored(self._recall)
        except Exception:  # what cannot be told again must not keep new alarms out
            log.exception("how cases stand cannot be recalled")
        PULSE.waits()
        self._client.start()
        while (received := self._waiting.get()[2]) is not None and not self._stopping.is_set():
            PULSE.at_work()
            try:
                done = self._handle(received)
            except Exception as error:  # a fault of ours in one message must not silence those behind it
                log.exception("message on %s cannot be treated", received.topic)
                with contextlib.suppress(Exception):
                    self._refuse(received, Rejection("not_treated", f"{type(error).__name__}: {error}"), _NOT_TREATED)
                done = True
            if done:
                self._client.acknowledge(received)
            PULSE.waits()

    def _handle(self, received: Received) -> bool:
        """Treats a message; false when it must not be acknowledged, because the desk is stopping."""
        address = read_topic(received.topic)
        if address is None:
            return self._handle_finding(received)
        if address.channel is Channel.STATE:
            return self._until_stored(lambda: self._asking.hub_lost(address.hub)) is not None
        if address.channel is Channel.COMMAND_OUTCOME:
            return self._until_stored(lambda: self._asking.take(address, received.payload)) is not None
        if received.retained:
            self._refuse(received, Rejection("retained", "alarms are never retained: publish without the flag"))
            return True
        alarm = decode(Alarm, received.payload)
        if isinstance(alarm, Rejection):
            rescued = rescue_alarm(received.payload)
            if rescued is None:
                self._refuse(received, alarm, _INVALID_FORMAT if alarm.reason in _FORMAT_FAULTS else _WRONG_CONTENT)
                return True
            self._refuse(received, alarm)
            alarm = rescued
        return self._handle_alarm(address.hub, alarm, received)

    def _handle_alarm(self, hub: str, alarm: Alarm, received: Received) -> bool:
        started_s, received_at = time.perf_counter(), self._clock()
        answer = self._until_stored(lambda: self._desk.receive_alarm(hub, alarm, received.payload, received_at))
        if answer is None:
            return False
        self.commits += 1
        self._latencies_ms.append((time.perf_counter() - started_s) * 1e3)
        name = AlarmRef(hub, alarm.ref)
        self._send(name, answer)
        # somebody may have taken the case between the commit and the receipt: the newer word goes last
        newer = self._progress.of(name)
        if newer is not None and answer.stage is Stage.RECEIVED and newer.stage is not Stage.RECEIVED:
            self._send(name, newer)
        return True

    def _handle_finding(self, received: Received) -> bool:
        care = self._care
        if care is not None and care.takes(received.topic):
            return self._until_stored(lambda: care.take(received.topic, received.payload)) is not None
        if not received.topic.startswith(_FINDINGS):
            self._refuse(received, Rejection("bad_topic", "not a topic of ours, or shard and hub do not agree"))
            return True
        finding = decode_finding(received.payload)
        if isinstance(finding, Rejection):
            self._refusals.count("finding", finding, self._clock())
            return True
        done = self._until_stored(lambda: (self._find(finding),))
        if done is not None and isinstance(done[0], Refused):
            self._refusals.count("finding", Rejection(done[0].reason, finding.home), self._clock())
        return done is not None

    def _find(self, finding: Finding) -> Done | Refused | None:
        last = self._receiver
        none_heard = last is not None and last.hubs_online == 0 < last.hubs_silent
        return self._desk.receive_finding(finding, self._clock(), none_heard=none_heard)

    def _refuse(self, received: Received, rejection: Rejection, snu: int = 0) -> None:
        """Counts a message that is not taken, and answers it when its sender and reference can be made out."""
        address = read_topic(received.topic)
        self._refusals.count("alarm", rejection, self._clock(), sender=address.hub if address else "")
        if address is None or not snu:
            return
        try:
            ref = _named_decoder.decode(received.payload).ref
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        answer = AlarmAnswer(ref, snu, self._clock(), text=rejection.detail[:256])
        self._client.publish(topic(address.hub, Channel.ALARM_ANSWER, ref), encode(answer))

    # what goes out

    def _remember(self, change: CaseChange) -> list[tuple[AlarmRef, AlarmAnswer]]:
        """Notes how far help has come; the answers that are news."""
        answers = [(name, answer_of(change, name)) for name in change.refs]
        order = (change.case_id, change.version)
        return [(name, answer) for name, answer in answers if self._progress.note(name, Told(order, answer))]

    def _send(self, name: AlarmRef, answer: AlarmAnswer) -> None:
        def on_done(done: bool) -> None:
            if done:
                self._send_kept()
            else:
                self._keep(name, answer)

        channel = topic(name.hub, Channel.ALARM_ANSWER, name.ref)
        if not self._client.publish(channel, encode(answer), on_done=on_done):
            self._keep(name, answer)

    def _send_kept(self) -> None:
        """One answer that found the window full goes out for each that has left it."""
        with self._lock:
            if not self._unsent:
                return
            name = next(iter(self._unsent))
            answer = self._unsent.pop(name)
        self._send(name, self._progress.of(name) or answer)

    def _keep(self, name: AlarmRef, answer: AlarmAnswer) -> None:
        """Keeps the newest unsent answer of an alarm until the connection comes back."""
        with self._lock:
            kept = self._unsent.get(name)
            if kept is None or kept.at <= answer.at:
                self._unsent[name] = answer
            while len(self._unsent) > UNSENT_MAX:
                del self._unsent[next(iter(self._unsent))]

    def _ask(self, hub: str, command: Command) -> None:
        """Sends a command, and again when the broker or the hub comes back, until it expires; hubs know repeats."""
        now = self._clock()
        with self._lock:
            self._asked = {key: kept for key, kept in self._asked.items() if kept[1].expires > now}
            self._asked[command.id] = (hub, command)
        self._ask_again(hub)

    def _ask_again(self, only_hub: str = "") -> None:
        now = self._clock()
        with self._lock:
            asked = [(hub, it) for hub, it in self._asked.values() if it.expires > now and only_hub in {"", hub}]
        for hub, command in asked:
            if not self._client.publish(topic(hub, Channel.COMMAND, command.id), encode(command)):
                log.warning("%s: %s waits for the broker", hub, command.id)
