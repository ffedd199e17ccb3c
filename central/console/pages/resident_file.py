"""A home's file: its people, contacts, way in, health, care plan, devices, absences, consents and history, in tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from central.agenda.rules import Kind
from central.alarm_cases.care_plan import AFTER_S_BOUNDS, STANDARD
from central.carers.invitation_changes import invitation_of
from central.carers.share_changes import decisions_of
from central.console.access import Seat
from central.console.finding_words import KIND_WORDS
from central.console.pages import agenda_words, care, change_words, file_words, key_words
from central.console.pages.device_words import model_names
from central.console.pages.file_lines import (
    case_line,
    contact_line,
    heard_of,
    local_time,
    one_earlier,
    proven_of,
    say_gaps,
    say_minutes,
)
from central.console.pages.file_words import choices
from central.console.problem import Problem
from central.console.rights import allowed
from central.console.templating import office_page
from central.detection.profile import Limits
from central.storage import (
    absences,
    agenda,
    conditions,
    drills,
    file_edits,
    home_facts,
    home_file,
    homes,
    installations,
    key_register,
    pages,
    people,
    push,
    records,
    rota,
)
from central.storage import care as care_store
from central.texts import LANGUAGES, Words, later, say_moment, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("resident_file", "read"))]

TABS: Final[Mapping[str, tuple[str, str]]] = {
    "overview": (later("Overview"), "resident_file"),
    "people": (later("People"), "resident_file"),
    "contacts": (later("Contacts"), "contacts"),
    "access": (later("Way in"), "keys"),
    "health": (later("Conditions"), "medical"),
    "plan": (later("Care plan"), "care_plan"),
    "calls": (later("Calls"), "agenda"),
    "absences": (later("Absences"), "absences"),
    "devices": (later("Devices"), "devices"),
    "consents": (later("Consents"), "consents"),
    "history": (later("History"), "case"),
    "measurements": (later("Measurements"), "telemetry"),
}
CASES_SHOWN: Final = 60


@router.get("/residents/{home_id}", include_in_schema=False)
def show(
    request: Request, seat: Reader, home_id: str, tab: Annotated[str, Query(max_length=20)] = "overview"
) -> Response:
    """The page, open at a tab."""
    state = request.app.state
    now: float = state.clock()
    open_tabs = {name: text for name, (text, resource) in TABS.items() if seat.may(resource, "read")}
    if tab not in open_tabs:
        raise Problem(404, "not_found", later("There is nothing here."))
    words = translator(seat.operator.language)
    with state.parts.database.read() as connection:
        home = home_file.home_of(connection, home_id)
        if home is None:
            raise Problem(404, "no_such_home", later("There is no such home."))
        residents = people.residents_of(connection, home_id)
        values = _READERS[tab](request, connection, seat, home, now, words)
        facts = home_facts.facts_of(connection, home_id)
        names = pages.operator_names(connection)
    return office_page(
        request,
        seat,
        f"file_{tab}.html",
        "/residents",
        home=home,
        residents=residents,
        title=" · ".join(person.full_name for person in residents) or home.address,
        tab=tab,
        tabs=choices(open_tabs, words),
        facts=facts,
        now=now,
        year=local_time(now, home.timezone).year,
        today=local_time(now, home.timezone).date().isoformat(),
        names=names,
        flags=choices(file_words.FLAGS, words),
        senses=choices(file_words.SENSES, words),
        relations=choices(file_words.RELATIONS, words),
        languages_spoken=LANGUAGES,
        day_of=lambda at: local_time(at, home.timezone).strftime("%Y-%m-%dT%H:%M"),
        **values,
    )


def _overview(
    request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, now: float, words: Words
) -> dict[str, Any]:
    desk = request.app.state.parts.desk
    contacts = rota.roster(connection, home.id, desk.channels)
    open_calls = agenda.calls(connection, None, states=agenda.OPEN, until_at=now + 7 * 86_400, home_id=home.id)
    proofs = [
        (what, say_moment(at, now, words.language) if at else words.gettext(later("never")))
        for what, at in (
            (words.gettext(later("Path last proven")), drills.last_proven_at(connection, home.id)),
            (words.gettext(later("Last test")), home_facts.facts_of(connection, home.id)["tested_at"]),
        )
    ]
    changes = care_store.changes_of(connection, home.id, now) if seat.may("telemetry", "read") else []
    return {
        "contacts": [contact_line(one, now, home.timezone, words) for one in contacts]
        if seat.may("contacts", "read")
        else [],
        "gaps": say_gaps(connection, home.id, desk.channels, now, words) if seat.may("contacts", "read") else "",
        "calls": [agenda_words.line(one, now, words) for one in open_calls[:6]] if seat.may("agenda", "read") else [],
        "proofs": proofs,
        "lately": [care.say_change(one, words) for one in changes],
        "last_cases": [case_line(one, now, words) for one in home_file.cases_of(connection, home.id, 5)]
        if seat.may("case", "read")
        else [],
        "conditions": [
            one
            for person in people.residents_of(connection, home.id)
            for one in person.conditions.splitlines()
            if seat.may("medical", "read")
        ],
        "may_medical": seat.may("medical", "read"),
        "may_drill": seat.may("drill", "work"),
    }


def _people(
    _request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, _now: float, _words: Words
) -> dict[str, Any]:
    found = people.residents_of(connection, home.id)
    birthdays = {}
    for person in found:
        item = agenda.item_from(connection, home.id, f"birthday:{person.id}")
        birthdays[person.id] = item.rule.starts_on[5:] if item else ""
    return {
        "versions": {one.id: records.version_of(connection, f"resident:{one.id}") for one in found},
        "home_version": records.version_of(connection, f"home:{home.id}"),
        "birthdays": birthdays,
        "may_write": seat.may("resident_file", "write"),
        "may_medical": seat.may("medical", "read"),
    }


def _contacts(
    request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, now: float, words: Words
) -> dict[str, Any]:
    desk = request.app.state.parts.desk
    roster = {one.id: one for one in rota.roster(connection, home.id, desk.channels)}
    lines = []
    found = people.contacts_of(connection, home.id)
    ids = [one.id for one in found]
    notified = push.listed(connection, ids)
    for person in found:
        known = roster[person.id]
        spans: dict[int, list[tuple[str, str]]] = {}
        for span in known.profile.weekly:
            spans.setdefault(span.day, []).append((say_minutes(span.from_min), say_minutes(span.until_min)))
        lines.append(
            {
                "invitation": invitation_of(connection, seat, person.id, now),
                "person": person,
                "version": records.version_of(connection, f"contact:{person.id}"),
                "state": contact_line(known, now, home.timezone, words),
                "profile": known.profile,
                "hours": spans,
                "simple": all(len(day) == 1 for day in spans.values()),
                "ways": [way.channel for way in known.ways],
                "earlier": one_earlier(ids, person.id),
                "browsers": [one for one in notified if one.contact_id == person.id],
            }
        )
    return {
        "lines": lines,
        "gaps": say_gaps(connection, home.id, desk.channels, now, words),
        "shares": choices(file_words.SHARES, words),
        "may_write": seat.may("contacts", "write"),
        "may_consents": seat.may("consents", "read"),
        "weekdays": agenda_words.weekdays(words),
    }


def _access(
    _request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, now: float, words: Words
) -> dict[str, Any]:
    keys = key_register.of_home(connection, home.id)
    log = key_register.log_of(connection, [key.id for key in keys])
    names = pages.operator_names(connection)
    return {
        "access": file_edits.access_of(connection, home.id),
        "access_version": records.version_of(connection, f"access:{home.id}"),
        "home_version": records.version_of(connection, f"home:{home.id}"),
        "keys": [key_words.line(key, log.get(key.id, []), names, now, words) for key in keys],
        "holders": {"": "–"} | {one.id: one.called for one in people.contacts_of(connection, home.id)},
        "kept": choices(key_words.KEPT, words),
        "may_write": seat.may("keys", "write"),
        "may_home": seat.may("resident_file", "write"),
        "may_work": seat.may("keys", "work"),
    }


def _health(
    _request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, now: float, _words: Words
) -> dict[str, Any]:
    today = local_time(now, home.timezone).date().isoformat()
    found = {}
    for person in people.residents_of(connection, home.id):
        found[person.id] = [
            (one, one.holds(today), records.version_of(connection, f"condition:{one.id}"))
            for one in conditions.of_resident(connection, person.id)
        ]
    return {"conditions": found, "may_write": seat.may("medical", "write")}


def _plan(
    _request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, now: float, words: Words
) -> dict[str, Any]:
    rows = rota.plans_of(connection, home.id)
    kinds = sorted({(row.kind, row.resident_id) for row in rows} | {("", "")})
    plans = []
    for kind, resident in kinds:
        mine = [row for row in rows if (row.kind, row.resident_id) == (kind, resident)]
        latest = max(mine, key=lambda row: row.version) if mine else None
        plans.append(
            {
                "kind": kind,
                "resident": resident,
                "plan": latest.plan if latest else STANDARD,
                "made": latest is not None,
                "version": records.version_of(connection, f"plan:{home.id}:{kind}:{resident}"),
                "number": latest.version if latest else 0,
            }
        )
    weekly = agenda.item_from(connection, home.id, "plan")
    standard = Limits()
    return {
        "plans": plans,
        "versions": home_file.plan_versions(connection, home.id),
        "first": choices(file_words.FIRST, words),
        "carers": choices(file_words.CARERS, words),
        "orders": choices(file_words.ORDERS, words),
        "spoken": {"": words.gettext(later("Their own language")), **LANGUAGES},
        "steps": {step: (words.gettext(agenda_words.STEPS[step]), bounds) for step, bounds in AFTER_S_BOUNDS.items()},
        "kinds": {"": words.gettext(later("All kinds"))} | choices(KIND_WORDS, words),
        "limits": {name: (words.gettext(text), unit) for name, (text, unit) in file_words.LIMITS.items()},
        "limit_values": {name: home.care_plan.get(name, "") for name in file_words.LIMITS},
        "limit_standard": {name: getattr(standard, name) for name in file_words.LIMITS},
        "other_limits": sorted(set(home.care_plan) - set(file_words.LIMITS)),
        "limits_version": records.version_of(connection, f"home:{home.id}"),
        "weekly": weekly,
        "may_write": seat.may("care_plan", "write"),
        "may_agenda": seat.may("agenda", "write"),
        "at": now,
    }


def _calls(
    _request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, now: float, words: Words
) -> dict[str, Any]:
    coming = agenda.calls(connection, None, states=agenda.OPEN, until_at=now + 60 * 86_400, home_id=home.id)
    past = agenda.calls(
        connection,
        None,
        states=("done", "cancelled"),
        until_at=now + 86_400,
        home_id=home.id,
        newest_first=True,
        limit=40,
    )
    return {
        "items": [agenda_words.item_line(one, words) for one in agenda.items_of(connection, home.id)],
        "coming": [agenda_words.line(one, now, words) for one in coming],
        "past": [agenda_words.line(one, now, words) for one in past],
        "kinds": choices(agenda_words.KINDS, words),
        "repeats": choices(agenda_words.REPEATS, words),
        "weekdays": agenda_words.weekdays(words),
        "strict": Kind.SUICIDE_RISK.value,
        "may_write": seat.may("agenda", "write"),
    }


def _absences(
    _request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, now: float, words: Words
) -> dict[str, Any]:
    found = {one.id: absences.of_resident(connection, one.id) for one in people.residents_of(connection, home.id)}
    return {
        "absences": found,
        "reasons": choices(file_words.ABSENCES, words),
        "may_write": seat.may("absences", "write"),
        "soon": now,
    }


def _devices(
    request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, _now: float, words: Words
) -> dict[str, Any]:
    heard, batteries = heard_of(request, home.id)
    found = homes.devices_of(connection, home.id)
    lines = [{"device": one, "heard_at": heard.get(one.id), "battery": batteries.get(one.id)} for one in found]
    return {
        "devices": lines,
        "hub_state": request.app.state.parts.states.of(home.hub),
        "models": model_names(words),
        "may_write": seat.may("devices", "write"),
        "installation": installations.of_home(connection, home.id),
        "proven": proven_of(connection, home.id, found),
    }


def _consents(
    _request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, _now: float, words: Words
) -> dict[str, Any]:
    found = {one.id: care_store.consents_of(connection, one.id) for one in people.residents_of(connection, home.id)}
    return {
        "consents": found,
        "asked": choices(file_words.CONSENTS, words),
        "shares": choices(file_words.SHARES, words),
        "sees": choices(file_words.SHARES_SEE, words),
        "seen_by": [
            {"id": one.id, "called": one.called, "consent": rota.profile(connection, one.id).consent}
            for one in people.contacts_of(connection, home.id)
        ],
        "decisions": decisions_of(connection, home.id, words, {**file_words.SHARES, **file_words.CONSENTS}),
        "may_write": seat.may("consents", "write"),
    }


def _history(
    _request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, now: float, words: Words
) -> dict[str, Any]:
    found = home_file.cases_of(connection, home.id, CASES_SHOWN)
    subjects = choices(file_words.SUBJECTS, words)
    to = change_words.Telling(words, home.timezone, pages.contact_names(connection, home.id))
    changed = change_words.lines(
        (
            one
            for one in records.changes_of(connection, home.id)
            if seat.may("medical", "read") or not one.subject.startswith(("condition:", "resident:"))
        ),
        to,
        subjects,
    )
    return {"cases": [case_line(one, now, words) for one in found], "changed": changed}


def _measurements(
    request: Request, connection: Connection, seat: Seat, home: home_file.HomeOnFile, now: float, words: Words
) -> dict[str, Any]:
    changes = care_store.changes_of(connection, home.id, now)
    weeks = care_store.weeks_shown(connection, home.id)
    return {
        "data": {"home": home.id},
        "lately": [care.say_change(one, words) for one in changes],
        "weeks": None if weeks is None else [(one.week, care.say_week(one, words)) for one in weeks],
        "has_store": request.app.state.parts.telemetry is not None,
        "may_case": seat.may("case", "read"),
    }


_READERS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    "overview": _overview,
    "people": _people,
    "contacts": _contacts,
    "access": _access,
    "health": _health,
    "plan": _plan,
    "calls": _calls,
    "absences": _absences,
    "devices": _devices,
    "consents": _consents,
    "history": _history,
    "measurements": _measurements,
}
