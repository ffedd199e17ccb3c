"""What the telemetry store and the kept habits tell the engine of a home's past, after a start."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from math import ceil
from typing import Final

from central.detection.engine import Engine
from central.detection.timeline import ACT_KINDS, STATE_KINDS
from central.habit_store import HabitStore
from central.ingest import HUB_DEVICE
from central.telemetry.store import TelemetryStore
from devices.vocabulary import Reading

LEARN_AGAIN_DAYS: Final = 30
"""Read again of a home whose habits are not kept, at most: all raw readings that the embedded store has."""
EARLIEST_MIDNIGHT_S: Final = 14 * 3600.0
"""A local day begins at most so long before that day of UTC."""
ACTS_PER_DAY: Final = 3_000
STATES_PER_DAY: Final = 3_000
"""Newest rows read of a home, for each of these days: a very lively home; of states, which sensors repeat."""


def recall_home(engine: Engine, store: TelemetryStore, kept: HabitStore, home: str, now: float) -> None:
    """Tells the engine a home's past. Raises StoreUnavailable."""
    habits = kept.load(home)
    since = now - LEARN_AGAIN_DAYS * 86_400
    if habits is not None and habits.learned_day:
        # the last day that was learned, and all since: the very acts that were at hand before
        begin = datetime.combine(date.fromordinal(habits.learned_day), time(), UTC).timestamp()
        since = max(since, begin - EARLIEST_MIDNIGHT_S)
    days = ceil((now - since) / 86_400)
    last = store.last(home)
    rows = store.events(home, sorted(ACT_KINDS), since, now, days * ACTS_PER_DAY)
    rows += store.events(home, sorted(STATE_KINDS), since, now, days * STATES_PER_DAY)
    heard = [point.at for point in store.points(home, HUB_DEVICE, "heartbeat", since, now, 3600.0)]
    marked_at = next((row.at for row in last if (row.device, row.kind) == (HUB_DEVICE, "heartbeat")), None)
    readings = [Reading(row.device, row.kind, row.value, row.at) for row in (*last, *rows)]
    engine.recall(home, marked_at, readings, now, heard=heard, habits=habits)
