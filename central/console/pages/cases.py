"""One case: what the operator reads and everything that they can do to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from central.alarm_cases.case import NOTE_MAX, CaseEvent
from central.alarm_cases.closing import Action, Cause, Closing, Label, Outcome
from central.alarm_cases.escalation import PARKED_MAX_S
from central.alarm_cases.priority import Priority
from central.alarm_cases.transitions import Refused
from central.case_desk import CaseDesk, Done
from central.console import wording
from central.console.access import Seat
from central.console.problem import Problem
from central.console.rights import allowed
from central.console.wording import Line, Names, Proof, Why
from central.storage import cases as case_store
from central.storage import pages
from central.storage.pages import Card, DeliveryLine
from central.texts import later, say_number, translator

router = APIRouter(prefix="/api/cases", tags=["cases"])

Text = Annotated[str, Field(max_length=NOTE_MAX)]
ETA_MINUTES_MAX: Final = 24 * 60

Reader = Annotated[Seat, Depends(allowed("case", "read"))]
Worker = Annotated[Seat, Depends(allowed("case", "work"))]


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as its page shows it. Sentences are in the language of who asks.

    `triage` is the last answer to what is needed, 1 to 5; `parked_max_s` bounds a recall.
    """

    now: float
    card: Card
    why: list[Why]
    proofs: list[Proof]
    triage: int | None
    timeline: list[Line]
    deliveries: list[DeliveryLine]
    parked_max_s: float


class NoteBody(BaseModel):
    """Somebody's words."""

    text: Annotated[str, Field(min_length=1, max_length=NOTE_MAX)]


class TriageBody(BaseModel):
    """What is needed, 1 to 5: fine or mistake, somebody today, somebody now, emergency services, no answer."""

    choice: Annotated[int, Field(ge=1, le=len(wording.TRIAGE))]


class WaitBody(BaseModel):
    """Park for so many minutes, and what is waited for."""

    minutes: Annotated[float, Field(gt=0, le=60 * 24 * 30)]
    reason: Text


class ReleaseBody(BaseModel):
    """Why the case is handed back."""

    reason: Text = ""


class OnTheWayBody(BaseModel):
    """In how many minutes the contact expects to be there."""

    eta_minutes: Annotated[int, Field(ge=0, le=ETA_MINUTES_MAX)]


class ClosingBody(BaseModel):
    """How a case ended; codes of the closing list. `told` holds contacts' ids."""

    cause: Cause
    action: Action = Action.NONE
    outcome: Outcome = Outcome.NOT_SAID
    told: Annotated[list[str], Field(max_length=50)] = []
    note: Text = ""
    label: Label = Label.NOT_SAID
    explanation: Text = ""


@router.get("/{case_id}")
def show(request: Request, seat: Reader, case_id: int) -> CaseView:
    """The case with its reasons, evidence, deliveries and log."""
    return _view(request, seat, case_id)


@router.post("/{case_id}/take")
def take(request: Request, seat: Worker, case_id: int) -> CaseView:
    """Takes the case; 409 `taken` with the name of who was first."""
    return _answer(request, seat, _desk(request).take(case_id, seat.operator.id, _now(request)), case_id)


@router.post("/{case_id}/talk")
def talk(request: Request, seat: Worker, case_id: int) -> CaseView:
    """Says that the operator speaks with the resident."""
    return _answer(request, seat, _desk(request).talk(case_id, seat.operator.id, _now(request)), case_id)


@router.post("/{case_id}/note")
def note(request: Request, seat: Worker, case_id: int, body: NoteBody) -> CaseView:
    """Writes a note into the log."""
    return _answer(request, seat, _desk(request).note(case_id, seat.operator.id, body.text, _now(request)), case_id)


@router.post("/{case_id}/triage")
def triage(request: Request, seat: Worker, case_id: int, body: TriageBody) -> CaseView:
    """Writes what is needed into the log, in the same five words always."""
    result = _desk(request).triage(case_id, seat.operator.id, body.choice, _now(request))
    return _answer(request, seat, result, case_id)


@router.post("/{case_id}/wait")
def wait(request: Request, seat: Worker, case_id: int, body: WaitBody) -> CaseView:
    """Parks the case; it rings again at the recall time."""
    now = _now(request)
    result = _desk(request).wait(case_id, seat.operator.id, now + 60 * body.minutes, body.reason, now)
    return _answer(request, seat, result, case_id)


@router.post("/{case_id}/release")
def release(request: Request, seat: Worker, case_id: int, body: ReleaseBody) -> CaseView:
    """Hands the case back to everybody; it rings."""
    result = _desk(request).release(case_id, seat.operator.id, body.reason, _now(request))
    return _answer(request, seat, result, case_id)


@router.post("/{case_id}/close")
def close(request: Request, seat: Worker, case_id: int, body: ClosingBody) -> CaseView:
    """Closes the case."""
    closing = Closing(body.cause, body.action, body.outcome, tuple(body.told), body.note, body.label, body.explanation)
    return _answer(request, seat, _desk(request).close(case_id, seat.operator.id, closing, _now(request)), case_id)


@router.post("/{case_id}/contacts/{contact_id}/notify")
def notify(request: Request, seat: Worker, case_id: int, contact_id: str) -> CaseView:
    """Sends the contact an e-mail about the case."""
    result = _desk(request).notify_contact(case_id, seat.operator.id, contact_id, _now(request))
    return _answer(request, seat, result, case_id)


@router.post("/{case_id}/contacts/{contact_id}/on-the-way")
def on_the_way(request: Request, seat: Worker, case_id: int, contact_id: str, body: OnTheWayBody) -> CaseView:
    """The contact told the operator that they are going."""
    result = _desk(request).on_the_way(case_id, seat.operator.id, contact_id, body.eta_minutes, _now(request))
    return _answer(request, seat, result, case_id)


@router.post("/{case_id}/contacts/{contact_id}/arrived")
def arrived(request: Request, seat: Worker, case_id: int, contact_id: str) -> CaseView:
    """The contact stands at the resident's side."""
    result = _desk(request).arrived(case_id, seat.operator.id, contact_id, _now(request))
    return _answer(request, seat, result, case_id)


_WHY_NOT: Final[dict[str, tuple[int, str]]] = {
    "taken": (409, later("Taken by {who}, {before} s before you.")),
    "already_yours": (409, later("You already have this case.")),
    "not_yours": (409, later("{who} has this case. Take it first.")),
    "ringing": (409, later("Something new has come in this case. Take it (F2) before going on.")),
    "not_possible": (409, later("This cannot be done with the case as it stands now.")),
    "no_outcome": (422, later("Say how it ended: a matter of life needs an outcome.")),
    "no_speech": (422, later("Nobody has spoken with the resident or arrived. Write down why it may be closed.")),
    "no_explanation": (422, later("Nobody took this case in time. Write down why before you close it.")),
    "no_exception": (409, later("This case was taken in time: there is nothing to explain.")),
    "bad_triage": (422, later("Say what is needed with a number from 1 to 5.")),
    "bad_step": (409, later("This is not the step at hand.")),
    "too_late": (409, later("This case was closed too long ago to be opened again.")),
    "already_going": (409, later("{who} is going already.")),
    "bad_recall": (422, later("This case cannot be parked for so long.")),
    "no_reason": (422, later("Write down what is waited for.")),
    "no_such_case": (404, later("There is no such case.")),
    "no_such_contact": (404, later("There is no such contact.")),
    "no_such_operator": (403, later("This name may not work here any more.")),
    "already_asked": (409, later("This contact has already been told.")),
    "unreachable": (409, later("There is no way to write to this contact.")),
}


def _answer(request: Request, seat: Seat, result: Done | Refused, case_id: int) -> CaseView:
    if isinstance(result, Done):
        return _view(request, seat, case_id)
    status, text = _WHY_NOT.get(result.reason, _WHY_NOT["not_possible"])
    if result.reason == "not_yours" and not result.who:
        text = later("Nobody has this case. Take it first.")
    words = translator(seat.operator.language)
    before = say_number(result.before_s, words.language, 1 if result.before_s < 10 else 0)
    raise Problem(
        status, result.reason, words.say(text, who=result.called or result.who, before=before), result.called or None
    )


def _view(request: Request, seat: Seat, case_id: int) -> CaseView:
    now = _now(request)
    with request.app.state.parts.database.read() as conn:
        card = pages.card(conn, case_id)
        if card is None:
            raise Problem(*_no_such_case())
        log = case_store.events_of(conn, case_id)
        names = _names(conn, card)
        sent = pages.deliveries_of(conn, case_id)
        home = pages.home_line(conn, card.home_id)
    return _worded(now, card, log, names, sent, seat.operator.language, home.timezone if home else "Europe/Madrid")


def _worded(
    now: float,
    card: Card,
    log: list[CaseEvent],
    names: Names,
    sent: list[DeliveryLine],
    language: str,
    timezone: str,
) -> CaseView:
    words = translator(language)
    return CaseView(
        now=now,
        card=card,
        why=wording.why_it_fired(log, names, words),
        proofs=wording.proofs(log, names, words),
        triage=wording.latest_triage(log),
        timeline=wording.timeline(log, names, words, timezone),
        deliveries=sent,
        parked_max_s=PARKED_MAX_S[Priority(card.priority)],
    )


def _names(conn: Connection, card: Card) -> Names:
    return Names(
        resident=card.person.called if card.person else card.address,
        operators=pages.operator_names(conn),
        contacts=pages.contact_names(conn, card.home_id),
        rooms=pages.room_names(conn, card.home_id),
    )


def _no_such_case() -> tuple[int, str, str]:
    return 404, "no_such_case", _WHY_NOT["no_such_case"][1]


def _desk(request: Request) -> CaseDesk:
    desk: CaseDesk = request.app.state.parts.desk
    return desk


def _now(request: Request) -> float:
    now: float = request.app.state.clock()
    return now
