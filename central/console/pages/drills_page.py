"""Drills: tests of the whole path from a press at home to a person who answers; what was proven, what not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from central.case_desk import Done
from central.console.access import Seat
from central.console.pages.editing import Moment, writing
from central.console.problem import Problem
from central.console.rights import allowed
from central.console.templating import office_page
from central.storage import drill_plans, drills, home_facts, home_list
from central.storage.drill_plans import HomeProof, Proofs
from central.texts import later, say_moment, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("drill", "read"))]
Worker = Annotated[Seat, Depends(allowed("drill", "work"))]
LATEST_SHOWN: Final = 30
WAIT_MAX_S: Final = 90 * 86_400.0


class PlanBody(BaseModel):
    """A test every so many days, 0 for none any more; the first at `next_at`."""

    every_days: Annotated[int, Field(ge=0, le=365)]
    next_at: Moment = 0.0


@dataclass(frozen=True, slots=True)
class Started:
    """The case of a test that has begun: the home is asked to press."""

    case: int


@dataclass(frozen=True, slots=True)
class Drills:
    """How many homes are proven, and those that are not, the longest first."""

    proofs: Proofs
    homes: list[HomeProof]


@router.get("/api/drills", tags=["drills"])
def listed(request: Request, seat: Reader, everything: Annotated[bool, Query()] = False) -> Drills:
    """Homes whose path was never proven, or not for 30 days; or all of them."""
    since_at = request.app.state.clock() - home_list.UNPROVEN_S
    with request.app.state.parts.database.read() as connection:
        before = None if everything else since_at
        return Drills(
            drill_plans.proofs(connection, seat.who, since_at),
            drill_plans.by_proof(connection, seat.who, before=before),
        )


@router.get("/drills", include_in_schema=False)
def show(request: Request, seat: Reader, everything: Annotated[bool, Query()] = False) -> Response:
    """The page."""
    found = listed(request, seat, everything)
    now: float = request.app.state.clock()
    words = translator(seat.operator.language)
    with request.app.state.parts.database.read() as connection:
        tests = [_test(connection, *one, now, words) for one in drill_plans.latest(connection, seat.who, LATEST_SHOWN)]
    return office_page(
        request,
        seat,
        "drills.html",
        "/drills",
        proofs=found.proofs,
        homes=found.homes,
        tests=tests,
        everything=everything,
        may_work=seat.may("drill", "work"),
        may_file=seat.may("resident_file", "read"),
        now=now,
    )


@router.post("/api/homes/{home_id}/drills", tags=["drills"])
def start(request: Request, seat: Worker, home_id: str) -> Started:
    """Begins a test: a case marked TEST waits for the home's press."""
    done = request.app.state.parts.desk.start_drill(home_id, seat.operator.id, request.app.state.clock())
    if not isinstance(done, Done):
        raise Problem(409, done.reason, later("This cannot be done."))
    with request.app.state.parts.database.begin() as connection:
        home_facts.note_drills(connection, home_id)
    return Started(done.case.id)


@router.put("/api/homes/{home_id}/drill-plan", status_code=204, tags=["drills"])
def plan(request: Request, seat: Worker, home_id: str, body: PlanBody) -> None:
    """Wants a test of this home every so many days."""
    with writing(request, seat) as (connection, now, by):
        next_at = body.next_at or now + body.every_days * 86_400.0
        if body.every_days and not now <= next_at <= now + max(WAIT_MAX_S, body.every_days * 86_400.0):
            raise Problem(422, "bad_time", later("Choose a time that is still to come."))
        drill_plans.plan(connection, home_id, body.every_days, next_at, by)


def _test(connection: Any, case_id: int, home_id: str, address: str, now: float, words: Any) -> dict[str, Any]:
    line = next((one for one in drills.drills_of(connection, home_id) if one.case_id == case_id), None)
    drill = line.drill if line else None
    times = (
        (later("Heard"), drill.heard_at if drill else None),
        (later("Taken"), drill.taken_at if drill else None),
        (later("Spoken"), drill.spoken_at if drill else None),
        (later("Proven"), drill.proven_at if drill else None),
    )
    began_at = line.opened_at if line else now  # the day is said once
    return {
        "case": case_id,
        "home": home_id,
        "address": address,
        "begun": say_moment(line.opened_at, now, words.language) if line else "",
        "steps": [(words.gettext(name), say_moment(at, began_at, words.language) if at else "") for name, at in times],
        "proven": bool(drill and drill.proven_at),
        "took_s": (drill.taken_at - drill.heard_at) if drill and drill.taken_at and drill.heard_at else None,
    }
