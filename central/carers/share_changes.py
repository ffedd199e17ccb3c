"""What residents tell the office about their contacts: which data these may see, written down with who said so.

The resident's own page changes and shows the same, by `central.carers.rights_pages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from central.alarm_cases.rota import Share
from central.carers.rights_words import ROUTINE_NAME, SHARED
from central.console.access import Seat
from central.console.pages.editing import not_found
from central.console.rights import allowed
from central.reach_watch import ReachWatch
from central.storage import care, pages, people, shares
from central.storage.homes import ROUTINE
from central.texts import Words, later

router = APIRouter(tags=["rights"])
ConsentWriter = Annotated[Seat, Depends(allowed("consents", "write"))]

_MINE: Final[Mapping[str, str]] = {**{share: shared.name for share, shared in SHARED.items()}, ROUTINE: ROUTINE_NAME}
"""What can be agreed to, as the resident says it."""


class SharesBody(BaseModel):
    """All that a contact may see from now on, and who said so: the resident, or who represents them."""

    shares: Annotated[list[Share], Field(max_length=6)]
    said_by: Annotated[str, Field(min_length=2, max_length=80, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")]


@dataclass(frozen=True, slots=True)
class Decision:
    """One consent given or taken back: `what` to whom, `said_by` whom, `by` who wrote it down ("" the same)."""

    at: float
    what: str
    whom: str
    given: bool
    said_by: str
    by: str


@router.put("/api/homes/{home_id}/residents/{resident_id}/shares/{contact_id}", status_code=204)
def set_shares(
    request: Request, seat: ConsentWriter, home_id: str, resident_id: str, contact_id: str, body: SharesBody
) -> Response:
    """Lets a contact see these kinds of data and no others. It holds at once, on every open page."""
    state = request.app.state
    now: float = state.clock()
    with state.parts.database.begin() as conn:
        if contact_id not in {one.id for one in people.contacts_of(conn, home_id)}:
            raise not_found()
        before = shares.shared_with(conn, contact_id)
        facts = {"resident_id": resident_id, "by": seat.operator.id, "said_by": body.said_by.strip()}
        shares.set_shares(conn, contact_id, body.shares, now, **facts)
    if ("alarms" in before) != ("alarms" in body.shares):
        ReachWatch(state.parts.desk).look(home_id, now)
    return Response(status_code=204)


def decisions_of(conn: Connection, home_id: str, words: Words, called: Mapping[str, str] = _MINE) -> list[Decision]:
    """Everything that the residents of a home agreed to and took back, newest first, in words.

    Args:
        called: what can be agreed to, by whoever speaks: residents of themselves, or the office of them.
    """
    register = words.gettext(later("the register of the service"))
    names: Mapping[str, str] = {"register": register, **pages.operator_names(conn)}
    contacts = pages.contact_names(conn, home_id)
    found = [
        Decision(
            at=one.at,
            what=words.gettext(called.get(one.share, one.share)),
            whom=contacts.get(one.contact_id, one.contact_id),
            given=one.given,
            said_by=one.said_by,
            by=names.get(one.by, one.by),
        )
        for one in shares.changes_of(conn, home_id)
    ]
    for person in people.residents_of(conn, home_id):
        for one in care.consents_of(conn, person.id):
            what = words.gettext(called.get(one.what, one.what))
            team = words.gettext(later("The care team"))
            found.append(Decision(one.given_at, what, team, True, *_who(one.given_by, names)))
            if one.withdrawn_at is not None:
                found.append(Decision(one.withdrawn_at, what, team, False, *_who(one.withdrawn_by, names)))
    return sorted(found, key=lambda one: -one.at)


def _who(text: str, names: Mapping[str, str]) -> tuple[str, str]:
    """Who said so and who wrote it, from "account: who said so" or only one of them."""
    account, _, said_by = text.partition(": ")
    return said_by, names.get(account, account)
