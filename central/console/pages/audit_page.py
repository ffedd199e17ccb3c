"""The audit log as a page, and emergency access: opening a home beyond one's reach, and its review."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from central import paper_list
from central.access_rules import GLASS_S, Action, Resource, Role, Rule
from central.audit_chain import AuditRow
from central.console.access import Seat
from central.console.pages.account_words import ACTIONS, ORIGINS, OUTCOMES, RESOURCES, ROLES
from central.console.problem import Problem
from central.console.rights import allowed, entry_for, trail
from central.console.templating import CENTRE_TIMEZONE, office_page
from central.storage import accounts, audit_log, pages, reach
from central.storage.audit_log import Filter
from central.storage.reach import NUMBER_MAX
from central.texts import Words, later, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("audit_log", "read"))]
Reviewer = Annotated[Seat, Depends(allowed("audit_log", "work"))]
GlassBreaker = Annotated[Seat, Depends(allowed("glass", "work"))]

ROWS_SHOWN: Final = 100
GLASS_SHOWN: Final = 30
REASON_MIN: Final = 10
"""Shortest reason: "test" is none."""
Text = Annotated[str, Field(max_length=80)]


class ReasonBody(BaseModel):
    """Why a home must be opened that is beyond one's reach."""

    reason: Annotated[str, Field(max_length=300)]


@dataclass(frozen=True, slots=True)
class Opened:
    """Until when the home stands open."""

    home_id: str
    until_at: float


class Asked(BaseModel):
    """Of an account, of a person or home, of an outcome, from a day until a day (YYYY-MM-DD); empty is of all."""

    account: Text = ""
    person: Text = ""
    outcome: Text = ""
    since: Text = ""
    until: Text = ""
    after: Annotated[str, Field(max_length=10, pattern="^[0-9]*$")] = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A row of the log in words, with who lives in the home that it is about."""

    id: int
    at: float
    account_id: str
    called: str
    role: str
    resource: str
    action: str
    outcome: str
    outcome_code: str
    home_id: str
    people: str
    resident_id: str
    case_id: int
    what: str
    why: str
    origin: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the log, the newest first; `following` is what the next page begins `after`, "" on the last."""

    lines: list[LogLine]
    following: str


@router.post("/api/homes/{home_id}/glass", tags=["access"])
def open_home(request: Request, seat: GlassBreaker, home_id: str, body: ReasonBody) -> Opened:
    """Opens a home for an hour, for a written reason."""
    return _open(request, seat, body)


@router.post("/api/cases/{case_id}/glass", tags=["access"])
def open_case(request: Request, seat: GlassBreaker, case_id: int, body: ReasonBody) -> Opened:
    """Opens the home of a case for an hour, for a written reason."""
    return _open(request, seat, body)


@router.get("/api/glass", tags=["access"])
def read_glass(request: Request, seat: Reader) -> list[accounts.BrokenGlass]:
    """The latest openings of homes beyond reach, those that nobody has looked at first."""
    with request.app.state.parts.database.read() as conn:
        return accounts.list_glass(conn, GLASS_SHOWN, reach.homes_within(seat.who))


@router.post("/api/glass/{glass_id}/review", tags=["access"], status_code=204)
def review(request: Request, seat: Reviewer, glass_id: int) -> Response:
    """Says that somebody else has looked at it."""
    now: float = request.app.state.clock()
    with request.app.state.parts.database.begin() as conn:
        found = accounts.glass_of(conn, glass_id) if 0 < glass_id <= NUMBER_MAX else None
        within = found is None or seat.who.towns is None or reach.municipality_of(conn, found.home_id) in seat.who.towns
        if found is None or not within:
            raise Problem(404, "no_such_access", later("There is no such access."))
        if found.account_id == seat.operator.id:
            raise Problem(409, "own_access", later("Somebody else must look at what you opened."))
        accounts.review_glass(conn, glass_id, seat.operator.id, now)
    return Response(status_code=204)


@router.get("/audit", include_in_schema=False)
def show(request: Request, seat: Reader, asked: Annotated[Asked, Query()]) -> Response:
    """The page: what was opened beyond reach first, then the log."""
    log = read_log(request, seat, asked)
    glass = read_glass(request, seat)
    with request.app.state.parts.database.read() as conn:
        homes = pages.home_names(conn, [one.home_id for one in glass])
        people = audit_log.people_of(conn, [one.home_id for one in glass])
        names = pages.operator_names(conn)
        head = audit_log.head(conn)
    words = translator(seat.operator.language)
    return office_page(
        request,
        seat,
        "audit.html",
        "/audit",
        lines=log.lines,
        glass=glass,
        homes=homes,
        people=people,
        names=names,
        asked=asked.model_dump(),
        outcomes={code: words.gettext(text) for code, text in OUTCOMES.items()},
        following=log.following,
        head=head,
        may_review=seat.may("audit_log", "work"),
        me=seat.operator.id,
    )


@router.get("/api/audit", tags=["access"])
def read_log(request: Request, seat: Reader, asked: Annotated[Asked, Query()]) -> LogPage:
    """Who read or changed what of whom: of an account, of a person or home, of an outcome, of some days."""
    person = asked.person.replace("\x00", "").strip()
    with request.app.state.parts.database.read() as conn:
        wanted = Filter(
            account_id=asked.account.replace("\x00", "").strip().lower(),
            about=audit_log.homes_matching(conn, person) if person else None,
            outcome=asked.outcome if asked.outcome in OUTCOMES else "",
            since_at=_day(asked.since, 0),
            until_at=_day(asked.until, 1),
            before_id=min(int(asked.after), NUMBER_MAX) if asked.after else None,
            within=reach.homes_within(seat.who),
        )
        found = audit_log.find(conn, wanted, ROWS_SHOWN + 1)
        rows = found[:ROWS_SHOWN]
        people = audit_log.people_of(conn, {row.entry.home_id for row in rows})
        names = pages.operator_names(conn)
    lines = [_line(row, people, names, seat.operator.language) for row in rows]
    return LogPage(lines, str(rows[-1].id) if len(found) > ROWS_SHOWN else "")


def _open(request: Request, seat: Seat, body: ReasonBody) -> Opened:
    assert seat.place is not None  # both paths name one
    reason = " ".join(body.reason.replace("\x00", " ").split())
    if len(reason) < REASON_MIN:
        raise Problem(422, "no_reason", later("Write down why, in a few words."))
    now: float = request.app.state.clock()
    home_id = seat.place.home_id
    with request.app.state.parts.database.begin() as conn:
        accounts.break_glass(conn, seat.operator.id, home_id, reason, now)
    rule = Rule(Resource.GLASS, Action.WORK)
    trail(request).append(entry_for(request, seat, rule, seat.place, outcome="glass", why=reason))
    return Opened(home_id, now + GLASS_S)


def _line(row: AuditRow, people: dict[str, str], names: dict[str, str], language: str) -> LogLine:
    words = translator(language)
    entry = row.entry
    itself = entry.account_id == "desk"
    origin = "here" if itself else entry.origin
    said: dict[str, Any] = {
        "role": words.gettext(ROLES[Role(entry.role)]) if entry.role in set(Role) else entry.role,
        "resource": words.gettext(RESOURCES[Resource(entry.resource)])
        if entry.resource in set(Resource)
        else entry.resource,
        "action": words.gettext(ACTIONS[Action(entry.action)]) if entry.action in set(Action) else entry.action,
        "outcome": words.gettext(OUTCOMES.get(entry.outcome, entry.outcome)),
        "origin": words.gettext(ORIGINS.get(origin, origin)),
    }
    return LogLine(
        id=row.id,
        at=entry.at,
        account_id=entry.account_id,
        called=words.gettext("the centre, by itself") if itself else names.get(entry.account_id, ""),
        outcome_code=entry.outcome,
        home_id=entry.home_id,
        people=people.get(entry.home_id, ""),
        resident_id=entry.resident_id,
        case_id=entry.case_id,
        what=entry.what,
        why=_why(entry.why, words),
        **said,
    )


def _why(reason: str, words: Words) -> str:
    """A reason that the desk wrote by itself in the reader's words, any other as it was written."""
    if case := re.fullmatch(r"case (\d+)", reason):
        return words.say("case {id}", id=case[1])
    return words.gettext(reason) if reason == paper_list.WHY else reason


def _day(text: str, more: int) -> float | None:
    """The beginning of a day at the centre, or of one so many days later; None for what is no day."""
    try:
        day = date.fromisoformat(text) + timedelta(days=more)
    except (ValueError, OverflowError):
        return None
    return datetime.combine(day, time(), ZoneInfo(CENTRE_TIMEZONE)).timestamp()
