"""The key register: where every key of somebody's home is, and who has it until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from central.console.access import Seat
from central.console.pages import key_words
from central.console.pages.editing import Line, Made, Moment, Seen, not_found, writing
from central.console.pages.file_words import choices
from central.console.problem import Problem
from central.console.rights import allowed
from central.console.templating import office_page
from central.storage import key_register, pages, people
from central.storage.key_register import HouseKey
from central.texts import later, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("keys", "read"))]
Worker = Annotated[Seat, Depends(allowed("keys", "work"))]
Writer = Annotated[Seat, Depends(allowed("keys", "write"))]
Which = Literal["", "out", "overdue", "lost"]
WHICH = {"": later("All"), "out": later("Handed out"), "overdue": later("Overdue"), "lost": later("Lost")}
OUT_MAX_S = 30 * 86_400.0
Kept = Literal["contact", "key_safe", "team_safe"]


class KeyBody(BaseModel):
    """A key: the tag that stands on it (never an address), what it opens, where it belongs."""

    tag: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./-]{0,19}$")]
    opens: Line = ""
    kept: Kept
    place: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")] = ""
    contact_id: Annotated[str, Field(max_length=32)] = ""


class OutBody(BaseModel):
    """To whom a key is handed out, and by when it is back."""

    version: Seen
    to: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
    back_by_at: Moment
    note: Line = ""


class MoveBody(BaseModel):
    """Something else that happened to a key; `kept` and `place` where it goes."""

    version: Seen
    what: Literal["back", "moved", "lost", "found", "retired"]
    kept: Kept | None = None
    place: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]*$")] = ""
    contact_id: Annotated[str, Field(max_length=32)] = ""
    note: Line = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys by their tags; `following` is what the next page begins `after`."""

    counts: dict[str, int]
    keys: list[HouseKey]
    following: str


Question = Annotated[str, Query(max_length=20, pattern=r"^[^\x00]*$")]


@router.get("/api/keys", tags=["keys"])
def listed(request: Request, seat: Reader, which: Which = "", q: Question = "", after: Question = "") -> Keys:
    """Keys within reach: all in use, or those that are handed out, overdue or lost."""
    now: float = request.app.state.clock()
    with request.app.state.parts.database.read() as connection:
        counts = key_register.counts(connection, seat.who, now)
        found = key_register.listed(connection, seat.who, now, which=which, question=q, after=after)
    more = len(found) > key_register.PAGE
    return Keys(counts, found[: key_register.PAGE], found[key_register.PAGE - 1].tag if more else "")


@router.get("/keys", include_in_schema=False)
def show(request: Request, seat: Reader, which: Which = "", q: Question = "", after: Question = "") -> Response:
    """The page."""
    now: float = request.app.state.clock()
    found = listed(request, seat, which, q, after)
    words = translator(seat.operator.language)
    with request.app.state.parts.database.read() as connection:
        log = key_register.log_of(connection, [key.id for key in found.keys])
        names = pages.operator_names(connection)
    return office_page(
        request,
        seat,
        "keys.html",
        "/keys",
        counts=found.counts,
        keys=[key_words.line(key, log.get(key.id, []), names, now, words) for key in found.keys],
        following=found.following,
        which=which,
        whiches=choices(WHICH, words),
        kept=choices(key_words.KEPT, words),
        q=q,
        may_work=seat.may("keys", "work"),
        may_write=seat.may("keys", "write"),
        holders={},
    )


@router.post("/api/homes/{home_id}/keys", tags=["keys"])
def register(request: Request, seat: Writer, home_id: str, body: KeyBody) -> Made:
    """A key comes into the register."""
    values = body.model_dump() | {"tag": body.tag.upper()}
    with writing(request, seat) as (connection, now, by):
        _check_holder(connection, home_id, body.kept, body.contact_id)
        try:
            with connection.begin_nested():
                number = key_register.register(connection, home_id, values, now, by)
        except IntegrityError:
            raise Problem(409, "taken", later("This tag is on another key.")) from None
    return Made(id=str(number))


@router.post("/api/homes/{home_id}/keys/{key_id}/out", tags=["keys"])
def hand_out(request: Request, seat: Worker, home_id: str, key_id: int, body: OutBody) -> HouseKey:
    """A key is handed out, until a time."""
    with writing(request, seat) as (connection, now, by):
        key = _key(connection, home_id, key_id, body.version)
        if key.state != "in_place":
            raise Problem(409, "not_there", later("This key is not in its place."))
        if not now < body.back_by_at <= now + OUT_MAX_S:
            raise Problem(422, "bad_time", later("Say by when it is back, within a month."))
        after = {"state": "out", "out_to": body.to, "out_at": now}
        _move(
            key_register.move(
                connection,
                key,
                "out",
                now,
                by,
                whom=body.to,
                note=body.note,
                back_by_at=body.back_by_at,
                **after,
            )
        )
        return _key(connection, home_id, key_id)


@router.post("/api/homes/{home_id}/keys/{key_id}/move", tags=["keys"])
def move(request: Request, seat: Worker, home_id: str, key_id: int, body: MoveBody) -> HouseKey:
    """A key came back, was moved, is lost, was found, or is out of use."""
    with writing(request, seat) as (connection, now, by):
        key = _key(connection, home_id, key_id, body.version)
        state = {"back": "in_place", "moved": "in_place", "found": "in_place"}.get(body.what, body.what)
        if body.what in {"moved", "retired"} and not seat.may("keys", "write"):
            raise Problem(403, "not_allowed", later("Your account may not do this."))
        after: dict[str, Any] = {"state": state, "out_to": "", "out_at": None}
        if body.kept:
            _check_holder(connection, home_id, body.kept, body.contact_id)
            after |= {"kept": body.kept, "place": body.place, "contact_id": body.contact_id}
        _move(key_register.move(connection, key, body.what, now, by, note=body.note, whom=key.out_to, **after))
        return _key(connection, home_id, key_id)


def _key(connection: Connection, home_id: str, key_id: int, seen: int | None = None) -> HouseKey:
    key = key_register.find(connection, home_id, key_id) if 0 < key_id < 2**31 else None
    if key is None:
        raise not_found()
    if seen is not None and key.version != seen:
        raise Problem(409, "changed", later("Somebody else was faster. Look again."))
    return key


def _check_holder(connection: Connection, home_id: str, kept: str, contact_id: str) -> None:
    if kept == "contact" and contact_id not in {one.id for one in people.contacts_of(connection, home_id)}:
        raise Problem(422, "no_such_contact", later("There is no such contact."))


def _move(done: bool) -> None:
    if not done:
        raise Problem(409, "changed", later("Somebody else was faster. Look again."))
