"""Starts the hub's loops and keeps them running: a loop that crashes is reported and started again, never the agent."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from functools import cache, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from devices.wearable.judge_lines import Worn
from edge.asking import Asking
from edge.clock import Clock
from edge.commands import Commands, OnDone
from edge.config import Config, ScreenConfig
from edge.dispatch import Dispatch
from edge.drivers.ble_scanner import NoRadioError
from edge.enrolment import Devices, unheard
from edge.fall_watch import FallWatch
from edge.health import Health, notify_systemd
from edge.hearing_note import load_note
from edge.home.presence import Presence
from edge.hub_session import make_client, say_goodbye
from edge.intake import Intake
from edge.listening import Listening, Loop, Progress
from edge.outbox import StoredAlarm
from edge.outbox_file import lock_folder
from edge.outbox_thread import OutboxThread
from edge.pulse import Pulse
from edge.radio_healing import RadioHealing
from edge.remote_settings import RemoteSettings
from edge.sms_setup import open_sms_path
from edge.status import AgentStatus, HeardBoard, keep_writing, status_file
from edge.taking_back import TakingBack
from gateway.contract.messages import AlarmAnswer, ProblemCode, Stage
from gateway.contract.settings import HubSettings
from gateway.contract.topics import Channel, read_topic
from gateway.mqtt_client import Received

log = logging.getLogger(__name__)

RESTART_STATUS: Final = 75
"""The program ends with this status (EX_TEMPFAIL of sysexits.h) to be started again: its radio hears nobody."""
RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 15.0
FORGIVEN_AFTER_S: Final = 20.0
"""A loop that has run for this long after a crash is well again."""
STOP_S: Final = 5.0
"""Longest wait for the loops to end: a radio or bus that is gone does not answer, and systemd kills after 15 s."""
UNSENT_AGAIN_S: Final = 1.0
"""A command whose outcome the line did not take is looked at again after so long."""


class Agent:
    """One hub. `run` returns after `stop`.

    Args:
        config, devices, password: from the hub's files.
        clock: says when.
        is_restarted: whether somebody starts the program again when it ends.

    Raises:
        CertificateError: `ca_file` cannot be read as one.
    """

    def __init__(
        self, config: Config, devices: Devices, password: str, clock: Clock, *, is_restarted: bool = False
    ) -> None:
        self._config = config
        self._devices = dict(devices)
        self._language = config.hub.language
        self._clock = clock
        self._hub = config.hub.id
        self._folder = Path(config.storage.folder)
        self._is_restarted = is_restarted
        self._status = 0
        self._health = Health(clock.monotonic, lambda: clock.monotonic)
        self._outbox = OutboxThread(lambda sentence, code: self._fault("outbox", sentence, code))
        self._presence = Presence(clock)
        self._board = HeardBoard()
        self._sms = open_sms_path(config, password, clock, self._outbox, self._health, self._presence, self._fault)
        self._dispatch = Dispatch(
            self._hub,
            clock,
            self._outbox,
            self._health,
            firmware=_version(),
            on_answer=self._on_answer,
            sms=self._sms,
        )
        self._dispatch.on_renamed = self._presence.renamed
        self._intake = self._make_intake()
        self._presence.on_answer, self._presence.on_askers = self._intake.answer, self._health.askers
        worn = {each.device: Worn(each.site, each.threshold) for each in config.worn}
        self._falls = FallWatch(
            worn, self._intake.conclude, self._intake.felt, self._health.movement, lambda: clock.monotonic, self._fault
        )
        self._inbox: asyncio.Queue[Received] = asyncio.Queue()
        self._stopping = asyncio.Event()
        self._starts_anew = False
        self._loop = asyncio.get_running_loop()
        self._client = make_client(config, password, self._on_message, self._on_connection)
        self._dispatch.use(self._client)
        self._commands = Commands(
            self._hub, clock, self._intake, self._asking, self._presence, self._health, self._publish
        )
        taking_back = TakingBack(self._hub, clock, self._dispatch.is_waiting, self._publish)
        self._presence.on_mistake = taking_back.take_back
        self._listening = Listening(config, self._devices, clock, self._intake, self._health, self._fault)
        self._settings = self._make_settings(devices)
        self._dispatch.on_reached = self._settings.reached
        self._pulse = self._make_pulse()

    def _make_intake(self) -> Intake:
        self._asking = asking = Asking(
            self._clock,
            self._outbox,
            self._presence,
            lambda: self._language,
            ask_s=self._config.hub.question_s,
            fine_buttons=[button.name for button in self._config.button if button.answers],
        )
        return Intake(
            self._devices,
            self._clock,
            self._outbox,
            self._health,
            asking,
            on_alarms=self._on_alarms,
            on_readings=self._dispatch.readings_stored,
            delivered=self._dispatch.take_delivered,
            on_fault=self._fault,
            joins=self._dispatch.joins,
            on_heard=self._board.heard,
            on_window=lambda *window: self._falls.give(*window),  # noqa: PLW0108 - it is made later
        )

    def _make_settings(self, devices: Devices) -> RemoteSettings:
        return RemoteSettings(
            self._config,
            devices,
            self._folder,
            self._clock,
            tell_fault=self._fault,
            put_into_force=self._put_into_force,
        )

    def _make_pulse(self) -> Pulse:
        return Pulse(
            self._hub,
            self._clock,
            self._health,
            self._outbox,
            self._dispatch,
            folder=self._folder,
            line=lambda: self._client,
            tell_fault=self._fault,
            mute_s=(lambda: self._presence.mute_s) if self._config.screen else lambda: 0.0,
        )

    def stop(self, *, to_start_anew: bool = False) -> None:
        """Ends `run`; `to_start_anew`: another agent follows at once in the same program."""
        self._starts_anew = to_start_anew
        self._stopping.set()

    async def run(self) -> int:
        """Works until `stop`; returns the exit status.

        Raises:
            AlreadyRunningError: another agent uses the same folder.
        """
        try:
            with await asyncio.to_thread(lock_folder, self._folder):
                return await self._work()
        except BaseException:
            self._client.stop()
            raise

    async def _work(self) -> int:
        await self._outbox.open(self._folder, self._config.storage.readings_max)
        await self._intake.load()
        self._presence.restore(await self._dispatch.load())
        if self._sms is not None:
            self._sms.tell_home()
        if self._config.ble is not None:
            now, note = self._clock.now(), await asyncio.to_thread(load_note, self._folder)
            self._health.hearing.expect_link("ble", now.monotonic, RadioHealing(now.monotonic, now.boot, note))
            self._health.hearing.remember(note, now.boot, now.monotonic)
        await self._settings.load()
        tasks = [asyncio.create_task(self._supervise(name, loop), name=name) for name, loop in self._loops().items()]
        for sentence in unheard(self._config, self._devices):
            log.warning("%s", sentence)
            self._fault(sentence, sentence, ProblemCode.DEVICE_NOT_LISTENED_TO)
        self._client.start()
        log.info("ready: hub %s, %d devices", self._hub, len(self._devices))
        notify_systemd("READY=1")
        try:
            await self._stopping.wait()
        finally:
            if not self._starts_anew:
                # systemd would end the program
                notify_systemd("STOPPING=1")
            for task in tasks:
                task.cancel()
            ended, late = await asyncio.wait(tasks, timeout=STOP_S)
            await asyncio.gather(*ended, return_exceptions=True)
            for task in late:
                log.warning("the loop %s does not end", task.get_name())
            await self._intake.finish()
            await say_goodbye(self._client, self._hub, self._clock)
            await self._intake.flush()
            if not self._status:
                await self._pulse.save_note()
            await self._outbox.close()
        return self._status

    @property
    def may_restart(self) -> bool:
        """Whether the program may end: not with a call that is only in memory."""
        return self._intake.idle and (self._outbox.durable or not self._dispatch.has_alarms)

    async def _restart(self) -> None:
        """Ends the program, when somebody starts it again and will know why."""
        if self._is_restarted and await self._pulse.save_note(restarting=True):
            log.critical("the radio hears nobody and a reset did not help: the program is started again")
            self._status = RESTART_STATUS
            self.stop()

    def _loops(self) -> dict[str, Loop]:
        loops: dict[str, Loop] = {
            "intake": self._intake.run,
            "dispatch": self._dispatch.run,
            "answers": self._take_messages,
            "health": self._pulse.run,
            "heartbeat": self._pulse.beat,
            "settings": self._settings.run,
            "status": partial(keep_writing, status_file(self._config), self._describe),
        }
        loops |= self._listening.loops(lambda: self.may_restart, self._restart)
        if self._sms is not None:
            loops["modem"] = self._sms.run
        if self._config.worn:
            loops["falls"] = self._falls.run
        if self._config.screen is not None:
            loops["screen"] = partial(self._screen_loop, self._config.screen)
        return loops

    async def _supervise(self, name: str, loop: Loop) -> None:
        pause = RETRY_FIRST_S
        while True:
            started = self._clock.monotonic

            def progress(started: float = started) -> None:
                now = self._clock.monotonic
                self._health.moved(name, now)
                if now - started > FORGIVEN_AFTER_S:
                    self._fault(f"loop {name}", "")

            progress()
            code, subject = ProblemCode.LOOP_CRASHED, name
            try:
                await loop(progress)
                reason = "it ended"
            except NoRadioError as error:
                reason, code, subject = str(error), ProblemCode.BLE_MISSING, "ble"
            except OSError as error:
                reason = str(error)
            except Exception as error:
                log.exception("the loop %s crashed", name)
                reason = f"{type(error).__name__}: {error}"
            self._health.moved(name, self._clock.monotonic)
            if self._fault(f"loop {name}", f"{name}: {reason}", code, subject):
                log.error("%s does not work and is started again: %s", name, reason)
            if self._clock.monotonic - started > FORGIVEN_AFTER_S:
                pause = RETRY_FIRST_S
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_MAX_S)

    def _fault(self, part: str, sentence: str, code: ProblemCode = ProblemCode.OTHER, subject: str = "", /) -> bool:
        """Sets what is wrong with a part, "" for nothing; true, and told to the centre, when that is news."""
        news = self._health.fault(part, sentence, code, subject)
        if news:
            self._dispatch.state_changed()
        return news

    # the loops that are made here

    async def _screen_loop(self, screen: ScreenConfig, progress: Progress) -> None:
        # read from a slow SD card in a thread, or every loop stands still for seconds
        app = await asyncio.to_thread(
            lambda: import_module("edge.home.screen.server").create_app(
                self._presence, lambda: self._language, screen.voice
            )
        )
        from edge.home.screen.server import serve

        progress()
        self._health.ended("screen")
        forgiven = self._loop.call_later(FORGIVEN_AFTER_S, self._fault, "loop screen", "")
        try:
            await serve(screen, app)
        finally:
            forgiven.cancel()

    async def _take_messages(self, progress: Progress) -> None:
        while True:
            progress()
            try:
                async with asyncio.timeout(5.0):
                    received = await self._inbox.get()
            except TimeoutError:
                continue
            try:
                done = await self._take_message(received)
            except Exception:
                # unacknowledged, it would hold up all that come after it
                self._client.acknowledge(received)
                raise
            if done:
                self._client.acknowledge(received)
            else:
                self._loop.call_later(UNSENT_AGAIN_S, self._inbox.put_nowait, received)

    async def _take_message(self, received: Received) -> bool:
        address = read_topic(received.topic)
        if address is not None and address.channel is Channel.ALARM_ANSWER:
            await self._dispatch.take_answer(address.tail, received.payload)
        elif address is not None and address.channel is Channel.COMMAND:
            return await self._commands.take(received.payload)
        elif address is not None and address.channel is Channel.SETTINGS:
            await self._settings.take(received.payload)
        return True

    # what the parts tell each other

    def _put_into_force(self, config: Config, devices: Devices, settings: HubSettings | None) -> None:
        """The centre's settings count from now on; calls in progress go on."""
        self._devices.update(devices)
        self._language = config.hub.language
        self._presence.live_by(config.hub.called, config.hub.mistake_s)
        if self._sms is not None and config.modem is not None:
            self._sms.write_to(config.modem.centre_number, config.contact)
            nobody = not (config.modem.centre_number or config.contact)
            sentence = "modem: nobody to write to: no 'centre_number' and no contact" if nobody else ""
            self._fault("modem numbers", sentence, ProblemCode.MODEM_NO_NUMBER, config.modem.port)
        for device in devices.values():
            own = settings.devices.get(device.id) if settings else None
            self._health.hearing.limit_silence(device.id, own.silence_max_s if own else None)
        self._health.settings_version = settings.version if settings else 0
        self._dispatch.state_changed()

    def _describe(self) -> AgentStatus:
        """For `llar-edge check`."""
        now = self._clock.now()
        state = self._health.state(now, self._dispatch.waiting, _version())
        line, calls, devices = self._client.connected, self._dispatch.calls_waiting, self._board.devices
        return AgentStatus(self._hub, os.getpid(), now.boot, time.monotonic(), line, calls, state, devices)

    def _on_alarms(self, stored: list[StoredAlarm]) -> None:
        self._dispatch.add_alarms(stored)
        for item in stored:
            log.info("alarm %s of %s stored", item.alarm.ref, item.alarm.did or "the hub")
            self._presence.heard(item)

    def _on_answer(self, answer: AlarmAnswer) -> None:
        self._presence.answered(answer)
        if answer.stage is Stage.CLOSED:
            self._intake.call_over()

    def _on_connection(self, up: bool, reason: str) -> None:
        """Network thread."""
        if up:
            log.info("connected to the broker")
        elif not self._stopping.is_set():
            log.warning("no line to the centre: %s; trying again", reason)
        if not self._stopping.is_set():
            self._loop.call_soon_threadsafe(self._connection_changed, up)

    def _connection_changed(self, up: bool) -> None:
        self._dispatch.connection_changed(up)
        self._presence.line(up)

    def _on_message(self, received: Received) -> None:
        """Network thread."""
        self._loop.call_soon_threadsafe(self._inbox.put_nowait, received)

    def _publish(self, to: str, payload: bytes, on_done: OnDone | None = None) -> bool:
        return self._client.publish(to, payload, on_done=on_done)


@cache
def _version() -> str:
    try:
        return version("llar")
    except PackageNotFoundError:
        return "unknown"
