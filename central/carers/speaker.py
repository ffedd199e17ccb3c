"""Who speaks as which contact about which case, and the two things they do: look, and answer.

The same for a carer who came by the link of a message and for one with an account. What shows or changes something
about a person is in the audit log before it happens, as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import sqlalchemy as sa
from fastapi import Request
from pydantic import BaseModel, Field

from central.access_rules import Role
from central.alarm_cases.transitions import Refused
from central.audit import origin_of
from central.audit_chain import AuditEntry
from central.carer_desk import CarerDesk
from central.carers.alert import END_SHOWN_S, ETA_CHOICES_MIN, AlertView, Home, Known, view_of
from central.carers.carried import carried
from central.carers.day import last_seen
from central.case_desk import Done
from central.console.problem import Problem
from central.console.rights import trail
from central.storage import cases, deliveries, homes, pages, people, rota
from central.storage.carer_links import BY_LINK
from central.texts import later, translator

Said = Literal["opened", "going", "cannot", "here", "inside", "well", "ambulance", "advice"]


class AnswerBody(BaseModel):
    """What a carer says. `eta_minutes` belongs to "going"; "opened": the alarm is before a person's eyes."""

    answer: Said
    eta_minutes: Annotated[int, Field(ge=0, le=600)] = 15


@dataclass(frozen=True, slots=True)
class Speaker:
    """A contact with a case. `account_id` is "" for who came by a link; `delivery_id` 0 for who did not."""

    case_id: int
    contact_id: str
    language: str
    account_id: str = ""
    delivery_id: int = 0


def look(request: Request, speaker: Speaker) -> AlertView:
    """What they are shown now; how to get in is logged as such.

    Raises:
        Problem: 404 for a case that is no more theirs to see.
    """
    state = request.app.state
    now: float = state.clock()
    words = translator(speaker.language)
    with state.parts.database.read() as conn:
        known = _known(conn, speaker)
    if known is None:
        raise Problem(404, "no_such_case", later("There is no such case."))
    long_over = known.case.closed_at is not None and now - known.case.closed_at > END_SHOWN_S
    if long_over and "history" not in known.consent:
        raise Problem(404, "no_such_case", later("There is no such case."))
    if known.case.open and "location" in known.consent:
        known = known._replace(seen=last_seen(request, known.case.home_id, now))
    view = view_of(known, words, now)
    if view.entry is not None:
        trail(request).append_once(_entry(request, speaker, known.case.home_id, "keys", "read"))
    return view


def say(request: Request, speaker: Speaker, body: AnswerBody) -> None:
    """Takes what they say.

    Raises:
        Problem: 409 `already_going` with who goes; `not_possible` when the alarm is over.
    """
    state = request.app.state
    now: float = state.clock()
    desk: CarerDesk = state.carers
    case_id, contact_id, by = speaker.case_id, speaker.contact_id, speaker.delivery_id
    with state.parts.database.read() as conn:
        case = cases.find(conn, case_id)
        shared = "alarms" in rota.profile(conn, contact_id).consent
    if case is None or not shared:
        raise Problem(404, "no_such_case", later("There is no such case."))
    trail(request).append(_entry(request, speaker, case.home_id, "help", "work", body.answer))
    match body.answer:
        case "opened":
            done = desk.opened(case_id, contact_id, now, by)
        case "going":
            done = desk.accepted(case_id, contact_id, body.eta_minutes, now, by)
        case "cannot":
            done = desk.declined(case_id, contact_id, now, by)
        case "here":
            done = desk.arrived(case_id, contact_id, now, by)
        case "inside":
            done = desk.inside(case_id, contact_id, now)
        case "well":
            done = desk.all_well(case_id, contact_id, now)
        case _:
            done = desk.needs_help(case_id, contact_id, body.answer, now)
    _refuse(done, translator(speaker.language).say)


_PLAIN: Final = {f"going{minutes}": ("going", minutes) for minutes in ETA_CHOICES_MIN}
"""What the buttons of an alarm's page say when no script takes them."""


def say_plainly(request: Request, speaker: Speaker, button: str) -> None:
    """Takes what they say by a button of the plain form; what the page then shows says why it came too late.

    Raises:
        Problem: 422 for no such button, 404 as `say` does.
    """
    said, minutes = _PLAIN.get(button, (button, 15))
    if said not in {"going", "cannot", "here", "inside", "well", "ambulance", "advice"}:
        raise Problem(422, "bad_content", later("This cannot be done."))
    try:
        say(request, speaker, AnswerBody.model_validate({"answer": said, "eta_minutes": minutes}))
    except Problem as problem:
        if problem.status != 409:
            raise


def _refuse(done: Done | Refused, say_it: Any) -> None:
    if not isinstance(done, Refused):
        return
    if done.reason == "already_going":
        text = say_it(later("{who} is already going; you may rest."), who=done.called)
        raise Problem(409, "already_going", text, done.called)
    if done.reason == "not_possible":
        raise Problem(409, "not_possible", later("This alarm is over."))
    raise Problem(404, "no_such_case", later("There is no such case."))


def _known(conn: sa.Connection, speaker: Speaker) -> Known | None:
    case = cases.find(conn, speaker.case_id)
    line = None if case is None else pages.home_line(conn, case.home_id)
    if case is None or line is None:
        return None
    profile = rota.profile(conn, speaker.contact_id)
    return Known(
        case=case,
        log=cases.events_of(conn, case.id),
        deliveries=deliveries.of_case(conn, case.id),
        contact_id=speaker.contact_id,
        home=Home(
            resident=called_by(conn, speaker.contact_id, case.home_id, speaker.language),
            address=line.address,
            access_notes=line.access_notes,
            phone=line.phone,
            timezone=rota.timezone_of(conn, case.home_id),
        ),
        names=pages.contact_names(conn, case.home_id),
        operators=pages.operator_names(conn),
        consent=frozenset(profile.consent),
        carried=carried(homes.devices_of(conn, case.home_id)),
    )


def called_by(conn: sa.Connection, contact_id: str, home_id: str, language: str) -> str:
    """What a contact calls who lives there: "Mum", else the name to be used, else "the home"."""
    own = rota.profile(conn, contact_id).calls_them
    residents = people.residents_of(conn, home_id)
    names = " · ".join(person.called for person in residents[:2])
    return own or names or translator(language).gettext(later("the home"))


def _entry(request: Request, speaker: Speaker, home_id: str, resource: str, action: str, what: str = "") -> AuditEntry:
    by = "account" if speaker.account_id else "link"
    return AuditEntry(
        at=request.app.state.clock(),
        account_id=speaker.account_id or f"{BY_LINK}{speaker.contact_id}"[:32],
        role=Role.CARER.value,
        resource=resource,
        action=action,
        outcome="allowed",
        home_id=home_id,
        case_id=speaker.case_id,
        what=f"contact {speaker.contact_id} by {by}: {what or 'way in'}",
        origin=origin_of(request.client.host if request.client else ""),
    )
