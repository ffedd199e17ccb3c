"""One case: what the operator reads of it, and taking, parking, handing back and closing it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from central.alarm_cases.case import NOTE_MAX
from central.alarm_cases.closing import Action, Cause, Closing, FollowUp, Label, Outcome
from central.case_desk import CaseDesk
from central.console import case_view
from central.console.access import Seat
from central.console.case_view import CaseView, answer
from central.console.rights import allowed
from central.texts import later

router = APIRouter(prefix="/api/cases", tags=["cases"])

Text = Annotated[str, Field(max_length=NOTE_MAX)]
Words = Annotated[str, Field(min_length=1, max_length=NOTE_MAX)]

Reader = Annotated[Seat, Depends(allowed("case", "read"))]
Worker = Annotated[Seat, Depends(allowed("case", "work"))]


class NoteBody(BaseModel):
    """Somebody's words."""

    text: Words


class WaitBody(BaseModel):
    """Park for so many minutes, and what is waited for."""

    minutes: Annotated[float, Field(gt=0, le=60 * 24 * 30)]
    reason: Text


class ReleaseBody(BaseModel):
    """Why the case is handed back."""

    reason: Text = ""


class ReopenBody(BaseModel):
    """Why a closed case is opened again."""

    reason: Text


class ExplainBody(BaseModel):
    """Why nobody took the case in time."""

    explanation: Text


class ClosingBody(BaseModel):
    """How a case ended; codes of the closing list. `told` holds contacts' ids; `follow_up` puts a call into the
    agenda."""

    cause: Cause
    action: Action = Action.NONE
    outcome: Outcome = Outcome.NOT_SAID
    told: Annotated[list[str], Field(max_length=50)] = []
    note: Text = ""
    label: Label = Label.NOT_SAID
    explanation: Text = ""
    follow_up: FollowUp = FollowUp.NONE


@router.get("/{case_id}")
def show(request: Request, seat: Reader, case_id: int) -> CaseView:
    """The case with its reasons, evidence, checklist, contacts, deliveries and log."""
    return case_view.view(request, seat, case_id)


@router.post("/{case_id}/take")
def take(request: Request, seat: Worker, case_id: int) -> CaseView:
    """Takes the case; 409 `taken` with the name of who was first."""
    return answer(request, seat, _desk(request).take(case_id, seat.operator.id, _now(request)), case_id)


@router.post("/{case_id}/talk")
def talk(request: Request, seat: Worker, case_id: int) -> CaseView:
    """Says that the operator speaks with the resident."""
    return answer(request, seat, _desk(request).talk(case_id, seat.operator.id, _now(request)), case_id)


@router.post("/{case_id}/note")
def note(request: Request, seat: Worker, case_id: int, body: NoteBody) -> CaseView:
    """Writes a note into the log."""
    return answer(request, seat, _desk(request).note(case_id, seat.operator.id, body.text, _now(request)), case_id)


@router.post("/{case_id}/wait")
def wait(request: Request, seat: Worker, case_id: int, body: WaitBody) -> CaseView:
    """Parks the case; it rings again at the recall time."""
    now = _now(request)
    result = _desk(request).wait(case_id, seat.operator.id, now + 60 * body.minutes, body.reason, now)
    return answer(request, seat, result, case_id)


@router.post("/{case_id}/release")
def release(request: Request, seat: Worker, case_id: int, body: ReleaseBody) -> CaseView:
    """Hands the case back to everybody; it rings."""
    result = _desk(request).release(case_id, seat.operator.id, body.reason, _now(request))
    return answer(request, seat, result, case_id)


@router.post("/{case_id}/close")
def close(request: Request, seat: Worker, case_id: int, body: ClosingBody) -> CaseView:
    """Closes the case."""
    closing = Closing(**body.model_dump(exclude={"told"}), told=tuple(body.told))
    return answer(request, seat, _desk(request).close(case_id, seat.operator.id, closing, _now(request)), case_id)


@router.post("/{case_id}/reopen")
def reopen(request: Request, seat: Worker, case_id: int, body: ReopenBody) -> CaseView:
    """Opens a case again within a day of its closing; who does so has it in hand."""
    result = _desk(request).reopen(case_id, seat.operator.id, body.reason, _now(request))
    return answer(request, seat, result, case_id, reason=later("Write down why it is opened again."))


@router.post("/{case_id}/explain")
def explain(request: Request, seat: Worker, case_id: int, body: ExplainBody) -> CaseView:
    """Writes why nobody took the case in time; without it the case cannot be closed."""
    result = _desk(request).explain(case_id, seat.operator.id, body.explanation, _now(request))
    return answer(request, seat, result, case_id, reason=later("Write down why nobody took it in time."))


def _desk(request: Request) -> CaseDesk:
    desk: CaseDesk = request.app.state.parts.desk
    return desk


def _now(request: Request) -> float:
    now: float = request.app.state.clock()
    return now
