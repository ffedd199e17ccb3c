"""Silent homes into incidents, within the transaction that opened the case of the last one."""

from __future__ import annotations

import logging

import sqlalchemy as sa

from central.alarm_cases.case import CaseEvent, EventType, Facts
from central.alarm_cases.incidents import groupings
from central.alarm_cases.transitions import Decided
from central.case_change import CaseChange, change_of
from central.case_intake import DESK, decide
from central.storage import cases, incidents, settings

log = logging.getLogger(__name__)


def group_silences(connection: sa.Connection, now: float, *, none_heard: bool) -> list[CaseChange]:
    """Puts silent homes with one cause under one incident; what changed. Each case keeps its own life.

    When not one home is heard, what homes of several areas and providers share is the centre's own broker or line.
    """
    silences = incidents.ungrouped_silences(connection, now, none_heard=none_heard)
    homes_min = settings.current(connection).desk.flood_homes
    changes: list[CaseChange] = []
    for grouping in groupings(silences, incidents.going_on(connection), now, homes_min):
        incident_id = grouping.incident or incidents.add(connection, grouping.cause, now)
        incidents.touch(connection, incident_id, now)
        log.warning("incident %d (%s): %d more homes silent", incident_id, grouping.cause, len(grouping.case_ids))
        for case_id in grouping.case_ids:
            case = cases.find(connection, case_id)
            if case is None:
                continue
            facts = Facts(incident=incident_id, reason=grouping.cause)
            decided = decide(connection, case, CaseEvent(EventType.GROUPED, now, DESK, facts))
            if isinstance(decided, Decided):
                changes.append(change_of(connection, decided))
    return changes
