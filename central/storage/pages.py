"""What the console's pages show, read as wholes: the queue, one case, a resident's card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, case, exists, func, literal_column, select

from central.alarm_cases import escalation
from central.alarm_cases.case import TEAM
from central.alarm_cases.priority import MARKS
from central.storage import home_file
from central.storage.ages import Age, ages_of
from central.storage.cases import case_in, contact_called
from central.storage.homes import DeviceAtHome, devices_of
from central.storage.tables import (
    alarms,
    cases,
    contacts,
    deliveries,
    devices,
    homes,
    hubs,
    operators,
    refusals,
    residents,
)

QUEUE_MAX: Final = 500
"""Most open cases shown in one list; far more than one room of operators can look at."""
LAST_CASES: Final = 3
_ROUTINE: Final = 3
"""Priority of routine; a case that the home took back stands no higher."""


@dataclass(frozen=True, slots=True)
class CardPerson:
    """The resident as a queue card names them: the one most at risk where several live together.

    `age_about`: only the year of birth is known.
    """

    called: str
    full_name: str
    born: int
    age: int
    age_about: bool
    language: str
    flags: list[str]
    lives_alone: bool
    hearing: str
    speech: str
    away_until_at: float | None
    others: int


@dataclass(frozen=True, slots=True)
class Card:
    """One open case in the queue. Times are Unix seconds; `mark` is P1, P2, P3, T or TEST.

    `ring_at` is set while the case asks for somebody; `late_s` is the worst delay between home and centre.
    `supervisor_due_at`, `exception_due_at`: when these steps of its own ladder come or came, if nobody takes it; None
    while it does not ring, or where its ladder has no such step.
    `exception_at` is since when it must be explained why nobody took it in time. `by_sms`: its first alarm came so.
    `person` is None for a home of which nobody is known.
    """

    id: int
    home_id: str
    state: str
    mark: str
    priority: int
    kind: str
    place: str
    repeats: int
    standing: int
    late_s: float
    opened_at: float
    last_alarm_at: float
    ring_at: float | None
    taken_at: float | None
    spoken_at: float | None
    helper_id: str
    helper: str
    eta_at: float | None
    arrived_at: float | None
    closed_at: float | None
    wake_at: float | None
    wake_step: str
    version: int
    triage: int
    exception_at: float | None
    explained_at: float | None
    reopened: int
    incident_id: int | None
    owner_id: str
    owner: str
    address: str
    district: str
    by_sms: bool
    supervisor_due_at: float | None
    exception_due_at: float | None
    person: CardPerson | None


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """One message to one contact: how far it has come, truthfully; times are when it first came so far.

    `purpose` is "alarm", "stand_down" or "summary"; `round` counts how often the contact was asked.
    """

    contact_id: str
    called: str
    channel: str
    purpose: str
    state: str
    attempt: int
    changed_at: float
    fault: str
    id: int
    round: int
    queued_at: float
    sent_at: float | None
    delivered_at: float | None
    opened_at: float | None
    answered_at: float | None


@dataclass(frozen=True, slots=True)
class HomeLine:
    """A home's own facts, with the hub that stands in it."""

    id: str
    address: str
    district: str
    timezone: str
    language: str
    access_notes: str
    phone: str
    hub: str


@dataclass(frozen=True, slots=True)
class PastCase:
    """A closed case in a few words; codes as in `central.alarm_cases.closing`."""

    id: int
    mark: str
    kind: str
    place: str
    opened_at: float
    closed_at: float | None
    cause: str
    outcome: str


@dataclass(frozen=True, slots=True)
class HubsHome:
    """The home in which a hub stands, with its devices by id."""

    home: str
    address: str
    devices: dict[str, DeviceAtHome]


@dataclass(frozen=True, slots=True)
class RefusalLine:
    """Input refused by value, by source and reason."""

    source: str
    reason: str
    count: int
    last_at: float
    last_detail: str


def queue(conn: Connection, now: float, within: ColumnElement[bool] | None = None) -> list[Card]:
    """The open cases within a reach, most urgent, then oldest first; one that the home took back is at most routine."""
    withdrawn = (cases.c.state == "withdrawn") & (cases.c.priority < _ROUTINE)
    urgency = case((withdrawn, _ROUTINE), else_=cases.c.priority)
    query = _CARDS.where(cases.c.state != "closed").order_by(urgency, cases.c.opened_at, cases.c.id).limit(QUEUE_MAX)
    rows = conn.execute(query if within is None else query.where(within)).mappings().all()
    people: dict[str, list[RowMapping]] = {}
    home_ids = sorted({row["home_id"] for row in rows})
    living_there, ages = conn.execute(_PEOPLE, {"homes": home_ids}), ages_of(conn, home_ids, now)
    for person in living_there.mappings():
        people.setdefault(person["home_id"], []).append(person)
    return [_card(conn, row, people.get(row["home_id"], []), ages) for row in rows]


def card(conn: Connection, case_id: int, now: float) -> Card | None:
    """One case as the queue shows it, closed ones too."""
    return card_in_town(conn, case_id, now)[0]


def card_in_town(conn: Connection, case_id: int, now: float) -> tuple[Card | None, str]:
    """One case as the queue shows it, and the municipality where its home lies, "" when nobody said so."""
    row = conn.execute(_CARD, {"case": case_id}).mappings().first()
    if row is None:
        return None, ""
    living_there = conn.execute(_PEOPLE, {"homes": [row["home_id"]]}).mappings().all()
    ages = ages_of(conn, [row["home_id"]], now)
    return _card(conn, row, living_there, ages), row["municipality"]


def queue_stamp(conn: Connection, within: ColumnElement[bool] | None = None) -> tuple[int, int]:
    """Number of open cases and of the events in them: it differs whenever a page shows an old queue."""
    query = select(func.count(), func.coalesce(func.sum(cases.c.version), 0)).where(cases.c.state != "closed")
    if within is not None:
        query = query.join_from(cases, homes, homes.c.id == cases.c.home_id).where(within)
    row = conn.execute(query).one()
    return int(row[0]), int(row[1])


def busy_operators(conn: Connection) -> set[str]:
    """Operators who have a case in hand that is not parked."""
    return set(conn.execute(_HELD).scalars())


def operator_names(conn: Connection) -> dict[str, str]:
    """Operator's id -> name by which colleagues and residents call them."""
    return {row.id: row.called for row in conn.execute(select(operators.c.id, operators.c.called))}


def contact_names(conn: Connection, home_id: str) -> dict[str, str]:
    """Contact's id -> name; the response team's too."""
    query = select(contacts.c.id, contacts.c.called).where(contacts.c.home_id == home_id)
    team = contact_called(conn, home_id, TEAM) or ""
    return {row.id: row.called for row in conn.execute(query)} | {TEAM: team}


def room_names(conn: Connection, home_id: str) -> dict[str, str]:
    """Device's id -> room in words, of the enrolled devices of a home."""
    query = select(devices.c.id, devices.c.room).where(devices.c.home_id == home_id)
    return {row.id: row.room for row in conn.execute(query)}


def deliveries_of(conn: Connection, case_id: int) -> list[DeliveryLine]:
    """What was sent to contacts about a case, in the order in which it was decided."""
    rows = conn.execute(
        select(
            deliveries.c.contact_id,
            contacts.c.called,
            deliveries.c.channel,
            deliveries.c.purpose,
            deliveries.c.state,
            deliveries.c.attempt,
            deliveries.c.changed_at,
            deliveries.c.fault,
            deliveries.c.id,
            deliveries.c.round,
            deliveries.c.queued_at,
            deliveries.c.sent_at,
            deliveries.c.delivered_at,
            deliveries.c.opened_at,
            deliveries.c.answered_at,
        )
        .join(contacts, contacts.c.id == deliveries.c.contact_id)
        .where(deliveries.c.case_id == case_id)
        .order_by(deliveries.c.id)
    )
    return [DeliveryLine(**row) for row in rows.mappings()]


def home_line(conn: Connection, home_id: str) -> HomeLine | None:
    """A home with its hub; None when there is no such home."""
    return home_file.home_as(conn, home_id, HomeLine)


def last_cases(conn: Connection, home_id: str, besides: int | None = None) -> list[PastCase]:
    """The latest closed cases of a home, newest first, without the one that is being looked at."""
    closed = (cases.c.state == "closed", cases.c.id != (besides or 0))
    return [_past(row) for row in home_file.latest(conn, home_id, LAST_CASES, *closed)]


def refusal_lines(conn: Connection) -> list[RefusalLine]:
    """Refused input, latest first."""
    rows = conn.execute(select(refusals).order_by(refusals.c.last_at.desc()).limit(200))
    return [RefusalLine(**row) for row in rows.mappings()]


def home_names(conn: Connection, home_ids: list[str]) -> dict[str, str]:
    """Home's id -> its address, of those asked for."""
    query = select(homes.c.id, homes.c.address).where(homes.c.id.in_(home_ids))
    return {row.id: row.address for row in conn.execute(query)}


def homes_of_hubs(conn: Connection, hub_ids: list[str]) -> dict[str, HubsHome]:
    """Hub's id -> its home, of those that are enrolled."""
    query = (
        select(hubs.c.id, hubs.c.home_id, homes.c.address)
        .join(homes, homes.c.id == hubs.c.home_id)
        .where(hubs.c.id.in_(hub_ids))
    )
    return {row.id: HubsHome(row.home_id, row.address, _devices(conn, row.home_id)) for row in conn.execute(query)}


def _devices(conn: Connection, home_id: str) -> dict[str, DeviceAtHome]:
    return {device.id: device for device in devices_of(conn, home_id)}


# Building a statement costs more than running it; those on an alarm's way to the consoles are built once.
_CARDS: Final = (
    select(
        cases,
        func.coalesce(operators.c.called, "").label("owner"),
        func.coalesce(contacts.c.called, "").label("helper"),
        homes.c.address,
        homes.c.district,
        homes.c.municipality,
        exists().where(alarms.c.case_id == cases.c.id, alarms.c.ways.like(literal_column("'sms%'"))).label("by_sms"),
    )
    .join(homes, homes.c.id == cases.c.home_id)
    .outerjoin(operators, operators.c.id == cases.c.owner_id)
    .outerjoin(contacts, contacts.c.id == cases.c.helper_id)
)
_CARD: Final = _CARDS.where(cases.c.id == bindparam("case"))
_PEOPLE: Final = (
    select(residents).where(residents.c.home_id.in_(bindparam("homes", expanding=True))).order_by(residents.c.id)
)
_HELD: Final = select(cases.c.owner_id).where(cases.c.state.in_(("taken", "talking")), cases.c.owner_id.is_not(None))
_MADE: Final = {"mark", "helper", "owner_id", "supervisor_due_at", "exception_due_at", "person"}
_AS_THEY_STAND: Final = [name for name in Card.__slots__ if name not in _MADE]
_OF_PERSON: Final = [name for name in CardPerson.__slots__ if name not in {"flags", "others", "age", "age_about"}]


def _card(conn: Connection, row: RowMapping, living_there: Sequence[RowMapping], ages: Mapping[str, Age]) -> Card:
    due = {} if row["ring_at"] is None else escalation.due_times(case_in(row))
    by_team = row["helper_id"] == TEAM
    return Card(
        **{name: row[name] for name in _AS_THEY_STAND},
        helper=(contact_called(conn, row["home_id"], TEAM) or "") if by_team else row["helper"],
        mark=MARKS[row["priority"]],
        owner_id=row["owner_id"] or "",
        supervisor_due_at=due.get(escalation.SUPERVISOR),
        exception_due_at=due.get(escalation.EXCEPTION),
        person=_most_at_risk(living_there, ages),
    )


def _most_at_risk(people: Sequence[RowMapping], ages: Mapping[str, Age]) -> CardPerson | None:
    if not people:
        return None
    first = max(people, key=lambda person: (len(person["flags"]), -person["born"]))
    age = ages[first["id"]]
    return CardPerson(
        **{name: first[name] for name in _OF_PERSON},
        age=age.years,
        age_about=age.about,
        flags=list(first["flags"]),
        others=len(people) - 1,
    )


def _past(row: RowMapping) -> PastCase:
    body = row["body"] or {}
    return PastCase(
        row["id"],
        MARKS[row["priority"]],
        row["kind"],
        row["place"],
        row["opened_at"],
        row["closed_at"],
        body.get("cause", ""),
        body.get("outcome", ""),
    )
