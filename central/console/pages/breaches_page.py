"""The register of breaches of personal data: what happened, whom it concerns, and the 72 hours (GDPR Art. 33, 34)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from central.console.access import Seat
from central.console.problem import Problem
from central.console.rights import admit, allowed
from central.console.templating import CENTRE_TIMEZONE, office_page
from central.storage import breaches, pages
from central.storage.breaches import AFFECTED_MAX, Affected, Breach
from central.storage.reach import NUMBER_MAX, homes_within
from central.texts import later, local, translator

router = APIRouter(tags=["privacy"])
Reader = Annotated[Seat, Depends(allowed("breaches", "read"))]
Writer = Annotated[Seat, Depends(allowed("breaches", "write"))]
Exporter = Annotated[Seat, Depends(allowed("breaches", "export"))]

FUTURE_S: Final = 300.0
"""Clocks of browsers may be so much ahead."""
CLOCKS: Final = {
    "running": later("{span} left to tell the authority"),
    "overdue": later("the authority should have been told {span} ago"),
    "told": later("the authority was told in time"),
    "told_late": later("the authority was told {span} late"),
    "not_needed": later("the authority needs not be told"),
}
Text = Annotated[str, Field(max_length=4_000, pattern=r"^[^\x00]*$")]
Moment = Annotated[float, Field(ge=0, le=1e11)] | None


class BreachBody(BaseModel):
    """A breach as it is known now. `no_risk`: why nobody is at risk, so that the authority needs not be told."""

    detected_at: Annotated[float, Field(ge=0, le=1e11)]
    what: Annotated[Text, Field(min_length=3)]
    data: Text = ""
    people: Text = ""
    measures: Text = ""
    no_risk: Text = ""
    authority_at: Moment = None
    people_at: Moment = None
    closed_at: Moment = None


class ChangedBody(BreachBody):
    """What is known meanwhile, over the version that its writer has seen."""

    version: Annotated[int, Field(ge=1, le=NUMBER_MAX)]


class Span(BaseModel):
    """Of an account ("" for all), from a moment until another, Unix seconds."""

    account: Annotated[str, Field(max_length=32, pattern=r"^[^\x00]*$")] = ""
    since: Annotated[float, Field(ge=0, le=1e11)]
    until: Annotated[float, Field(ge=0, le=1e11)]


@dataclass(frozen=True, slots=True)
class Entered:
    """The number of an entry."""

    id: int


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry of the register with where its 72 hours stand, and the seconds until or since they end."""

    breach: Breach
    clock: str
    left_s: float


@router.get("/breaches", include_in_schema=False)
def show(
    request: Request,
    seat: Reader,
    account: Annotated[str, Query(max_length=32, pattern=r"^[^\x00]*$")] = "",
    since: Annotated[str, Query(max_length=20)] = "",
    until: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The page; with a span in its address it lists whose files were opened then."""
    state = request.app.state
    begins, ends = _moment(since), _moment(until)
    found = None
    if begins is not None and ends is not None:
        admit(request, seat, "breaches", "export")
        found = affected(request, seat, Span(account=account, since=begins, until=ends))
    words = translator(seat.operator.language)
    with state.parts.database.read() as conn:
        names = pages.operator_names(conn)
    register = _register(request)

    def said(one: Standing) -> str:
        return words.say(CLOCKS[one.clock], span=f"{abs(one.left_s) // 3_600:.0f} h")

    return office_page(
        request,
        seat,
        "breaches.html",
        "/breaches",
        register=register,
        said=said,
        names=names,
        fields={
            "what": later("What happened"),
            "data": later("Which data"),
            "people": later("Whom it concerns, and how many"),
            "measures": later("What was and will be done"),
            "no_risk": later("Why nobody is at risk, if so"),
        },
        moments={
            "authority_at": later("Authority told"),
            "people_at": later("Persons told"),
            "closed_at": later("Closed"),
        },
        may_write=seat.may("breaches", "write"),
        may_export=seat.may("breaches", "export"),
        most=AFFECTED_MAX,
        found=found,
        asked={"account": account, "since": since, "until": until},
        shown=lambda at: "" if at is None else local(at, CENTRE_TIMEZONE).strftime("%Y-%m-%dT%H:%M"),
        now=state.clock(),
    )


@router.get("/api/breaches")
def read(request: Request, seat: Reader) -> list[Standing]:
    """The register: what is not closed first."""
    return _register(request)


@router.post("/api/breaches", status_code=201)
def add(request: Request, seat: Writer, body: BreachBody) -> Entered:
    """A new entry. The 72 hours are counted from `detected_at`."""
    state = request.app.state
    with state.parts.database.begin() as conn:
        return Entered(breaches.add(conn, _checked(body, state.clock()), state.clock(), seat.operator.id))


@router.put("/api/breaches/{breach_id}", status_code=204)
def change(request: Request, seat: Writer, breach_id: int, body: ChangedBody) -> Response:
    """What is known meanwhile; somebody else's change is not overwritten."""
    state = request.app.state
    values = _checked(body, state.clock())
    version = values.pop("version")
    with state.parts.database.begin() as conn:
        found = breaches.find(conn, breach_id) if 0 < breach_id <= NUMBER_MAX else None
        if found is None:
            raise Problem(404, "no_such_breach", later("There is no such entry."))
        if not breaches.change(conn, breach_id, version, values, state.clock(), seat.operator.id):
            who = pages.operator_names(conn).get(found.changed_by, found.changed_by)
            text = later("{who} has changed this meanwhile. Load the page anew and look at it first.")
            raise Problem(409, "changed_meanwhile", translator(seat.operator.language).say(text, who=who), who)
    return Response(status_code=204)


@router.get("/api/breaches/affected")
def affected(request: Request, seat: Exporter, span: Annotated[Span, Query()]) -> list[Affected]:
    """Who may be affected: everybody whose file was opened by an account, or by anybody, in a span of time."""
    account = span.account.strip().lower()
    with request.app.state.parts.database.read() as conn:
        return breaches.affected(
            conn, account_id=account, since_at=span.since, until_at=span.until, within=homes_within(seat.who)
        )


def _moment(text: str) -> float | None:
    """A date and time at the centre; None for what is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(CENTRE_TIMEZONE)).timestamp()
    except (ValueError, OverflowError):
        return None


def _checked(body: BreachBody, now: float) -> dict[str, Any]:
    values = body.model_dump()
    for name in ("detected_at", "authority_at", "people_at", "closed_at"):
        if values[name] is not None and values[name] > now + FUTURE_S:
            raise Problem(422, "future", later("This moment has not come yet."))
    return values


def _register(request: Request) -> list[Standing]:
    now: float = request.app.state.clock()
    with request.app.state.parts.database.read() as conn:
        found = breaches.listed(conn)
    return [Standing(one, one.clock(now), (one.authority_at or now) - one.due_at) for one in found]
