"""Wallboard, quality and settings over HTTP: what they count, who may, and what a change does."""

from __future__ import annotations

import csv
import io
import random
import re

import pytest
from fastapi import FastAPI

from central.alarm_cases.care_plan import CarePlan
from central.alarm_cases.case import EventType
from central.alarm_cases.closing import Action, Cause, Closing, Outcome
from central.audit_chain import AuditEntry
from central.case_desk import Done
from central.storage import audit_log, call_audits, cases, rota, service_quality
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.console_setting import Clock, Setting
from tests.central.desk_people import Person
from tests.central.test_console_people import setting as setting

DONE = Closing(Cause.MISTAKE, Action.TALKED, Outcome.RESOLVED_BY_TALK)
REASON = "Dues persones i tres alarmes alhora."


def answered(setting: Setting, clock: Clock, home: str, waited_s: float, *, ref: str, close: bool = True) -> int:
    """A call of a home, answered by its municipality's operator after so long; the clock goes on with it."""
    case = setting.alarm(home, AlarmKind.HELP, ref=ref)
    opened = clock.now
    setting.desk.work_due(opened + waited_s - 0.01)
    clock.now = opened + waited_s
    assert isinstance(setting.desk.take(case, "ana", clock.now), Done)
    setting.desk.talk(case, "ana", clock.now + 1)
    if close:
        clock.now += 30
        explained = DONE if waited_s < 180 else Closing(**{**_fields(DONE), "explanation": ""})
        setting.desk.close(case, "ana", explained, clock.now)
    clock.now += 700  # another situation, and no session has run out yet
    return case


def _fields(closing: Closing) -> dict[str, object]:
    return {name: getattr(closing, name) for name in closing.__struct_fields__}


def test_figures_count_the_minute_inclusively_and_stay_within_reach(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    for number, waited_s in enumerate((59.999, 60.0, 60.001)):
        answered(setting, clock, "carme", waited_s, ref=f"A{number}")
    answered(setting, clock, "pere", 100, ref="B1")
    mine = Person(app, "x-supervisor").get("/api/quality")[1]["answers"]
    assert (mine["counted"], mine["within"]["60"]) == (3, 2)  # Pere lives in another municipality
    status, page = Person(app, "x-supervisor").get("/quality")
    assert status == 200
    assert "66,66 %" in page


def test_only_who_leads_people_sees_the_figures_of_single_operators(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    answered(setting, clock, "carme", 10, ref="A1")
    seen = {
        role: "operators-name" in Person(app, f"x-{role}").get("/quality")[1]
        for role in ("supervisor", "coordinator", "auditor")
    }
    assert seen == {"supervisor": True, "coordinator": True, "auditor": False}
    assert Person(app, "x-operator").get("/quality")[0] == 403
    assert Person(app, "x-operator").get("/api/wallboard")[0] == 403


def test_a_late_call_stands_there_until_somebody_has_written_why(setting: Setting, app: FastAPI, clock: Clock) -> None:
    case = answered(setting, clock, "carme", 200, ref="A1", close=False)
    supervisor = Person(app, "x-supervisor")
    (late,) = supervisor.get("/api/quality/late")[1]
    assert (late["case_id"], late["reason"], late["wait_s"]) == (case, "", pytest.approx(200))
    assert supervisor.get("/api/wallboard")[1]["exceptions"] == [case]
    assert supervisor.post(f"/api/cases/{case}/late-reason", reason="x")[0] == 422
    assert supervisor.post(f"/api/cases/{case}/late-reason", reason=REASON)[0] == 204
    assert supervisor.get("/api/quality/late")[1][0]["reason"] == REASON
    assert supervisor.get("/api/wallboard")[1]["exceptions"] == []
    with setting.database.read() as conn:
        found = cases.find(conn, case)
    assert found is not None  # an open case has it in its own log
    assert found.explained_at is not None
    setting.desk.take(case, "ana", clock.now)
    assert isinstance(setting.desk.close(case, "ana", DONE, clock.now), Done)
    assert supervisor.post(f"/api/cases/{case}/late-reason", reason="Revisat: la consola no tenia so.")[0] == 204
    (late,) = supervisor.get("/api/quality/late")[1]
    assert late["reason"] == "Revisat: la consola no tenia so."


def test_a_supervisor_takes_a_case_out_of_a_hand_with_a_reason(setting: Setting, app: FastAPI, clock: Clock) -> None:
    case = answered(setting, clock, "carme", 10, ref="A1", close=False)
    assert Person(app, "x-operator").post(f"/api/cases/{case}/reassign", to="marc", reason="Fi de torn")[0] == 403
    supervisor = Person(app, "x-supervisor")
    assert supervisor.post(f"/api/cases/{case}/reassign", to="marc", reason="")[0] == 422
    assert supervisor.post(f"/api/cases/{case}/reassign", to="x-auditor", reason="Fi de torn")[0] == 422
    assert supervisor.post(f"/api/cases/{case}/reassign", to="marc", reason="Fi de torn")[0] == 204
    with setting.database.read() as conn:
        found, log = cases.find(conn, case), cases.events_of(conn, case)
    assert found is not None
    assert (found.owner_id, found.ring_at) == (None, clock.now)
    assert (log[-1].type, log[-1].actor, log[-1].facts.operator) == (EventType.HANDED_OVER, "x-supervisor", "marc")
    foreign = answered(setting, clock, "pere", 10, ref="B1", close=False)
    assert supervisor.post(f"/api/cases/{foreign}/reassign", to="", reason="Fi de torn")[0] in {403, 404}


def test_the_desk_tells_of_each_case_when_its_own_plan_calls_the_supervisor(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    with setting.database.begin() as conn:
        rota.add_plan(conn, "carme", CarePlan(after_s={"supervisor": 90.0}), kind="help", now=clock.now, by="núria")

    def told(path: str, key: str) -> list[tuple[float | None, float | None]]:
        cards = Person(app, "x-supervisor").get(path)[1][key]
        return [(one["supervisor_due_at"], one["exception_due_at"]) for one in cards]

    case = setting.alarm("carme", AlarmKind.HELP, ref="A1")
    at = clock.now
    assert told("/api/wallboard?names=false", "cases") == told("/api/queue", "cards") == [(at + 90, at + 180)]
    assert isinstance(setting.desk.take(case, "ana", at), Done)
    assert told("/api/wallboard", "cases") == [(None, None)]  # it rings no more
    clock.now += 700
    setting.alarm("carme", AlarmKind.INACTIVITY, ref="A2")  # of this kind the plan says nothing
    assert told("/api/wallboard", "cases")[-1] == (clock.now + 180, clock.now + 600)


def test_steps_done_late_are_said_in_words(setting: Setting, app: FastAPI, clock: Clock) -> None:
    case = setting.alarm("carme", AlarmKind.HELP)
    setting.desk.work_due(clock.now + 70)
    assert isinstance(setting.desk.take(case, "ana", clock.now + 80), Done)
    setting.desk.triage(case, "ana", 5, clock.now + 81)
    setting.desk.work_due(clock.now + 200)
    clock.now += 300
    page = Person(app, "x-supervisor").get("/quality?period=today")[1]
    assert "L&#39;avís torna a sonar" in page
    assert "Llista de passos: " in page
    assert "second_burst" not in page
    assert "step:" not in page


def test_the_screen_for_the_wall_names_nobody(setting: Setting, app: FastAPI, clock: Clock) -> None:
    answered(setting, clock, "carme", 10, ref="A1", close=False)
    supervisor = Person(app, "x-supervisor")
    assert "Carme" in str(supervisor.get("/api/wallboard")[1])
    wall = str(supervisor.get("/api/wallboard?names=false")[1])
    assert "Carme" not in wall
    assert "Verdi" not in wall
    assert supervisor.get("/wallboard?big=true")[0] == 200


def test_calls_are_drawn_for_everybody_and_nobody_judges_their_own(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    for number in range(5):
        answered(setting, clock, "carme", 10, ref=f"A{number}")
    month = "2026-11"
    supervisor = Person(app, "x-supervisor")
    assert supervisor.post("/api/quality/audits", month=month) == (200, {"drawn": 2})
    assert supervisor.post("/api/quality/audits", month=month) == (200, {"drawn": 0})
    with setting.database.read() as conn:
        drawn = call_audits.audits_of_month(conn, month)
    assert any(one.emergency for one in drawn)
    page = supervisor.get(f"/quality?show=audits&month={month}")[1]
    assert all(f'href="/#{one.case_id}"' in page for one in drawn)  # where the console opens a case
    path = f"/api/quality/audits/{drawn[0].id}"
    assert supervisor.post(path, result="poor")[0] == 422  # without a word on why
    assert supervisor.post(path, result="good")[0] == 204
    with setting.database.begin() as conn:
        conn.exec_driver_sql(f"UPDATE call_audits SET operator_id = 'x-supervisor' WHERE id = {drawn[1].id}")
    assert supervisor.post(f"/api/quality/audits/{drawn[1].id}", result="good")[0] == 409
    assert Person(app, "x-operator").post(path, result="good")[0] == 403


def test_the_lot_takes_two_calls_of_each_and_an_emergency_where_there_was_one(setting: Setting, clock: Clock) -> None:
    for number in range(6):
        answered(setting, clock, "carme", 10, ref=f"A{number}")
    scope = service_quality.month_scope("2026-11", None)
    assert scope is not None
    seen = set()
    for seed in range(12):
        with setting.database.begin() as conn:
            made = call_audits.draw_audits(conn, "2026-11", scope, clock.now, "nuria", random.Random(seed))
            conn.exec_driver_sql("DELETE FROM call_audits")
        assert len(made) == 2
        seen |= {case for _, case in made}
    assert len(seen) > 3  # by lot, not the same ones every time


def test_the_table_for_elsewhere_names_nobody_and_is_written_down(setting: Setting, app: FastAPI, clock: Clock) -> None:
    answered(setting, clock, "carme", 10, ref="A1")
    auditor = Person(app, "x-auditor")
    status, text = auditor.get("/api/quality/cases.csv?lang=codes")
    assert status == 200
    (row,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert (row["kind"], row["wait_s"], row["cause"], row["operator"]) == ("help", "10.0", "mistake", "")
    assert "Carme" not in text
    assert "Verdi" not in text
    with setting.database.read() as conn:
        newest = audit_log.find(conn, audit_log.Filter(account_id="x-auditor"), 5)
    assert any((row.entry.resource, row.entry.action) == ("quality", "export") for row in newest)
    assert Person(app, "x-operator").get("/api/quality/cases.csv")[0] == 403


def test_the_table_for_elsewhere_is_in_the_readers_language_and_for_programs_in_codes(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    answered(setting, clock, "carme", 10, ref="A1")
    auditor = Person(app, "x-auditor")

    def table(query: str = "") -> tuple[list[str], list[str]]:
        status, text = auditor.get(f"/api/quality/cases.csv{query}")
        assert status == 200
        heads, row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
        return heads, row

    heads, row = table()
    assert {"Municipi", "Prioritat", "Tipus d'alarma", "Com ha acabat", "L'alarma era certa?"} <= set(heads)
    assert {"Vida", "Botó d'ajuda", "Equivocació", "Conversa", "Resolt parlant", "no"} <= set(row)
    opened = dict(zip(heads, row, strict=True))["Obert"]
    assert (len(opened), opened[10], "T" in opened) == (19, " ", False)
    assert "Necesitaba ayuda" not in row
    assert "Resuelto hablando" in table("?lang=es")[1]
    assert {"How it ended", "Priority"} <= set(table("?lang=en")[0])
    heads, row = table("?lang=codes")
    assert heads == [
        "case", "municipality", "priority", "kind", "opened", "wait_s", "abandoned", "spoken_after_s", "help_after_s",
        "closed_after_s", "late_s", "repeats", "cause", "action", "outcome", "label", "operator",
        "settled_at_home", "help_after_sending_s", "inside_after_arriving_s",
    ]  # fmt: skip
    assert {"1", "help", "mistake", "talked", "resolved_by_talk"} <= set(row)
    assert auditor.get("/api/quality/cases.csv?lang=la")[0] == 422


def test_time_to_help_counts_from_sending_and_from_the_door_in_print_in_the_table_and_for_programs(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    case, ana = setting.alarm("carme", AlarmKind.HELP, ref="A1"), Person(app, "ana")
    steps = ((20, "take"), (40, "contacts/~team/call"), (640, "contacts/~team/arrived"), (100, "contacts/~team/inside"))
    for seconds, path in steps:
        clock.now += seconds
        assert ana.post(f"/api/cases/{case}/{path}")[0] == 200
    supervisor, auditor = Person(app, "x-supervisor"), Person(app, "x-auditor")
    figures = supervisor.get("/api/quality")[1]
    assert [figures[one]["max_s"] for one in ("help", "help_from_sending", "inside")] == [700, 640, 100]
    table = auditor.get("/api/quality/cases.csv?lang=codes")[1]
    (row,) = csv.DictReader(io.StringIO(table.removeprefix("\ufeff")))
    spans = ("help_after_s", "help_after_sending_s", "inside_after_arriving_s")
    assert [float(row[one]) for one in spans] == [700, 640, 100]
    for path in ("/quality", "/quality/report"):
        page = supervisor.get(path)[1]
        assert "Des de la decisió d&#39;enviar" in page
        assert re.search(r"A dins en 5 minuts[^/]*</th><td[^>]*>100,0\s%\s\(1/1\)", page)


def put(person: Person, name: str, **body: object) -> tuple[int, object]:
    return person.put(f"/api/settings/{name}", **body)


def test_a_moved_step_of_the_ladder_holds_for_the_next_case_and_not_for_the_last(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    before = setting.alarm("carme", AlarmKind.HELP, ref="A1")
    supervisor = Person(app, "x-supervisor")
    value = {"after_s": {"every_operator": 12}}
    assert put(supervisor, "ladder", version=0, value=value)[0] == 200
    clock.now += 3_600
    after = setting.alarm("pere", AlarmKind.HELP, ref="B1")
    setting.desk.work_due(clock.now + 11)
    setting.desk.work_due(clock.now + 13)
    with setting.database.read() as conn:
        plans = [found.plan.after_s for case in (before, after) if (found := cases.find(conn, case))]
        steps = [event.facts.step for event in cases.events_of(conn, after) if event.type is EventType.ESCALATED]
    assert plans == [{}, {"every_operator": 12}]
    assert steps == ["second_burst", "every_operator"]


def test_two_who_change_a_setting_do_not_overwrite_each_other(setting: Setting, app: FastAPI) -> None:
    first, second = Person(app, "x-supervisor"), Person(app, "x-coordinator")
    targets = {"share_50": 90, "share_60": 97.5, "share_180": 99, "help_45_min": 90}
    assert put(first, "targets", version=0, value=targets)[0] == 200
    status, told = put(second, "targets", version=0, value={**targets, "share_50": 80})
    assert status == 409
    assert isinstance(told, dict)
    assert told["reason"] == "changed_meanwhile"
    assert first.get("/api/settings/targets")[1]["value"]["share_50"] == 90
    assert put(second, "targets", version=1, value={**targets, "share_50": 80})[1] is not None
    assert first.get("/api/settings/targets")[1]["version"] == 2
    assert put(Person(app, "x-operator"), "targets", version=2, value=targets)[0] == 403
    assert put(first, "ladder", version=0, value={"after_s": {"exception": 20}})[0] == 422


def test_closing_templates_come_and_go(setting: Setting, app: FastAPI) -> None:
    supervisor = Person(app, "x-supervisor")
    template = {"name": "Veïna amb clau", "cause": "help_needed", "action": "contact_sent", "outcome": "helped_at_home"}
    assert supervisor.post("/api/settings/closings/templates", version=0, **template)[0] == 200
    (offered,) = Person(app, "x-operator").get("/api/closings")[1]
    assert offered["name"] == "Veïna amb clau"
    assert supervisor.post("/api/settings/closings/templates", version=1, **{**template, "cause": "dragon"})[0] == 422
    assert supervisor.post("/api/settings/closings/templates/remove", version=1, name="Veïna amb clau")[0] == 200
    assert Person(app, "x-operator").get("/api/closings")[1] == []
    assert supervisor.get("/settings")[0] == 200


def test_what_the_centre_does_by_itself_is_no_stranger_in_the_log(setting: Setting, app: FastAPI) -> None:
    with setting.database.begin() as conn:
        audit_log.append(conn, [AuditEntry(setting.clock(), "desk", "", "resident_file", "export", what="paper list")])
        seen = AuditEntry(setting.clock(), "ana", "operator", "case", "read", what="case read", why="case 7")
        audit_log.append(conn, [seen])
    page = Person(app, "x-auditor").get("/audit")[1]
    assert ">cas 7<" in page
    row = page.split("paper list")[0].rsplit("<tr", 1)[1]
    assert "la central, automàticament" in row
    assert "aquest ordinador" in row
