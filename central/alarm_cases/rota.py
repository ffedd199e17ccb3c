"""Who of a resident's contacts can come: what they declared, how far away they are, and how well they were reached."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

DISTANCE_BANDS_MIN: Final = (10, 20, 45)
"""Contacts within the same band are as near as each other: a key and a good answer then count for more."""
NIGHT_FROM_H, NIGHT_UNTIL_H = 23, 7
"""The night, in the home's own time, when only those may be asked who said so."""
ASKS_MAX: Final = 2
"""Every contact is asked so often by the desk itself; then it is people's turn."""
ASK_AGAIN_S: Final = 120.0
"""A contact who has not answered is not asked a second time sooner than this."""
LOOK_AHEAD_H: Final = 7 * 24
CONTACTS_MAX, SPANS_MAX, TEXT_MAX = 50, 100, 300

Share = Literal["alarms", "daily_line", "location", "readings", "history", "access_notes"]
"""What a resident may agree that a contact sees."""


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a channel finds a contact: a telephone number, an e-mail address, a push subscription, a URL."""

    channel: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Part of a day of the week (0 Monday), in minutes from local midnight."""

    day: Annotated[int, msgspec.Meta(ge=0, le=6)]
    from_min: Annotated[int, msgspec.Meta(ge=0, le=1440)]
    until_min: Annotated[int, msgspec.Meta(ge=0, le=1440)]


class Absence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A holiday, a journey, a stay in hospital."""

    from_at: float
    until_at: float
    reason: Annotated[str, msgspec.Meta(max_length=TEXT_MAX)] = ""


class Profile(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a contact declared.

    Attributes:
        addresses: the ways to reach them, the preferred first; empty: those of their row in the register.
        weekly: when they can come; empty: at any time.
        absences: when they cannot, whatever `weekly` says.
        night_ok: whether they may be woken.
        muted_until_at: they want to hear nothing until then.
        consent: what the resident lets them see.
        calls_them: what they call the resident ("Mum"), for their own pages; "": as everybody does.
    """

    addresses: Annotated[tuple[Address, ...], msgspec.Meta(max_length=10)] = ()
    weekly: Annotated[tuple[Span, ...], msgspec.Meta(max_length=SPANS_MAX)] = ()
    absences: Annotated[tuple[Absence, ...], msgspec.Meta(max_length=SPANS_MAX)] = ()
    night_ok: bool = True
    muted_until_at: float = 0.0
    consent: tuple[Share, ...] = ("alarms",)
    calls_them: Annotated[str, msgspec.Meta(max_length=40)] = ""


class RotaContact(NamedTuple):
    """A contact as the rota sees them. `ways` are the addresses that the centre has a channel for, preferred first."""

    id: str
    position: int
    called: str
    minutes_away: int
    has_key: bool
    ways: tuple[Address, ...]
    profile: Profile = Profile()


class Asked(NamedTuple):
    """How a contact was asked about a case, or lately: how often, when last, and what came of it.

    Attributes:
        asks: rounds in this case; 0 when not asked in it.
        last_at: when they were last asked in it.
        declined: whether they said that they cannot come.
        hopeless: whether every way to them has failed for good.
        reached, missed: messages of the last weeks that they got for certain, and that failed.
    """

    asks: int = 0
    last_at: float = 0.0
    declined: bool = False
    hopeless: bool = False
    reached: int = 0
    missed: int = 0


NOT_ASKED: Final = Asked()


class Availability(NamedTuple):
    """Whether a contact can be asked now, and why not: "", `unreachable`, `muted`, `away`, `off_hours`, `night`."""

    can: bool
    why_not: str = ""


class Ranked(NamedTuple):
    """A contact in the order in which they are asked, with what puts them there."""

    contact: RotaContact
    availability: Availability
    asked: Asked


class Gap(NamedTuple):
    """A time in which nobody could be reached."""

    from_at: float
    until_at: float


def read_profile(body: object) -> Profile | str:
    """A profile from untrusted data, or in one sentence what is wrong with it."""
    try:
        profile = msgspec.convert(body, Profile)
    except msgspec.ValidationError as error:
        return str(error)
    if any(span.from_min >= span.until_min for span in profile.weekly):
        return "a part of a day must end after it begins"
    if any(absence.from_at >= absence.until_at for absence in profile.absences):
        return "an absence must end after it begins"
    return profile


def availability(contact: RotaContact, now: float, timezone: str) -> Availability:
    """Whether somebody can be asked at a moment, by what they declared."""
    profile = contact.profile
    if not contact.ways or "alarms" not in profile.consent:
        return Availability(can=False, why_not="unreachable")
    if now < profile.muted_until_at:
        return Availability(can=False, why_not="muted")
    if any(absence.from_at <= now < absence.until_at for absence in profile.absences):
        return Availability(can=False, why_not="away")
    local = datetime.fromtimestamp(now, _zone(timezone))
    minute = local.hour * 60 + local.minute
    here = (span for span in profile.weekly if span.day == local.weekday())
    if profile.weekly and not any(span.from_min <= minute < span.until_min for span in here):
        return Availability(can=False, why_not="off_hours")
    if not profile.night_ok and (local.hour >= NIGHT_FROM_H or local.hour < NIGHT_UNTIL_H):
        return Availability(can=False, why_not="night")
    return Availability(can=True)


def contact_order(
    contacts: Iterable[RotaContact],
    now: float,
    asked: Mapping[str, Asked],
    timezone: str = "Europe/Madrid",
    *,
    agreed: bool = False,
) -> list[Ranked]:
    """Contacts in the order in which they are asked.

    First who is available now; of them the nearest, then who holds a key, then who was reached lately, then as agreed
    with the resident. With `agreed` the resident's order comes right after availability.
    """

    def key(ranked: Ranked) -> tuple[object, ...]:
        contact, able, past = ranked
        near = sum(contact.minutes_away > band for band in DISTANCE_BANDS_MIN)
        poor_reach = past.missed > past.reached
        order = contact.position if agreed else 0
        tail = (contact.minutes_away, contact.position, contact.id)
        return (not able.can, able.why_not == "unreachable", order, near, not contact.has_key, poor_reach, *tail)

    ranked = [Ranked(it, availability(it, now, timezone), asked.get(it.id, NOT_ASKED)) for it in contacts]
    return sorted(ranked, key=key)


def next_contacts(order: Sequence[Ranked], wanted: int, now: float, *, life: bool) -> list[RotaContact]:
    """Whom to ask next: `wanted` of them, -1 for all.

    Who was asked less often comes before who was asked more. Who has declined, or cannot be reached, is left out; who
    said that they cannot be asked at this hour is asked only for a matter of life, after the others. Who is away or
    wants to hear nothing is never asked by the desk itself.
    """

    def eligible(ranked: Ranked) -> bool:
        asked, able = ranked.asked, ranked.availability
        if asked.declined or asked.hopeless or asked.asks >= ASKS_MAX:
            return False
        if asked.asks and now - asked.last_at < ASK_AGAIN_S:
            return False
        return able.can or (life and able.why_not in {"off_hours", "night"})

    who = sorted((ranked for ranked in order if eligible(ranked)), key=lambda ranked: ranked.asked.asks)
    if wanted < 0:  # everybody who was not asked yet
        return [ranked.contact for ranked in who if not ranked.asked.asks]
    return [ranked.contact for ranked in who[:wanted]]


def unreachable_hours(
    contacts: Collection[RotaContact], now: float, timezone: str = "Europe/Madrid", hours: int = LOOK_AHEAD_H
) -> list[Gap]:
    """The times within the coming hours in which nobody could be reached, looked at now and at each full hour."""
    local = datetime.fromtimestamp(now, _zone(timezone))
    full = (local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)).timestamp()
    looks = [now, *(full + hour * 3_600.0 for hour in range(hours))]
    gaps: list[Gap] = []
    for at, until_at in zip(looks, [*looks[1:], looks[-1] + 3_600.0], strict=True):
        if any(availability(contact, at, timezone).can for contact in contacts):
            continue
        if gaps and gaps[-1].until_at == at:
            gaps[-1] = Gap(gaps[-1].from_at, until_at)
        else:
            gaps.append(Gap(at, until_at))
    return gaps


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("Europe/Madrid")
