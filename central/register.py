"""The register of homes, people, operators and past cases as a JSON file holds it: its types, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from zoneinfo import available_timezones

import msgspec

from central.access_rules import EVERYWHERE, Role
from central.alarm_cases.care_plan import CarePlan, plan_faults
from central.alarm_cases.closing import Action, Cause, Label, Outcome
from central.alarm_cases.rota import Profile, read_profile
from devices.catalogue import CATALOGUE, enrolment_fault
from devices.enrolment import EnrolledDevice
from devices.vocabulary import valid_device_id
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import Ref
from gateway.contract.topics import valid_hub_id

FILE_BYTES_MAX: Final = 64_000_000
"""Largest register: 50,000 homes with their people fit."""
PASSWORD_LENGTH_MIN: Final = 10
_File = TypeVar("_File")

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$(?!\n)")]
OperatorId = Annotated[str, msgspec.Meta(pattern=r"^(?!(?:desk|hub|carer)$)[a-z0-9][a-z0-9-]{0,31}$(?!\n)")]
"""In a case's log "desk" and "hub" are not persons, and "carer" is any of them."""
_TELEPHONE: Final = r"^((?!112$|911$)[1-9][0-9]{1,5}|\+[1-9][0-9]{6,14})?$(?!\n)"
_ARGON2ID: Final = r"^(\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{22,})?$(?!\n)"
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
    mobile: Annotated[str, msgspec.Meta(max_length=32)] = ""


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
    """A home with its hub, devices and people. `sim` is the number of the hub's own SIM card, `provider` who runs the
    home's telephone and Internet line."""

    id: Id
    hub: str
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    district: Annotated[str, msgspec.Meta(max_length=80)] = ""
    municipality: Annotated[str, msgspec.Meta(max_length=80)] = ""
    timezone: str = "Europe/Madrid"
    language: Language = "ca"
    access_notes: str = ""
    phone: Annotated[str, msgspec.Meta(max_length=32)] = ""
    provider: Annotated[str, msgspec.Meta(max_length=40)] = ""
    sim: Annotated[str, msgspec.Meta(pattern=r"^(\+[0-9]{6,15})?$(?!\n)")] = ""
    care_plan: dict[str, Any] = {}
    devices: tuple[SeedDevice, ...] = ()
    residents: tuple[SeedResident, ...] = ()
    contacts: tuple[SeedContact, ...] = ()
    plans: tuple[SeedPlan, ...] = ()


class SeedOperator(_Strict, frozen=True):
    """An account. A password stands in the file in plain: keep the file private, and delete it. In its place the file
    may have its hash as Argon2id writes it, of an account that moves in from another system.

    A carer's has the ids of the `contacts` that they are, a resident's the id of the `resident`. `telephone` is that at
    which an operator sits: an extension of the centre, or E.164.
    """

    id: OperatorId
    called: Name
    password: Annotated[str, msgspec.Meta(min_length=PASSWORD_LENGTH_MIN, max_length=200)] | None = None
    password_hash: Annotated[str, msgspec.Meta(max_length=200, pattern=_ARGON2ID)] = ""
    role: Role = Role.OPERATOR
    language: Language = "ca"
    municipalities: tuple[Annotated[str, msgspec.Meta(max_length=80)], ...] = (EVERYWHERE,)
    contacts: tuple[Id, ...] = ()
    resident: str = ""
    telephone: Annotated[str, msgspec.Meta(pattern=_TELEPHONE)] = ""


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


def read_file(path: Path, kind: type[_File], faults_of: Callable[[_File], Iterator[str]]) -> _File:
    """Reads a JSON file and checks it.

    Raises:
        SeedError: it cannot be read, or anything in it is wrong.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise SeedError(f"{path} is larger than {FILE_BYTES_MAX} bytes: divide it.")
        known = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise SeedError(f"Cannot read {path}: {error.strerror}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SeedError(f"{path}: {error}.") from None
    found = list(faults_of(known))
    if found:
        raise SeedError("\n".join(f"{path}: {fault}" for fault in found))
    return known


def load(path: Path) -> Seed:
    """The register in a file; raises as `read_file` does."""
    return read_file(path, Seed, faults)


def faults(seed: Seed) -> Iterator[str]:
    """Everything wrong in a register that its types do not already rule out."""
    yield from _twice("home", (home.id for home in seed.homes))
    yield from _twice("hub", (home.hub for home in seed.homes))
    yield from _twice("resident", (person.id for home in seed.homes for person in home.residents))
    yield from _twice("contact", (contact.id for home in seed.homes for contact in home.contacts))
    yield from _twice("operator", (operator.id for operator in seed.operators))
    yield from _twice("case", (f"{case.home}/{case.ref}" for case in seed.cases))
    for operator in seed.operators:
        if (operator.password is None) == (operator.password_hash == ""):
            yield f"operator {operator.id}: either password or password_hash"
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
