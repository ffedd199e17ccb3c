"""The calm line of the day, and the last movement: told from the sensors' readings, without numbers or measurements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Request

from central.carers.alert import Seen
from central.carers.carried import carried
from central.storage import homes
from central.telemetry.store import Row, StoreUnavailable, TelemetryStore
from central.texts import Words, later, say_clock, say_moment
from devices.vocabulary import KINDS

SEEN_WITHIN_S: Final = 12 * 3_600.0
"""Movement longer ago than this is no answer to where somebody was last."""
MORNING: Final = (time(5), time(13))
"""Somebody who is up before is up in the night; whoever is not up by then is told of by detection, not by this line."""
STEP_S: Final = 600.0
STEPS_UP: Final = 3
WITHIN_S: Final = 3_600.0
"""Up is whoever was noticed in three different ten minutes of an hour: a walk to the bathroom is no morning."""
USUAL_DAYS: Final = 14
USUAL_LEAST: Final = 5
"""Mornings that must be known before one is called usual."""
OTHERWISE_MIN: Final = 60
"""A morning so many minutes earlier or later than usual is said to be so."""
EVENTS_MAX: Final = 2_000
SILENT_S: Final = 6 * 3_600.0
"""Sensors say something at least so often; after that nothing can be told from their silence."""
REMEMBERED_MAX: Final = 10_000

_ACTIVITY: Final = sorted(kind.name for kind in KINDS.values() if kind.activity)


def last_seen(request: Request, home_id: str, now: float) -> Seen | None:
    """Where somebody was noticed last in a home; None when that cannot be told.

    What is carried has no room, and the press of its button is the alarm itself.
    """
    parts = request.app.state.parts
    store: TelemetryStore | None = parts.telemetry
    if store is None:
        return None
    try:
        rows = store.events(home_id, _ACTIVITY, now - SEEN_WITHIN_S, now + 1.0, 50)
    except StoreUnavailable:
        return None
    with parts.database.read() as conn:
        devices = homes.devices_of(conn, home_id)
    without_room = carried(devices)
    newest = next((row for row in reversed(rows) if _noticed(row) and row.device not in without_room), None)
    if newest is None:
        return None
    return Seen(newest.at, next((device.room for device in devices if device.id == newest.device), ""))


def up_at(times: Iterable[float]) -> float | None:
    """When somebody got up, from the times of a morning at which they were noticed, oldest first."""
    seen = sorted(times)
    for place, at in enumerate(seen):
        steps = {int((later_at - at) // STEP_S) for later_at in seen[place:] if later_at - at < WITHIN_S}
        if len(steps) >= STEPS_UP:
            return at
    return None


def say_morning(up_min: int, usual: Sequence[int], clock: str, words: Words) -> str:
    """A morning beside the usual ones; all in minutes from midnight."""
    if len(usual) < USUAL_LEAST:
        return words.say(later("Up at {time}."), time=clock)
    off = up_min - median(usual)
    if off > OTHERWISE_MIN:
        return words.say(later("Up at {time}, later than usual."), time=clock)
    if off < -OTHERWISE_MIN:
        return words.say(later("Up at {time}, earlier than usual."), time=clock)
    return words.say(later("Up at {time}, a usual morning."), time=clock)


class Mornings:
    """Tells the day of a home; usual mornings are looked up once a day."""

    def __init__(self, store: TelemetryStore | None) -> None:
        self._store = store
        self._usual: dict[tuple[str, date], list[int]] = {}

    def line(self, home_id: str, timezone: str, now: float, words: Words) -> str:
        """One line on how the day began."""
        if self._store is None:
            return words.gettext(later("This centre has no measurements to tell the day from."))
        zone = _zone(timezone)
        today = datetime.fromtimestamp(now, zone).date()
        try:
            got_up = self._up(self._store, home_id, today, zone, now)
            if got_up is not None:
                clock = say_clock(got_up, words.language, timezone)
                return say_morning(
                    _minute(got_up, zone), self._mornings(self._store, home_id, today, zone), clock, words
                )
            heard_at = max((row.at for row in self._store.last(home_id)), default=0.0)
        except StoreUnavailable:
            return words.gettext(later("How the day began cannot be told now: the measurements cannot be read."))
        if heard_at < now - SILENT_S:
            if not heard_at:
                return words.gettext(later("The sensors at home have told nothing yet."))
            since = say_moment(heard_at, now, words.language, timezone)
            return words.say(
                later("The sensors have said nothing since {time}: how the day began cannot be told."), time=since
            )
        return words.gettext(later("No getting up noticed yet today. The centre watches over it."))

    def _up(self, store: TelemetryStore, home_id: str, day: date, zone: ZoneInfo, now: float) -> float | None:
        begin, end = (datetime.combine(day, clock, zone).timestamp() for clock in MORNING)
        if now < begin:
            return None
        rows = store.events(home_id, _ACTIVITY, begin, min(end, now), EVENTS_MAX)
        return up_at(row.at for row in rows if _noticed(row))

    def _mornings(self, store: TelemetryStore, home_id: str, today: date, zone: ZoneInfo) -> list[int]:
        key = (home_id, today)
        if key not in self._usual:
            midnight = datetime.combine(today, time(), zone).timestamp()
            days = (today - timedelta(days=back) for back in range(1, USUAL_DAYS + 1))
            known = (self._up(store, home_id, day, zone, midnight) for day in days)
            if len(self._usual) >= REMEMBERED_MAX:
                self._usual.clear()
            self._usual[key] = [_minute(at, zone) for at in known if at is not None]
        return self._usual[key]


def _minute(at: float, zone: ZoneInfo) -> int:
    moment = datetime.fromtimestamp(at, zone)
    return moment.hour * 60 + moment.minute


def _noticed(row: Row) -> bool:
    # a door opened or closed tells of somebody either way; stillness does not
    return row.kind == "open" or KINDS[row.kind].words != () or bool(row.value)


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("Europe/Madrid")
