"""What a home's file is for programs: the shapes in which `central.console.pages.file_parts` gives its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from central.alarm_cases.rota import Gap
from central.carers.invitation_changes import InvitationLine
from central.carers.share_changes import Decision
from central.console.pages.agenda_page import CallView
from central.console.pages.contact_changes import Hours
from central.storage.care import Consent
from central.storage.home_file import CaseLine
from central.storage.key_register import HouseKey, KeyMove
from central.storage.push import Subscribed


@dataclass(frozen=True, slots=True)
class PersonOnFile:
    """Somebody who lives there. `birthday` is "MM-DD" where they are called on it; `flags` None: not for who asks."""

    version: int
    id: str
    called: str
    full_name: str
    born: int
    birthday: str
    mobile: str
    language: str
    lives_alone: bool
    hearing: str
    speech: str
    flags: list[str] | None
    away_until_at: float | None
    sex: str


@dataclass(frozen=True, slots=True)
class HomeFile:
    """A home and who lives there; `hub` is "" when no unit stands there, and times are 0 for never."""

    version: int
    id: str
    address: str
    district: str
    municipality: str
    timezone: str
    language: str
    phone: str
    provider: str
    hub: str
    proven_at: float
    tested_at: float
    residents: list[PersonOnFile]


@dataclass(frozen=True, slots=True)
class WeekSpan:
    """Part of a day of the week (0 Monday), in minutes from local midnight."""

    day: int
    from_min: int
    until_min: int


@dataclass(frozen=True, slots=True)
class HolidayOnFile:
    """A time in which a contact cannot come; it is called off by its `from_at` in whole seconds."""

    from_at: float
    until_at: float
    reason: str


@dataclass(frozen=True, slots=True)
class ContactOnFile:
    """A contact, in the order in which they are asked.

    Attributes:
        hours: when they can come, as a change takes it; None where a day has several parts, which only they change.
        weekly: the same, in parts; empty: at any time.
        consent: what the resident lets them see; None: not for who asks.
        ways: the channels by which they are told, the preferred first.
        invitation: to the carers' app; None: not for who asks.
    """

    version: int
    id: str
    position: int
    called: str
    relation: str
    phone: str
    email: str
    language: str
    has_key: bool
    minutes_away: int
    hours: dict[str, Hours] | None
    weekly: list[WeekSpan]
    night_ok: bool
    muted_until_at: float
    holidays: list[HolidayOnFile]
    consent: list[str] | None
    ways: list[str]
    browsers: list[Subscribed]
    invitation: InvitationLine | None


@dataclass(frozen=True, slots=True)
class ContactsOnFile:
    """Contacts, and the times of the coming week in which none of them can be reached."""

    contacts: list[ContactOnFile]
    gaps: list[Gap]


@dataclass(frozen=True, slots=True)
class WayIn:
    """How one gets in, the keys of the home, and where each of them went, newest first."""

    version: int
    entrance: str
    door_code: str
    key_safe: str
    key_safe_code: str
    pets: str
    notes: str
    keys: list[HouseKey]
    log: list[KeyMove]


@dataclass(frozen=True, slots=True)
class ConditionOnFile:
    """What is known of somebody's health; `holds` today, or has ended or run out."""

    version: int
    number: int
    resident_id: str
    text: str
    source: str
    since: str
    valid_until: str
    holds: bool
    written_by: str
    written_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class PlanOnFile:
    """A care plan as it stands for a kind of alarm and a resident ("" all); `number` 0: nobody made one."""

    version: int
    number: int
    kind: str
    resident: str
    first: str
    carers: str
    order: str
    after_s: dict[str, float]
    language: str
    protocol_text: str


@dataclass(frozen=True, slots=True)
class PlanMade:
    """One version of a care plan, by its `number`: from when it holds, and who wrote it when."""

    kind: str
    resident: str
    number: int
    from_at: float
    made_at: float
    made_by: str


@dataclass(frozen=True, slots=True)
class CallRule:
    """When calls are wanted, as `POST .../agenda` takes it."""

    repeat: str
    every: int
    weekdays: list[int]
    at: str
    window_min: int
    starts_on: str
    until_on: str
    note: str


@dataclass(frozen=True, slots=True)
class RegularCall:
    """The call that belongs to the care plan: every so many days, at a time of day."""

    every_days: int
    at: str


@dataclass(frozen=True, slots=True)
class PlansOnFile:
    """Care plans, every version of them newest first, and the limits of this home.

    Attributes:
        limits: what differs from `standard`, everybody's; a change of them asks for `limits_version`.
    """

    plans: list[PlanOnFile]
    versions: list[PlanMade]
    limits_version: int
    limits: dict[str, float | str]
    standard: dict[str, float | str | None]
    regular_call: RegularCall | None


@dataclass(frozen=True, slots=True)
class ItemOnFile:
    """Calls that are wanted; `source` says what made them: "" a person, "plan", or such as "absence:7"."""

    id: int
    resident_id: str
    kind: str
    title: str
    rule: CallRule
    assigned_to: str
    source: str
    made_by: str
    made_at: float
    ended_at: float | None
    next_at: float | None


@dataclass(frozen=True, slots=True)
class CallsOnFile:
    """Calls that are wanted, those to come within sixty days, and the last ones that were made or called off."""

    items: list[ItemOnFile]
    coming: list[CallView]
    past: list[CallView]


@dataclass(frozen=True, slots=True)
class DeviceOnFile:
    """A device; when it was heard last and its battery in per cent, where measurements tell; when a call from it last
    reached a person who answered, 0 for never, nothing for what neither calls nor warns."""

    id: str
    model: str
    room: str
    silence_max_s: float
    address: str
    place_code: int
    heard_at: float | None
    battery: float | None
    proven_at: float | None


@dataclass(frozen=True, slots=True)
class ContactSees:
    """What a contact may see."""

    contact_id: str
    called: str
    shares: list[str]


@dataclass(frozen=True, slots=True)
class ConsentsOnFile:
    """What residents agreed to, what contacts may see by it, and every decision in words, newest first."""

    consents: list[Consent]
    shares: list[ContactSees]
    decisions: list[Decision]


@dataclass(frozen=True, slots=True)
class RecordChange:
    """A change on record: of what ("contact:marta"), by whom, and each field with what it was and what it became."""

    subject: str
    version: int
    at: float
    by: str
    fields: dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class HistoryOnFile:
    """The latest cases and the latest changes on record, newest first."""

    cases: list[CaseLine]
    changes: list[RecordChange]
