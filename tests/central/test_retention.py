"""What is kept no longer than its term: months and years in virtual time, on the real desk and its database."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from central.agenda.desk import AgendaDesk
from central.agenda.rules import Kind, Rule
from central.alarm_cases.case import EventType
from central.alarm_cases.closing import Action, Cause, Closing, Outcome
from central.alarm_cases.placed_call import Party
from central.audit_chain import AuditEntry, check
from central.case_desk import Done
from central.privacy.purge import EXPORTS, PurgeDesk
from central.privacy.retention import CLASSES, cut, next_night
from central.storage import (
    agenda,
    audit_log,
    carer_links,
    deliveries,
    holds,
    people,
    person_export,
    placed_calls,
    quality,
    records,
    service_quality,
)
from central.storage.holds import Held
from central.storage.people import Resident
from central.storage.purging import PARTS, PAST_PREFIX, count_held, purge
from central.storage.service_quality import Scope
from central.storage.tables import case_events, cases, metadata
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.console_setting import Clock, Setting
from tests.central.desk_people import Person
from tests.central.test_console_people import setting as setting

DAY_S = 86_400.0
YEAR_S = 365.25 * DAY_S
DONE = Closing(Cause.HELP_NEEDED, Action.CONTACT_SENT, Outcome.HELPED_AT_HOME, told=("Marta",), note="La Marta hi va")
SECRET = "El senyor del tercer pis hi era"


def closed(setting: Setting, clock: Clock, home: str, ref: str) -> int:
    """A case of a home: told a contact of it, with notes, closed."""
    case = setting.alarm(home, AlarmKind.HELP, place="bany", ref=ref)
    contact = {"carme": "marta", "pere": "laia"}[home]
    with setting.database.begin() as conn:
        deliveries.queue(conn, case, contact, "email", deliveries.ALARM, clock.now)
        carer_links.make(conn, deliveries.of_contact(conn, case, contact)[-1].id, clock.now)
    clock.now += 20
    assert isinstance(setting.desk.take(case, "ana", clock.now), Done)
    setting.desk.talk(case, "ana", clock.now + 1)
    setting.desk.note(case, "ana", SECRET, clock.now + 2)
    clock.now += 60
    assert isinstance(setting.desk.close(case, "ana", DONE, clock.now), Done)
    clock.now += 1_000
    return case


def figures(setting: Setting, now: float) -> dict[str, Any]:
    """All that the quality page counts, of all time: by case, month, channel and detector; by whom it was answered."""
    scope = Scope(0.0, now + 1)
    with setting.database.read() as conn:
        false: dict[tuple[str, str], list[int]] = {}
        for line in quality.false_alarms_by_week(conn, 0.0, now):
            counts = false.setdefault((line.week, line.detector), [0, 0, 0])
            false[line.week, line.detector] = [
                a + b for a, b in zip(counts, (line.false_alarms, line.right, line.unknown), strict=True)
            ]
        late = service_quality.late_answers(conn, scope, now)
        towns = {town: service_quality.calls(conn, Scope(0.0, now, frozenset({town}))) for town in ("Gràcia", "Sants")}
        return {
            "calls": service_quality.calls(conn, scope),
            "towns": towns,
            "kinds": service_quality.kinds_and_outcomes(conn, scope),
            "channels": service_quality.channel_figures(conn, scope),
            "steps": service_quality.late_steps(conn, scope),
            "life": service_quality.life_without_outcome(conn, scope),
            "late": [(one.case_id, one.wait_s, one.reason != "") for one in late],
            "false": false,
            "homes": service_quality.count_homes(conn, scope),
        }


def everything(setting: Setting, *but: str) -> str:
    """The whole database as text, but for some tables."""
    with setting.database.read() as conn:
        tables = [table for table in metadata.sorted_tables if table.name not in but]
        return "\n".join(f"{table.name} {row}" for table in tables for row in conn.execute(sa.select(table)))


def where_of(setting: Setting, *ids: int) -> list[str]:
    with setting.database.read() as conn:
        return [conn.execute(sa.select(cases.c.home_id).where(cases.c.id == one)).scalar_one() for one in ids]


@pytest.fixture
def desk(setting: Setting, tmp_path: Path) -> PurgeDesk:
    return PurgeDesk(setting.database, tmp_path)


def test_exactly_the_due_cases_are_anonymised_and_no_figure_of_any_month_changes(
    setting: Setting, clock: Clock, desk: PurgeDesk
) -> None:
    old = closed(setting, clock, "carme", "A1")
    setting.finding("carme", AlarmKind.INACTIVITY, "inactivity", {"hours": 11})
    with setting.database.read() as conn:
        found = conn.execute(sa.select(sa.func.max(cases.c.id))).scalar_one()
    setting.desk.take(found, "ana", clock.now + 400)  # late: it needs a reason, which is told at the end
    setting.desk.close(found, "ana", Closing(Cause.MISTAKE, Action.TALKED, Outcome.RESOLVED_BY_TALK), clock.now + 500)
    clock.now += 40 * DAY_S
    young = closed(setting, clock, "carme", "A2")
    other = closed(setting, clock, "pere", "B1")
    clock.now = (
        cut(clock.now + 5 * YEAR_S, 0) - 20 * DAY_S
    )  # the first ones are over five years old, the others not yet
    before = figures(setting, clock.now)
    desk.purge(clock.now)
    assert [home.startswith(PAST_PREFIX) for home in where_of(setting, old, found)] == [True, True]
    assert where_of(setting, young, other) == ["carme", "pere"]
    assert figures(setting, clock.now) == before
    with setting.database.read() as conn:
        export = person_export.export(conn, "carme")
        logs = conn.execute(sa.select(case_events).where(case_events.c.case_id.in_([old, found]))).all()
    assert {row["id"] for row in export["cases"]} == {young}
    assert "carme" not in str(logs).lower()
    assert SECRET not in str(logs)
    assert everything(setting).count(SECRET) == 2, "the two younger cases keep their notes"
    assert EventType.TAKEN in {row.type for row in logs}


def test_what_is_held_stays_until_it_is_lifted_or_its_day_has_come(
    setting: Setting, clock: Clock, desk: PurgeDesk
) -> None:
    one = closed(setting, clock, "carme", "A1")
    other = closed(setting, clock, "carme", "A2")
    third = closed(setting, clock, "pere", "B1")
    clock.now += 6 * YEAR_S
    with setting.database.begin() as conn:
        held = holds.place(
            conn, home_id="carme", case_id=one, reason="Plet 12/31", until_at=None, now=clock.now, by="cap"
        )
        holds.place(
            conn,
            home_id="pere",
            resident_id="pere-r",
            reason="Queixa",
            until_at=clock.now + DAY_S,
            now=clock.now,
            by="cap",
        )
    body = desk.purge(clock.now)
    assert where_of(setting, one, third) == ["carme", "pere"]
    assert where_of(setting, other)[0].startswith(PAST_PREFIX)
    assert (body["cases"]["purged"], body["cases"]["held"]) == (1, 2)
    assert body["deliveries"]["held"] == 2
    with setting.database.begin() as conn:
        assert holds.lift(conn, held, clock.now, "cap")
    clock.now += 2 * DAY_S
    assert desk.purge(clock.now)["cases"] == {"before_at": cut(clock.now, 60), "purged": 2, "held": 0}
    with setting.database.read() as conn:
        last, first = holds.purges_done(conn)
    assert (last.body["cases"]["purged"], first.body["cases"]["held"]) == (2, 2)


def test_a_term_that_the_service_has_set_holds_from_then_on(
    setting: Setting, app: FastAPI, clock: Clock, desk: PurgeDesk
) -> None:
    case = closed(setting, clock, "carme", "A1")
    clock.now += YEAR_S
    desk.purge(clock.now)
    assert where_of(setting, case) == ["carme"]
    chief = Person(app, "x-coordinator")
    assert chief.put("/api/settings/retention", version=0, value={"months": {"cases": 3}})[0] == 422
    assert chief.put("/api/settings/retention", version=0, value={"months": {"cases": 6}})[0] == 200
    assert Person(app, "x-supervisor").put("/api/settings/retention", version=1, value={})[0] == 403
    desk.purge(clock.now)
    (past,) = where_of(setting, case)
    assert past.startswith(PAST_PREFIX)
    for path in (f"/api/cases/{case}", "/api/quality", "/quality?show=false&since=2026-11-01&until=2026-11-30"):
        assert chief.get(path)[0] == 200, path
    assert past not in str(chief.get("/residents?q=carrer")[1])


def test_messages_go_before_their_case_and_what_they_came_to_is_still_counted(
    setting: Setting, clock: Clock, desk: PurgeDesk
) -> None:
    case = closed(setting, clock, "carme", "A1")
    clock.now += 2.5 * YEAR_S
    before = figures(setting, clock.now)
    assert desk.purge(clock.now)["deliveries"]["purged"] > 0
    assert where_of(setting, case) == ["carme"]
    assert figures(setting, clock.now) == before
    with setting.database.read() as conn:
        assert all(
            row["contact_id"].startswith(PAST_PREFIX) for row in person_export.export(conn, "carme")["deliveries"]
        )


def test_who_has_left_is_forgotten_once_their_cases_are_and_nothing_of_them_is_left(
    setting: Setting, clock: Clock, desk: PurgeDesk
) -> None:
    closed(setting, clock, "pere", "B1")
    left_at = clock.now
    with setting.database.begin() as conn:
        holds.note_departure(conn, "pere-r", "pere", left_at, clock.now, "cap")
    clock.now = left_at + 4.9 * YEAR_S
    late = setting.alarm("pere", AlarmKind.HELP, ref="B2")  # the unit still lay in a drawer
    setting.desk.take(late, "ana", clock.now + 5)
    assert isinstance(setting.desk.close(late, "ana", DONE, clock.now + 60), Done)
    clock.now = left_at + 5.1 * YEAR_S
    assert desk.purge(clock.now)["files"]["purged"] == 0, "a younger case still needs the file"
    clock.now = left_at + 10 * YEAR_S
    before = figures(setting, clock.now)
    assert desk.purge(clock.now)["files"]["purged"] == 1
    assert figures(setting, clock.now) == before | {"homes": before["homes"] - 1}
    with setting.database.read() as conn:
        assert person_export.export(conn, "pere-r") == {}
        assert person_export.export(conn, "carme")["residents"]
    left = everything(setting, "audit_log", "purges").lower()
    for word in ("pere-r", "miralles", "laia", "hub-pere", "carrer de sants", "x-carer"):
        assert word not in left, word


def test_only_one_of_two_who_live_together_leaves(setting: Setting, clock: Clock, desk: PurgeDesk) -> None:
    case = closed(setting, clock, "carme", "A1")
    with setting.database.begin() as conn:
        people.add_resident(conn, Resident("ignasi", "carme", "Ignasi", "Ignasi Vallmitjana", 1935))
        records.note(conn, "resident:ignasi", "carme", 0, {"called": ("", "Ignasi")}, clock.now, "cap")
        rule, facts = Rule("2026-12-01", "days"), {"timezone": "Europe/Madrid", "resident_id": "ignasi"}
        agenda.add_item(conn, "carme", Kind.BIRTHDAY, rule, now=clock.now, by="cap", title="Ignasi", **facts)
        holds.note_departure(conn, "ignasi", "carme", clock.now - 4.9 * YEAR_S, clock.now, "cap")
        for who in ("ignasi", "carme"):
            placed_calls.add(conn, case, "ana", Party.MOBILE, who, f"llar-dial-{len(who)}", clock.now)
    AgendaDesk(setting.desk).work(clock.now + YEAR_S / 4)
    clock.now += YEAR_S / 4
    assert desk.purge(clock.now)["files"]["purged"] == 1
    assert where_of(setting, case) == ["carme"]
    with setting.database.read() as conn:
        assert person_export.export(conn, "ignasi") == {}
        assert person_export.export(conn, "carme")["residents"]
    left = everything(setting, "audit_log", "purges").lower()
    assert not {word for word in ("ignasi", "vallmitjana") if word in left}
    with setting.database.read() as conn:
        assert [call.who for call in placed_calls.of_case(conn, case)] == ["carme"]


def test_the_log_of_who_looked_is_cut_off_by_its_term_and_still_verifies(
    setting: Setting, clock: Clock, desk: PurgeDesk
) -> None:
    entries = [AuditEntry(clock.now + n * DAY_S, "ana", "operator", "case", "read", home_id="pere") for n in range(6)]
    with setting.database.begin() as conn:
        noted = audit_log.append(conn, entries)
        assert noted is not None
        young = AuditEntry(clock.now + 3 * YEAR_S, "ana", "operator", "case", "read", home_id="carme")
        audit_log.append(conn, [young])
        holds.place(conn, home_id="pere", reason="Plet", until_at=None, now=0.0, by="cap")
    clock.now += 5.5 * YEAR_S
    assert desk.purge(clock.now)["audit"] == {"before_at": cut(clock.now, 60), "purged": 0, "held": 6}
    with setting.database.begin() as conn:
        conn.exec_driver_sql("UPDATE legal_holds SET lifted_at = 1")
    assert desk.purge(clock.now)["audit"]["purged"] == 6
    with setting.database.read() as conn:
        rows, base = list(audit_log.all_rows(conn)), audit_log.base(conn)
    assert base.id == 6
    checked = check(rows, {noted.id: noted.hash}, base)
    assert (checked.fault, checked.rows) == ("", len(rows))
    assert check(rows, {noted.id: "0" * 64}, base).fault
    assert check(rows[1:], {}, base).fault, "the first row that is left"
    silent = [row for row in rows if row.entry.what != base.said]
    assert check(rows[: rows.index(next(row for row in rows if row not in silent))], {}, base).fault
    with pytest.raises(sa.exc.DBAPIError), setting.database.begin() as conn:
        conn.exec_driver_sql("DELETE FROM audit_log WHERE id = 7")
    with pytest.raises(sa.exc.DBAPIError), setting.database.begin() as conn:
        conn.exec_driver_sql("DELETE FROM audit_cuts")


def test_every_purge_is_in_the_log(setting: Setting, clock: Clock, desk: PurgeDesk) -> None:
    closed(setting, clock, "carme", "A1")
    clock.now += 5.5 * YEAR_S
    desk.purge(clock.now)
    with setting.database.read() as conn:
        said = [row.entry.what for row in audit_log.all_rows(conn) if row.entry.resource == "retention"]
        assert check(audit_log.all_rows(conn), {}, audit_log.base(conn)).fault == ""
    assert any("1 of cases, anonymised" in what for what in said)


def test_the_night_is_worked_once_by_any_process_and_taken_over_when_that_one_dies(
    setting: Setting, clock: Clock, tmp_path: Path
) -> None:
    one, two = PurgeDesk(setting.database, tmp_path), PurgeDesk(setting.database, tmp_path)
    night = one.work(clock.now)
    assert night == two.work(clock.now) == next_night(clock.now)
    assert one.work(night) == two.work(night + 1) == next_night(night)
    with setting.database.read() as conn:
        assert len(holds.purges_done(conn)) == 1
    with setting.database.begin() as conn:  # taken by a process that has died since
        conn.exec_driver_sql(f"UPDATE chores SET due_at = {night + DAY_S + 3600} WHERE name = 'purge'")
    assert two.work(night + DAY_S) == night + DAY_S + 3600
    assert two.work(night + DAY_S + 3600) > night + 2 * DAY_S - 3700
    with setting.database.read() as conn:
        assert len(holds.purges_done(conn)) == 2


def test_a_clock_that_runs_years_ahead_empties_nothing_in_its_first_night(
    setting: Setting, clock: Clock, desk: PurgeDesk
) -> None:
    closed(setting, clock, "carme", "A1")
    desk.work(clock.now)
    ahead = clock.now + 6 * YEAR_S
    night = desk.work(ahead)
    assert night == next_night(ahead)
    with setting.database.read() as conn:
        assert holds.purges_done(conn) == []
    desk.work(night)
    with setting.database.read() as conn:
        assert len(holds.purges_done(conn)) == 1


def test_exports_that_lie_about_go(setting: Setting, desk: PurgeDesk, clock: Clock, tmp_path: Path) -> None:
    for name, age_days in (("old", 40), ("new", 20)):
        (tmp_path / EXPORTS / name).mkdir(parents=True)
        os.utime(tmp_path / EXPORTS / name, (clock.now - age_days * DAY_S,) * 2)
    assert desk.purge(clock.now)["exports"]["purged"] == 1
    assert [one.name for one in (tmp_path / EXPORTS).iterdir()] == ["new"]


def test_every_class_can_be_asked_for_what_is_due(setting: Setting) -> None:
    held = Held(frozenset({"carme"}), frozenset({1}))
    with setting.database.begin() as conn:
        for name in PARTS:
            assert purge(conn, name, 0.0, held, 5) == 0
            assert count_held(conn, name, 0.0, held) == 0


def test_terms_are_counted_in_calendar_months() -> None:
    assert set(PARTS) | {EXPORTS} == set(CLASSES)
    for term in CLASSES.values():
        assert term.least <= term.months <= term.most

    def at(*day: int) -> float:
        return datetime(*day, 12, tzinfo=ZoneInfo("Europe/Madrid")).timestamp()  # type: ignore[misc, arg-type]

    assert cut(at(2031, 3, 31), 1) == at(2031, 2, 28)
    assert cut(at(2031, 12, 1), 60) == at(2026, 12, 1)
    assert cut(at(2032, 2, 29), 12) == at(2031, 2, 28)
