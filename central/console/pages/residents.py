"""Residents: found by name, address, telephone or municipality, and by what is the matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from central.console.access import Seat
from central.console.pages.file_words import FLAGS, choices
from central.console.rights import allowed
from central.console.templating import office_page
from central.storage import home_list, reach
from central.storage.home_list import HomeInList
from central.texts import later, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("resident_file", "read"))]
Words = Annotated[str, Field(max_length=120, pattern=r"^[^\x00]*$")]
Only = Literal["", "away", "unreachable", "unproven", "false_alarms"]

INSTALLATIONS = {
    "usual": later("within five working days"),
    "urgent": later("urgent: within two working days"),
    "none": later("not ordered"),
}
ONLY = {
    "": later("All"),
    "away": later("Away"),
    "unreachable": later("Nobody reachable"),
    "unproven": later("Path not proven for 30 days"),
    "false_alarms": later("Many false alarms"),
}


class Asked(BaseModel):
    """Which homes: by the beginnings of words of names and addresses or a telephone number, of a municipality."""

    q: Words = ""
    municipality: Words = ""
    only: Only = ""
    after: Annotated[str, Field(max_length=32, pattern=r"^[^\x00]*$")] = ""


@dataclass(frozen=True, slots=True)
class Residents:
    """A page of homes with their people; `following` is what the next page begins `after`, "" on the last."""

    homes: list[HomeInList]
    following: str


@router.get("/api/residents", tags=["residents"])
def find(request: Request, seat: Reader, asked: Annotated[Asked, Query()]) -> Residents:
    """Homes within reach, by the beginnings of words of names and addresses, or by a telephone number."""
    state = request.app.state
    with state.parts.database.read() as connection:
        page = home_list.find(
            connection,
            seat.who,
            state.clock(),
            question=asked.q,
            municipality=asked.municipality,
            only=[asked.only] if asked.only else [],
            after=asked.after,
        )
    return Residents(page.homes, page.following)


@router.get("/residents", include_in_schema=False)
def show(request: Request, seat: Reader, asked: Annotated[Asked, Query()]) -> Response:
    """The page."""
    state = request.app.state
    found = find(request, seat, asked)
    with state.parts.database.read() as connection:
        places = reach.municipalities(connection, seat.who)
    words = translator(seat.operator.language)
    return office_page(
        request,
        seat,
        "residents.html",
        "/residents",
        found=found,
        q=asked.q,
        municipality=asked.municipality,
        only=asked.only,
        filters=choices(ONLY, words),
        flags=choices(FLAGS, words),
        installations=choices(INSTALLATIONS, words),
        places=places,
        now=state.clock(),
        may_write=seat.may("resident_file", "write"),
        may_print=seat.may("paper_list", "read"),
        unproven_at=state.clock() - home_list.UNPROVEN_S,
        many=home_list.MANY_FALSE_ALARMS,
    )
