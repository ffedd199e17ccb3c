"""Changes to contacts: who they are, when and how they can be reached, in which order. Not what they may see."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from central.alarm_cases.rota import Absence, Profile, Share, Span, read_profile
from central.console.access import Seat
from central.console.pages.editing import Kept, Line, Made, Moment, Seen, writing
from central.console.problem import Problem
from central.console.rights import allowed
from central.reach_watch import gaps_of
from central.storage import file_edits, home_facts, people, records, rota
from central.storage.people import Contact
from central.texts import later

router = APIRouter(tags=["contacts"])
Writer = Annotated[Seat, Depends(allowed("contacts", "write"))]

Clock = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]


class Hours(BaseModel):
    """Part of a day, local time; both "" for not on that day."""

    begin: Clock = ""
    end: Clock = ""


class ContactFacts(BaseModel):
    """Somebody to turn to."""

    called: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
    relation: Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f]*$")] = ""
    phone: Annotated[str, Field(max_length=32, pattern=r"^[0-9+() .-]*$")] = ""
    email: Annotated[str, Field(max_length=120, pattern=r"^([^@\s\x00]+@[^@\s\x00]+)?$")] = ""
    language: Literal["ca", "es", "en"] = "ca"
    has_key: bool = False
    minutes_away: Annotated[int, Field(ge=0, le=1440)] = 30


class ContactBody(ContactFacts):
    """A change to a contact. `hours` is day of the week ("0" Monday) -> when they can come; without it they stay.

    `consent` may only repeat what holds: it is the resident's, and is changed where it is written down who said so.
    """

    version: Seen
    hours: Annotated[dict[Annotated[str, Field(pattern=r"^[0-6]$")], Hours], Field(max_length=7)] | None = None
    night_ok: bool | None = None
    muted_until_at: Moment | None = None
    consent: Annotated[list[Share], Field(max_length=6)] | None = None


class HolidayBody(BaseModel):
    """A time in which a contact cannot come."""

    from_at: Moment
    until_at: Moment
    reason: Line = ""


class OrderBody(BaseModel):
    """All contacts of the home, in the order in which they are asked."""

    contacts: Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=50)]


@router.post("/api/homes/{home_id}/contacts")
def add(request: Request, seat: Writer, home_id: str, body: ContactFacts) -> Made:
    """Somebody new to turn to, the last to be asked."""
    contact_id = f"c-{secrets.token_hex(5)}"
    with writing(request, seat) as (connection, now, by):
        place = max((one.position for one in people.contacts_of(connection, home_id)), default=0) + 1
        people.add_contact(connection, Contact(contact_id, home_id, place, **body.model_dump()))
        file_edits.note_added(connection, f"contact:{contact_id}", home_id, body.called, now, by)
    _look(request, home_id)
    return Made(id=contact_id)


@router.put("/api/homes/{home_id}/contacts/{contact_id}")
def change(request: Request, seat: Writer, home_id: str, contact_id: str, body: ContactBody) -> Kept:
    """What is on record of a contact, and what they declared; 403 `not_yours_to_decide` for what they may see."""
    facts = body.model_dump(include=set(ContactFacts.model_fields))
    with writing(request, seat) as (connection, now, by):
        before = rota.profile(connection, contact_id)
        if body.consent is not None and set(body.consent) != set(before.consent):
            text = later("What a contact may see is decided by the resident. It is changed under Consents.")
            raise Problem(403, "not_yours_to_decide", text)
        profile = _declared(before, body)
        version = file_edits.edit_contact(connection, contact_id, body.version, facts, profile, now, by)
    _look(request, home_id)
    return Kept(version=version)


@router.post("/api/homes/{home_id}/contacts/{contact_id}/holidays")
def add_holiday(request: Request, seat: Writer, home_id: str, contact_id: str, body: HolidayBody) -> Kept:
    """A contact is away for a time."""
    with writing(request, seat) as (connection, now, by):
        before = rota.profile(connection, contact_id)
        kept = tuple(one for one in before.absences if one.until_at > now)
        absences = (*kept, Absence(body.from_at, body.until_at, body.reason))
        profile = _checked(msgspec.structs.replace(before, absences=absences))
        seen = records.version_of(connection, f"contact:{contact_id}")
        version = file_edits.edit_contact(connection, contact_id, seen, {}, profile, now, by)
    _look(request, home_id)
    return Kept(version=version)


@router.delete("/api/homes/{home_id}/contacts/{contact_id}/holidays/{from_at}")
def remove_holiday(request: Request, seat: Writer, home_id: str, contact_id: str, from_at: int) -> Kept:
    """A contact is not away after all; `from_at` is when it was to begin, in whole seconds."""
    with writing(request, seat) as (connection, now, by):
        before = rota.profile(connection, contact_id)
        left = tuple(one for one in before.absences if int(one.from_at) != from_at)
        profile = msgspec.structs.replace(before, absences=left)
        seen = records.version_of(connection, f"contact:{contact_id}")
        version = file_edits.edit_contact(connection, contact_id, seen, {}, profile, now, by)
    _look(request, home_id)
    return Kept(version=version)


@router.put("/api/homes/{home_id}/contact-order")
def order(request: Request, seat: Writer, home_id: str, body: OrderBody) -> Kept:
    """The order in which contacts are asked."""
    with writing(request, seat) as (connection, now, by):
        if not file_edits.order_contacts(connection, home_id, body.contacts, now, by):
            raise Problem(409, "other_contacts", later("These are not the contacts of this home any more. Look again."))
    return Kept(version=0)


@router.delete("/api/homes/{home_id}/contacts/{contact_id}", status_code=204)
def remove(request: Request, seat: Writer, home_id: str, contact_id: str) -> None:
    """A contact leaves the file."""
    with writing(request, seat) as (connection, now, by):
        if not file_edits.remove_contact(connection, home_id, contact_id, now, by):
            text = later(
                "Messages were sent to this contact, so they stay on file. Take away what they may see instead."
            )
            raise Problem(409, "has_messages", text)
    _look(request, home_id)


def _declared(before: Profile, body: ContactBody) -> Profile:
    changes: dict[str, object] = {}
    if body.hours is not None:
        changes["weekly"] = tuple(_spans(body.hours))
    if body.night_ok is not None:
        changes["night_ok"] = body.night_ok
    if "muted_until_at" in body.model_fields_set:
        changes["muted_until_at"] = body.muted_until_at or 0.0
    return _checked(msgspec.structs.replace(before, **changes))


def _spans(hours: dict[str, Hours]) -> list[Span]:
    spans = []
    for day, part in sorted(hours.items()):
        if part.begin and part.end:
            spans.append(Span(int(day), _minutes(part.begin), 1440 if part.end == "23:59" else _minutes(part.end)))
    return spans


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _checked(profile: Profile) -> Profile:
    read = read_profile(msgspec.to_builtins(profile))
    if isinstance(read, str):
        raise Problem(422, "bad_hours", later("A part of a day, or a holiday, must end after it begins."))
    return read


def _look(request: Request, home_id: str) -> None:
    """The list of homes that nobody can be reached for is brought up to date."""
    state = request.app.state
    with state.parts.database.begin() as connection:
        gaps = gaps_of(connection, home_id, state.parts.desk.channels, state.clock())
        home_facts.note_gaps(connection, home_id, gaps)
