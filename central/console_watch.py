"""Gives back to everybody what is held at a console that is lost. `ConsoleWatch.work` is a `DueLoop`'s.

What it goes by stands in the database, so that any process may do it, also after a restart: while somebody holds a case
of life or an urgent one, the last sign of life of their consoles is written down, and with it when they count as lost.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from central.alarm_cases.case import Case
from central.alarm_cases.lost_console import LOST_S, holder, silent_since
from central.case_desk import CaseDesk, Done
from central.console.live import Live
from central.storage import cases, consoles

LOOK_S: Final = 10.0
"""Between two looks while somebody holds such a case: what another process reads is no older."""
STOOD_STILL_S: Final = 25.0
"""Who has not looked for so long was away, and away from all consoles."""
COME_BACK_S: Final = 30.0
"""So long consoles may need to come back to a process that was away: a page tries at least every 25 seconds."""

log = logging.getLogger(__name__)


class ConsoleWatch:
    """Knows by `live` which consoles are there, and has the desk hand back what lies at others."""

    def __init__(self, desk: CaseDesk, live: Live) -> None:
        self._desk, self._live = desk, live
        self._looked_at: float | None = None
        self._listening_since = 0.0

    def work(self, now: float) -> float | None:
        """Writes down who is there, and hands back what is held at a console that is lost; when to look again."""
        with self._desk.database.read() as connection:
            held = [case for case in cases.open_cases(connection) if holder(case)]
        seen = self._seen(held, now)
        if self._looked_at is None or not 0 <= now - self._looked_at <= STOOD_STILL_S:
            self._listening_since = now + COME_BACK_S
        self._looked_at = now
        waiting = []
        for case in held:
            since = silent_since(case, seen.get(holder(case)), self._listening_since)
            if since is not None and since + LOST_S <= now:
                self._give_back(case, since, now)
            elif since is not None:
                waiting.append(since + LOST_S)
        return min([now + LOOK_S, *waiting]) if held else None

    def _seen(self, held: Iterable[Case], now: float) -> dict[str, float]:
        holders = {holder(case) for case in held}
        if not holders:
            return {}
        here = {name: now - ago_s for name, ago_s in self._live.signs().items() if name in holders}
        with self._desk.database.begin() as connection:
            known = consoles.seen(connection, holders)
            newer = {name: at for name, at in here.items() if at > known.get(name, 0.0)}
            consoles.keep(connection, newer)
        return known | newer

    def _give_back(self, case: Case, since_at: float, now: float) -> None:
        operator = holder(case)
        done = self._desk.console_lost(case.id, operator, since_at, now)
        if not isinstance(done, Done):
            return
        log.warning("case %d: the console of %s is lost, it rings for everybody", case.id, operator)
        with self._desk.database.begin() as connection:
            consoles.lose(connection, operator, case.id)
        self._live.lost(operator)
