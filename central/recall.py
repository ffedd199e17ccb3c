"""What the telemetry store and the kept habits tell the engine of a home's past, after a start."""

from __future__ import annotations

from typing import Final

from central.detection.engine import Engine
from central.detection.timeline import ACT_KINDS, STATE_KINDS
from central.habit_store import HabitStore
from central.ingest import HUB_DEVICE
from central.telemetry.store import TelemetryStore
from devices.vocabulary import Reading

RECALL_DAYS: Final = 4
"""Read again of a home whose habits are kept: what they do not hold yet."""
LEARN_AGAIN_DAYS: Final = 30
"""Read again of a home whose habits are not kept: all raw readings that the embedded store has."""
ACTS_PER_DAY: Final = 3_000
STATES_PER_DAY: Final = 3_000
"""Newest rows read of a home, for each of these days: a very lively home; of states, which sensors repeat."""


def recall_home(engine: Engine, store: TelemetryStore, kept: HabitStore, home: str, now: float) -> None:
    """Tells the engine a home's past. Raises StoreUnavailable."""
    habits = kept.load(home)
    days = LEARN_AGAIN_DAYS if habits is None else RECALL_DAYS
    since = now - days * 86_400
    last = store.last(home)
    rows = store.events(home, sorted(ACT_KINDS), since, now, days * ACTS_PER_DAY)
    rows += store.events(home, sorted(STATE_KINDS), since, now, days * STATES_PER_DAY)
    heard = [point.at for point in store.points(home, HUB_DEVICE, "heartbeat", since, now, 3600.0)]
    marked_at = next((row.at for row in last if (row.device, row.kind) == (HUB_DEVICE, "heartbeat")), None)
    readings = [Reading(row.device, row.kind, row.value, row.at) for row in (*last, *rows)]
    engine.recall(home, marked_at, readings, now, heard=heard, habits=habits)
