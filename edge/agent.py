"""Starts the hub's loops and keeps them running: a loop that crashes is reported and started again, never the agent."""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from edge.clock import Clock
from edge.commands import Commands
from edge.config import Config
from edge.dispatch import Dispatch
from edge.drivers.ble_scanner import NoRadioError
from edge.enrolment import Devices, unheard
from edge.health import Health, notify_systemd
from edge.home.presence import Presence
from edge.intake import Intake
from edge.listening import Listening, Loop, Progress
from edge.outbox import Outbox, StoredAlarm
from edge.outbox_thread import OutboxThread
from gateway.contract.encoding import encode
from gateway.contract.messages import AlarmAnswer, HubState
from gateway.contract.topics import Channel, read_topic, topic
from gateway.mqtt_client import BrokerSettings, MqttClient, Received, Will

log = logging.getLogger(__name__)

HEARTBEAT_S: Final = 60.0
LOOK_EVERY_S: Final = 2.0
"""How often the hub looks at its own health."""
RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 15.0
FORGIVEN_AFTER_S: Final = 20.0
"""A loop that has run for this long after a crash is well again."""
UNSENT_AGAIN_S: Final = 1.0
"""A command whose outcome the line did not take is looked at again after so long."""
GOODBYE_S: Final = 2.0
"""Longest wait for the broker to take "offline" when the agent is stopped."""
INFLIGHT_MAX: Final = 40


class CertificateError(Exception):
    """The file with the authority's certificate cannot be used."""


class Agent:
    """One hub. `run` returns after `stop`.

    Raises:
        CertificateError: `ca_file` cannot be read as one.
    """

    def __init__(self, config: Config, devices: Devices, password: str, clock: Clock) -> None:
        self._config = config
        self._devices = devices
        self._clock = clock
        self._hub = config.hub.id
        self._health = Health(clock.monotonic)
        self._outbox = OutboxThread(lambda sentence: self._fault("outbox", sentence))
        self._presence = Presence(clock)
        self._dispatch = Dispatch(
            self._hub, clock, self._outbox, self._health, firmware=_version(), on_answer=self._on_answer
        )
        self._intake = Intake(
            devices,
            clock,
            self._outbox,
            self._health,
            on_alarms=self._on_alarms,
            on_readings=self._dispatch.readings_stored,
            delivered=self._dispatch.take_delivered,
            on_fault=self._fault,
        )
        self._inbox: asyncio.Queue[Received] = asyncio.Queue()
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._client = self._make_client(password)
        self._dispatch.use(self._client)
        self._commands = Commands(
            self._hub,
            clock,
            self._intake,
            self._presence,
            self._health,
            self._publish,
        )
        self._listening = Listening(config, devices, clock, self._intake, self._health, self._fault)

    def stop(self) -> None:
        """Ends `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Works until `stop`."""
        await self._outbox.open(Path(self._config.storage.folder), self._config.storage.readings_max)
        await self._intake.load()
        self._presence.restore(await self._dispatch.load())
        tasks = [asyncio.create_task(self._supervise(name, loop), name=name) for name, loop in self._loops().items()]
        for sentence in unheard(self._config, self._devices):
            log.warning("%s", sentence)
            self._fault(sentence, sentence)
        self._client.start()
        log.info("ready: hub %s, %d devices", self._hub, len(self._devices))
        notify_systemd("READY=1")
        try:
            await self._stopping.wait()
        finally:
            notify_systemd("STOPPING=1")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._intake.finish()
            await self._say_goodbye()
            await self._intake.flush()
            await self._outbox.close()

    def _loops(self) -> dict[str, Loop]:
        loops: dict[str, Loop] = {
            "intake": self._intake.run,
            "dispatch": self._dispatch.run,
            "answers": self._take_messages,
            "health": self._look_after_health,
        }
        loops |= self._listening.loops()
        if self._config.screen is not None:
            loops["screen"] = self._screen_loop
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
            try:
                await loop(progress)
                reason = "it ended"
            except (NoRadioError, OSError) as error:
                reason = str(error)
            except Exception as error:
                log.exception("the loop %s crashed", name)
                reason = f"{type(error).__name__}: {error}"
            self._health.moved(name, self._clock.monotonic)
            if self._fault(f"loop {name}", f"{name}: {reason}"):
                log.error("%s does not work and is started again: %s", name, reason)
            if self._clock.monotonic - started > FORGIVEN_AFTER_S:
                pause = RETRY_FIRST_S
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_MAX_S)

    def _fault(self, part: str, sentence: str) -> bool:
        """Sets what is wrong with a part, "" for nothing; true, and told to the centre, when that is news."""
        news = self._health.fault(part, sentence)
        if news:
            self._dispatch.state_changed()
        return news

    # the loops that are made here

    async def _screen_loop(self, progress: Progress) -> None:
        from edge.home.screen.server import create_app, serve

        assert self._config.screen is not None
        app = create_app(self._presence, self._config.hub.language)
        progress()
        self._health.ended("screen")
        forgiven = self._loop.call_later(FORGIVEN_AFTER_S, self._fault, "loop screen", "")
        try:
            await serve(self._config.screen, app)
        finally:
            forgiven.cancel()

    async def _look_after_health(self, progress: Progress) -> None:
        heartbeat_at, faults, was_stuck, pruned = 0.0, [""], False, await self._outbox.call(Outbox.readings_pruned)
        while True:
            progress()
            now = self._clock.now()
            if self._clock.look_again() or self._health.faults(now.monotonic) != faults:
                faults = self._health.faults(now.monotonic)
                self._dispatch.state_changed()
            if now.monotonic >= heartbeat_at and self._client.connected:
                heartbeat = encode(self._health.heartbeat(now, self._dispatch.waiting))
                self._client.publish(topic(self._hub, Channel.HEARTBEAT), heartbeat)
                heartbeat_at = now.monotonic + HEARTBEAT_S
                before, pruned = pruned, await self._outbox.call(Outbox.readings_pruned)
                self._fault("room", "outbox: full; the oldest readings are dropped" if pruned > before else "")
            stuck = self._health.stuck(now.monotonic) + ([] if self._client.alive else ["line"])
            if not stuck:
                notify_systemd("WATCHDOG=1")
            elif not was_stuck:
                log.critical("stuck: %s", ", ".join(stuck))
            was_stuck = bool(stuck)
            await self._outbox.call(lambda box: box.durable)
            await asyncio.sleep(LOOK_EVERY_S)

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
        return True

    # what the parts tell each other

    def _on_alarms(self, stored: list[StoredAlarm]) -> None:
        self._dispatch.add_alarms(stored)
        for item in stored:
            self._presence.heard(item)

    def _on_answer(self, answer: AlarmAnswer) -> None:
        self._presence.answered(answer)

    def _on_connection(self, up: bool, reason: str) -> None:
        """Network thread."""
        if up:
            log.info("connected to the broker")
        elif not self._stopping.is_set():
            log.warning("no line to the centre: %s; trying again", reason)
        self._loop.call_soon_threadsafe(self._connection_changed, up)

    def _connection_changed(self, up: bool) -> None:
        self._dispatch.connection_changed(up)
        self._presence.line(up)

    def _on_message(self, received: Received) -> None:
        """Network thread."""
        self._loop.call_soon_threadsafe(self._inbox.put_nowait, received)

    def _publish(self, to: str, payload: bytes) -> bool:
        return self._client.publish(to, payload)

    def _make_client(self, password: str) -> MqttClient:
        broker = self._config.broker
        settings = BrokerSettings(
            broker.host,
            broker.port,
            client_id=self._hub,
            username=self._hub,
            password=password,
            ca_file=broker.ca_file,
            tls=broker.tls,
            inflight_max=INFLIGHT_MAX,
        )
        down = [Channel.ALARM_ANSWER, Channel.COMMAND]
        try:
            return MqttClient(
                settings,
                subscriptions=[topic(self._hub, channel, "x")[:-1] + "+" for channel in down],
                on_message=self._on_message,
                on_connection=self._on_connection,
                will=Will(topic(self._hub, Channel.STATE), encode(HubState(online=False))),
            )
        except ValueError as error:
            raise CertificateError(str(error)) from error

    async def _say_goodbye(self) -> None:
        taken = asyncio.Event()

        def on_done(_done: bool) -> None:
            self._loop.call_soon_threadsafe(taken.set)

        state = HubState(online=False, at=max(self._clock.now().wall, 0.0), boot=self._clock.now().boot)
        if self._client.publish(topic(self._hub, Channel.STATE), encode(state), retain=True, on_done=on_done):
            try:
                async with asyncio.timeout(GOODBYE_S):
                    await taken.wait()
            except TimeoutError:
                log.warning("the broker did not take our good-bye")
        await asyncio.to_thread(self._client.stop)


def _version() -> str:
    try:
        return version("llar")
    except PackageNotFoundError:
        return "unknown"
