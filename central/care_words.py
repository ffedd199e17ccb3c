"""The receiver's words to the care team: slow changes, and weeks where people agreed. Never an alarm.

What was learned of homes is kept over a restart, and these words follow from it: so nothing is kept here. All are said
again after a start and once a day for two weeks; their keys make that harmless.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import Final, NamedTuple

from central.detection.drift import CareNote, care_note
from central.detection.engine import Engine
from central.detection.routine import RoutineWeek, weeks_of
from central.finding_outbox import Publish
from central.internal import encode, note_topic, routine_topic

SAID_DAYS: Final = 14
"""Days for which a note is said again: longer than a broker keeps messages for a desk that is away."""

logger = logging.getLogger(__name__)


class _Name(NamedTuple):
    home: str
    about: str


class CareWords:
    """What the broker has not confirmed yet, and for which day each home was looked at last."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._unsent: dict[_Name, CareNote | RoutineWeek] = {}
        self._in_flight: set[_Name] = set()
        self._logged: set[str] = set()

    def look(self, home: str) -> None:
        """A home has learned a day, or was recalled after a start: what there is to say is said, perhaps again."""
        timeline, limits = self._engine.timeline(home), self._engine.limits(home)
        if timeline is None or limits is None:
            return
        summaries = timeline.habits.summaries
        for note in summaries.notes:
            if summaries.last_day - note.day < SAID_DAYS:
                said = care_note(home, note)
                self._unsent[_Name(home, said.key)] = said
                if said.key not in self._logged:
                    self._logged.add(said.key)
                    logger.info("note %s: %.2f to %.2f", said.key, said.before, said.after)
        for week in weeks_of(home, summaries, limits):
            if summaries.last_day - date.fromisoformat(week.week).toordinal() < 2 * SAID_DAYS:
                self._unsent[_Name(home, week.week)] = week

    def send(self, publish: Publish) -> None:
        """Publishes what is not on its way yet, as far as the client takes it."""
        for name, word in list(self._unsent.items()):
            if name in self._in_flight:
                continue
            to = note_topic(name.home) if isinstance(word, CareNote) else routine_topic(name.home)
            if not publish(to, encode(word), on_done=self._when_done(name, word)):
                return
            self._in_flight.add(name)

    def _when_done(self, name: _Name, word: CareNote | RoutineWeek) -> Callable[[bool], None]:
        def done(confirmed: bool) -> None:
            self._in_flight.discard(name)
            if confirmed and self._unsent.get(name) == word:
                del self._unsent[name]

        return done
