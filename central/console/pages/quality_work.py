"""What is done on the page of quality: reasons for late answers, audits of calls, the table for elsewhere."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from central.console import case_view
from central.console import quality_view as view
from central.console.access import Seat
from central.console.pages import quality_table
from central.console.problem import Problem
from central.console.rights import admit, allowed
from central.console.templating import CENTRE_TIMEZONE
from central.service_figures import (
    Answers,
    Help,
    Inside,
    answers,
    help_times,
    help_times_from_sending,
    inside_times,
)
from central.storage import call_audits, service_quality
from central.storage.reach import NUMBER_MAX
from central.storage.service_quality import LateAnswer, scope_of
from central.texts import later, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("quality", "read"))]
Worker = Annotated[Seat, Depends(allowed("quality", "work"))]
Exporter = Annotated[Seat, Depends(allowed("quality", "export"))]
Text = Annotated[str, Query(max_length=80)]

REASON_MIN: Final = 10
"""Shortest reason: "busy" explains nothing."""


class ReasonBody(BaseModel):
    """Why a call waited too long."""

    reason: Annotated[str, Field(max_length=1000)]


class MonthBody(BaseModel):
    """A month, "YYYY-MM"."""

    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]


class AuditBody(BaseModel):
    """What going through a call has shown."""

    result: Literal["good", "to_improve", "poor"]
    remarks: Annotated[str, Field(max_length=1000)] = ""


class Figures(BaseModel):
    """Answer times and times to help of a span, as `central.service_figures` counts them: `help` from the call,
    `help_from_sending` from the decision to send, `inside` from arriving."""

    since_at: float
    until_at: float
    answers: Answers
    help: Help
    help_from_sending: Help
    inside: Inside


class Drawn(BaseModel):
    """How many calls were drawn now."""

    drawn: int


@router.get("/api/quality", tags=["quality"])
def read_figures(
    request: Request, seat: Reader, since: Text = "", until: Text = "", municipality: Text = ""
) -> Figures:
    """Answer times and times to help from a day until a day (YYYY-MM-DD, both included); the last thirty days."""
    now: float = request.app.state.clock()
    asked = view.period_of(since, until, now, CENTRE_TIMEZONE)
    scope = scope_of(seat.who, asked.since_at, asked.until_at, municipality.replace("\x00", ""))
    with request.app.state.parts.database.read() as conn:
        calls = service_quality.calls(conn, scope, CENTRE_TIMEZONE)
    return Figures(
        since_at=asked.since_at,
        until_at=asked.until_at,
        answers=answers(calls, now),
        help=help_times(calls),
        help_from_sending=help_times_from_sending(calls),
        inside=inside_times(calls),
    )


@router.get("/api/quality/late", tags=["quality"])
def read_late(
    request: Request, seat: Reader, since: Text = "", until: Text = "", municipality: Text = ""
) -> list[LateAnswer]:
    """The calls that waited more than 180 s, with their reasons; the newest first."""
    now: float = request.app.state.clock()
    asked = view.period_of(since, until, now, CENTRE_TIMEZONE)
    scope = scope_of(seat.who, asked.since_at, asked.until_at, municipality.replace("\x00", ""))
    with request.app.state.parts.database.read() as conn:
        return service_quality.late_answers(conn, scope, now)


@router.post("/api/cases/{case_id}/late-reason", tags=["quality"], status_code=204)
def explain_late(request: Request, seat: Worker, case_id: int, body: ReasonBody) -> Response:
    """Writes why a call waited. In an open case that asks for it this is the case's own explanation."""
    reason = " ".join(body.reason.replace("\x00", " ").split())
    if len(reason) < REASON_MIN:
        raise Problem(422, "no_reason", later("Write down why, in a few words."))
    state = request.app.state
    now: float = state.clock()
    with state.parts.database.read() as conn:
        asks = case_id in service_quality.open_exceptions(conn)
    if asks:
        case_view.answer(request, seat, state.parts.desk.explain(case_id, seat.operator.id, reason, now), case_id)
        return Response(status_code=204)
    with state.parts.database.begin() as conn:
        service_quality.add_late_reason(conn, case_id, reason, now, seat.operator.id)
    return Response(status_code=204)


@router.get("/api/quality/audits", tags=["quality"])
def read_audits(
    request: Request, seat: Reader, month: Annotated[str, Query(pattern=r"^\d{4}-\d{2}$")]
) -> list[call_audits.Audit]:
    """The calls of a month that were drawn by lot, within reach, and what going through them has shown: for who may see
    the figures of single operators."""
    if not view.sees_operators(seat):
        return []
    scope = service_quality.month_scope(month, seat.who.towns, CENTRE_TIMEZONE)
    if scope is None:
        raise Problem(422, "bad_content", later("This is no month."))
    with request.app.state.parts.database.read() as conn:
        within = {call.case_id for call in service_quality.calls(conn, scope, CENTRE_TIMEZONE)}
        return [one for one in call_audits.audits_of_month(conn, month) if one.case_id in within]


@router.post("/api/quality/audits", tags=["quality"])
def draw(request: Request, seat: Worker, body: MonthBody) -> Drawn:
    """Draws by lot what is missing of a month: two calls of each operator, one of them an emergency."""
    scope = service_quality.month_scope(body.month, seat.who.towns, CENTRE_TIMEZONE)
    if scope is None:
        raise Problem(422, "bad_content", later("This is no month."))
    now: float = request.app.state.clock()
    with request.app.state.parts.database.begin() as conn:
        made = call_audits.draw_audits(conn, body.month, scope, now, seat.operator.id, random.SystemRandom())
    return Drawn(drawn=len(made))


@router.post("/api/quality/audits/{audit_id}", tags=["quality"], status_code=204)
def keep_audit(request: Request, seat: Worker, audit_id: int, body: AuditBody) -> Response:
    """Writes what going through a call has shown; nobody judges their own."""
    now: float = request.app.state.clock()
    with request.app.state.parts.database.read() as conn:
        found = call_audits.audit(conn, audit_id) if 0 < audit_id <= NUMBER_MAX else None
    if found is None:
        raise Problem(404, "no_such_audit", later("There is no such call audit."))
    admit(request, seat, "quality", "work", case_id=found.case_id)
    if found.operator_id == seat.operator.id:
        raise Problem(409, "own_call", later("Somebody else must go through your call."))
    remarks = body.remarks.replace("\x00", " ").strip()
    if body.result != "good" and len(remarks) < REASON_MIN:
        raise Problem(422, "no_reason", later("Write down why, in a few words."))
    with request.app.state.parts.database.begin() as conn:
        call_audits.keep_audit(conn, audit_id, body.result, remarks, now, seat.operator.id)
    return Response(status_code=204)


@router.get("/api/quality/cases.csv", tags=["quality"], response_class=Response)
def export(
    request: Request,
    seat: Exporter,
    since: Text = "",
    until: Text = "",
    municipality: Text = "",
    lang: Literal["", "codes", "ca", "es", "en"] = "",
) -> StreamingResponse:
    """Every case of a span as a table (CSV, UTF-8), without names and addresses. That it was taken is in the log.

    Heads and codes are said in the language `lang`, or that of whoever asks, and times by the centre's clock. For
    `lang=codes` they are as everywhere in the interface, the same for ever, and times are in UTC.
    """
    now: float = request.app.state.clock()
    asked = view.period_of(since, until, now, CENTRE_TIMEZONE)
    scope = scope_of(seat.who, asked.since_at, asked.until_at, municipality.replace("\x00", ""))
    with_operators = view.sees_operators(seat)
    words = None if lang == "codes" else translator(lang or seat.operator.language)

    def lines() -> Iterator[str]:
        yield "\ufeff" + quality_table.head(words)
        with request.app.state.parts.database.read() as conn:
            for case in service_quality.exported(conn, scope):
                yield quality_table.line(case if with_operators else case | {"operator": ""}, words)

    name = f"llar-{asked.first}-{asked.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)
