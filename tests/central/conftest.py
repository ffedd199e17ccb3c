"""Databases for the tests of the centre: SQLite files, and a throw-away PostgreSQL when Debian's is installed."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from benchmarks.postgres import postgres, programs
from central.case_desk import CaseChange, CaseDesk
from central.storage import homes
from central.storage.database import Database, migrate
from central.storage.tables import contacts, operators, residents
from devices.rejection import Rejection
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import Alarm, AlarmAnswer
from tests.central import console_setting
from tests.central.console_setting import Clock, Setting, open_setting
from tests.central.fresh_database import fresh_database

_numbers = itertools.count(1)
NOON = 1_795_262_400.0


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL cluster that lives as long as the tests; its database `migrated` is a template."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql (these promises were NOT tested on it)")
    with postgres(found) as server:
        _in_postgres(server, "CREATE DATABASE migrated")
        migrate(postgres_database(server, "migrated"))
        yield server


@pytest.fixture(scope="session", autouse=True)
def chosen_database(request: pytest.FixtureRequest) -> Iterator[None]:
    """With `LLAR_TEST_DATABASE=postgresql` in the environment, all that is tested through a console runs on it."""
    if os.environ.get("LLAR_TEST_DATABASE") != "postgresql":
        yield
        return
    server: str = request.getfixturevalue("postgres_server")
    before = console_setting.new_database[0]
    console_setting.new_database[0] = lambda _path: _new_in_postgres(server)
    yield
    console_setting.new_database[0] = before


def postgres_database(server: str, name: str) -> str:
    """The URL of another database of that server."""
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


def _new_in_postgres(server: str) -> str:
    name = f"test_{next(_numbers)}"
    _in_postgres(server, f"CREATE DATABASE {name} TEMPLATE migrated")
    return postgres_database(server, name)


def _in_postgres(server: str, statement: str) -> None:
    url = server.replace("postgresql:", "postgresql+psycopg:")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables and nothing in them."""
    path = tmp_path_factory.mktemp("template") / "central.sqlite3"
    fresh_database(path)
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database with its tables, one of each kind that Llar runs on."""
    if request.param == "sqlite":
        path = tmp_path / "central.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: str = request.getfixturevalue("postgres_server")
    url = _new_in_postgres(server)
    yield url
    _in_postgres(server, f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables, one of each kind that Llar runs on."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    name = f"empty_{next(_numbers)}"
    _in_postgres(server, f"CREATE DATABASE {name}")
    yield postgres_database(server, name)
    _in_postgres(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """That database, open."""
    opened = Database.open(database_url)
    yield opened
    opened.close()


@dataclass
class Town:
    """A desk with two homes, two operators and two carers; `changes` is what was announced."""

    database: Database
    changes: list[CaseChange] = field(default_factory=list)
    desk: CaseDesk = field(init=False)

    def __post_init__(self) -> None:
        self.desk = CaseDesk(self.database, self.changes.append)
        with self.database.begin() as connection:
            for number in (1, 2):
                homes.enrol_home(connection, f"home-{number}", address=f"Carrer Major {number}", now=0.0)
                homes.enrol_hub(connection, f"hub-{number}", f"home-{number}", 0.0)
            for name in ("ana", "joan"):
                row = {"id": name, "called": name.title(), "password_hash": "-"}
                connection.execute(sa.insert(operators).values(row))
            person = {"id": "maria", "home_id": "home-1", "called": "Maria", "full_name": "Maria Soler", "born": 1940}
            connection.execute(sa.insert(residents).values(person))
            for position, (name, email) in enumerate(
                (("nobody", ""), ("marc", "marc@example.org"), ("pol", "pol@example.org"))
            ):
                row = {"id": name, "home_id": "home-1", "position": position, "called": name.title(), "email": email}
                connection.execute(sa.insert(contacts).values(row | {"language": "en"}))

    def receive(self, alarm: Alarm, at: float, hub: str = "hub-1") -> AlarmAnswer:
        """An alarm, as the lane hands it over: through its bytes."""
        payload = encode(alarm)
        body = decode(Alarm, payload)
        assert not isinstance(body, Rejection)
        return self.desk.receive_alarm(hub, body, payload, at)


@pytest.fixture
def town(database: Database) -> Town:
    """A small town on a fresh database."""
    return Town(database)


def alarm_of(kind: AlarmKind, ref: str, at: float = NOON, **changes: object) -> Alarm:
    """An alarm of a kind, as a hub sends it."""
    dty, stc = SCAIP_CODES[kind]
    return Alarm(**{"ref": ref, "dty": dty, "stc": stc, "tim": at, "seq": 1, "ep": "e", **changes})  # type: ignore[arg-type]


@pytest.fixture
def make_alarm() -> Callable[..., Alarm]:
    """Makes alarms: `make_alarm(AlarmKind.HELP, "A1", at)`."""
    return alarm_of


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Waits for a condition, with a deadline."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 240  # to load a program alone may take a busy machine two minutes
        while not condition():
            assert time.monotonic() < deadline, "the awaited condition did not come true"
            with contextlib.suppress(InterruptedError):
                time.sleep(0.005)

    return wait


@pytest.fixture
def clock() -> Clock:
    """Noon of a day in November 2026."""
    return Clock(NOON)


@pytest.fixture
def setting(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    """What stands around a console, on a database of each kind."""
    with open_setting(tmp_path, clock, url=database_url) as opened:
        yield opened


@pytest.fixture
def app(setting: Setting) -> FastAPI:
    """The console's application."""
    return setting.app()
