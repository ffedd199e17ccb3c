"""Getting help within a case: what is needed, the checklist, calls to contacts, and the emergency card.

Where a contact's id stands, "~team" is the service's response team.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from central.alarm_cases import protocol
from central.alarm_cases.case import NOTE_MAX
from central.carer_desk import CarerDesk
from central.case_desk import CaseDesk
from central.console import case_view, wording
from central.console.access import Seat
from central.console.case_view import CaseView, answer
from central.console.rights import allowed
from central.storage import pages, people, settings
from central.storage.ages import Age, ages_of
from central.texts import later

router = APIRouter(prefix="/api/cases", tags=["cases"])

ETA_MINUTES_MAX: Final = 24 * 60

Reader = Annotated[Seat, Depends(allowed("case", "read"))]
Worker = Annotated[Seat, Depends(allowed("case", "work"))]


class TriageBody(BaseModel):
    """What is needed, 1 to 5: fine or mistake, somebody today, somebody now, emergency services, no answer.

    `silent`: nobody answers, and the line is open without a sound.
    """

    choice: Annotated[int, Field(ge=1, le=len(wording.TRIAGE))]
    silent: bool = False


class StepBody(BaseModel):
    """The step of the checklist at hand was done, or is skipped for a reason."""

    step: Annotated[str, Field(min_length=1, max_length=24)]
    skipped: bool = False
    reason: Annotated[str, Field(max_length=NOTE_MAX)] = ""


class RungBody(BaseModel):
    """What the operator rings: the telephone of the home, or a resident's mobile."""

    what: Literal["home", "mobile"]


class CallEndBody(BaseModel):
    """How a telephone call to a contact ended."""

    result: Literal["answered", "no_answer", "busy"]


class OnTheWayBody(BaseModel):
    """In how many minutes the contact expects to be there."""

    eta_minutes: Annotated[int, Field(ge=0, le=ETA_MINUTES_MAX)]


@dataclass(frozen=True, slots=True)
class CardPerson:
    """Somebody who lives there, as an ambulance needs to know them; `age_about`: only the year of birth is known."""

    full_name: str
    age: int
    age_about: bool
    sex: str
    language: str
    hearing: str
    speech: str
    mobile: str
    conditions: str
    flags: list[str]


@dataclass(frozen=True, slots=True)
class EmergencyCard:
    """What is read aloud to the emergency services. `call_back` is the centre's own number, "" when nobody set it."""

    case_id: int
    made_at: float
    address: str
    district: str
    way_in: str
    home_phone: str
    call_back: str
    operator: str
    people: list[CardPerson]
    what: list[str]
    since_at: float
    spoken_at: float | None
    helper: str
    eta_at: float | None


@router.post("/{case_id}/triage")
def triage(request: Request, seat: Worker, case_id: int, body: TriageBody) -> CaseView:
    """Says what is needed; "no answer" begins the checklist."""
    result = _desk(request).triage(case_id, seat.operator.id, body.choice, _now(request), silent=body.silent)
    return answer(request, seat, result, case_id)


@router.post("/{case_id}/step")
def step(request: Request, seat: Worker, case_id: int, body: StepBody) -> CaseView:
    """The step of the checklist at hand was done, or is skipped for a reason; the next one begins."""
    result = _desk(request).step(
        case_id, seat.operator.id, body.step, _now(request), skipped=body.skipped, reason=body.reason
    )
    return answer(request, seat, result, case_id, reason=later("Write down why the step is skipped."))


@router.post("/{case_id}/rung")
def rung(request: Request, seat: Worker, case_id: int, body: RungBody) -> CaseView:
    """The operator rings the home or a resident's mobile; the step of the checklist that says so is done by it."""
    result = _desk(request).rang(case_id, seat.operator.id, protocol.RINGS[body.what], _now(request))
    return answer(request, seat, result, case_id)


@router.post("/{case_id}/contacts/{contact_id}/notify")
def notify(request: Request, seat: Worker, case_id: int, contact_id: str) -> CaseView:
    """Sends the contact a message about the case, by their preferred way."""
    result = _desk(request).notify_contact(case_id, seat.operator.id, contact_id, _now(request))
    return answer(request, seat, result, case_id)


@router.post("/{case_id}/contacts/{contact_id}/call")
def call(request: Request, seat: Worker, case_id: int, contact_id: str) -> CaseView:
    """The operator rings the contact; after the ring limit they are prompted to ring the next."""
    result = _desk(request).call_contact(case_id, seat.operator.id, contact_id, _now(request))
    return answer(request, seat, result, case_id)


@router.post("/{case_id}/contacts/{contact_id}/call-ended")
def call_ended(request: Request, seat: Worker, case_id: int, contact_id: str, body: CallEndBody) -> CaseView:
    """How that call ended."""
    result = _desk(request).call_ended(case_id, seat.operator.id, contact_id, body.result, _now(request))
    return answer(request, seat, result, case_id)


@router.post("/{case_id}/contacts/{contact_id}/on-the-way")
def on_the_way(request: Request, seat: Worker, case_id: int, contact_id: str, body: OnTheWayBody) -> CaseView:
    """The contact told the operator that they are going."""
    result = _desk(request).on_the_way(case_id, seat.operator.id, contact_id, body.eta_minutes, _now(request))
    return answer(request, seat, result, case_id)


@router.post("/{case_id}/contacts/{contact_id}/cannot")
def cannot(request: Request, seat: Worker, case_id: int, contact_id: str) -> CaseView:
    """The contact told the operator that they cannot come; the next one is asked."""
    result = CarerDesk(_desk(request)).declined(case_id, contact_id, _now(request))
    return answer(request, seat, result, case_id)


@router.post("/{case_id}/contacts/{contact_id}/arrived")
def arrived(request: Request, seat: Worker, case_id: int, contact_id: str) -> CaseView:
    """The contact stands at the resident's side."""
    result = _desk(request).arrived(case_id, seat.operator.id, contact_id, _now(request))
    return answer(request, seat, result, case_id)


@router.post("/{case_id}/contacts/{contact_id}/inside")
def inside(request: Request, seat: Worker, case_id: int, contact_id: str) -> CaseView:
    """The contact, who had arrived, has got in."""
    result = _desk(request).inside(case_id, seat.operator.id, contact_id, _now(request))
    return answer(request, seat, result, case_id)


@router.get("/{case_id}/emergency-card")
def emergency_card(request: Request, seat: Reader, case_id: int) -> EmergencyCard:
    """What the emergency services ask: where, who, what, and how to ring back."""
    state = request.app.state
    found = case_view.view(request, seat, case_id)
    card = found.card
    with state.parts.database.read() as conn:
        home = pages.home_line(conn, card.home_id)
        living_there = people.residents_of(conn, card.home_id)
        ages = ages_of(conn, [card.home_id], found.now)
        call_back = settings.current(conn).desk.call_back
    medical = seat.may("medical", "read")
    return EmergencyCard(
        case_id=case_id,
        made_at=found.now,
        address=card.address,
        district=card.district,
        way_in=home.access_notes if home and seat.may("keys", "read") else "",
        home_phone=home.phone if home and not found.silence else "",
        call_back=call_back,
        operator=seat.operator.called,
        people=[_on_card(one, ages[one.id], medical=medical, silent=bool(found.silence)) for one in living_there],
        what=[*(why.sentence for why in found.why), *filter(None, [found.silence])],
        since_at=card.opened_at,
        spoken_at=card.spoken_at,
        helper=card.helper,
        eta_at=card.eta_at,
    )


def _on_card(one: people.Resident, age: Age, *, medical: bool, silent: bool) -> CardPerson:
    return CardPerson(
        full_name=one.full_name,
        age=age.years,
        age_about=age.about,
        sex=one.sex,
        language=one.language,
        hearing=one.hearing,
        speech=one.speech,
        mobile="" if silent else one.mobile,
        conditions=one.conditions if medical else "",
        flags=list(one.flags) if medical else [],
    )


def _desk(request: Request) -> CaseDesk:
    desk: CaseDesk = request.app.state.parts.desk
    return desk


def _now(request: Request) -> float:
    now: float = request.app.state.clock()
    return now
