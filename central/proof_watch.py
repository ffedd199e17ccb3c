"""Keeps at hand when each home's path was last proven, as tests of it end."""

from __future__ import annotations

from collections.abc import Callable

from central.alarm_cases.case import EventType
from central.case_change import CaseChange
from central.storage import home_facts
from central.storage.database import Database
from gateway.contract.alarm_kinds import AlarmKind


def proof_keeper(database: Database) -> Callable[[CaseChange], None]:
    """A listener for the desk."""

    def keep(change: CaseChange) -> None:
        if change.kind == AlarmKind.TEST and change.event_type in {EventType.OPENED, EventType.CLOSED}:
            with database.begin() as connection:
                home_facts.note_drills(connection, change.home_id)

    return keep
