"""The register of breaches and the page of what is kept: who may, the 72 hours, and who may be affected."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI

from central.audit_chain import AuditEntry
from central.storage import audit_log, holds
from tests.central.console_setting import Clock, Setting, new_database
from tests.central.desk_people import Person
from tests.central.test_console_people import setting as setting

HOUR_S = 3_600.0
WHAT = "Un portàtil perdut al metro"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One kind of database: what differs between them is asked in test_retention."""
    return new_database[0](tmp_path / "central.sqlite3")


def test_the_72_hours_run_from_detecting_and_turn_red(app: FastAPI, clock: Clock) -> None:
    auditor, chief = Person(app, "x-auditor"), Person(app, "x-coordinator")
    detected = clock.now - 10 * HOUR_S
    status, made = auditor.post("/api/breaches", detected_at=detected, what=WHAT)
    assert status == 201
    entry = f"/api/breaches/{made['id']}"
    (one,) = chief.get("/api/breaches")[1]
    assert (one["clock"], round(one["left_s"] / -HOUR_S)) == ("running", 62)
    clock.now = detected + 72 * HOUR_S + 1
    chief.sit_down()
    auditor.sit_down()
    assert chief.get("/api/breaches")[1][0]["clock"] == "overdue"
    page = chief.get("/breaches")[1]
    assert 'class="chip bad"' in page
    body = {"detected_at": detected, "what": WHAT, "data": "Noms i adreces", "version": 1}
    assert chief.put(entry, **body, authority_at=clock.now)[0] == 204
    assert chief.get("/api/breaches")[1][0]["clock"] == "told_late"
    assert auditor.put(entry, **body)[0] == 409, "somebody has changed it meanwhile"
    assert auditor.put(entry, **{**body, "version": 2}, authority_at=detected + 70 * HOUR_S)[0] == 204
    assert auditor.get("/api/breaches")[1][0]["clock"] == "told"
    assert auditor.put(entry, **{**body, "version": 3}, no_risk="El disc era xifrat")[0] == 204
    assert auditor.get("/api/breaches")[1][0]["clock"] == "not_needed"
    assert auditor.post("/api/breaches", detected_at=clock.now + HOUR_S, what=WHAT)[0] == 422


def test_only_coordinator_and_auditor_see_the_register(app: FastAPI) -> None:
    for role in ("operator", "supervisor", "technician", "carer", "resident"):
        person = Person(app, f"x-{role}")
        for path in ("/breaches", "/api/breaches", "/retention", "/api/retention"):
            assert person.get(path)[0] == 403, (role, path)
        assert person.post("/api/breaches", detected_at=0, what=WHAT)[0] == 403
    auditor = Person(app, "x-auditor")
    assert auditor.get("/retention")[0] == auditor.get("/breaches")[0] == 200
    assert auditor.post("/api/retention/holds", resident_id="carme", reason="Plet al jutjat 4")[0] == 403


def test_whose_files_an_account_opened_in_a_span_and_nobody_elses(setting: Setting, app: FastAPI, clock: Clock) -> None:
    def read(at: float, account: str, home: str, resident: str = "", outcome: str = "allowed") -> AuditEntry:
        return AuditEntry(at, account, "operator", "resident_file", "read", outcome, home, resident)

    at = clock.now
    with setting.database.begin() as conn:
        conn.exec_driver_sql("UPDATE homes SET municipality = 'Gràcia' WHERE id = 'pere'")
        audit_log.append(
            conn,
            [
                read(at, "ana", "carme"),
                read(at + 60, "ana", "carme", "carme"),
                read(at + 70, "marc", "pere", "pere-r"),
                read(at + 80, "ana", "pere", outcome="refused"),
                read(at + 9 * HOUR_S, "ana", "pere"),
            ],
        )
    auditor = Person(app, "x-auditor")

    def affected(account: str, until: float) -> dict[str, int]:
        status, found = auditor.get(f"/api/breaches/affected?account={account}&since={at}&until={until}")
        assert status == 200
        return {one["resident_id"]: one["reads"] for one in found}

    assert affected("ana", at + HOUR_S) == {"carme": 2}
    assert affected("", at + HOUR_S) == {"carme": 2, "pere-r": 1}
    assert affected("ana", at + 10 * HOUR_S) == {"carme": 2, "pere-r": 1}
    with setting.database.read() as conn:
        newest = audit_log.find(conn, audit_log.Filter(account_id="x-auditor"), 1)
    assert newest[0].entry.action == "export", "who asked whom it concerns is in the log"


def test_a_hold_and_a_departure_from_the_page(setting: Setting, app: FastAPI, clock: Clock) -> None:
    case = setting.alarm("carme")
    chief = Person(app, "x-coordinator")
    assert "Carme Puig i Soler" in chief.get("/retention?person=puig")[1]
    reason = "Plet 12/2026 del jutjat 4"
    assert chief.post("/api/retention/holds", resident_id="carme", reason="x")[0] == 422
    assert chief.post("/api/retention/holds", resident_id="carme", case_id=case, reason=reason)[0] == 422
    assert chief.post("/api/retention/holds", resident_id="pere-r", reason=reason)[0] == 404, "another municipality"
    assert chief.post("/api/retention/holds", case_id=case, reason=reason, until="2020-01-01")[0] == 422
    status, made = chief.post("/api/retention/holds", resident_id="carme", reason=reason, until="2031-05-01")
    assert status == 201
    assert chief.post("/api/retention/holds", case_id=case, reason=reason)[0] == 201
    with setting.database.read() as conn:
        assert holds.held(conn, clock.now) == (frozenset({"carme"}), frozenset({case}))
    assert reason in Person(app, "x-auditor").get("/retention")[1]
    assert chief.post(f"/api/retention/holds/{made['id']}/lift")[0] == 204
    assert chief.post(f"/api/retention/holds/{made['id']}/lift")[0] == 409
    with setting.database.read() as conn:
        assert holds.held(conn, clock.now).homes == frozenset()
    assert chief.put("/api/residents/carme/departure", last_day="2026-13-01")[0] == 422
    assert chief.put("/api/residents/carme/departure", last_day="2026-11-01")[0] == 204
    assert chief.put("/api/residents/pere-r/departure", last_day="2026-11-01")[0] == 404
    (gone,) = chief.get("/api/retention")[1]["departures"]
    assert gone["resident_id"] == "carme"
    assert chief.send("DELETE", "/api/residents/carme/departure")[0] == 204
    assert chief.get("/api/retention")[1]["departures"] == []
