"""What the desk does whenever due-times are looked at: it acts on them, and sees to what a failure left behind."""

from __future__ import annotations

import logging
from typing import Final

from central.alarm_lane import AlarmLane
from central.case_desk import CaseDesk
from central.console.live import Live
from central.due_loop import RETRY_S
from central.hub_states import HubStates
from central.radio_watch import RadioWatch
from central.reach_watch import ReachWatch
from central.refusals import RefusalCounter
from central.steady_clock import SteadyClock
from central.storage import cases
from central.storage.database import DatabaseError, in_words, try_again

FAULT_MAX: Final = 200

log = logging.getLogger(__name__)


class DueWork:
    """The work of a `DueLoop`. `fault` is why the database lets nothing be done now, "" when it does."""

    def __init__(
        self,
        desk: CaseDesk,
        lane: AlarmLane,
        live: Live,
        refusals: RefusalCounter,
        clock: SteadyClock,
        states: HubStates,
    ) -> None:
        self._desk, self._lane, self._live = desk, lane, live
        self._refusals, self._clock = refusals, clock
        self._database = desk.database
        self._reach = ReachWatch(desk)
        self._radios = RadioWatch(desk, states)
        self._counts = False
        self.fault = ""

    def work(self, now: float) -> float | None:
        """Does it; when to look again, None when nothing waits."""
        try:
            next_at = self._act(now)
        except DatabaseError as error:
            self.fault = self._database.in_words(error)[:FAULT_MAX]
            if not try_again(error):
                raise
            log.warning("what is due cannot be done now: %s", self.fault)
            return now + RETRY_S
        self.fault = ""
        try:
            self._refusals.flush(self._database)
            self._reach.work(now)
            self._radios.work(now)
        except DatabaseError as error:  # the counts are kept, and no case waits for any
            log.warning("refusals, rotas and radios cannot be worked now: %s", in_words(error))
        return next_at

    def _act(self, now: float) -> float | None:
        if not self._counts:
            with self._database.read() as connection:
                newest_at = cases.newest_at(connection)
            if newest_at > now:
                self._clock.not_before(newest_at)
                now = self._clock.now()
            self._counts = True
        next_at = self._desk.work_due(now)
        if next_at is None:
            self._clock.follow()
        if self._database.in_doubt:
            self._tell_again()
        return next_at

    def _tell_again(self) -> None:
        """Consoles and homes hear how all cases stand: of a commit that failed nobody knows whether it holds."""
        log.warning("a commit failed and may hold all the same: consoles and homes are told how the cases stand")
        self._database.in_doubt = False
        self._live.publish("reload", {})
        try:
            self._lane.tell_again()
        except DatabaseError:
            self._database.in_doubt = True
            raise
