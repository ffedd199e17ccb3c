"""Who may do what with what: one table of roles, resources and actions, and where it holds.

Three questions are asked in this order, and the first "no" ends it:

1. **Role.** Does the table below list the action for this role and resource? What is not listed is refused, for every
   id alike, so that the answer says nothing about whether the thing exists.
2. **Reach.** Is the person within reach? Staff have municipalities (or all); a carer has the homes whose contact they
   are; a resident has themselves and their own home. Outside of it things are as if they did not exist.
   Two exceptions, because nobody may be left on the floor for the sake of a boundary: a home whose municipality nobody
   has entered is within every staff member's reach; and for who works cases so is the home of an open case that they
   hold, or that has rung in vain until it rings for everybody.
3. **Glass.** Who may break the glass (`Resource.GLASS`) may read and work outside of their reach, and do what the table
   writes in capitals, once they have written down why. It holds for one home and for `GLASS_S`; every use is logged
   as such and reviewed.

Deciding is pure; `central.console.rights` asks on behalf of each route, `central.storage.reach` finds the places.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

GLASS_S: Final = 3600.0
"""How long one written reason opens a home: longer than most calls, shorter than a shift."""
RINGS_FOR_ALL_S: Final = {1: 20.0, 2: 60.0, 3: 900.0}
"""By priority: when a case that nobody took rings for every operator, as `alarm_cases.escalation` has it."""
EVERYWHERE: Final = "*"
"""Stands for all municipalities."""


class Role(StrEnum):
    """What an account is for."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    COORDINATOR = "coordinator"
    TECHNICIAN = "technician"
    CARER = "carer"
    AUDITOR = "auditor"
    RESIDENT = "resident"
    API = "api"


class Resource(StrEnum):
    """What is protected. The comments say what belongs to it where the name does not."""

    STATION = "station"  # the console: queue, live line, own state
    CASE = "case"
    INCIDENT = "incident"  # technical incidents that group cases
    RESIDENT_FILE = "resident_file"
    MEDICAL = "medical"  # conditions and health flags within a file
    CONTACTS = "contacts"
    KEYS = "keys"  # key register, door codes, access notes
    CARE_PLAN = "care_plan"
    ABSENCES = "absences"
    TELEMETRY = "telemetry"
    CONSENTS = "consents"
    STATUS = "status"  # what a family is shown: alarm or calm, who is on it, the daily line
    HELP = "help"  # a carer's answer to an alarm: going, cannot, arrived
    PAPER_LIST = "paper_list"  # homes and contacts of a whole municipality, for when the centre is down
    ROTA = "rota"
    WHO_LOOKED = "who_looked"
    RIGHTS = "rights"  # what residents ask about their data
    DEVICES = "devices"
    HUBS = "hubs"
    HEALTH = "health"
    AGENDA = "agenda"
    DRILL = "drill"
    QUALITY = "quality"
    SETTINGS = "settings"
    ACCOUNTS = "accounts"
    RETENTION = "retention"  # how long records are kept, who has left, legal holds
    BREACHES = "breaches"  # the register of breaches of personal data
    AUDIT_LOG = "audit_log"  # working it is reviewing broken glass
    GLASS = "glass"
    WEBHOOKS = "webhooks"
    API = "api"  # the description of the interface
    ME = "me"  # one's own account


class Action(StrEnum):
    """What is done. WORK is the daily handling of a thing (take, call, close), WRITE changes what is on record."""

    READ = "read"
    WORK = "work"
    WRITE = "write"
    EXPORT = "export"
    DELETE = "delete"


_LETTERS: Final = {
    "r": Action.READ,
    "t": Action.WORK,
    "w": Action.WRITE,
    "x": Action.EXPORT,
    "d": Action.DELETE,
}

_TABLE: Final = """
               operator supervisor coordinator technician carer auditor resident api
station        rt       rt         rt          .          .     .       .        .
case           rt       rtx        rtx         .          .     .       .        r
incident       rt       rtw        rtw         r          .     .       .        r
resident_file  r        rw         rwxd        r          .     .       rx       r
medical        r        rw         rwx         R          .     .       rx       .
contacts       rw       rw         rwxd        r          .     .       r        r
keys           rt       rtw        rtwd        rt         .     .       .        .
care_plan      r        rw         rwd         .          .     .       r        r
absences       rw       rw         rwd         r          rw    .       rw       rw
telemetry      r        rx         rx          .          .     .       rx       r
consents       r        r          rw          .          .     r       rw       .
status         r        r          r           .          r     .       r        .
help           .        .          .           .          t     .       .        .
paper_list     .        r          r           .          .     .       .        .
rota           r        rw         rw          .          rw    .       .        r
who_looked     .        r          r           .          r     r       rx       .
rights         .        r          rt          .          .     r       rw       .
devices        r        r          rw          rtwd       .     .       r        r
hubs           r        r          rw          rtwd       .     .       r        r
health         r        r          r           rt         .     r       .        r
agenda         rtw      rtwx       rtwxd       .          .     .       .        rw
drill          rt       rtw        rtw         rt         .     r       .        r
quality        .        rtx        rx          .          .     rx      .        r
settings       .        rw         rw          .          .     r       .        .
accounts       .        rw         rwd         .          .     r       .        .
retention      .        .          rw          .          .     r       .        .
breaches       .        .          rwx         .          .     rwx     .        .
audit_log      .        rt         r           .          .     rtx     .        .
glass          t        t          t           t          .     .       .        .
webhooks       .        r          rwd         .          .     r       .        .
api            r        r          r           r          .     r       .        r
me             rw       rw         rw          rw         rw    rw      rw       r
"""
"""r read, t work, w write, x export, d delete; a capital only behind broken glass; a dot: nothing."""

_PERSONAL: Final = frozenset(
    {
        Resource.CASE,
        Resource.RESIDENT_FILE,
        Resource.MEDICAL,
        Resource.CONTACTS,
        Resource.KEYS,
        Resource.CARE_PLAN,
        Resource.ABSENCES,
        Resource.TELEMETRY,
        Resource.CONSENTS,
        Resource.STATUS,
        Resource.HELP,
        Resource.WHO_LOOKED,
        Resource.RIGHTS,
    }
)
_OF_ONE_PERSON: Final = frozenset(
    {
        Resource.RESIDENT_FILE,
        Resource.MEDICAL,
        Resource.CONSENTS,
        Resource.WHO_LOOKED,
        Resource.RIGHTS,
        Resource.CARE_PLAN,
    }
)
"""What belongs to one resident alone, also where several live together."""
_BEHIND_GLASS: Final = frozenset(
    {
        Resource.CASE,
        Resource.RESIDENT_FILE,
        Resource.MEDICAL,
        Resource.CONTACTS,
        Resource.KEYS,
        Resource.CARE_PLAN,
        Resource.TELEMETRY,
        Resource.DEVICES,
        Resource.HUBS,
    }
)
_GLASS_ACTIONS: Final = frozenset({Action.READ, Action.WORK})


@dataclass(frozen=True, slots=True)
class Who:
    """Whoever asks.

    Attributes:
        municipalities: of staff and machines; `EVERYWHERE` among them means all. Carers and residents have none.
        homes: of carers and residents: those that are their own.
        resident_id: of a resident: who they are.
        scopes: of a program's key: what it opens at most; None for people.
    """

    account_id: str
    role: Role
    municipalities: frozenset[str] = frozenset({EVERYWHERE})
    homes: frozenset[str] = frozenset()
    resident_id: str = ""
    scopes: frozenset[Rule] | None = None

    @property
    def towns(self) -> frozenset[str] | None:
        """Where the homes within reach of staff lie, "" for those of which nobody said where; None for everywhere."""
        return None if EVERYWHERE in self.municipalities else self.municipalities | {""}


@dataclass(frozen=True, slots=True)
class Place:
    """What is asked about. `calls` is the open case by which this home calls for whoever asks, 0 for none."""

    home_id: str
    municipality: str = ""
    resident_id: str = ""
    case_id: int = 0
    calls: int = 0


class Verdict(StrEnum):
    """The answer. NEEDS_GLASS: refused, and would be granted for a written reason. HIDDEN: answered as not existing."""

    ALLOWED = "allowed"
    GLASS = "glass"
    NEEDS_GLASS = "needs_glass"
    REFUSED = "refused"
    HIDDEN = "hidden"

    @property
    def granted(self) -> bool:
        """Whether it may be done now."""
        return self in {Verdict.ALLOWED, Verdict.GLASS}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route does to what."""

    resource: Resource
    action: Action


@dataclass(frozen=True, slots=True)
class _Rights:
    plain: frozenset[Rule] = field(default_factory=frozenset)
    glass: frozenset[Rule] = field(default_factory=frozenset)


def _read_table(text: str) -> dict[Role, _Rights]:
    head, *lines = [line.split() for line in text.strip().splitlines()]
    roles = [Role(name) for name in head]
    plain: dict[Role, set[Rule]] = {role: set() for role in roles}
    glass: dict[Role, set[Rule]] = {role: set() for role in roles}
    for name, *cells in lines:
        for role, cell in zip(roles, cells, strict=True):
            for letter in cell.strip("."):
                rule = Rule(Resource(name), _LETTERS[letter.lower()])
                (plain if letter.islower() else glass)[role].add(rule)
    return {role: _Rights(frozenset(plain[role]), frozenset(glass[role])) for role in roles}


TABLE: Final = _read_table(_TABLE)

_GIVES: Final[dict[Role, frozenset[Role]]] = {
    Role.COORDINATOR: frozenset(Role),
    Role.SUPERVISOR: frozenset({Role.OPERATOR, Role.TECHNICIAN, Role.CARER, Role.RESIDENT}),
}
"""Which roles who keeps accounts may give, change and take away."""


def listed(role: Role, resource: Resource, action: Action) -> bool:
    """Whether the table lists an action for a role, anywhere and without broken glass."""
    return Rule(resource, action) in TABLE[role].plain


def decide(who: Who, resource: Resource, action: Action, place: Place | None, *, opened: bool = False) -> Verdict:
    """Whether somebody may do this. `place` is None for what belongs to no home; `opened`: they broke its glass."""
    rule = Rule(resource, action)
    rights = TABLE[who.role]
    if who.scopes is not None and rule not in who.scopes:
        return Verdict.REFUSED
    plain = rule in rights.plain
    if not plain and rule not in rights.glass:
        return Verdict.REFUSED
    if place is None:
        return Verdict.ALLOWED if plain else Verdict.REFUSED
    within = in_reach(who, resource, place)
    if plain and within:
        return Verdict.ALLOWED
    if may_break_glass(who.role) and resource in _BEHIND_GLASS and action in _GLASS_ACTIONS:
        return Verdict.GLASS if opened else Verdict.NEEDS_GLASS
    return Verdict.REFUSED if within else Verdict.HIDDEN


def in_reach(who: Who, resource: Resource, place: Place) -> bool:
    """Whether a place is within somebody's reach, as explained above."""
    if resource is Resource.GLASS:
        return True  # whoever may break it does so for what is beyond their reach
    if who.role is Role.RESIDENT:
        own = place.resident_id == who.resident_id if resource in _OF_ONE_PERSON else place.home_id in who.homes
        return who.resident_id != "" and own
    if who.role is Role.CARER:
        return place.home_id in who.homes
    if who.towns is None or place.municipality in who.towns:
        return True
    return place.calls != 0 and listed(who.role, Resource.CASE, Action.WORK)


def may_break_glass(role: Role) -> bool:
    """Whether a role may open what is beyond its reach with a written reason."""
    return listed(role, Resource.GLASS, Action.WORK)


def rings_for_all(priority: int, ring_at: float | None, now: float) -> bool:
    """Whether a case has rung in vain so long that it is everybody's."""
    after_s = RINGS_FOR_ALL_S.get(priority)
    return after_s is not None and ring_at is not None and now - ring_at >= after_s - 1e-3


def personal(resource: Resource) -> bool:
    """Whether reading it is reading a person's file, so that it is logged."""
    return resource in _PERSONAL


def given_by(role: Role) -> frozenset[Role]:
    """The roles that a role may give."""
    return _GIVES.get(role, frozenset())


def may_give(giver: Who, role: Role, municipalities: frozenset[str]) -> bool:
    """Whether who keeps accounts may hand out (or change, or end) an account of this role with this reach."""
    within = EVERYWHERE in giver.municipalities or municipalities <= giver.municipalities
    return role in given_by(giver.role) and within
