"""Calls that the centre places for whoever has a case, and the telephone at which they sit.

Each route names whom it calls in its path, so that the audit log says whose number was used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from central.alarm_cases.case import TEAM
from central.alarm_cases.decision import Refused
from central.alarm_cases.placed_call import Party, PlacedCall
from central.console import case_view
from central.console.access import Seat
from central.console.case_view import CaseView
from central.console.problem import Problem
from central.console.rights import admit, allowed
from central.dial_desk import DialDesk
from central.storage import operator_settings
from central.texts import later, translator

router = APIRouter()

Worker = Annotated[Seat, Depends(allowed("case", "work"))]
AtDesk = Annotated[Seat, Depends(allowed("station", "work"))]


class TelephoneBody(BaseModel):
    """An extension of the centre, a number, or "" for none: then calls are dialled by hand."""

    telephone: Annotated[str, Field(max_length=32)]


@dataclass(frozen=True, slots=True)
class Telephone:
    """At which telephone an operator sits, as the gateway is told; "" for none."""

    telephone: str


class HangUpBody(BaseModel):
    """`mailbox`: what has answered is a voice mailbox, so that nobody was reached."""

    mailbox: bool = False


_WHY_NOT = {
    "no_telephone": (409, later("Say first at which telephone you sit: in the menu under your name.")),
    "no_number": (422, later("No number is on file that the centre could dial.")),
    "silent_call": (409, later("Somebody may be threatened by people close to them: the centre calls nobody.")),
    "calling": (409, later("You are calling {who} already. Hang up first.")),
    "gateway": (503, later("The telephone gateway does not take the call. Dial by hand.")),
    "gateway_deaf": (503, later("The telephone gateway does not answer. Put down your telephone: that ends the call.")),
    "no_call": (409, later("There is no call to hang up.")),
    "no_gateway": (409, later("This centre has no telephone gateway. Dial by hand.")),
}


@router.post("/api/cases/{case_id}/contacts/{contact_id}/dial", tags=["cases"])
def dial_contact(request: Request, seat: Worker, case_id: int, contact_id: str) -> CaseView:
    """The centre rings the operator's telephone, and then the contact's; "~team" is the response team's."""
    if contact_id != TEAM:
        admit(request, seat, "contacts", "read", case_id=case_id, contact_id=contact_id)
    return _dial(request, seat, case_id, Party.CONTACT, contact_id)


@router.post("/api/cases/{case_id}/residents/{resident_id}/dial", tags=["cases"])
def dial_mobile(request: Request, seat: Worker, case_id: int, resident_id: str) -> CaseView:
    """The centre rings the operator's telephone, and then the mobile of a resident of the home."""
    admit(request, seat, "resident_file", "read", case_id=case_id, resident_id=resident_id)
    return _dial(request, seat, case_id, Party.MOBILE, resident_id)


@router.post("/api/cases/{case_id}/dial-home", tags=["cases"])
def dial_home(request: Request, seat: Worker, case_id: int) -> CaseView:
    """The centre rings the operator's telephone, and then that of the home."""
    admit(request, seat, "resident_file", "read", case_id=case_id)
    return _dial(request, seat, case_id, Party.HOME, "")


@router.post("/api/cases/{case_id}/hang-up", tags=["cases"])
def hang_up(request: Request, seat: Worker, case_id: int, body: HangUpBody) -> CaseView:
    """Ends the call that the operator is on in this case."""
    done = _desk(request).hang_up(case_id, seat.operator.id, request.app.state.clock(), mailbox=body.mailbox)
    return _answer(request, seat, done, case_id)


@router.put("/api/me/telephone", tags=["me"])
def sit_at(request: Request, seat: AtDesk, body: TelephoneBody) -> Telephone:
    """Says at which telephone one sits, until one says otherwise; 422 `bad_telephone` for what is none."""
    telephone = _desk(request).read_telephone(body.telephone)
    if body.telephone.strip() and not telephone:
        text = later(
            "This is neither an extension of two to six digits nor a telephone number such as 93 123 45 67. "
            "Emergency numbers cannot be used."
        )
        raise Problem(422, "bad_telephone", text)
    with request.app.state.parts.database.begin() as conn:
        operator_settings.keep_telephone(conn, seat.operator.id, telephone, request.app.state.clock())
    return Telephone(telephone)


def _dial(request: Request, seat: Seat, case_id: int, party: Party, who: str) -> CaseView:
    done = _desk(request).dial(case_id, seat.operator.id, party, who, request.app.state.clock())
    return _answer(request, seat, done, case_id)


def _answer(request: Request, seat: Seat, done: PlacedCall | Refused, case_id: int) -> CaseView:
    if isinstance(done, PlacedCall):
        return case_view.view(request, seat, case_id)
    if done.reason not in _WHY_NOT:
        return case_view.answer(request, seat, done, case_id)
    status, text = _WHY_NOT[done.reason]
    if done.reason == "calling" and not done.called:
        text = later("You are calling the home already. Hang up first.")
    words = translator(seat.operator.language)
    raise Problem(status, done.reason, words.say(text, who=done.called), done.called or None)


def _desk(request: Request) -> DialDesk:
    desk: DialDesk | None = request.app.state.parts.calls
    if desk is None:
        raise Problem(409, "no_gateway", _WHY_NOT["no_gateway"][1])
    return desk
