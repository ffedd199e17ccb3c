"""Coordinators invite a contact to the carers' app: a link, single use, for a week, sent or handed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy import Connection

from central.access_rules import Role, may_give
from central.console.access import Seat
from central.console.pages.editing import not_found
from central.console.problem import Problem
from central.console.rights import allowed
from central.notification.channel import Channel, Message
from central.notification.delivery import Verdict
from central.storage import invitations, pages, people, reach, rota
from central.storage.people import Contact
from central.texts import later, translator

router = APIRouter(tags=["contacts"])
AccountWriter = Annotated[Seat, Depends(allowed("accounts", "write"))]

INVITATIONS_A_DAY: Final = 5
"""For one contact: each may cost money and rings on somebody's telephone."""


class InvitationBody(BaseModel):
    """By which channel the link goes out; "" for one that is handed over."""

    way: Literal["", "sms", "email"] = ""


@dataclass(frozen=True, slots=True)
class InvitationLine:
    """How a contact stands: the name of their account, or until when an invitation is open, made by whom, sent how."""

    account: str = ""
    until_at: float = 0.0
    by: str = ""
    sent_by: str = ""


@dataclass(frozen=True, slots=True)
class InvitationMade:
    """A link that is shown only now. `sent_to` is where it went, "" for nowhere."""

    link: str
    expires_at: float
    sent_to: str


@router.post("/api/homes/{home_id}/contacts/{contact_id}/invitation", status_code=201)
def invite(
    request: Request, seat: AccountWriter, home_id: str, contact_id: str, body: InvitationBody
) -> InvitationMade:
    """A new link for a contact without an account; one that was made before opens nothing any more."""
    state = request.app.state
    now: float = state.clock()
    channel: Channel | None = state.parts.carers.channels.get(body.way) if body.way else None
    with state.parts.database.begin() as conn:
        contact = next((one for one in people.contacts_of(conn, home_id) if one.id == contact_id), None)
        if contact is None:
            raise not_found()
        if not may_give(seat.who, Role.CARER, frozenset(filter(None, [reach.municipality_of(conn, home_id)]))):
            # its alarm may be anybody's while it rings; an account in it is not
            text = later("You may not give this role, or not for these municipalities.")
            raise Problem(403, "not_yours_to_give", text)
        if invitations.account_of(conn, contact_id):
            raise Problem(409, "has_account", later("This contact has an account already."))
        if invitations.made_since(conn, contact_id, now - 86_400.0) >= INVITATIONS_A_DAY:
            raise Problem(429, "too_many", later("This contact was invited often enough for today."))
        ways = rota.ways_of(conn, contact_id)
        to = next((way.address for way in ways if way.channel == body.way), "")
        if body.way and (channel is None or not to):
            raise Problem(409, "no_channel", later("This contact cannot be written to in this way."))
        token = invitations.make(conn, contact_id, seat.operator.id, now)
    base = state.parts.carers.address or str(request.base_url).rstrip("/")
    link = f"{base}/c/invite/{token}"
    if channel is not None:
        _send(channel, contact, to, link, now)
        with state.parts.database.begin() as conn:
            invitations.note_sent(conn, token, body.way)
    return InvitationMade(link, now + invitations.LIVES_S, to)


@router.delete("/api/homes/{home_id}/contacts/{contact_id}/invitation", status_code=204)
def take_back(request: Request, seat: AccountWriter, home_id: str, contact_id: str) -> Response:
    """Takes back an invitation that was not used yet."""
    with request.app.state.parts.database.begin() as conn:
        if contact_id not in {one.id for one in people.contacts_of(conn, home_id)}:
            raise not_found()
        invitations.withdraw(conn, contact_id, request.app.state.clock())
    return Response(status_code=204)


def invitation_of(conn: Connection, seat: Seat, contact_id: str, now: float) -> InvitationLine | None:
    """How a contact stands with the carers' app; None for who may not invite."""
    if not seat.may("accounts", "write"):
        return None
    latest = invitations.latest_of(conn, contact_id)
    if (account := invitations.account_of(conn, contact_id)) or latest is None or latest.used_at is not None:
        return InvitationLine(account)
    if latest.expires_at <= now:
        return InvitationLine()
    names = pages.operator_names(conn)
    return InvitationLine("", latest.expires_at, names.get(latest.made_by, latest.made_by), latest.sent_by)


def _send(channel: Channel, contact: Contact, to: str, link: str, now: float) -> None:
    words = translator(contact.language)
    text = words.gettext(later("You are invited to Llar, to be told when somebody close to you needs help."))
    sent = channel.send(
        Message(
            to=to,
            key=f"llar-invitation-{contact.id}-{int(now)}",
            subject=words.gettext(later("An invitation to Llar")),
            text=f"{text} {words.gettext(later('This link is good once, for a week:'))}",
            short=text,
            link=link,
            language=contact.language,
            urgent=False,
            purpose="invitation",
            case_id=0,
            resident="",
        )
    )
    if sent.verdict is not Verdict.TAKEN:
        raise Problem(502, "not_sent", later("The invitation could not be sent. Hand the link over instead."))
