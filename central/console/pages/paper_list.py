"""The paper list: homes, contacts and ways in of a municipality, to be printed for when the centre is down."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from central import paper_list
from central.access_rules import Action, Resource, Rule
from central.console.access import Seat
from central.console.problem import Problem
from central.console.rights import allowed, entry_for, trail
from central.console.templating import office_page
from central.storage import paper_homes, reach
from central.storage.paper_homes import HOMES_MAX, PaperHome
from central.texts import later, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("paper_list", "read"))]
Town = Annotated[str, Query(max_length=80, pattern=r"^[^\x00]*$")]
ALL: Final = "*"
"""Stands for all municipalities within reach."""


@router.get("/api/paper-list", tags=["residents"])
def listed(request: Request, seat: Reader, municipality: Town) -> list[PaperHome]:
    """The homes of a municipality within reach ("*" for all), with whom to ring and how to get in; no codes of doors.

    That the file of each was read is in the log.
    """
    state = request.app.state
    town = None if municipality == ALL else municipality
    with state.parts.database.read() as connection:
        many = paper_homes.count(connection, seat.who, town)
        if many > HOMES_MAX:
            raise Problem(409, "too_many", _too_many(seat, many))
        homes = paper_homes.listed(connection, seat.who, town)
    rule = Rule(Resource.RESIDENT_FILE, Action.EXPORT)
    trail(request).append_all(
        [entry_for(request, seat, rule, None, home_id=home.id, why=paper_list.WHY) for home in homes]
    )
    return homes


@router.get("/paper-list", include_in_schema=False)
def show(request: Request, seat: Reader, municipality: Town = "") -> Response:
    """The page; nobody's file is read before a municipality was chosen."""
    state = request.app.state
    homes: list[PaperHome] = []
    fault = ""
    if municipality:
        try:
            homes = listed(request, seat, municipality)
        except Problem as problem:
            fault = problem.text
    with state.parts.database.read() as connection:
        places = reach.municipalities(connection, seat.who)
    return office_page(
        request,
        seat,
        "paper_list.html",
        "/residents",
        municipality=municipality,
        everything=ALL,
        places=places,
        fault=fault,
        **paper_list.values(homes, state.clock(), seat.operator.language),
    )


def _too_many(seat: Seat, many: int) -> str:
    text = later("These are {count} homes, too many for a page. Take the files that the centre writes every night.")
    return translator(seat.operator.language).say(text, count=many)
