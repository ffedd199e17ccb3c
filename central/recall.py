"""What the telemetry store and the kept habits tell the engine of a home's past, after a start."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from math import ceil
from typing import Final

from central.detection.engine import Engine
from central.detection.measured import DOSE_KIND, POSITION_KINDS
from central.detection.timeline import ACT_KINDS, STATE_KINDS
from central.habit_store import HabitStore
from central.ingest import HUB_DEVICE
from central.telemetry.store import StoreUnavailable, TelemetryStore
from devices.vocabulary import Reading
from gateway.contract.senml import FUTURE_MAX_S

logger = logging.getLogger(__name__)

AGAIN_S: Final = 1.0
"""Pause before a store is asked again that could not answer."""
LEARN_AGAIN_DAYS: Final = 30
"""Read again of a home whose habits are not kept, at most: all raw readings that the embedded store has."""
EARLIEST_MIDNIGHT_S: Final = 14 * 3600.0
"""A local day begins at most so long before that day of UTC."""
MEASURED: Final = (
    (("temperature",), 5 * 3600.0, 3_000),
    (("heart_rate", "spo2"), 7 * 3600.0, 5_000),
    (("systolic", "diastolic", "body_temperature", "weight"), 8 * 86_400.0, 400),
    (POSITION_KINDS, 86_400.0, 400),
    ((DOSE_KIND,), 3 * 86_400.0, 200),
)
"""Kinds, seconds and newest rows of what is measured: at least what the timeline keeps and detectors judge."""
MARKS_S: Final = 2 * 3_600.0
"""Of a hub's marks, one a minute at most: whether it was away lately, and may still hold something back."""
ACTS_PER_DAY: Final = 3_000
STATES_PER_DAY: Final = 3_000
"""Newest rows read of a home, for each of these days: a very lively home; of states, which sensors repeat."""


def recall_home(engine: Engine, store: TelemetryStore, kept: HabitStore, home: str, now: float) -> None:
    """Tells the engine a home's past. Raises StoreUnavailable."""
    habits, states = kept.load(home), kept.states(home)
    since = now - LEARN_AGAIN_DAYS * 86_400
    if habits is not None and habits.learned_day:
        # the last day that was learned, and all since: the very acts that were at hand before
        begin = datetime.combine(date.fromordinal(habits.learned_day), time(), UTC).timestamp()
        since = max(since, begin - EARLIEST_MIDNIGHT_S)
    days = ceil((now - since) / 86_400)
    last = store.last(home)
    until = now + FUTURE_MAX_S
    rows = store.events(home, sorted(ACT_KINDS), since, until, days * ACTS_PER_DAY)
    rows += store.events(home, sorted(STATE_KINDS), since, until, days * STATES_PER_DAY)
    there = {row.kind for row in last}
    for kinds, back_s, most in MEASURED:
        if there & set(kinds):
            rows += store.events(home, sorted(kinds), now - back_s, until, most)
    heard = [point.at for point in store.points(home, HUB_DEVICE, "heartbeat", since, now, 3600.0)]
    marked_at = next((row.at for row in last if (row.device, row.kind) == (HUB_DEVICE, "heartbeat")), None)
    readings = [Reading(row.device, row.kind, row.value, row.at) for row in (*last, *rows)]
    begin = now - MARKS_S
    marks = [point.at for point in store.points(home, HUB_DEVICE, "heartbeat", begin, until)]
    if any(at < begin - 3_600 for at in heard):
        marks.append(begin)
    engine.recall(home, marked_at, readings, now, heard=heard, marks=marks, habits=habits, states=states)


class HomesToRecall:
    """Homes whose past is still to be read, one in each turn of the receiver's loop: some tens of milliseconds each."""

    def __init__(self, engine: Engine, store: TelemetryStore, kept: HabitStore) -> None:
        self._engine = engine
        self._store = store
        self._kept = kept
        self._homes: deque[str] = deque()
        self._again_at = 0.0

    def __len__(self) -> int:
        return len(self._homes)

    def extend(self, homes: Iterable[str]) -> None:
        """Puts homes behind the others."""
        self._homes.extend(homes)

    def one(self, steady_now: float, now: float, *, late: bool) -> str | None:
        """Recalls the next home and returns it; None where that cannot be done now.

        Args:
            steady_now: by the steady clock; now: by the wall clock.
            late: the homes have waited too long: if the store fails now, they are judged by what has come since.
        """
        if not self._homes or steady_now < self._again_at:
            return None
        home = self._homes.popleft()
        try:
            recall_home(self._engine, self._store, self._kept, home, now)
        except StoreUnavailable as error:
            self._homes.append(home)
            self._again_at = steady_now + AGAIN_S
            if late:
                self._give_up(error, now)
            return None
        return home

    def _give_up(self, error: StoreUnavailable, now: float) -> None:
        """All homes at once: each further question could block the loop for the store's time-out."""
        logger.warning(
            "the past of %d homes cannot be read, they are judged by what has come since: %s", len(self._homes), error
        )
        for home in self._homes:
            self._engine.recall_nothing(home, now, self._kept.load(home))
        self._homes.clear()
