"""Everything that is known of a person, as they read it: words and no columns, in the three languages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, get_args

import pytest
import sqlalchemy as sa

from central.access_rules import Action, Resource, Role
from central.agenda.rules import Kind, Outcome, Rule
from central.alarm_cases import escalation, protocol
from central.alarm_cases.care_plan import STANDARD
from central.alarm_cases.case import RING_LIMIT, STEP_TIMER, State
from central.alarm_cases.priority import Priority
from central.alarm_cases.rota import Share
from central.carers.rights_fields import RECORDS
from central.carers.rights_readable import readable, reader_of, say_readings
from central.carers.rights_values import Reader
from central.notification.delivery import DeliveryState
from central.storage import agenda, deliveries, key_register, person_export
from central.storage.tables import metadata
from central.texts import LANGUAGES, translator
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.carers_setting import furnish_carers, log_in
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, open_setting

CODES: Final[dict[tuple[str, str], Iterable[Any]]] = {
    ("cases", "kind"): AlarmKind,
    ("cases", "state"): State,
    ("cases", "priority"): Priority,
    ("cases", "triage"): range(1, 6),
    ("cases", "protocol"): protocol.PROTOCOLS,
    ("cases", "protocol_step"): {step.name for steps in protocol.PROTOCOLS.values() for step in steps},
    ("care_plans", "kind"): ["", *AlarmKind],
    ("deliveries", "state"): DeliveryState,
    ("deliveries", "purpose"): {deliveries.ALARM, deliveries.STAND_DOWN, deliveries.SUMMARY, deliveries.WAY_IN},
    ("deliveries", "channel"): {"email", "sms", "voice", "push", "apprise"},
    ("delivery_receipts", "state"): DeliveryState,
    ("agenda_items", "kind"): Kind,
    ("agenda_calls", "outcome"): Outcome,
    ("agenda_calls", "state"): {"due", "taken", "done", "cancelled"},
    ("share_changes", "share"): get_args(Share),
    ("share_changes", "given"): {True, False},
    ("consents", "what"): {"routine"},
    ("rights_requests", "kind"): {"see", "correct", "erase", "restrict", "object"},
    ("rights_requests", "state"): {"open", "done", "refused"},
    ("audit_log", "role"): Role,
    ("audit_log", "resource"): Resource,
    ("audit_log", "action"): Action,
    ("audit_log", "outcome"): {"allowed", "refused", "glass"},
    ("alarms", "ways"): {"line", "sms", "line,sms"},
    ("house_keys", "state"): {"in_place", "out", "lost", "retired"},
    ("agenda_events", "what"): {"taken", "released", "no_answer", "moved", "done", "cancelled"},
    ("key_moves", "what"): {"registered", "out", "back", "moved", "lost", "found", "retired"},
    ("key_moves", "place"): {"contact", "key_safe", "team_safe", "team_safe 4"},
    ("house_keys", "kept"): {"contact", "key_safe", "team_safe"},
    ("call_audits", "result"): {"good", "to_improve", "poor"},
    ("due_times", "step"): {
        RING_LIMIT, escalation.RECALL, escalation.REVIEW, escalation.CHECK_CALL, escalation.SECOND_BURST,
        escalation.STILL_RINGING, escalation.EXCEPTION, *STANDARD.after_s,
        *(STEP_TIMER + step.name for steps in protocol.PROTOCOLS.values() for step in steps),
    },
    ("residents", "sex"): {"f", "m", "x"},
    ("residents", "hearing"): {"good", "weak", "aid", "none"},
}  # fmt: skip

SAME_WORD: Final = {"agenda", "incident", "webhooks"}
"""Codes that are a word in Catalan or Spanish too."""


@pytest.fixture
def setting(tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock) as opened:
        furnish_carers(opened)
        yield opened


def exported() -> dict[str, list[sa.Column[Any]]]:
    """Table -> the columns of it that an export holds."""
    return {
        table.name: [column for column in table.columns if column.name not in person_export.SECRET]
        for table in metadata.sorted_tables
        if table.name not in person_export.LEFT_OUT and person_export.about_person(table, "r", "h") is not None
    }


def read(page: str) -> str:
    """The text that somebody sees on a page."""
    body = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "\n", body))


def reader(language: str = "ca") -> Reader:
    return reader_of({}, {"ana": "Ana"}, translator(language))


def test_every_column_of_an_export_has_words_or_is_named_as_technical() -> None:
    assert set(RECORDS) == set(exported())
    for name, columns in exported().items():
        record = RECORDS[name]
        said = [*record.begins, *record.fields, *record.technical.split()]
        assert sorted(said) == sorted(column.name for column in columns), name


@pytest.mark.parametrize(("table", "column"), CODES)
def test_no_code_is_left_to_the_reader(table: str, column: str) -> None:
    record = RECORDS[table]
    field = {**record.begins, **record.fields}[column]
    for language in LANGUAGES:
        for code in CODES[table, column]:
            said = field.say(code, reader(language))
            assert said, (language, code)
            assert said != str(code) or language == "en" or code in SAME_WORD, (language, code)
            assert "_" not in said


def test_values_are_said_as_people_say_them() -> None:
    residents, homes, audit = (RECORDS[name].fields for name in ("residents", "homes", "audit_log"))
    assert residents["lives_alone"].say(True, reader()) == "sí"
    assert residents["lives_alone"].say(False, reader("en")) == "no"
    assert residents["language"].say("ca", reader("en")) == "Català"
    assert residents["born"].say(1942, reader()) == "1942"
    assert residents["flags"].say(["oxygen", "key_safe"], reader()) == "Oxigen, Caixa de claus"
    assert homes["enrolled_at"].say(NOON, reader("es")) == "21 de noviembre de 2026, 13:00"
    limits = {"inactivity_hours": 8.0, "vitals": {"heart_rate": {"low": 45.0}}, "lively_sensors": ["pir-1"]}
    assert homes["care_plan"].say(limits, reader("en")).splitlines() == [
        "Quiet hours by day that are too many: 8",
        "Measurements: agreed for you; the particulars are in the file",
        "Something else: agreed for you; the particulars are in the file",
    ]
    assert audit["why"].say("case 7", reader()) == "Per l'alarma número 7."
    assert RECORDS["routine_weeks"].begins["week"].say("2026-11-09", reader()) == "9 de novembre del 2026"
    assert RECORDS["consents"].fields["given_by"].say("ana: la filla", reader()) == "la filla (Ana)"
    assert RECORDS["contacts"].fields["minutes_away"].say(2, reader("en")) == "2 minutes"
    rule = {"starts_on": "2026-11-09", "repeat": "weekly", "weekdays": [0, 3], "at": "10:30", "note": "Com ha dormit"}
    assert RECORDS["agenda_items"].fields["body"].say(rule, reader()) == "dl., dj. a les 10:30\nCom ha dormit"
    yearly = {"starts_on": "2026-11-09", "repeat": "yearly"}
    assert RECORDS["agenda_items"].fields["body"].say(yearly, reader("en")) == "Every year on 9 November at 10:00"
    ends = RECORDS["agenda_items"].fields["body"].say(rule | {"until_on": "2026-12-01"}, reader())
    assert ends.splitlines()[1] == "fins al dia 1 de desembre del 2026"
    moved = {"first": ["operator", "family"], "carers": ["", "in_turn"], "order": ["best", "agreed"]}
    assert RECORDS["record_changes"].fields["changes"].say(moved, reader("en")).splitlines() == [
        "Who hears of it first: The operator → The family",
        "How contacts are asked: – → One after the other",
        "Order: Who can be there soonest → As agreed with the resident",
    ]
    changes = {"called": ["Carme", "Carmeta"], "lives_alone": [True, False]}
    assert RECORDS["record_changes"].fields["changes"].say(changes, reader("en")) == (
        "Name to be used: Carme → Carmeta\nLives alone: yes → no"
    )
    profile = {"weekly": [{"day": 0, "from_min": 540, "until_min": 780}], "night_ok": False, "consent": ["alarms"]}
    assert RECORDS["contact_profiles"].fields["body"].say(profile, reader()) == (
        "dilluns: 09:00–13:00\nPot veure: Les meves alarmes\nNo se'l pot despertar de nit"
    )
    plan = {"version": 2, "first": "family", "carers": "in_turn", "protocol_text": "Truqueu a la filla."}
    assert RECORDS["care_plans"].fields["body"].say(plan, reader("en")).splitlines() == [
        "Who hears of it first: The family",
        "How contacts are asked: One after the other",
        "What the operator follows: Truqueu a la filla.",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_row_of_every_table_can_be_read(language: str) -> None:
    """Whatever a row holds: everything, or no more than the database asks for."""
    full, bare = {}, {}
    for name, columns in exported().items():
        full[name] = [{column.name: _sample(name, column) for column in columns}]
        bare[name] = [{column.name: None if column.nullable else _sample(name, column) for column in columns}]
    for tables in (full, bare):
        shown = readable(tables, reader_of(tables, {"ana": "Ana"}, translator(language)))
        assert len(shown) == len(tables)
        names = [table.name for table in shown]
        assert len(set(names)) == len(names), "two tables of one name"
        for table in shown:
            for record in table.records:
                labels = [label for label, _ in record.fields]
                assert len(set(labels)) == len(labels), (table.name, labels)
                assert record.heading or len(table.records) == 1
    assert all(record.fields or record.heading for table in shown for record in table.records)


def _sample(table: str, column: sa.Column[Any]) -> Any:
    bodies = {
        "case_events": {"kind": "help", "place": "bany"},
        "agenda_items": {"starts_on": "2026-11-09"},
        "record_changes": {"called": ["a", "b"]},
    }
    if isinstance(column.type, sa.JSON):
        return bodies.get(table, [] if column.name in {"flags", "municipalities", "speaks"} else {})
    if isinstance(column.type, sa.Boolean):
        return True
    if isinstance(column.type, sa.Double):
        return NOON if column.name == "at" or column.name.endswith("_at") else 3.5
    if isinstance(column.type, sa.Integer | sa.BigInteger):
        return 3
    if (table, column.name) in CODES:
        return next(iter(CODES[table, column.name]))
    return {"type": "opened", "day": "2026-11-09", "week": "2026-11-09", "month": "2026-11", "measure": "outings"}.get(
        column.name, "x"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_resident_reads_words_and_never_a_column_or_a_code(setting: Setting, clock: Clock, language: str) -> None:
    case = setting.alarm("carme", AlarmKind.FALL, place="bany")
    setting.desk.take(case, "ana", NOON)
    with setting.database.begin() as conn:
        deliveries.queue(conn, case, "marta", "sms", deliveries.ALARM, NOON)
        conn.exec_driver_sql(f"update operators set language = '{language}' where id = 'carme-acc'")
    carme = log_in(setting.app(), "carme-acc")
    carme.send("PUT", "/api/rights/carme/shares/marta", {"share": "readings", "given": False})
    carme.send("POST", "/api/rights/carme/requests", {"kind": "correct", "text": "El cognom"})
    text = read(carme.get("/rights/carme/export").text)
    columns = {column.name for columns in exported().values() for column in columns if "_" in column.name}
    assert sorted(name for name in columns if name in text) == []
    assert sorted(name for name in exported() if "_" in name and name in text) == []
    assert not re.search(r"^(True|False|None|null)$|\d{9,}\.\d|[{}]", text, flags=re.MULTILINE)
    said = {
        "ca": ["Qui sou", "Any de naixement", "Caiguda", "en curs", "Ana ha agafat el cas.", "SMS", "retirat"],
        "es": ["Quién es usted", "Año de nacimiento", "Caída", "en curso", "Ana", "SMS", "21 de noviembre de 2026"],
        "en": ["Who you are", "Year of birth", "Fall", "in hand", "Ana took the case.", "SMS", "21 November 2026"],
    }[language]
    assert [one for one in said if one not in text] == []


def test_the_newest_stands_first_and_begins_with_what_names_it(setting: Setting, clock: Clock) -> None:
    first = setting.alarm("carme", AlarmKind.FALL, ref="A1")
    clock.now += 90_000
    second = setting.alarm("carme", AlarmKind.SMOKE, ref="A2")
    with setting.database.read() as conn:
        tables = person_export.export(conn, "carme")
    shown = {table.name: table for table in readable(tables, reader_of(tables, {}, translator("en")))}
    cases = shown["Your alarms"].records
    assert [one.heading for one in cases] == ["22 November 2026, 14:00 · Smoke", "21 November 2026, 13:00 · Fall"]
    assert [dict(one.fields)["Alarm number"] for one in cases] == [str(second), str(first)]
    assert [one.heading for one in shown["Who you are"].records] == ["Carme Puig i Soler"]
    assert [one.heading for one in shown["Your people"].records] == ["Marta Puig", "Joan Ferrer"]
    assert all(text for table in shown.values() for one in table.records for _, text in one.fields)


def test_readings_are_counted_by_room_and_kind_and_a_fault_is_said() -> None:
    tables = {"devices": [{"id": "pir-1", "room": "cuina", "model": "bthome"}]}
    series: list[dict[str, Any]] = [
        {"device": "pir-1", "kind": "motion", "points": [[1.0, 1.0]] * 3},
        {"device": "", "kind": "unavailable", "points": []},
    ]
    said = say_readings(series, reader_of(tables, {}, translator("ca")))
    assert said == ["cuina: moviment, 3 vegades", "Ara no es poden llegir les mesures."]


def test_where_keys_went_and_what_became_of_calls_are_in_the_export(setting: Setting, clock: Clock) -> None:
    with setting.database.begin() as conn:
        kept = {"tag": "K-7", "opens": "Porta", "kept": "team_safe", "place": "4"}
        number = key_register.register(conn, "carme", kept, NOON, "ana")
        key = key_register.find(conn, "carme", number)
        assert key is not None
        key_register.move(conn, key, "out", NOON + 60, "ana", whom="marta", state="out", out_to="marta")
        rule = Rule(starts_on="2026-11-21", at="13:30")
        agenda.add_item(conn, "carme", Kind.FOLLOW_UP.value, rule, now=NOON, by="ana", timezone="Europe/Madrid")
        (item,) = agenda.items_of(conn, "carme")
        agenda.add_call(conn, item, NOON + 1_800)
        (call,) = agenda.calls(conn, None, states=agenda.OPEN, until_at=NOON + 86_400, home_id="carme")
        agenda.add_event(conn, call.id, NOON + 1_900, "ana", "no_answer", "ningú")
        tables = person_export.export(conn, "carme")
    shown = {table.name: table for table in readable(tables, reader_of(tables, {"ana": "Ana"}, translator("en")))}
    moves = shown["Where your keys went"].records
    day = "21 November 2026"
    assert [one.heading for one in moves] == [f"{day}, 13:01 · handed out", f"{day}, 13:00 · registered"]
    assert dict(moves[0].fields)["To whom"] == "Marta Puig"
    assert dict(moves[1].fields)["Where it is kept"] == "In the team's safe 4"
    (event,) = shown["What became of each call"].records
    assert (event.heading, dict(event.fields)) == (
        "21 November 2026, 13:31 · no answer", {"Note": "ningú", "Who": "Ana"},
    )  # fmt: skip


def test_a_files_history_and_calls_are_read_in_words_too(setting: Setting) -> None:
    cap = log_in(setting.app(), "cap")
    path = "/api/homes/carme"
    assert cap.send("POST", f"{path}/plans", {"version": 0, "first": "family", "order": "agreed"}).status_code == 200
    hours = {"called": "Marta", "version": 0, "hours": {"0": {"begin": "09:00", "end": "14:00"}}}
    assert cap.send("PUT", f"{path}/contacts/marta", hours).status_code == 200
    assert cap.send("PUT", f"{path}/contact-order", {"contacts": ["joan", "marta"]}).status_code == 200
    call = {"kind": "follow_up", "repeat": "weekly", "weekdays": [0], "starts_on": "2026-11-23", "at": "10:00"}
    made = cap.send("POST", f"{path}/agenda", call | {"until_on": "2026-12-31", "title": "", "note": ""})
    assert made.status_code == 200, made.text
    history = read(cap.get("/residents/carme?tab=history").text)
    for said in (
        "Qui ho sap primer: L'operador → La família",
        "Ordre: Qui hi pot ser abans → Com s'ha acordat amb la persona",
        "Horari: – → dilluns 09:00–14:00",
        "Ordre: Marta, Joan Ferrer → Joan Ferrer, Marta",
    ):
        assert said in history, said
    calls = read(cap.get("/residents/carme?tab=calls").text)
    assert "fins al dia 31 de desembre del 2026" in calls
    assert "2026-12-31" not in calls
