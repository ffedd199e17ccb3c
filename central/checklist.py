"""Goes on with a case's checklist by itself: what was done already, by whomever, is ticked and not asked for anew."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from central.alarm_cases import protocol
from central.alarm_cases.case import Case, CaseEvent, EventType, Facts
from central.alarm_cases.decision import Refused
from central.case_intake import DESK
from central.storage import cases, people
from central.storage.database import DatabaseError

if TYPE_CHECKING:
    from central.case_desk import CaseDesk, Done

log = logging.getLogger(__name__)


def go_on(desk: CaseDesk, done: Done) -> None:
    """After a command: ticks the steps that were done before they were at hand, one after the other."""
    if done.event.type not in protocol.TICKING:
        return
    try:
        _tick(desk, done.case, done.event.at)
    except DatabaseError:  # the command is committed; the next one ticks what this one has not
        log.exception("case %d: the checklist was not gone on with", done.case.id)


def _tick(desk: CaseDesk, case: Case, now: float) -> None:
    while case.protocol_step:
        with desk.database.read() as connection:
            with_phone = [one.id for one in people.contacts_of(connection, case.home_id) if one.phone]
            events = cases.events_of(connection, case.id)
        step, before = case.protocol_step, protocol.done_before(case.protocol_step, events, with_phone, now)
        if before is None:
            return
        facts = Facts(step=step, state=protocol.BY_SYSTEM, event_at=before.at, contact=before.contact)
        stepped = desk.happen(case.id, CaseEvent(EventType.STEPPED, now, DESK, facts))
        if isinstance(stepped, Refused):
            return  # somebody was quicker
        case = stepped.case
