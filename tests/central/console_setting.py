"""A console to test: the real application, a real database, the real case desk, and a small street of homes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI

from central.case_change import CaseChange
from central.case_desk import CaseDesk
from central.config import ConsoleConfig
from central.console import access
from central.console.app import ConsoleParts, case_announcer, create_app
from central.console.health_view import HealthView
from central.console.live import Live
from central.detection.finding import Finding
from central.hub_states import HubStates
from central.internal import ReceiverHealth
from central.refusals import RefusalCounter
from central.storage import homes, people
from central.storage.database import Database
from central.storage.health import refusals_by_reason
from central.storage.homes import DeviceAtHome
from central.storage.people import Contact, Operator, Resident
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.store import TelemetryStore
from gateway.contract import encoding
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.messages import Alarm, MessageType, Record
from tests.central.fresh_database import fresh_database

_hasher: PasswordHasher = vars(access).get("HASHER") or vars(access)["_hasher"]
FULL_STRENGTH = PasswordHasher.from_parameters(_hasher._parameters)
# log-ins by the hundred: at full strength they would take more of the machine than all else in these tests
_hasher._parameters = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)._parameters
PASSWORD = "una contrasenya llarga"
_HASH = access.hash_password(PASSWORD)
new_database: list[Callable[[Path], str]] = [fresh_database]
"""Makes the database of a setting that is given none. `LLAR_TEST_DATABASE=postgresql` puts another in its place."""
DEADLINE_S = 120.0


class Clock:
    """Time that a test moves by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class Setting:
    """Everything around one console."""

    database: Database
    desk: CaseDesk
    live: Live
    telemetry: TelemetryStore | None
    health: HealthView
    clock: Callable[[], float]
    refusals: RefusalCounter = field(default_factory=RefusalCounter)
    states: HubStates = field(default_factory=HubStates)

    def refused(self) -> dict[tuple[str, str], int]:
        """What was counted as refused, by source and reason."""
        self.refusals.flush(self.database)
        with self.database.read() as conn:
            return {key: counted.times for key, counted in refusals_by_reason(conn).items()}

    def app(self, *, cookie_secure: bool = False, **doors: Any) -> FastAPI:
        parts = ConsoleParts(
            desk=self.desk,
            database=self.database,
            telemetry=self.telemetry,
            live=self.live,
            health=lambda: self.health,
            config=ConsoleConfig(cookie_secure=cookie_secure),
            states=self.states,
            **doors,
        )
        return create_app(parts, self.clock)

    def alarm(
        self,
        home: str,
        kind: AlarmKind = AlarmKind.HELP,
        place: str = "",
        *,
        ref: str = "A1",
        at: float | None = None,
        late_s: float = 0.0,
        mty: MessageType = MessageType.FIRST,
        pri: int = 0,
        evidence: list[Record] | None = None,
        hub: str = "",
    ) -> int:
        """An alarm of a home's hub, as the alarm lane hands it to the desk; its case number."""
        now = self.clock() if at is None else at
        dty, stc = SCAIP_CODES[kind]
        alarm = Alarm(
            ref=ref,
            dty=dty,
            stc=stc,
            tim=now - late_s,
            lte=place,
            mty=mty,
            did="pendant",
            pri=pri,
            evidence=evidence or [],
        )
        return int(self.desk.receive_alarm(hub or f"hub-{home}", alarm, encoding.encode(alarm), now).case)

    def finding(
        self, home: str, kind: AlarmKind, reason: str, facts: dict[str, str | float], at: float | None = None
    ) -> None:
        now = self.clock() if at is None else at
        key = f"{home}:{reason}:{now}"
        self.desk.receive_finding(Finding(key, home, kind, now - 3600, now, reason, facts), now)


@contextlib.contextmanager
def open_setting(
    folder: Path, clock: Callable[[], float] = time.time, *, with_store: bool = True, url: str = ""
) -> Iterator[Setting]:
    """A database, that of `url` or a fresh one, with two operators and one home, `carme`."""
    database = Database.open(url or new_database[0](folder / "central.sqlite3"))
    live = Live(clock) if isinstance(clock, Clock) else Live()
    listeners: list[Callable[[CaseChange], None]] = [case_announcer(database, live)]
    desk = CaseDesk(
        database, lambda change: [listener(change) for listener in listeners] and None, speaks=lambda _hub: True
    )
    store = EmbeddedStore(folder / "telemetry") if with_store else None
    setting = Setting(database, desk, live, store, well(clock()), clock)
    with database.begin() as conn:
        people.add_operator(conn, Operator("ana", "Ana", _HASH))
        people.add_operator(conn, Operator("marc", "Marc", _HASH, language="en"))
    add_carme(setting)
    try:
        yield setting
    finally:
        if store is not None:
            store.close()
        database.close()


def well(now: float) -> HealthView:
    """A desk and a receiver that are well at `now`."""
    receiver = ReceiverHealth(at=now + 3600, messages=48_210, readings=385_680, hubs_online=312, delay_s=0.4)
    return HealthView(True, "127.0.0.1:1883", receiver, commits=41, commit_p50_ms=3.1, commit_p99_ms=9.4)


def enrol(
    setting: Setting, home: str, address: str, district: str, residents: list[Resident], contacts: list[Contact]
) -> None:
    with setting.database.begin() as conn:
        homes.enrol_home(
            conn,
            home,
            address=address,
            district=district,
            now=setting.clock(),
            access_notes="Porta de baix: codi 4412. Caixa de claus darrere el comptador, codi 0907.",
            phone="93 555 01 42",
        )
        homes.enrol_hub(conn, f"hub-{home}", home, setting.clock())
        rooms = {"bed": "dormitori", "hall": "passadís", "kitchen": "cuina", "bath": "bany", "door": "entrada"}
        homes.enrol_devices(
            conn, home, [DeviceAtHome(device, "bthome", room, 7200) for device, room in rooms.items()], setting.clock()
        )
        for resident in residents:
            people.add_resident(conn, resident)
        for contact in contacts:
            people.add_contact(conn, contact)


def add_carme(setting: Setting) -> None:
    enrol(
        setting,
        "carme",
        "Carrer de Verdi 112, 3r 2a",
        "Gràcia",
        [
            Resident(
                "carme",
                "carme",
                "Carme",
                "Carme Puig i Soler",
                1942,
                lives_alone=True,
                hearing="aid",
                flags=("oxygen", "key_safe"),
                conditions="Pròtesi de maluc (2024). Pren anticoagulants: en cas de cop al cap, sempre ambulància.",
            )
        ],
        [
            Contact("marta", "carme", 1, "Marta Puig", "filla", "600 555 010", "marta@example.org", has_key=True),
            Contact("joan", "carme", 2, "Joan Ferrer", "veí", "600 555 011", "", minutes_away=2, has_key=True),
        ],
    )


@contextlib.contextmanager
def serve(app: FastAPI, live: Live) -> Iterator[str]:
    """The application on a free port of this machine, in a thread of its own; its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, name="console", daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        live.stop()
        server.should_exit = True
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits for something that another thread does."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.01)
