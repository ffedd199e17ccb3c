"""Reads a register of homes, people and operators from a JSON file into the database: `llar-central import-homes`.

The file is checked as a whole before anything is written, and everything wrong in it is listed together. Reading it
again is harmless: homes, hubs and devices are brought up to date; people, operators and past cases that are there
already stay as they are, because the desk may have changed them since.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import msgspec
import sqlalchemy as sa

from central.access_rules import Role
from central.alarm_cases.case import CaseEvent, EventType
from central.alarm_cases.closing import Closing
from central.alarm_cases.rota import Profile
from central.alarm_cases.transitions import Refused
from central.case_desk import facts_of_closing
from central.case_intake import HUB, decide, facts_of_alarm, open_case
from central.passwords import hash_password
from central.register import Seed, SeedCase, SeedError, SeedHome, SeedOperator, load
from central.sealing import Sealer
from central.storage import accounts, cases, homes, operator_settings, people, rota, shares
from central.storage.cases import AlarmRef
from central.storage.database import Database
from central.storage.homes import DeviceAtHome
from central.storage.hub_secrets import keep_device_key
from devices.catalogue import CATALOGUE
from gateway.contract.alarm_kinds import SCAIP_CODES
from gateway.contract.messages import Alarm

__all__ = ["Imported", "SeedError", "import_homes", "load"]

REGISTER: Final = "register"
"""Who said so, of what a register brings."""
HOMES_AT_ONCE: Final = 50
"""Homes in one transaction: an alarm waits for no more of them than that."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many were written; those that were there already are not counted among people, operators and cases."""

    homes: int
    residents: int
    contacts: int
    operators: int
    cases: int


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
    operators = _add_operators(database, seed.operators, now)
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
        provider=home.provider,
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
    """Adds those that are not there yet; how many. What they may see is proven as if it was set on a page."""
    resident = home.residents[0].id if home.residents else ""
    there = {contact.id for contact in people.contacts_of(connection, home.id)}
    new = [(place, c) for place, c in enumerate(home.contacts, start=1) if c.id not in there]
    for place, contact in new:
        values = msgspec.structs.asdict(contact)
        declared = values.pop("profile")
        people.add_contact(connection, people.Contact(home_id=home.id, position=place, **values))
        if declared is not None:
            usual = msgspec.structs.replace(declared, consent=Profile().consent)
            rota.keep_profile(connection, contact.id, usual, now, REGISTER)
            shares.set_shares(connection, contact.id, declared.consent, now, resident_id=resident, by=REGISTER)
    return len(new)


def _add_plans(connection: sa.Connection, home: SeedHome, now: float) -> None:
    """Writes the plans of a home that has none yet."""
    if home.plans and not rota.plans_of(connection, home.id):
        for given in home.plans:
            rota.add_plan(
                connection, home.id, given.plan, now=now, by=REGISTER, kind=given.kind, resident_id=given.resident
            )


def _add_operators(database: Database, given: Sequence[SeedOperator], now: float) -> int:
    """Adds those that are not there yet; how many. Hashing is slow on purpose: it uses all cores and no transaction."""
    with database.read() as connection:
        new = [one for one in given if people.operator(connection, one.id) is None]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        hashes = list(pool.map(lambda one: one.password_hash or hash_password(one.password or ""), new))
    for one, password_hash in zip(new, hashes, strict=True):
        _add_operator(database, one, password_hash, now)
    return len(new)


def _add_operator(database: Database, given: SeedOperator, password_hash: str, now: float) -> None:
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
        if given.telephone:
            operator_settings.keep_telephone(connection, given.id, given.telephone, now)
        try:
            accounts.link_contacts(connection, given.id, given.contacts)
        except sa.exc.IntegrityError:
            raise SeedError(f"operator {given.id}: there is no contact of one of these ids") from None


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
