"""Who looked at what is known for ever: appended before the answer, chained, and nobody can change it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from central.__main__ import main
from central.audit import AuditTrail
from central.audit_chain import AuditEntry, AuditRow, chained, check
from central.storage import accounts, audit_log, home_words
from central.storage.audit_log import Filter
from central.storage.database import Database, DatabaseError, migrate
from central.storage.tables import audit_log as table
from central.storage.tables import homes, residents
from central.supervisor import CANNOT_START
from tests.central.conftest import NOON
from tests.central.console_setting import Setting
from tests.central.desk_people import form_token, log_in


def entry(number: int, **changes: Any) -> AuditEntry:
    return dataclasses.replace(AuditEntry(NOON + number, "ana", "operator", "resident_file", "read"), **changes)


def rows_of(database: Database) -> list[AuditRow]:
    with database.read() as conn:
        return list(audit_log.all_rows(conn))


def test_changing_removing_or_slipping_in_a_row_breaks_the_chain() -> None:
    rows = chained([entry(number) for number in range(6)], None)
    assert check(rows).fault == ""
    forged = dataclasses.replace(rows[2], entry=entry(2, account_id="joan"))
    assert check([*rows[:2], forged, *rows[3:]]).broken_at == 3
    assert check([*rows[:2], *rows[3:]]).broken_at == 3
    slipped = chained([entry(99)], rows[2])
    assert check([*rows[:3], *slipped, *rows[3:]]).broken_at == 5
    assert check(rows[1:]).broken_at == 1


def test_what_was_cut_off_at_the_end_is_missed_by_who_noted_the_head() -> None:
    rows = chained([entry(number) for number in range(6)], None)
    head = rows[-1]
    assert check(rows[:4]).fault == "", "the chain alone cannot know"
    assert check(rows[:4], {head.id: head.hash}).broken_at == 6
    again = chained([entry(number, account_id="joan") for number in range(6)], None)
    assert check(again, {head.id: head.hash}).broken_at == 6


def test_many_at_once_make_one_chain(database: Database) -> None:
    trails = [AuditTrail(database), AuditTrail(database)]

    def write(worker: int) -> None:
        for number in range(10):
            trails[worker % 2].append(entry(number, home_id=f"home-{worker}", why="ñ \x00 \ud800 €"))

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = rows_of(database)
    assert [row.id for row in rows] == list(range(1, 81))
    assert check(rows).fault == ""


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET account_id = 'x'", "DELETE FROM audit_log"])
def test_the_database_refuses_to_change_the_log(database: Database, statement: str) -> None:
    AuditTrail(database).append(entry(1))
    with pytest.raises(DatabaseError, match="append-only"), database.begin() as conn:
        conn.exec_driver_sql(statement)
    assert [row.entry.account_id for row in rows_of(database)] == ["ana"]


def test_the_same_look_within_a_minute_is_one_row(database: Database) -> None:
    trail = AuditTrail(database)
    for second in (0, 20, 59, 60, 61):
        trail.append_once(entry(second, home_id="carme"))
    trail.append_once(entry(61, home_id="pere"))
    assert [row.entry.at - NOON for row in rows_of(database)] == [0, 60, 61]


def put(database: Database, rows: Iterable[AuditRow]) -> None:
    with database.begin() as conn:
        values = [{"id": row.id, "hash": row.hash, **dataclasses.asdict(row.entry)} for row in rows]
        conn.execute(sa.insert(table), values)


def test_a_span_holds_its_rows_also_where_the_clock_was_set_and_where_a_row_is_missing(database: Database) -> None:
    def between(since_s: float, until_s: float) -> list[float]:
        with database.read() as conn:
            wanted = Filter(since_at=NOON + since_s, until_at=NOON + until_s)
            return [row.entry.at - NOON for row in audit_log.find(conn, wanted, 50)]

    assert between(0, 9) == []
    times = [0, 5_000, 86_400, 85_000, 90_000, 88_000, 200_000, 300_000]
    put(database, [row for row in chained(map(entry, times), None) if row.id not in {2, 5}])
    left = [at for at in reversed(times) if at not in {5_000, 90_000}]
    ends = [-1, 0, 1, 4_000, 86_000, 86_400, 90_000, 250_000, 300_000, 400_000]
    for since_s, until_s in itertools.product(ends, ends):
        assert between(since_s, until_s) == [at for at in left if since_s <= at < until_s], (since_s, until_s)


def test_who_is_asked_for_by_name_is_found_however_many_share_it_and_however_it_is_written(database: Database) -> None:
    known = [f"home-{number}" for number in range(300)]
    with database.begin() as conn:
        conn.execute(sa.insert(homes), [{"id": one, "address": "Carrer Gran 1", "enrolled_at": 0.0} for one in known])
        people = [{"id": f"r-{one}", "home_id": one, "called": "Àngels", "full_name": "Àngels Martí"} for one in known]
        conn.execute(sa.insert(residents), [one | {"born": 1940} for one in people])
        while home_words.fill(conn):
            pass
    put(database, chained([entry(number, home_id=one) for number, one in enumerate(known)], None))
    with database.read() as conn:
        for asked, count in (("angels", 300), ("Martí àng", 300), ("home-7", 1), ("r-home-9", 1), ("pere", 0)):
            found = audit_log.find(conn, Filter(about=audit_log.homes_matching(conn, asked)), 1_000)
            assert len(found) == count, asked


@pytest.fixture
def ana(setting: Setting) -> Iterator[TestClient]:
    with TestClient(setting.app(), base_url="http://desk.test", follow_redirects=False) as client:
        log_in(client)
        yield client


def test_reading_a_file_and_working_a_case_is_written_down_with_who_and_whom(setting: Setting, ana: TestClient) -> None:
    case = setting.alarm("carme")
    assert ana.get("/api/queue").status_code == 200
    assert rows_of(setting.database) == [], "a queue card is no file"
    ana.get(f"/api/cases/{case}")
    ana.get("/api/homes/carme/card")
    ana.get("/api/homes/carme/card")
    ana.get("/api/homes/carme/charts")
    ana.post(f"/api/cases/{case}/take", headers=form_token(ana))
    said = [
        (one.account_id, one.role, one.resource, one.action, one.home_id, one.case_id)
        for one in (row.entry for row in rows_of(setting.database))
    ]
    assert said == [
        ("ana", "operator", "case", "read", "carme", case),
        ("ana", "operator", "resident_file", "read", "carme", 0),
        ("ana", "operator", "telemetry", "read", "carme", 0),
        ("ana", "operator", "case", "work", "carme", case),
    ]
    assert rows_of(setting.database)[0].entry.what == f"GET /api/cases/{case}"


def test_what_cannot_be_written_down_cannot_be_read(setting: Setting, ana: TestClient) -> None:
    with setting.database.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE audit_log RENAME TO elsewhere")
    refused = ana.get("/api/homes/carme/card")
    assert (refused.status_code, refused.json()["reason"]) == (503, "database")
    assert "Carme" not in refused.text
    assert ana.get("/api/queue").status_code == 200


def test_the_verify_command_says_ok_or_where_it_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "central.toml"
    config.write_text('data_folder = "data"\n', encoding="utf-8")
    (tmp_path / "data").mkdir()
    url = f"sqlite:///{tmp_path / 'data' / 'central.sqlite3'}"
    migrate(url)
    database = Database.open(url)
    trail = AuditTrail(database)
    for number in range(5):
        trail.append(entry(number))
    head = trail.note_head()
    assert main(["audit", "verify", "--config", str(config), "--head", head]) == 0
    assert capsys.readouterr().out == f"OK: 5 rows, head {head}.\n"
    out = tmp_path / "log.jsonl"
    assert main(["audit", "export", "--config", str(config), "--out", str(out), "--since", "3"]) == 0
    assert [json.loads(line)["id"] for line in out.read_text(encoding="utf-8").splitlines()] == [4, 5]
    assert main(["audit", "verify", "--config", str(config), "--head", "x"]) == CANNOT_START
    with database.begin() as conn:
        conn.exec_driver_sql("DROP TRIGGER audit_log_no_delete")
        conn.execute(sa.delete(table).where(table.c.id == 5))
    assert main(["audit", "verify", "--config", str(config)]) == 0
    assert main(["audit", "verify", "--config", str(config), "--head", head]) == 1
    with database.begin() as conn:
        conn.exec_driver_sql("DROP TRIGGER audit_log_no_update")
        conn.execute(sa.update(table).where(table.c.id == 2).values(account_id="joan"))
    capsys.readouterr()
    assert main(["audit", "verify", "--config", str(config)]) == 1
    assert capsys.readouterr().out.startswith("BROKEN at row 2:")
    database.close()


def test_the_database_knows_each_look_of_a_broken_glass(setting: Setting, ana: TestClient) -> None:
    with setting.database.begin() as conn:
        conn.exec_driver_sql("UPDATE homes SET municipality = 'Gràcia'")
        accounts.change(conn, "ana", municipalities=["Sants"])
    assert ana.get("/api/homes/carme/card").json()["reason"] == "needs_reason"
    token = form_token(ana)
    assert ana.post("/api/homes/carme/glass", json={"reason": "short"}, headers=token).status_code == 422
    why = "Her daughter calls from abroad, no answer"
    assert ana.post("/api/homes/carme/glass", json={"reason": why}, headers=token).status_code == 200
    assert ana.get("/api/homes/carme/card").status_code == 200
    outcomes = [(row.entry.outcome, row.entry.why) for row in rows_of(setting.database)]
    assert outcomes[0] == ("refused", "")
    assert ("glass", why) in outcomes
    assert outcomes[-1] == ("glass", why)
    setting.clock.now += 3601  # type: ignore[attr-defined]
    log_in(ana)
    assert ana.get("/api/homes/carme/card").status_code == 403
