"""Changes to a home, to the way in, and to the people who live there."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from central.access_rules import EVERYWHERE
from central.agenda.rules import Kind, Rule
from central.console.access import Seat
from central.console.pages.editing import Kept, Line, Made, Seen, Text, not_found, writing
from central.console.problem import Problem
from central.console.rights import allowed
from central.storage import agenda, file_edits, home_file, homes, installations, people
from central.storage.people import Resident
from central.texts import Words, later, translator

router = APIRouter(tags=["residents"])
FileWriter = Annotated[Seat, Depends(allowed("resident_file", "write"))]
KeyWriter = Annotated[Seat, Depends(allowed("keys", "write"))]

Language = Literal["ca", "es", "en"]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
Code = Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f]*$")]
Provider = Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f]*$")]
Telephone = Annotated[str, Field(max_length=32, pattern=r"^[0-9+() .-]*$")]
Flag = Annotated[str, Field(pattern=r"^[a-z_]{1,20}$")]
Birthday = Annotated[
    str, Field(pattern=r"^((0[1-9]|1[0-2])-(0[1-9]|[12]\d)|(0[13-9]|1[0-2])-30|(0[13578]|1[02])-31)?$")
]


class HomeBody(BaseModel):
    """A home's own facts. A `provider` that is left out stays as it is."""

    version: Seen
    address: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
    district: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")] = ""
    municipality: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")] = ""
    phone: Telephone = ""
    language: Language = "ca"
    provider: Provider | None = None


class NewHomeBody(BaseModel):
    """A new home; without an id it gets one. An `installation` that is ordered with it is due within five working
    days, an urgent one within two."""

    id: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,31})?$")] = ""
    address: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
    district: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")] = ""
    municipality: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")] = ""
    phone: Telephone = ""
    language: Language = "ca"
    provider: Provider = ""
    installation: Literal["none", "usual", "urgent"] = "none"


class AccessBody(BaseModel):
    """How one gets in."""

    version: Seen
    entrance: Line = ""
    door_code: Code = ""
    key_safe: Line = ""
    key_safe_code: Code = ""
    pets: Line = ""
    notes: Text = ""


class ResidentFacts(BaseModel):
    """A person cared for. `birthday` is "MM-DD", "" for not said; with one they are called on it every year. A `mobile`
    that is left out stays as it is."""

    called: Name
    full_name: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]+$")]
    born: Annotated[int, Field(ge=1890, le=2100)]
    birthday: Birthday = ""
    language: Language = "ca"
    lives_alone: bool = False
    hearing: Literal["good", "weak", "aid", "none"] = "good"
    speech: Literal["good", "weak", "aid", "none"] = "good"
    flags: Annotated[list[Flag], Field(max_length=20)] | None = None
    mobile: Telephone | None = None


class ResidentBody(ResidentFacts):
    """A change to a person's file."""

    version: Seen


@router.post("/api/homes")
def add_home(request: Request, seat: FileWriter, body: NewHomeBody) -> Made:
    """A new home, within who asks's own municipalities."""
    reach = seat.who.municipalities
    if EVERYWHERE not in reach and body.municipality not in reach:
        raise Problem(403, "not_yours", later("This municipality is not yours."))
    home_id = body.id or f"h-{secrets.token_hex(5)}"
    with writing(request, seat) as (connection, now, by):
        if homes.exists(connection, home_id):
            raise Problem(409, "taken", later("There is such a home already."))
        if home_id.startswith(homes.UNKNOWN_PREFIX):
            raise Problem(422, "reserved", later("This id is reserved."))
        facts = body.model_dump(exclude={"id", "installation"})
        homes.enrol_home(connection, home_id, now=now, **facts)
        if body.installation != "none":
            installations.order(connection, home_id, now, by, urgent=body.installation == "urgent")
        file_edits.note_added(connection, f"home:{home_id}", home_id, body.address, now, by)
    return Made(id=home_id)


@router.put("/api/homes/{home_id}")
def change_home(request: Request, seat: FileWriter, home_id: str, body: HomeBody) -> Kept:
    """The home's own facts."""
    reach = seat.who.municipalities
    with writing(request, seat) as (connection, now, by):
        before = home_file.home_of(connection, home_id)
        moved = before is not None and before.municipality != body.municipality
        if moved and EVERYWHERE not in reach and body.municipality not in reach:
            raise Problem(403, "not_yours", later("This municipality is not yours."))
        values = body.model_dump(exclude={"version"}, exclude_none=True)
        if body.provider is not None:
            values["provider"] = " ".join(body.provider.split())
        return Kept(version=file_edits.edit_home(connection, home_id, body.version, values, now, by))


@router.put("/api/homes/{home_id}/access")
def change_access(request: Request, seat: KeyWriter, home_id: str, body: AccessBody) -> Kept:
    """How one gets in: entrance, codes, key safe, animals, notes."""
    values = body.model_dump(exclude={"version"})
    with writing(request, seat) as (connection, now, by):
        home = home_file.home_of(connection, home_id)
        if home is None:
            raise not_found()
        text = way_in(values, translator(home.language))
        return Kept(version=file_edits.edit_access(connection, home_id, body.version, values, text, now, by))


@router.post("/api/homes/{home_id}/residents")
def add_resident(request: Request, seat: FileWriter, home_id: str, body: ResidentFacts) -> Made:
    """Somebody else who lives there."""
    resident_id = f"r-{secrets.token_hex(5)}"
    facts = body.model_dump(exclude={"birthday", "flags"}, exclude_none=True)
    with writing(request, seat) as (connection, now, by):
        people.add_resident(connection, Resident(resident_id, home_id, flags=tuple(body.flags or ()), **facts))
        file_edits.note_added(connection, f"resident:{resident_id}", home_id, body.full_name, now, by)
        _keep_birthday(connection, home_id, resident_id, body.birthday, now, by)
    return Made(id=resident_id)


@router.put("/api/homes/{home_id}/residents/{resident_id}")
def change_resident(request: Request, seat: FileWriter, home_id: str, resident_id: str, body: ResidentBody) -> Kept:
    """What is on record of a person."""
    values = body.model_dump(exclude={"version", "birthday", "flags"}, exclude_none=True)
    if body.flags is not None:
        values["flags"] = sorted(set(body.flags))
    with writing(request, seat) as (connection, now, by):
        version = file_edits.edit_resident(connection, resident_id, body.version, values, now, by)
        _keep_birthday(connection, home_id, resident_id, body.birthday, now, by)
    return Kept(version=version)


def way_in(values: dict[str, str], words: Words) -> str:
    """How one gets in, in one text, for whoever stands at the door."""
    parts = (
        (later("Entrance: {what}"), "entrance"),
        (later("Door code: {what}"), "door_code"),
        (later("Key safe: {what}"), "key_safe"),
        (later("Code of the key safe: {what}"), "key_safe_code"),
        (later("Animals: {what}"), "pets"),
    )
    said = [words.say(text, what=values[name]) for text, name in parts if values.get(name)]
    return "\n".join([*said, *filter(None, [values.get("notes", "")])])


def _keep_birthday(connection: Connection, home_id: str, resident_id: str, day: str, now: float, by: str) -> None:
    """Somebody whose birthday is known is called on it."""
    source = f"birthday:{resident_id}"
    before = agenda.item_from(connection, home_id, source)
    if before is not None and before.rule.starts_on[5:] == day:
        return
    if before is not None:
        agenda.end_item(connection, before.id, now, by)
    if not day:
        return
    home = home_file.home_of(connection, home_id)
    assert home is not None
    # a leap year, so that the 29th of February is a day
    rule = Rule(starts_on=f"2024-{day}", repeat="yearly", at="11:00", window_min=480)
    facts: dict[str, Any] = {"resident_id": resident_id, "source": source, "timezone": home.timezone}
    agenda.add_item(connection, home_id, Kind.BIRTHDAY.value, rule, now=now, by=by, **facts)
