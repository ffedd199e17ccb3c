"""From a driver's frame to the disk. An alarm is committed at once, and only then acknowledged and said aloud."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from devices.catalogue import CATALOGUE
from devices.decoding import Decoded, ReplayMark, decode
from devices.device_model import Trouble
from devices.enrolment import EnrolledDevice
from devices.frames import Frame
from devices.rejection import Rejection
from devices.vocabulary import KINDS, Reading, Urgency
from edge import uplink
from edge.asking import Asking
from edge.battery import is_low
from edge.clock import Clock, Stamp
from edge.enrolment import Devices
from edge.health import Health, TellFault
from edge.home.question import Answer, Step
from edge.movement import Movement, OnWindow
from edge.outbox import StampedReading, StoredAlarm
from edge.outbox_thread import OutboxThread
from gateway.contract.messages import Alarm, ProblemCode

log = logging.getLogger(__name__)

QUEUE_MAX: Final = 500
"""Most frames that wait to be read; the drivers drop repeats, so that only a flood gets here."""
CALLS_MAX: Final = 200
"""More places in the queue, for calls alone: while the disk stands still, a flood must not cost a press."""
PROMPT_FLUSH_S: Final = 0.4
"""Motion and doors wait at most this long for company before they are written down."""
ROUTINE_FLUSH_S: Final = 5.0
"""Temperatures and the like wait at most this long; a power cut may cost that much of them, and no more."""
AGAIN_S: Final = 0.1
"""What the hub has concluded is offered again this often while the queue is full."""
ANSWER_GRACE_S: Final = 1.0
"""An answer that was given in time counts, although it waits so long behind what was heard before it."""
BUFFER_MAX: Final = 200
"""Readings that are written down together at the latest."""
MESSAGES_PER_S: Final = 10.0
"""Most messages of one device, alarms apart, that are kept in the long run: four times what a worn sensor sends."""
MESSAGES_BURST: Final = 100.0
UNDERSTOOD_FOR_S: Final = 600.0
"""Who was understood so lately is not reported for frames that cannot be read: somebody else sends them, or noise."""

_TROUBLES: Final = {Trouble.BUTTON_STUCK: ProblemCode.BUTTON_STUCK, Trouble.LOST_MESSAGES: ProblemCode.OTHER}

Reply = Callable[[bytes], None]
OnHeard = Callable[[EnrolledDevice, Frame, Sequence[Reading]], None]


class _Heard(NamedTuple):
    frame: Frame
    stamp: Stamp
    reply: Reply | None


class _Concluded(NamedTuple):
    readings: tuple[Reading, ...]
    stamp: Stamp
    is_second_try: bool = False


class _ToFollow(NamedTuple):
    step: Callable[[], Step]


class _Felt(NamedTuple):
    device: str


class Intake:
    """Takes frames from the drivers.

    Args:
        devices: the home's.
        clock: stamps what is heard.
        asking: asks about suspected falls before they are alarms.
        outbox: where it goes.
        health: counts refusals and notes who was heard.
        on_alarms: called after the commit.
        on_readings: called after readings were committed, with whether one of them is prompt.
        on_fault: takes what is wrong with a device, "" for nothing.
        delivered: gives the packs that may be deleted with the next commit.
        on_heard: told of each good frame, repeats too, for whoever installs the hub.
        on_window: takes each window of acceleration.
    """

    def __init__(
        self,
        devices: Devices,
        clock: Clock,
        outbox: OutboxThread,
        health: Health,
        asking: Asking,
        *,
        on_alarms: Callable[[list[StoredAlarm]], None],
        on_readings: Callable[[bool], None],
        delivered: Callable[[], list[int]],
        on_fault: TellFault,
        joins: Callable[[Alarm], bool] = lambda _alarm: False,
        on_heard: OnHeard = lambda _device, _frame, _readings: None,
        on_window: OnWindow = lambda _device, _value, _at: None,
    ) -> None:
        self._devices = devices
        self._clock = clock
        self._outbox = outbox
        self._health = health
        self._asking = asking
        self._on_alarms = on_alarms
        self._on_readings = on_readings
        self._delivered = delivered
        self._on_fault = on_fault
        self._joins = joins
        self._on_heard = on_heard
        self._queue: asyncio.Queue[_Heard | _Concluded | _ToFollow | _Felt] = asyncio.Queue(QUEUE_MAX + CALLS_MAX)
        self._movement = Movement(health.movement, on_window)
        self._memory = uplink.Memory()
        self._marks: dict[str, ReplayMark] = {}
        self._marks_to_store: set[str] = set()
        self._buffer: list[StampedReading] = []
        self._flush_at = 0.0
        self._working = False
        self._batteries_low: set[str] = set()
        self._troubles: dict[str, frozenset[Trouble]] = {}
        self._not_understood: set[str] = set()
        self._understood_at: dict[str, float] = {}
        self._allowance: dict[str, tuple[float, float]] = {}

    async def load(self) -> None:
        """Reads the replay memory, lest a press on the air across a restart counts twice, and open questions."""
        self._marks = await self._outbox.call(lambda box: box.marks())
        await self._asking.load()

    def take(self, frame: Frame, reply: Reply | None = None) -> bool:
        """From a driver, in the event loop; `reply` sends bytes back to the device. False: no room, give it again."""
        if self._queue.full() or (self._queue.qsize() >= QUEUE_MAX and not self._is_call(frame)):
            self._health.refused["flood"] += 1
            return False
        self._queue.put_nowait(_Heard(frame, self._clock.now(), reply))
        return True

    def conclude(self, readings: tuple[Reading, ...]) -> None:
        """Takes, in the event loop, what the hub itself has concluded from what one device said, such as a fall."""
        self._put(_Concluded(readings, self._clock.now()))

    def answer(self, question: str, answer: Answer) -> None:
        """Takes, in the event loop, what somebody in the home has answered."""
        self.follow(lambda: self._asking.answered(answer, question))

    def follow(self, step: Callable[[], Step]) -> None:
        """Takes, in the event loop, what changes the dialogue; it is asked for in its turn."""
        self._put(_ToFollow(step))

    def felt(self, device: str) -> None:
        """Takes, in the event loop, that a wearable has felt a hard blow; "": what it was has been looked at."""
        self._put(_Felt(device))

    def call_over(self) -> None:
        """Takes, in the event loop, that a call of this home has ended."""
        uplink.forget_presses(self._memory)

    def _put(self, item: _Concluded | _ToFollow | _Felt) -> None:
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            # nobody repeats it, as a device repeats a press: no flood may cost a fall
            asyncio.get_running_loop().call_later(AGAIN_S, self._put, item)

    async def run(self, on_progress: Callable[[], None]) -> None:
        """Works until cancelled."""
        while True:
            on_progress()
            if self._queue.empty() or self._asking.due_at < self._clock.monotonic - ANSWER_GRACE_S:
                await self._close_question()
            try:
                until = min(self._flush_at, self._asking.due_at)
                async with asyncio.timeout(max(until - self._clock.monotonic, 0.0)):
                    heard = await self._queue.get()
            except TimeoutError:
                await self.flush()
                continue
            self._working = True
            try:
                await self._work(heard)
            finally:
                self._working = False
            if self._clock.monotonic >= self._flush_at:
                await self.flush()

    @property
    def idle(self) -> bool:
        """Whether everything that was heard is worked off."""
        return self._queue.empty() and not self._working

    async def raise_drill(self, text: str) -> None:
        """Raises a TEST alarm."""
        await self._store([uplink.drill(self._clock.now(), text)])

    async def flush(self) -> None:
        """Writes down what is only in memory."""
        await self._store([])

    async def finish(self) -> None:
        """Works off what the drivers have handed over, and writes everything down."""
        while not self._queue.empty():
            try:
                await self._work(self._queue.get_nowait())
            except Exception:
                # nobody comes back for those behind it
                log.exception("something that was heard before the stop was not worked off")
        await self.flush()

    async def _work(self, heard: _Heard | _Concluded | _ToFollow | _Felt) -> None:
        if isinstance(heard, _Concluded):
            await self._declare(heard)
            return
        if isinstance(heard, _ToFollow):
            await self._follow(heard.step())
            return
        if isinstance(heard, _Felt):
            await self._asking.felt(self._device(heard.device))
            return
        frame, stamp, reply = heard
        device = self._devices.get((frame.link, frame.sender))
        if device is None:
            self._health.refused["not_enrolled"] += 1
            return
        decoded = decode(frame, device, self._marks.get(device.id))
        if isinstance(decoded, Rejection):
            if decoded.reason == "repeat":
                self._on_heard(device, frame, ())
            self._refuse(decoded, device, stamp)
            return
        self._health.heard_device(device.id, stamp.monotonic)
        if device.id in self._not_understood:
            self._not_understood.discard(device.id)
            self._on_fault(f"device {device.id}", "")
        self._understood_at[device.id] = stamp.monotonic
        self._look_at_battery(device, decoded.readings)
        self._look_at_troubles(device, decoded.troubles)
        for kind in decoded.faults:
            self._health.refused[f"bad_{kind}"] += 1
        before = self._marks.get(device.id)
        if decoded.mark != before:
            self._marks[device.id] = decoded.mark
            self._marks_to_store.add(device.id)
        try:
            await self._act(decoded, device, stamp, reply)
        except Exception:
            self._forget(device.id, before)
            raise
        # now: a press is among the calls without a receipt when the installer reads that it was heard
        self._on_heard(device, frame, decoded.readings)

    def _is_call(self, frame: Frame) -> bool:
        """Whether it would raise an alarm, as far as is known before those that wait in front of it are read."""
        device = self._devices.get((frame.link, frame.sender))
        if device is None:
            return False
        decoded = decode(frame, device, self._marks.get(device.id))
        if isinstance(decoded, Rejection):
            return False
        return any(KINDS[reading.kind].urgency is Urgency.ALARM for reading in decoded.readings)

    async def _act(self, decoded: Decoded, device: EnrolledDevice, stamp: Stamp, reply: Reply | None) -> None:
        if self._asking.is_fine_button(device):
            await self._answer_by_button(decoded)
            return
        step = self._ask_first(decoded.readings, device, stamp)
        is_call = bool(step.alarms) or self._asking.change(step) is not None
        if not is_call and not decoded.acknowledge and not self._has_room(device.id, stamp.monotonic):
            # what needs no proof anybody can send, as fast as they like
            self._health.refused["too_many"] += 1
            return
        readings = self._movement.take(decoded.readings)
        self._buffer.extend(StampedReading(reading, stamp) for reading in readings)
        if is_call or decoded.acknowledge or len(self._buffer) >= BUFFER_MAX:
            await self._store(step.alarms, step)
        elif readings:
            patience = PROMPT_FLUSH_S if uplink.is_prompt(readings) else ROUTINE_FLUSH_S
            self._flush_at = min(self._flush_at, stamp.monotonic + patience)
        if decoded.acknowledge and reply is not None and self._outbox.durable:
            reply(decoded.acknowledge)

    async def _declare(self, concluded: _Concluded) -> None:
        """Keeps what the hub has concluded, and raises the alarms that it calls for."""
        readings, stamp, _ = concluded
        device = self._device(readings[0].device)
        if device is None:
            return
        step = self._ask_first(readings, device, stamp)
        self._buffer.extend(StampedReading(reading, stamp) for reading in readings)
        try:
            await self._store(step.alarms, step)
        except Exception:
            self._forget(device.id, self._marks.get(device.id))
            if not concluded.is_second_try:
                self._put(concluded._replace(is_second_try=True))
            raise

    def _device(self, name: str) -> EnrolledDevice | None:
        return next((each for each in self._devices.values() if each.id == name), None)

    def _ask_first(self, readings: Sequence[Reading], device: EnrolledDevice, stamp: Stamp) -> Step:
        declared = uplink.declare(readings, device, stamp, self._memory)
        return self._asking.heard([each for each in declared if not self._joins(each[0])], readings, stamp)

    async def _answer_by_button(self, decoded: Decoded) -> None:
        is_press = any(reading.kind == "press" for reading in decoded.readings)
        if is_press:
            await self._follow(self._asking.answered(Answer.FINE))

    async def _close_question(self) -> None:
        """Nobody has answered, and the time is over."""
        if self._asking.due_at <= self._clock.monotonic:
            await self._follow(self._asking.overdue())

    async def _follow(self, step: Step) -> None:
        """Stores what an answer, or none, leads to."""
        if self._asking.change(step) is not None:
            stamp = self._clock.now()
            self._buffer.extend(StampedReading(reading, stamp) for reading in step.readings)
            await self._store(step.alarms, step)

    def _has_room(self, device: str, now: float) -> bool:
        left, at = self._allowance.get(device, (MESSAGES_BURST, now))
        left = min(left + (now - at) * MESSAGES_PER_S, MESSAGES_BURST)
        has_room = left >= 1
        self._allowance[device] = (left - 1 if has_room else left, now)
        return has_room

    def _look_at_battery(self, device: EnrolledDevice, readings: tuple[Reading, ...]) -> None:
        for reading in readings:
            was_low = device.id in self._batteries_low
            low = is_low(CATALOGUE[device.model], reading, was_low=was_low)
            if low is None or low == was_low:
                continue
            (self._batteries_low.add if low else self._batteries_low.discard)(device.id)
            unit = "%" if reading.kind == "battery" else "V"
            sentence = f"{device.id}: its battery is low ({float(reading.value):g} {unit})" if low else ""
            self._on_fault(f"battery {device.id}", sentence, ProblemCode.DEVICE_BATTERY_LOW, device.id)

    def _look_at_troubles(self, device: EnrolledDevice, troubles: frozenset[Trouble] | None) -> None:
        known = self._troubles.get(device.id, frozenset())
        if troubles is None or troubles == known:
            return
        self._troubles[device.id] = troubles
        for trouble in known ^ troubles:
            sentence = f"{device.id}: {trouble.value}" if trouble in troubles else ""
            self._on_fault(f"{trouble.name} {device.id}", sentence, _TROUBLES[trouble], device.id)

    def _forget(self, device: str, before: ReplayMark | None) -> None:
        """After a fault: what was not stored is not known, so that the repeat counts and is not merely confirmed."""
        self._marks_to_store.discard(device)
        self._marks.pop(device, None)
        if before is not None:
            self._marks[device] = before
        self._memory.raised = {key: at for key, at in self._memory.raised.items() if key[0] != device}

    def _refuse(self, rejection: Rejection, device: EnrolledDevice, stamp: Stamp) -> None:
        self._health.refused[rejection.reason] += 1
        if rejection.reason == "repeat":
            self._health.heard_device(device.id, stamp.monotonic)
            return
        if self._health.refused[rejection.reason] == 1:
            log.warning("refused a frame of %s: %s (%s)", device.id, rejection.reason, rejection.detail)
        understood_at = self._understood_at.get(device.id, -UNDERSTOOD_FOR_S)
        if device.id in self._not_understood or stamp.monotonic - understood_at < UNDERSTOOD_FOR_S:
            return
        self._not_understood.add(device.id)
        sentence = f"{device.id} is not understood: {rejection.reason}"
        self._on_fault(f"device {device.id}", sentence, ProblemCode.DEVICE_NOT_UNDERSTOOD, device.id)

    async def _store(self, alarms: list[tuple[Alarm, Stamp]], step: Step | None = None) -> None:
        """One transaction for everything that waits, alarms first in mind; and with it the step of the dialogue."""
        readings, self._buffer = self._buffer, []
        marks = {device: self._marks[device] for device in self._marks_to_store}
        self._marks_to_store.clear()
        self._flush_at = self._clock.monotonic + ROUTINE_FLUSH_S
        delivered = self._delivered()
        asked = self._asking.change(step) if step is not None else None
        if not (alarms or readings or marks or delivered or asked):
            return
        was_durable = self._outbox.durable
        stored = await self._outbox.call(lambda box: box.keep(alarms, readings, marks, delivered, asked))
        if step is not None and (device := self._asking.settle(step)):
            uplink.forget_fall(device, self._memory)
        if self._outbox.durable and not was_durable:
            # the disk that is back may still have a question that this run has answered, or never seen
            await self._asking.load()
        if stored:
            self._on_alarms(stored)
        if readings:
            self._on_readings(uplink.is_prompt(item.reading for item in readings))
