"""A home's file as programs read it, part by part: what its page shows, with the versions that changes ask for.

Each part asks the rule of its tab, and is read by those whom the page is for (`central.console.rights.of_the_file`).
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection

from central.agenda.rules import Rule
from central.alarm_cases.care_plan import STANDARD, CarePlan
from central.alarm_cases.rota import Profile
from central.carers.invitation_changes import invitation_of
from central.carers.share_changes import decisions_of
from central.console.access import Seat
from central.console.pages import file_words
from central.console.pages.agenda_page import view_of
from central.console.pages.contact_changes import Hours
from central.console.pages.editing import not_found
from central.console.pages.file_lines import heard_of, local_time, proven_of, say_minutes
from central.console.pages.file_models import (
    CallRule,
    CallsOnFile,
    ConditionOnFile,
    ConsentsOnFile,
    ContactOnFile,
    ContactSees,
    ContactsOnFile,
    DeviceOnFile,
    HistoryOnFile,
    HolidayOnFile,
    HomeFile,
    ItemOnFile,
    PersonOnFile,
    PlanMade,
    PlanOnFile,
    PlansOnFile,
    RecordChange,
    RegularCall,
    WayIn,
    WeekSpan,
)
from central.console.rights import of_the_file
from central.detection.profile import Limits
from central.reach_watch import gaps_of
from central.storage import (
    absences,
    agenda,
    care,
    conditions,
    file_edits,
    home_facts,
    home_file,
    homes,
    key_register,
    people,
    push,
    records,
    rota,
)
from central.storage.absences import Absence
from central.storage.agenda import Item
from central.storage.home_file import HomeOnFile
from central.storage.people import Contact, Resident
from central.texts import translator

router = APIRouter(prefix="/api/homes/{home_id}")
FileReader = Annotated[Seat, Depends(of_the_file("resident_file"))]
ContactsReader = Annotated[Seat, Depends(of_the_file("contacts"))]
KeysReader = Annotated[Seat, Depends(of_the_file("keys"))]
MedicalReader = Annotated[Seat, Depends(of_the_file("medical"))]
PlanReader = Annotated[Seat, Depends(of_the_file("care_plan"))]
AgendaReader = Annotated[Seat, Depends(of_the_file("agenda"))]
AbsencesReader = Annotated[Seat, Depends(of_the_file("absences"))]
DevicesReader = Annotated[Seat, Depends(of_the_file("devices"))]
ConsentsReader = Annotated[Seat, Depends(of_the_file("consents"))]
HistoryReader = Annotated[Seat, Depends(of_the_file("case"))]

COMING_S: Final = 60 * 86_400.0
PAST_CALLS_SHOWN: Final = 40
CASES_SHOWN: Final = 60
_SUBJECTS: Final = {
    "home": "resident_file",
    "resident": "medical",
    "condition": "medical",
    "contact": "contacts",
    "order": "contacts",
    "access": "keys",
    "plan": "care_plan",
    "device": "devices",
}
"""Of which part a change on record tells; it is shown to who may read that part."""


@router.get("", tags=["residents"])
def read_home(request: Request, seat: FileReader, home_id: str) -> HomeFile:
    """The home's own facts and the people who live there."""
    with request.app.state.parts.database.read() as connection:
        home = _home(connection, home_id)
        facts = home_facts.facts_of(connection, home_id)
        people_there = [_person(connection, one, seat) for one in people.residents_of(connection, home_id)]
        names = ("id", "address", "district", "municipality", "timezone", "language", "phone", "provider", "hub")
        return HomeFile(
            version=records.version_of(connection, f"home:{home_id}"),
            **{name: getattr(home, name) for name in names},
            proven_at=facts["proven_at"],
            tested_at=facts["tested_at"],
            residents=people_there,
        )


@router.get("/contacts", tags=["contacts"])
def read_contacts(request: Request, seat: ContactsReader, home_id: str) -> ContactsOnFile:
    """The contacts, when and how they can be reached, and what is missing."""
    state = request.app.state
    now: float = state.clock()
    channels = state.parts.desk.channels
    with state.parts.database.read() as connection:
        _home(connection, home_id)
        ways = {one.id: [way.channel for way in one.ways] for one in rota.roster(connection, home_id, channels)}
        found = people.contacts_of(connection, home_id)
        browsers = push.listed(connection, [one.id for one in found])
        return ContactsOnFile(
            [
                _contact(
                    one,
                    rota.profile(connection, one.id),
                    version=records.version_of(connection, f"contact:{one.id}"),
                    ways=ways[one.id],
                    browsers=[browser for browser in browsers if browser.contact_id == one.id],
                    invitation=invitation_of(connection, seat, one.id, now),
                    sees=seat.may("consents", "read"),
                )
                for one in found
            ],
            gaps_of(connection, home_id, channels, now),
        )


@router.get("/access", tags=["residents"])
def read_access(request: Request, seat: KeysReader, home_id: str) -> WayIn:
    """How one gets in, and the keys of the home."""
    with request.app.state.parts.database.read() as connection:
        _home(connection, home_id)
        keys = key_register.of_home(connection, home_id)
        log = key_register.log_of(connection, [key.id for key in keys])
        version = records.version_of(connection, f"access:{home_id}")
        parts = file_edits.access_of(connection, home_id)
        return WayIn(version, **parts, keys=keys, log=[move for key in keys for move in log.get(key.id, [])])


@router.get("/conditions", tags=["care"])
def read_conditions(request: Request, seat: MedicalReader, home_id: str) -> list[ConditionOnFile]:
    """What is known of the residents' health, also what has ended."""
    with request.app.state.parts.database.read() as connection:
        home = _home(connection, home_id)
        today = local_time(request.app.state.clock(), home.timezone).date().isoformat()
        return [
            ConditionOnFile(
                version=records.version_of(connection, f"condition:{one.id}"),
                number=one.id,
                holds=one.holds(today),
                **{name: getattr(one, name) for name in _OF_CONDITIONS},
            )
            for person in people.residents_of(connection, home_id)
            for one in conditions.of_resident(connection, person.id)
        ]


@router.get("/plans", tags=["care"])
def read_plans(request: Request, seat: PlanReader, home_id: str) -> PlansOnFile:
    """The care plans with their earlier versions, and what counts as unusual in this home."""
    standard = Limits()
    with request.app.state.parts.database.read() as connection:
        home = _home(connection, home_id)
        latest = {(row.kind, row.resident_id): row for row in rota.plans_of(connection, home_id)}
        plans = []
        for kind, resident in sorted({*latest, ("", "")}):
            row = latest.get((kind, resident))
            version = records.version_of(connection, f"plan:{home_id}:{kind}:{resident}"[:80])
            plan = row.plan if row else STANDARD
            plans.append(_plan(plan, version, row.version if row else 0, kind, resident))
        weekly = agenda.item_from(connection, home_id, "plan")
        return PlansOnFile(
            plans=plans,
            versions=[PlanMade(*one) for one in home_file.plan_versions(connection, home_id)],
            limits_version=records.version_of(connection, f"home:{home_id}"),
            limits={name: home.care_plan[name] for name in file_words.LIMITS if name in home.care_plan},
            standard={name: getattr(standard, name) for name in file_words.LIMITS},
            regular_call=RegularCall(weekly.rule.every, weekly.rule.at) if weekly else None,
        )


@router.get("/agenda", tags=["agenda"])
def read_agenda(request: Request, seat: AgendaReader, home_id: str) -> CallsOnFile:
    """The calls of this home: what asks for them, those to come, those that were made."""
    now: float = request.app.state.clock()
    here: dict[str, Any] = {"home_id": home_id}
    with request.app.state.parts.database.read() as connection:
        _home(connection, home_id)
        coming = agenda.calls(connection, None, states=agenda.OPEN, until_at=now + COMING_S, **here)
        here |= {"newest_first": True, "limit": PAST_CALLS_SHOWN}
        past = agenda.calls(connection, None, states=("done", "cancelled"), until_at=now + 86_400, **here)
        items = [_item(one) for one in agenda.items_of(connection, home_id)]
    return CallsOnFile(items, [view_of(one) for one in coming], [view_of(one) for one in past])


@router.get("/absences", tags=["care"])
def read_absences(request: Request, seat: AbsencesReader, home_id: str) -> list[Absence]:
    """When the residents are, were and will be away; `id` is the number by which an absence is ended."""
    with request.app.state.parts.database.read() as connection:
        _home(connection, home_id)
        living = people.residents_of(connection, home_id)
        return [one for person in living for one in absences.of_resident(connection, person.id)]


@router.get("/devices", tags=["devices"])
def read_devices(request: Request, seat: DevicesReader, home_id: str) -> list[DeviceOnFile]:
    """The devices of the home."""
    heard, batteries = heard_of(request, home_id)
    with request.app.state.parts.database.read() as connection:
        _home(connection, home_id)
        devices = homes.devices_of(connection, home_id)
        proven = proven_of(connection, home_id, devices)
        return [
            DeviceOnFile(*one, heard_at=heard.get(one.id), battery=batteries.get(one.id), proven_at=proven.get(one.id))
            for one in devices
        ]


@router.get("/consents", tags=["care"])
def read_consents(request: Request, seat: ConsentsReader, home_id: str) -> ConsentsOnFile:
    """What was agreed to, and what contacts may see."""
    words = translator(seat.operator.language)
    called = {**file_words.SHARES, **file_words.CONSENTS}
    with request.app.state.parts.database.read() as connection:
        _home(connection, home_id)
        living = people.residents_of(connection, home_id)
        return ConsentsOnFile(
            consents=[one for person in living for one in care.consents_of(connection, person.id)],
            shares=[
                ContactSees(one.id, one.called, list(rota.profile(connection, one.id).consent))
                for one in people.contacts_of(connection, home_id)
            ],
            decisions=decisions_of(connection, home_id, words, called),
        )


@router.get("/history", tags=["residents"])
def read_history(request: Request, seat: HistoryReader, home_id: str) -> HistoryOnFile:
    """The latest cases, and who changed what on record: of what one may read."""
    with request.app.state.parts.database.read() as connection:
        _home(connection, home_id)
        changes = [
            RecordChange(*one)
            for one in records.changes_of(connection, home_id)
            if seat.may(_SUBJECTS.get(one.subject.partition(":")[0], "resident_file"), "read")
        ]
        return HistoryOnFile(home_file.cases_of(connection, home_id, CASES_SHOWN), changes)


_OF_CONDITIONS: Final = (
    "resident_id",
    "text",
    "source",
    "since",
    "valid_until",
    "written_by",
    "written_at",
    "ended_at",
)


def _home(connection: Connection, home_id: str) -> HomeOnFile:
    home = home_file.home_of(connection, home_id)
    if home is None:
        raise not_found()
    return home


def _person(connection: Connection, one: Resident, seat: Seat) -> PersonOnFile:
    birthday = agenda.item_from(connection, one.home_id, f"birthday:{one.id}")
    same = ("id", "called", "full_name", "born", "mobile", "language", "lives_alone", "hearing", "speech", "sex")
    return PersonOnFile(
        version=records.version_of(connection, f"resident:{one.id}"),
        birthday=birthday.rule.starts_on[5:] if birthday else "",
        flags=list(one.flags) if seat.may("medical", "read") else None,
        away_until_at=one.away_until_at,
        **{name: getattr(one, name) for name in same},
    )


def _contact(one: Contact, profile: Profile, *, sees: bool, **known: Any) -> ContactOnFile:
    days: dict[str, list[Hours]] = {}
    for span in profile.weekly:
        part = Hours(begin=say_minutes(span.from_min), end=say_minutes(span.until_min))
        days.setdefault(str(span.day), []).append(part)
    simple = all(len(parts) == 1 for parts in days.values())
    return ContactOnFile(
        **{name: getattr(one, name) for name in Contact.__slots__ if name != "home_id"},
        hours={day: parts[0] for day, parts in days.items()} if simple else None,
        weekly=[WeekSpan(span.day, span.from_min, span.until_min) for span in profile.weekly],
        night_ok=profile.night_ok,
        muted_until_at=profile.muted_until_at,
        holidays=[HolidayOnFile(away.from_at, away.until_at, away.reason) for away in profile.absences],
        consent=list(profile.consent) if sees else None,
        **known,
    )


def _plan(plan: CarePlan, version: int, number: int, kind: str, resident: str) -> PlanOnFile:
    said = {name: getattr(plan, name) for name in ("first", "carers", "order", "after_s", "language", "protocol_text")}
    return PlanOnFile(version, number, kind, resident, **said)


def _item(one: Item) -> ItemOnFile:
    same = ("id", "resident_id", "kind", "title", "assigned_to", "source", "made_by", "made_at", "ended_at", "next_at")
    rule = {name: getattr(one.rule, name) for name in Rule.__struct_fields__ if name != "weekdays"}
    return ItemOnFile(
        **{name: getattr(one, name) for name in same},
        rule=CallRule(**rule, weekdays=list(one.rule.weekdays)),
    )
