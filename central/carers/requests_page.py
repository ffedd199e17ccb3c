"""What residents ask about their data, for the coordinators who answer it within a month."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from central.carers.rights_words import KINDS, STATES
from central.console.access import Seat
from central.console.problem import Problem
from central.console.rights import admit, allowed
from central.console.templating import office_page
from central.storage import rights_requests
from central.storage.reach import NUMBER_MAX, homes_within
from central.storage.rights_requests import RightsRequest
from central.texts import later

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("rights", "read"))]
Answerer = Annotated[Seat, Depends(allowed("rights", "work"))]


class SettleBody(BaseModel):
    """How a request ends; the answer is shown to the person, word by word."""

    state: Literal["done", "refused"]
    answer: Annotated[str, Field(min_length=3, max_length=2_000)]


@router.get("/requests", include_in_schema=False)
def show(request: Request, seat: Reader) -> Response:
    """The page."""
    if seat.who.resident_id or not (seat.who.municipalities):
        raise Problem(403, "not_allowed", later("Your account may not do this."))
    return office_page(
        request,
        seat,
        "requests.html",
        "/requests",
        requests=_listed(request, seat),
        kinds=KINDS,
        states=STATES,
        now=request.app.state.clock(),
        may_answer=seat.may("rights", "work"),
    )


@router.get("/api/requests", tags=["rights"])
def read(request: Request, seat: Reader) -> list[RightsRequest]:
    """The requests from within reach: open ones first, those due soonest first."""
    return _listed(request, seat)


@router.post("/api/requests/{request_id}/answer", tags=["rights"], status_code=204)
def settle(request: Request, seat: Answerer, request_id: int, body: SettleBody) -> Response:
    """Answers a request."""
    state = request.app.state
    with state.parts.database.read() as conn:
        found = rights_requests.find(conn, request_id) if 0 < request_id <= NUMBER_MAX else None
    if found is None:
        raise Problem(404, "no_such_request", later("There is no such request."))
    admit(request, seat, "rights", "work", home_id=found.home_id)
    with state.parts.database.begin() as conn:
        done = rights_requests.settle(conn, request_id, body.state, body.answer, state.clock(), seat.operator.id)
    if not done:
        raise Problem(409, "not_possible", later("Somebody has answered it already."))
    return Response(status_code=204)


def _listed(request: Request, seat: Seat) -> list[RightsRequest]:
    if seat.who.resident_id:
        return []
    with request.app.state.parts.database.read() as conn:
        return rights_requests.listed(conn, homes_within(seat.who))
