"""Reads a register of homes, people and operators from a JSON file into the database: `llar-central import-homes`.

The file is checked as a whole before anything is written, and everything wrong in it is listed together. Reading it
again is harmless: homes, hubs and devices are brought up to date; people, operators and past cases that are there
already stay as they are, because the desk may have changed them since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

import msgspec
import sqlalchemy as sa

from central.access_rules import EVERYWHERE, Role
from central.alarm_cases.care_plan import CarePlan, plan_faults
from central.alarm_cases.case import CaseEvent, EventType
from central.alarm_cases.closing import Action, Cause, Closing, Label, Outcome
from central.alarm_cases.rota import Profile, read_profile
from central.alarm_cases.transitions import Refused
from central.case_desk import facts_of_closing
from central.case_intake import HUB, decide, facts_of_alarm, open_case
from central.console.access import hash_password
from central.sealing import Sealer
from central.storage import accounts, cases, homes, people, rota
from central.storage.cases import AlarmRef
from central.storage.database import Database
from central.storage.homes import DeviceAtHome
from central.storage.hub_secrets import keep_device_key
from devices.catalogue import CATALOGUE, enrolment_fault
from devices.enrolment import EnrolledDevice
from devices.vocabulary import valid_device_id
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.messages import Alarm, Ref
from gateway.contract.topics import valid_hub_id

FILE_BYTES_MAX: Final = 64_000_000
"""Largest register: 50,000 homes with their people fit."""
PASSWORD_LENGTH_MIN: Final = 10
REGISTER: Final = "register"
"""Who said so, of what a register brings."""
HOMES_AT_ONCE: Final = 50
"""Homes in one transaction: an alarm waits for no more of them than that."""

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$(?!\n)")]
OperatorId = Annotated[str, msgspec.Meta(pattern=r"^(?!(?:desk|hub|carer)$)[a-z0-9][a-z0-9-]{0,31}$(?!\n)")]
"""In a case's log "desk" and "hub" are not persons, and "carer" is any of them."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Language = Literal["ca", "es", "en"]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class SeedDevice(_Strict, frozen=True):
    """An enrolled device; `silence_max_s` 0 means what its model says.

    With its address and its key (32 hex digits) a new hub learns of it when it is claimed; without, only its own
    enrolment file tells it.
    """

    id: str
    model: str
    room: Annotated[str, msgspec.Meta(max_length=40)] = ""
    address: Annotated[str, msgspec.Meta(max_length=64)] = ""
    place_code: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0
    key: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-fA-F]{32})?$(?!\n)")] = ""
    silence_max_s: Annotated[float, msgspec.Meta(ge=0, le=2_592_000)] = 0.0


class SeedResident(_Strict, frozen=True):
    """A person cared for; see `people.Resident`."""

    id: Id
    called: Name
    full_name: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    born: Annotated[int, msgspec.Meta(ge=1890, le=2100)]
    language: Language = "ca"
    lives_alone: bool = False
    hearing: Annotated[str, msgspec.Meta(max_length=20)] = "good"
    speech: Annotated[str, msgspec.Meta(max_length=20)] = "good"
    flags: tuple[Annotated[str, msgspec.Meta(max_length=20)], ...] = ()
    conditions: str = ""


class SeedContact(_Strict, frozen=True):
    """Somebody to turn to, in the order of the file; see `people.Contact`. `profile`: see `rota.Profile`."""

    id: Id
    called: Name
    relation: Annotated[str, msgspec.Meta(max_length=40)] = ""
    phone: Annotated[str, msgspec.Meta(max_length=32)] = ""
    email: Annotated[str, msgspec.Meta(max_length=120)] = ""
    language: Language = "ca"
    has_key: bool = False
    minutes_away: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 30
    profile: Profile | None = None


class SeedPlan(_Strict, frozen=True):
    """What was agreed for a kind of alarm, "" for all; `resident` "" for all who live there."""

    plan: CarePlan
    kind: Annotated[str, msgspec.Meta(max_length=20)] = ""
    resident: str = ""


class SeedHome(_Strict, frozen=True):
    """A home with its hub, devices and people. `sim` is the number of the hub's own SIM card."""

    id: Id
    hub: str
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    district: Annotated[str, msgspec.Meta(max_length=80)] = ""
    municipality: Annotated[str, msgspec.Meta(max_length=80)] = ""
    timezone: str = "Europe/Madrid"
    language: Language = "ca"
    access_notes: str = ""
    phone: Annotated[str, msgspec.Meta(max_length=32)] = ""
    sim: Annotated[str, msgspec.Meta(pattern=r"^(\+[0-9]{6,15})?$(?!\n)")] = ""
    care_plan: dict[str, Any] = {}
    devices: tuple[SeedDevice, ...] = ()
    residents: tuple[SeedResident, ...] = ()
    contacts: tuple[SeedContact, ...] = ()
    plans: tuple[SeedPlan, ...] = ()


class SeedOperator(_Strict, frozen=True):
    """An account. The password stands in the file in plain: keep the file private, and delete it.

    A carer's has the ids of the `contacts` that they are, a resident's the id of the `resident`.
    """

    id: OperatorId
    called: Name
    password: Annotated[str, msgspec.Meta(min_length=PASSWORD_LENGTH_MIN, max_length=200)]
    role: Role = Role.OPERATOR
    language: Language = "ca"
    municipalities: tuple[Annotated[str, msgspec.Meta(max_length=80)], ...] = (EVERYWHERE,)
    contacts: tuple[Id, ...] = ()
    resident: str = ""


class SeedCase(_Strict, frozen=True):
    """A case of the past that is closed. `at` is Unix seconds; the others are seconds after it."""

    home: str
    ref: Ref
    kind: AlarmKind
    at: Annotated[float, msgspec.Meta(ge=0, le=2**34)]
    operator: str
    taken_after_s: Annotated[float, msgspec.Meta(gt=0)]
    spoken_after_s: Annotated[float, msgspec.Meta(gt=0)]
    closed_after_s: Annotated[float, msgspec.Meta(gt=0)]
    cause: Cause
    action: Action = Action.TALKED
    outcome: Outcome = Outcome.RESOLVED_BY_TALK
    label: Label = Label.NOT_SAID
    note: Annotated[str, msgspec.Meta(max_length=256)] = ""
    place: Annotated[str, msgspec.Meta(max_length=64)] = ""
    device: Annotated[str, msgspec.Meta(max_length=32)] = ""


class Seed(_Strict, frozen=True):
    """The whole file."""

    homes: tuple[SeedHome, ...] = ()
    operators: tuple[SeedOperator, ...] = ()
    cases: tuple[SeedCase, ...] = ()


class SeedError(Exception):
    """The file cannot be used; the message lists everything that is wrong, one sentence a line."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many were written; those that were there already are not counted among people, operators and cases."""

    homes: int
    residents: int
    contacts: int
    operators: int
    cases: int


def load(path: Path) -> Seed:
    """Reads and checks the file.

    Raises:
        SeedError: it cannot be read, or anything in it is wrong.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise SeedError(f"{path} is larger than {FILE_BYTES_MAX} bytes: divide it.")
        seed = msgspec.json.decode(path.read_bytes(), type=Seed)
    except OSError as error:
        raise SeedError(f"Cannot read {path}: {error.strerror}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SeedError(f"{path}: {error}.") from None
    found = list(faults(seed))
    if found:
        raise SeedError("\n".join(f"{path}: {fault}" for fault in found))
    return seed


def faults(seed: Seed) -> Iterator[str]:
    """Everything wrong in a register that its types do not already rule out."""
    yield from _twice("home", (home.id for home in seed.homes))
    yield from _twice("hub", (home.hub for home in seed.homes))
    yield from _twice("resident", (person.id for home in seed.homes for person in home.residents))
    yield from _twice("contact", (contact.id for home in seed.homes for contact in home.contacts))
    yield from _twice("operator", (operator.id for operator in seed.operators))
    yield from _twice("case", (f"{case.home}/{case.ref}" for case in seed.cases))
    zones = available_timezones()
    for home in seed.homes:
        yield from _home_faults(home, zones)
    known = {home.id for home in seed.homes}
    for case in seed.cases:
        if case.home not in known:
            yield f"case {case.ref}: there is no home {case.home!r} in the file"
        if not case.taken_after_s < case.spoken_after_s < case.closed_after_s:
            yield f"case {case.ref}: taken, spoken and closed must follow each other"


def _twice(what: str, ids: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            yield f"{what} {name!r} stands there twice"
        seen.add(name)


def _home_faults(home: SeedHome, zones: set[str]) -> Iterator[str]:
    if not valid_hub_id(home.hub):
        yield f"home {home.id}: hub {home.hub!r} is not a hub id"
    if home.timezone not in zones:
        yield f"home {home.id}: timezone {home.timezone!r} is not known"
    yield from _twice(f"home {home.id}: device", (device.id for device in home.devices))
    for given in home.plans:
        if given.kind and given.kind not in set(AlarmKind):
            yield f"home {home.id}: plan: {given.kind!r} is no kind of alarm"
        yield from (f"home {home.id}: plan: {fault}" for fault in plan_faults(given.plan))
    for contact in home.contacts:
        if contact.profile is not None and isinstance(wrong := read_profile(msgspec.to_builtins(contact.profile)), str):
            yield f"home {home.id}: contact {contact.id}: {wrong}"
    for device in home.devices:
        if not valid_device_id(device.id):
            yield f"home {home.id}: device id {device.id!r}: small letters, digits, '-' and '_', at most 32"
        if device.model not in CATALOGUE:
            yield f"home {home.id}: device {device.id}: model {device.model!r} is not known"
        elif device.address and (fault := enrolment_fault(_enrolled(device))):
            yield f"home {home.id}: {fault}"


def _enrolled(device: SeedDevice) -> EnrolledDevice:
    """A device as its hub enrols it, to be checked by the same rule."""
    key = bytes.fromhex(device.key) if device.key else None
    link = CATALOGUE[device.model].link
    return EnrolledDevice(device.id, device.model, link, device.address, device.room, str(device.place_code), key)


def import_homes(database: Database, seed: Seed, now: float, sealer: Sealer | None = None) -> Imported:
    """Writes a checked register, a few homes at a time: a desk that is at work can take alarms in between.

    Devices' keys are sealed by `sealer`.

    Raises:
        SeedError: a past case could not be replayed.
        central.storage.database.DatabaseError: the database failed; what was not written can be imported again.
    """
    residents = contacts = 0
    for first in range(0, len(seed.homes), HOMES_AT_ONCE):
        with database.begin() as connection:
            for home in seed.homes[first : first + HOMES_AT_ONCE]:
                _enrol(connection, home, now, sealer or Sealer())
                residents += _add_residents(connection, home)
                contacts += _add_contacts(connection, home, now)
                _add_plans(connection, home, now)
    operators = sum(_add_operator(database, operator) for operator in seed.operators)
    hubs = {home.id: home.hub for home in seed.homes}
    past = sum(_replay(database, hubs[case.home], case) for case in sorted(seed.cases, key=lambda case: case.at))
    return Imported(len(seed.homes), residents, contacts, operators, past)


def _enrol(connection: sa.Connection, home: SeedHome, now: float, sealer: Sealer) -> None:
    homes.enrol_home(
        connection,
        home.id,
        address=home.address,
        now=now,
        district=home.district,
        municipality=home.municipality,
        timezone=home.timezone,
        language=home.language,
        access_notes=home.access_notes,
        phone=home.phone,
        care_plan=home.care_plan,
    )
    homes.enrol_hub(connection, home.hub, home.id, now)
    if home.sim:
        homes.keep_phone(connection, home.hub, home.sim)
    given = [
        DeviceAtHome(
            device.id,
            device.model,
            device.room,
            device.silence_max_s or CATALOGUE[device.model].silence_max_s,
            device.address,
            device.place_code,
        )
        for device in home.devices
    ]
    homes.enrol_devices(connection, home.id, given, now)
    for device in home.devices:
        if device.key:
            keep_device_key(connection, sealer, home.id, device.id, bytes.fromhex(device.key))


def _add_residents(connection: sa.Connection, home: SeedHome) -> int:
    there = {person.id for person in people.residents_of(connection, home.id)}
    new = [person for person in home.residents if person.id not in there]
    for person in new:
        people.add_resident(connection, people.Resident(home_id=home.id, **msgspec.structs.asdict(person)))
    return len(new)


def _add_contacts(connection: sa.Connection, home: SeedHome, now: float) -> int:
    there = {contact.id for contact in people.contacts_of(connection, home.id)}
    new = [(place, c) for place, c in enumerate(home.contacts, start=1) if c.id not in there]
    for place, contact in new:
        values = msgspec.structs.asdict(contact)
        declared = values.pop("profile")
        people.add_contact(connection, people.Contact(home_id=home.id, position=place, **values))
        if declared is not None:
            rota.keep_profile(connection, contact.id, declared, now, REGISTER)
    return len(new)


def _add_plans(connection: sa.Connection, home: SeedHome, now: float) -> None:
    """Writes the plans of a home that has none yet."""
    if home.plans and not rota.plans_of(connection, home.id):
        for given in home.plans:
            rota.add_plan(
                connection, home.id, given.plan, now=now, by=REGISTER, kind=given.kind, resident_id=given.resident
            )


def _add_operator(database: Database, given: SeedOperator) -> bool:
    with database.read() as connection:
        if people.operator(connection, given.id) is not None:
            return False
    # slow on purpose, so not within a transaction
    password_hash = hash_password(given.password)
    with database.begin() as connection:
        own = given.role in {Role.CARER, Role.RESIDENT}
        account = people.Operator(
            given.id,
            given.called,
            password_hash,
            role=given.role.value,
            language=given.language,
            municipalities=() if own else given.municipalities,
            resident_id=given.resident,
        )
        people.add_operator(connection, account)
        try:
            accounts.link_contacts(connection, given.id, given.contacts)
        except sa.exc.IntegrityError:
            raise SeedError(f"operator {given.id}: there is no contact of one of these ids") from None
    return True


def _replay(database: Database, hub: str, past: SeedCase) -> bool:
    """Lets a case of the past happen again, by the same rules as a real one; false when it is there already.

    It is a case of its own, whatever is open in that home, and is written whole, so that nobody is asked for help.
    """
    name = AlarmRef(hub, past.ref)
    dty, stc = SCAIP_CODES[past.kind]
    alarm = Alarm(ref=past.ref, dty=dty, stc=stc, tim=past.at, did=past.device, lte=past.place)
    closing = Closing(past.cause, past.action, past.outcome, note=past.note, label=past.label)
    steps = (
        CaseEvent(EventType.TAKEN, past.at + past.taken_after_s, past.operator),
        CaseEvent(EventType.SPOKEN, past.at + past.spoken_after_s, past.operator),
        CaseEvent(EventType.CLOSED, past.at + past.closed_after_s, past.operator, facts_of_closing(closing)),
    )
    with database.begin() as connection:
        if cases.find_alarm(connection, name) is not None:
            return False
        if cases.operator_called(connection, past.operator) is None:
            raise SeedError(f"case {past.ref}: there is no operator {past.operator!r}")
        facts = facts_of_alarm(past.home, name, alarm, past.at, past.at)
        case = open_case(connection, facts, past.at, HUB).case
        cases.add_alarm(connection, name, case.id, past.at, past.at, withdrawn=False)
        for step in steps:
            decided = decide(connection, case, step)
            if isinstance(decided, Refused):
                raise SeedError(f"case {past.ref}: {decided.reason}")
            case = decided.case
    return True
