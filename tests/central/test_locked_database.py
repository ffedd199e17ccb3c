"""A database that somebody else holds locked is busy and said to be, and is not taken for a desk that stands still."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from central.config import CentralConfig, DatabaseConfig
from central.pulse import STUCK_AFTER_S
from central.storage import database as storage
from central.storage.database import Database, in_words, try_again
from central.wiring import DeskProcess
from gateway.contract.alarm_kinds import AlarmKind

from .conftest import NOON, Town, alarm_of

Wait = Callable[[Callable[[], bool]], None]


@contextlib.contextmanager
def locked(url: str) -> Iterator[str]:
    """Another session holds the cases, as a repair of the table does; by what it can be told from others."""
    server = url.startswith("postgresql")
    other = Database.open(f"{url}&application_name=a-repair" if server else url)
    statement = "BEGIN EXCLUSIVE" if url.startswith("sqlite") else "LOCK TABLE cases IN ACCESS EXCLUSIVE MODE"
    connection = other.engine.connect()
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute(statement)
    try:
        yield f"process {raw.info.backend_pid}, a-repair, of postgres, idle in transaction" if server else "locked"
    finally:
        raw.rollback()
        connection.close()
        other.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a second, which are twenty in the field."""
    monkeypatch.setattr(storage, "LOCK_WAIT_S", 1)
    monkeypatch.setattr(storage, "BUSY_TIMEOUT_MS", 1_000)


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_desk_names_a_locked_database_and_goes_on_when_it_is_free(
    database_url: str, tmp_path: Path, wait_until: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    config = CentralConfig(tmp_path, DatabaseConfig(database_url))
    setting_up = Database.open(database_url)
    Town(setting_up).receive(alarm_of(AlarmKind.HELP, "A1"), NOON)
    process = DeskProcess(config)
    with locked(database_url) as told:
        process.start()
        wait_until(lambda: "locked" in process.health().database)
        assert told in process.health().database
        wait_until(lambda: told in caplog.text)
    wait_until(lambda: process.health().database == "ok")
    with setting_up.read() as connection:
        acted = connection.execute(sa.text("SELECT count(*) FROM case_events WHERE type = 'escalated'")).scalar()
    assert acted, "what was due meanwhile was done"
    process.stop()
    setting_up.close()


@pytest.mark.usefixtures("impatient")
def test_an_alarm_on_a_locked_database_is_refused_for_now(database_url: str) -> None:
    opened = Database.open(database_url)
    town = Town(opened)
    with locked(database_url), pytest.raises(storage.DatabaseError) as caught:
        town.receive(alarm_of(AlarmKind.HELP, "A1"), NOON)
    assert try_again(caught.value)
    assert "locked" in in_words(caught.value)
    assert town.receive(alarm_of(AlarmKind.HELP, "A1"), NOON).snu == 0
    opened.close()


@pytest.mark.slow
def test_the_wait_for_a_lock_ends_long_before_it_counts_as_standing_still(postgres_server: str) -> None:
    found = []
    for url in (postgres_server, f"{postgres_server}&options=-c%20lock_timeout%3D7s"):
        opened = Database.open(url)
        with opened.read() as connection:
            found.append(connection.execute(sa.text("SHOW lock_timeout")).scalar())
        opened.close()
    assert found == [f"{storage.LOCK_WAIT_S}s", "7s"], "whoever set another figure keeps it"
    assert storage.LOCK_WAIT_S + storage.WRITERS_WAIT_S + storage.BUSY_TIMEOUT_MS / 1e3 < STUCK_AFTER_S / 2


def test_a_writer_that_does_not_end_keeps_the_others_from_no_answer(
    sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "WRITERS_WAIT_S", 0.05)
    opened = Database.open(f"sqlite:///{sqlite_template}")
    writes, may_end = threading.Event(), threading.Event()

    def write() -> None:
        with opened.begin():
            writes.set()
            may_end.wait(60)

    other = threading.Thread(target=write)
    other.start()
    writes.wait(60)
    with pytest.raises(storage.DatabaseError) as caught, opened.begin():
        pass
    assert try_again(caught.value)
    may_end.set()
    other.join()
    with opened.begin():
        pass
    opened.close()
