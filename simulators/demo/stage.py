"""The demo's stage: everything that runs, what can be done to it, and what has happened."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.broker import Broker, BrokerError, Kind, start_broker
from gateway.contract.messages import AlarmAnswer
from simulators.demo import city
from simulators.demo.carers_phones import CarersPhones
from simulators.demo.flat import Flat
from simulators.demo.home_screen import HomeScreen
from simulators.demo.moving_in import MovingIn
from simulators.demo.phones import Phones, phone_of
from simulators.demo.programs import Program
from simulators.demo.state_folder import (
    DemoCannotStart,
    Ports,
    StateFolder,
    gateway_token,
    users,
)
from simulators.fleet import Street, past_readings
from simulators.home import Home
from simulators.hub import SimulatedHub
from simulators.network import Line
from simulators.person import someone
from simulators.phone_network import Sms, SmsProgress
from simulators.smtp_sink import Fault, MailSink

LOG_KEPT: Final = 200
RESTART_S: Final = 2.0
"""A hub's program that ends by itself is started again after so long, as the system does it in an installed hub."""
WATCH_EVERY_S: Final = 0.4
READY_WAIT_S: Final = 60.0
RECEIVER_WAIT_S: Final = 10.0
RECEIVER_LISTENS: Final = "central.receiver: connected to the broker"
"""A line of the centre's log; without it the homes speak after `RECEIVER_WAIT_S`."""
SILENT_H: Final = 18.0
"""Josep has not moved for so long when his hub is installed: over his limit whatever the time of day."""
_BEFORE_H: Final = 12.0
_STREET_PAST_H: Final = 6.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: `key` names its words, `facts` fill them; `at` is Unix seconds."""

    number: int
    at: float
    source: str
    key: str
    facts: dict[str, Any] = field(default_factory=dict)


class Stage:
    """All of the demo but its page. Start and stop it on the main thread's event loop."""

    def __init__(self, folder: StateFolder, ports: Ports, homes: int, broker_kind: Kind | None = None) -> None:
        """Nothing happens before `start`."""
        self.folder, self.ports = folder, ports
        self.entries: deque[Entry] = deque(maxlen=LOG_KEPT)
        self.changed = asyncio.Event()
        self._count = 0
        self.users = users(folder, [city.FLAT, city.QUIET, *city.street(homes)])
        self._broker_kind = broker_kind
        self.centre = self._program("centre", "central", "run")
        self.hub = self._program("hub", "edge", "run")
        self.line = Line(ports.broker, port=ports.line)
        self.flat = Flat(folder.pendant_port, ports.radio)
        webhook = f"http://127.0.0.1:{ports.console}/sms/in"
        self.phones = Phones(folder.modem_port, webhook, gateway_token(folder))
        self.carers_phones = CarersPhones(
            gateway_token(folder, "phone-gateway"),
            gateway_token(folder),
            gateway_token(folder, "phone-reports"),
            ports.console,
        )
        self.mail = MailSink(port=ports.mail)
        self.screen = HomeScreen(ports.home_screen)
        self.street = Street({hub: self.users[hub] for hub in city.street(homes)}, port=ports.broker)
        self.broker: Broker | None = None
        self.broker_up = False
        self.hub_has_power = True
        self.quiet: SimulatedHub | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._parts: dict[str, str] = {}
        self._mails = 0
        self._sms_told: dict[int, SmsProgress] = {}
        self._screen_said: dict[str, str] = {}
        self._answers = 0

    def note(self, source: str, key: str, **facts: Any) -> None:
        """Writes a line into the log."""
        self._count += 1
        self.entries.append(Entry(self._count, time.time(), source, key, facts))
        self.changed.set()

    # beginning and end

    async def start(self, moving_in: MovingIn) -> None:
        """Starts everything and waits until it is ready; the centre once everybody has moved in.

        Raises:
            DemoCannotStart: something did not start.
        """
        self.carers_phones.open(self.ports.phone_company, len(self.street.hubs))
        try:
            self.broker = start_broker(
                self.folder.path / "broker", self.users, port=self.ports.broker, kind=self._broker_kind
            )
        except BrokerError as error:
            raise DemoCannotStart(f"The broker does not start: {error}.") from None
        self.broker_up = True
        await self.mail.start()
        await self.line.restore()
        await self.flat.start()
        self.phones.plug_in()
        self.hub.start()
        await moving_in.done()
        self.centre.start()
        for hub_id, hub in self.street.hubs.items():
            past_readings(hub, self.street.homes[hub_id], _STREET_PAST_H, time.time())
        self.begin(self.flat.live())
        self.begin(self.screen.watch())
        await self._until_ready()
        self.begin(self._watch())
        self.begin(self._move_in())
        self.note("demo", "ready")

    async def _move_in(self) -> None:
        """Lets homes speak once the receiver listens: a broker drops what nobody has ever subscribed to."""
        for _ in range(int(RECEIVER_WAIT_S / WATCH_EVERY_S)):
            if self.centre.said(RECEIVER_LISTENS):
                break
            await asyncio.sleep(WATCH_EVERY_S)
        self.begin(self.street.run())
        self.begin(self.flat.introduce())
        if self.folder.quiet_installed.exists():
            self.install_quiet()

    async def stop(self) -> None:
        """Ends everything, in an order in which nothing complains."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for program in (self.hub, self.centre):
            program.ask_to_stop()
        for program in (self.hub, self.centre):
            await program.stop()
        await self.flat.stop()
        await self.phones.stop()
        await asyncio.to_thread(self.carers_phones.close)
        await self.line.cut()
        await self.mail.stop()
        if self.broker is not None:
            self.broker.stop()

    def _program(self, name: str, *words: str) -> Program:
        """A program of the product with its configuration and log; `words` begin with its room."""
        room, *rest = words
        config = self.folder.central_config if room == "central" else self.folder.edge_config
        return Program(name, ["-m", room, *rest, "--config", str(config)], self.folder.log(name))

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + READY_WAIT_S
        waiting: dict[str, tuple[Program, int]] = {
            "centre": (self.centre, self.ports.console),
            "hub": (self.hub, self.ports.home_screen),
        }
        while waiting:
            for name, (program, port) in list(waiting.items()):
                if not program.running:
                    raise DemoCannotStart(f"The {name} ended at once: {program.last_words()} (see {program.log_file}).")
                if await _listens(port):
                    del waiting[name]
            if time.monotonic() > deadline:
                raise DemoCannotStart(
                    f"The {' and the '.join(waiting)} did not start within {READY_WAIT_S:.0f} s: "
                    f"see {self.folder.log(next(iter(waiting)))}."
                )
            await asyncio.sleep(0.05)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Lets something go on beside the rest, until the demo ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # what is seen

    def state(self) -> dict[str, Any]:
        """How everything is now, for the page."""
        return {
            "parts": self._look(),
            "home": {"scene": self.screen.scene, "words": self.screen.words},
            "street": {"online": self.street.online, "homes": len(self.street.hubs)},
            "quiet": self.quiet is not None,
            "phones": self.phones.shown(self.carers_phones.shown()),
            "mails": len(self.mail.mails),
        }

    def _look(self) -> dict[str, str]:
        return {
            "broker": "up" if self.broker_up else "down",
            "desk": "up" if self.centre.child("desk") else "down",
            "receiver": "up" if self.centre.child("receiver") else "down",
            "hub": "up" if self.hub.running else "down",
            "line": self.line.state,
            "radio": "up" if self.flat.radio.connected else "down",
            "wire": "up" if self.flat.wire.plugged_in else "down",
            "modem": self.phones.modem_is,
            "gateway": "up" if self.phones.gateway_up else "down",
            "mail": "up" if self.mail.fault is Fault.NONE else "refusing",
        }

    async def _watch(self) -> None:
        """Writes down what changes without anybody having pressed something."""
        while True:
            parts = self._look()
            for part, how in parts.items():
                if self._parts and self._parts[part] != how:
                    self.note(part, f"part_{how}", part=part)
            self._parts = parts
            if self.hub_has_power and not self.hub.running and time.time() - self.hub.started_at > RESTART_S:
                self.hub.start()
            for mail in [mail for mail in self.mail.mails if mail.number > self._mails]:
                self.note("mail", "mail", to=", ".join(mail.recipients), subject=mail.subject)
                self._mails = mail.number
            if self.screen.words and self.screen.words != self._screen_said:
                self.note("home", "home_says", **self.screen.words)
                self._screen_said = self.screen.words
            self._note_sms()
            for hub, answer in self.street.answers[self._answers :]:
                self.note_answer(hub, answer)
            self._answers = len(self.street.answers)
            self.changed.set()
            await asyncio.sleep(WATCH_EVERY_S)

    def _note_sms(self) -> None:
        for sms in self.phones.all_sms:
            if self._sms_told.get(id(sms)) is not sms.progress:
                self._sms_told[id(sms)] = sms.progress
                if key := _words_of(sms):
                    self.note("sms", key, phone=phone_of(sms.recipient) or phone_of(sms.sender))

    def install_quiet(self) -> float | None:
        """Installs the hub of Josep, who does not move; since when, or None when it is there already."""
        if self.quiet is not None:
            return None
        hub = SimulatedHub(city.QUIET, self.users[city.QUIET], port=self.ports.broker, on_answer=self.note_answer)
        self.quiet = hub
        home = Home(city.QUIET, someone(1938), self.street.clock, hub.say)
        marker, now = self.folder.quiet_installed, time.time()
        still_h = (now - float(marker.read_text(encoding="ascii"))) / 3600 if marker.exists() else SILENT_H
        since_at = past_readings(hub, home, still_h + _BEFORE_H, now, still_h)
        home.stop_moving()
        home.start()
        self.begin(hub.run())
        marker.write_text(f"{since_at}", encoding="ascii")
        return since_at

    def note_answer(self, hub: str, answer: AlarmAnswer) -> None:
        """Writes down what the centre told a simulated hub."""
        self.note(hub, f"answer_{answer.stage.value}", hub=hub, case=answer.case, who=answer.who)


def _words_of(sms: Sms) -> str:
    """What the log says of an SMS that has come so far, "" for nothing."""
    if not phone_of(sms.recipient):
        return "sms_answer" if sms.progress is SmsProgress.DELIVERED else ""
    return {SmsProgress.TAKEN: "sms_taken", SmsProgress.REFUSED: "sms_refused"}.get(sms.progress, "")


async def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False
