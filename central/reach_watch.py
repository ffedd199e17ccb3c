"""Once a day: is there a home of whose contacts nobody could be reached at some hour of the coming week?"""

from __future__ import annotations

import logging
from typing import Final

import sqlalchemy as sa

from central.alarm_cases.priority import CONTACTS_UNREACHABLE
from central.alarm_cases.rota import Gap, unreachable_hours
from central.case_desk import CaseDesk
from central.detection.finding import Finding
from central.pulse import PULSE
from central.storage import cases, home_facts, homes, incidents, rota
from gateway.contract.alarm_kinds import AlarmKind

CHORE: Final = "reach"
EVERY_S: Final = 86_400.0

log = logging.getLogger(__name__)


def gaps_of(connection: sa.Connection, home_id: str, channels: tuple[str, ...], now: float) -> list[Gap]:
    """The times of the coming week in which nobody of a home could be reached; for cards, files and carers' pages."""
    timezone = rota.timezone_of(connection, home_id)
    return unreachable_hours(rota.roster(connection, home_id, channels), now, timezone)


class ReachWatch:
    """Opens a technical case for a home with such a gap, once until the gap is mended."""

    def __init__(self, desk: CaseDesk) -> None:
        self._desk = desk
        self._due_at = 0.0

    def work(self, now: float) -> float:
        """Looks through all homes when a day is over; when it is due again. By one process only."""
        if now < self._due_at <= now + EVERY_S:  # asked after every alarm: no transaction for nothing
            return self._due_at
        with self._desk.database.begin() as connection:
            self._due_at = incidents.chore_due(connection, CHORE, now, now + EVERY_S)
            if self._due_at > now:
                return self._due_at
            due_at, self._due_at = self._due_at, now + EVERY_S
            if not incidents.claim_chore(connection, CHORE, due_at, self._due_at):
                return self._due_at
            ids = [home.home_id for home in homes.list_enrolled(connection)]
        for home_id in ids:
            self.look(home_id, now)
            PULSE.goes_on()
        return self._due_at

    def look(self, home_id: str, now: float) -> list[Gap]:
        """Looks at one home, as after a change of its rota; its gaps."""
        with self._desk.database.read() as connection:
            gaps = gaps_of(connection, home_id, self._desk.channels, now)
            known = cases.open_finding(connection, home_id, f"{CHORE}:{home_id}:")
            noted = home_facts.facts_of(connection, home_id)["gap_hours"]
        if bool(gaps) or noted:
            with self._desk.database.begin() as connection:
                home_facts.note_gaps(connection, home_id, gaps)
        if bool(gaps) == bool(known):
            return gaps
        hours = sum(gap.until_at - gap.from_at for gap in gaps) / 3_600.0
        key = known or f"{CHORE}:{home_id}:{int(now)}"
        facts: dict[str, str | float] = {"hours": round(hours, 1)}
        log.info("home %s: %.0f h without anybody to reach", home_id, hours)
        kind = AlarmKind.CONTACTS_UNREACHABLE
        found = Finding(key, home_id, kind, now, now, CONTACTS_UNREACHABLE, facts=facts, active=bool(gaps))
        self._desk.receive_finding(found, now)
        return gaps
