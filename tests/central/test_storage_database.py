"""The database: tables, migrations, durability, and one door for writing."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from central.alarm_cases.care_plan import CarePlan
from central.storage import cases, health, homes, rota
from central.storage.cases import AlarmRef
from central.storage.database import _MIGRATIONS, BadDatabaseUrl, Database, insert_new, migrate, newest_revision
from central.storage.health import Refusal
from central.storage.homes import DeviceAtHome
from central.storage.tables import homes as homes_table
from central.storage.tables import metadata

CASE_COLUMNS = "id, home_id, state, priority, kind, opened_at, last_alarm_at, wake_at, wake_step, version"


def test_migrations_and_tables_agree(database: Database) -> None:
    with database.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, metadata) == []


def test_a_program_knows_the_newest_revision_as_alembic_does() -> None:
    """By it a start decides that there is nothing to migrate."""
    assert newest_revision() == ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def test_migrating_again_changes_nothing(database_url: str) -> None:
    opened = Database.open(database_url)
    with opened.begin() as connection:
        homes.enrol_home(connection, "home-1", address="x", now=1.0)
    migrate(database_url)
    with opened.read() as connection:
        assert homes.exists(connection, "home-1")
    opened.close()


def test_a_database_of_the_first_version_keeps_everything(empty_url: str) -> None:
    migrate(empty_url, "0001")
    opened = Database.open(empty_url)
    rows = (
        "INSERT INTO homes (id, address, care_plan, enrolled_at) VALUES ('home-1', 'Carrer Major 1', '{}', 1.0)",
        "INSERT INTO hubs (id, home_id, shard, enrolled_at) VALUES ('hub-1', 'home-1', '0a', 1.0)",
        "INSERT INTO devices (home_id, id, model, silence_max_s, enrolled_at) VALUES ('home-1', 'bed', 'mat', 60, 1)",
        f"INSERT INTO cases ({CASE_COLUMNS}) VALUES (1, 'home-1', 'new', 1, 'help', 5.0, 5.0, 20.0, 'second_burst', 1)",
        "INSERT INTO alarms (hub, ref, case_id, received_at, event_at) VALUES ('hub-1', 'A1', 1, 5.0, 5.0)",
    )
    with opened.begin() as connection:
        for row in rows:
            connection.exec_driver_sql(row)
    migrate(empty_url)
    with opened.begin() as connection:
        assert homes.find_by_hub(connection, "hub-1") == ("home-1", "ca")
        assert homes.devices_of(connection, "home-1") == [DeviceAtHome("bed", "mat", "", 60.0)]
        assert cases.find_alarm(connection, AlarmRef("hub-1", "A1")) == (1, 5.0, None, "line")
        (case,) = cases.open_cases(connection)
        assert (case.id, case.wake_step) == (1, "second_burst")
        homes.enrol_hub(connection, "hub-2", "home-1", 2.0)
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, metadata) == []
    opened.close()


def test_a_care_plan_with_what_is_gone_is_read_after_migrating(empty_url: str) -> None:
    migrate(empty_url, "0010_invitations")
    opened = Database.open(empty_url)
    plan = '{"version": 1, "first": "family", "grace_s": 30.0}'
    rows = (
        "INSERT INTO homes (id, address, care_plan, enrolled_at) VALUES ('home-1', 'Carrer Major 1', '{}', 1.0)",
        (
            "INSERT INTO care_plans (home_id, resident_id, kind, version, body, from_at, made_at, made_by)"
            f" VALUES ('home-1', '', '', 1, '{plan}', 1.0, 1.0, 'ana')"
        ),
        (
            f"INSERT INTO cases ({CASE_COLUMNS}, plan)"
            f" VALUES (1, 'home-1', 'new', 1, 'help', 5.0, 5.0, 20.0, 'second_burst', 1, '{plan}')"
        ),
        (
            "INSERT INTO case_events (case_id, position, at, type, actor, body)"
            f""" VALUES (1, 1, 5.0, 'opened', 'hub', '{{"home": "home-1", "plan": {plan}}}')"""
        ),
    )
    with opened.begin() as connection:
        for row in rows:
            connection.execute(sa.text(row.replace(":", "\\:")))
    migrate(empty_url)
    with opened.read() as connection:
        (row,) = rota.plans_of(connection, "home-1")
        (case,) = cases.open_cases(connection)
        (event,) = cases.events_of(connection, 1)
    assert row.plan == case.plan == event.facts.plan == CarePlan(version=1, first="family")
    opened.close()


def test_sqlite_keeps_what_it_committed_through_a_power_cut(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.sqlite3"
    migrate(url)
    opened = Database.open(url)
    with opened.begin() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    opened.close()
    assert settings == ["wal", 2, 1, 10_000]


@pytest.mark.slow
def test_a_database_server_that_vanishes_is_noticed_within_seconds(postgres_server: str) -> None:
    opened = Database.open(f"{postgres_server}&connect_timeout=3")
    with opened.read() as connection:
        said = connection.connection.driver_connection.info.get_parameters()
    opened.close()
    assert (said["connect_timeout"], said["tcp_user_timeout"]) == ("3", "20000")
    assert int(said["keepalives_idle"]) + int(said["keepalives_interval"]) * int(said["keepalives_count"]) <= 30


def test_a_connection_that_comes_back_after_the_end_is_closed(database_url: str) -> None:
    opened = Database.open(database_url)
    with opened.read() as late:
        held = late.connection.driver_connection
        opened.close()
    with pytest.raises((sqlite3.ProgrammingError, psycopg.OperationalError)):
        held.execute("SELECT 1")


def test_what_is_read_together_belongs_together(database: Database) -> None:
    query = sa.select(sa.func.count()).select_from(homes_table)
    with database.read() as reading:
        before = reading.execute(query).scalar()
        with database.begin() as writing:
            homes.enrol_home(writing, "home-1", address="x", now=1.0)
        assert reading.execute(query).scalar() == before
    with database.begin() as writing:
        assert writing.execute(query).scalar() == 1


def test_an_exception_rolls_everything_back(database: Database) -> None:
    def fail_halfway() -> None:
        with database.begin() as connection:
            homes.enrol_home(connection, "home-1", address="x", now=1.0)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    with database.read() as connection:
        assert not homes.exists(connection, "home-1")


def test_writers_queue_and_none_is_lost(database: Database) -> None:
    def write(number: int) -> None:
        for step in range(10):
            with database.begin() as connection:
                homes.enrol_home(connection, f"home-{number}-{step}", address="x", now=1.0)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(homes_table)).scalar() == 40


def test_a_row_that_is_there_is_left_alone(database: Database) -> None:
    row = {"id": "home-1", "address": "first", "care_plan": {}, "enrolled_at": 1.0}
    with database.begin() as connection:
        assert insert_new(connection, homes_table, row)
        assert not insert_new(connection, homes_table, row | {"address": "second"})
        assert connection.execute(sa.select(homes_table.c.address)).scalar() == "first"


@pytest.mark.parametrize("url", ["", "mysql://x/y", "sqlite", "postgresql://host:port/x", "nonsense://"])
def test_a_bad_address_is_one_sentence(url: str) -> None:
    with pytest.raises(BadDatabaseUrl) as caught:
        Database.open(url)
    assert "database address" in str(caught.value)


def test_enrolment_is_read_back(database: Database) -> None:
    devices = [DeviceAtHome("hall-motion", "motion", "hall", 3_600.0), DeviceAtHome("bed", "bed-mat", "bedroom", 600.0)]
    with database.begin() as connection:
        homes.enrol_home(connection, "home-1", address="x", now=1.0, language="es", care_plan={"inactivity_hours": 6})
        homes.enrol_hub(connection, "hub-1", "home-1", 1.0)
        homes.enrol_devices(connection, "home-1", devices, 1.0)
        homes.enrol_home(connection, "home-2", address="has no hub", now=1.0)
        (home,) = homes.list_enrolled(connection)
        assert homes.find_by_hub(connection, "hub-1") == ("home-1", "es")
        assert homes.find_by_hub(connection, "hub-9") is None
    assert (home.home_id, home.hub_id, home.care_plan) == ("home-1", "hub-1", {"inactivity_hours": 6})
    assert home.devices == sorted(devices)


def test_a_home_has_one_hub_and_a_new_one_replaces_it(database: Database) -> None:
    with database.begin() as connection:
        homes.enrol_home(connection, "home-1", address="x", now=1.0)
        homes.enrol_hub(connection, "hub-1", "home-1", 1.0)
        homes.enrol_hub(connection, "hub-2", "home-1", 2.0)
        assert homes.list_hubs(connection) == ["hub-2"]
        assert homes.hub_of(connection, "home-1") == "hub-2"


@pytest.mark.parametrize("home_id", ["", "x" * 33, "unknown-abc"])
def test_ids_that_mean_something_else_are_not_given(database: Database, home_id: str) -> None:
    with database.begin() as connection, pytest.raises(ValueError, match="home id"):
        homes.enrol_home(connection, home_id, address="x", now=1.0)


def test_refusals_add_up(database: Database) -> None:
    for times, at in ((3, 1.0), (4, 2.0)):
        with database.begin() as connection:
            health.add_refusals(connection, {("alarm", "bad_json"): Refusal(times, at, f"at {at}")})
    with database.read() as connection:
        assert health.refusals_by_reason(connection) == {("alarm", "bad_json"): Refusal(7, 2.0, "at 2.0")}
