"""Notes on slow changes, what residents have agreed to, and a home's weeks in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from central.alarm_cases.case import EventType
from central.detection.drift import CareNote
from central.detection.routine import RoutineWeek
from central.storage import homes as home_store
from central.storage.care_tables import care_notes, consents, routine_weeks
from central.storage.database import insert_new, put
from central.storage.homes import ROUTINE
from central.storage.tables import case_events, cases, homes, residents

NOTES_SHOWN_S: Final = 84 * 86_400.0
WEEKS_SHOWN: Final = 4
_MADRID: Final = ZoneInfo("Europe/Madrid")


@dataclass(frozen=True, slots=True)
class Change:
    """A slow change as the care team reads it; see `central.detection.drift.CareNote`."""

    key: str
    day: str
    measure: str
    before: float
    after: float
    weeks: int


@dataclass(frozen=True, slots=True)
class Consent:
    """What a resident has agreed to, or once had; times are Unix seconds."""

    id: int
    resident_id: str
    what: str
    given_at: float
    given_by: str
    withdrawn_at: float | None
    withdrawn_by: str


@dataclass(frozen=True, slots=True)
class Week:
    """A home's week, by consent of all who live there.

    Attributes:
        week: its Monday, ISO date; `days` of it are known by sensors, of which `days_in` nobody left home.
        outings: times out. visits: a guess; None where none can be made.
        calls_from_home, calls_to_home: cases of this week in which somebody was spoken with, by who began.
        helpers_came: contacts or teams that arrived.
        contacts: visits, calls and arrivals together: with how many occasions of company one can count.
    """

    week: str
    days: int
    outings: int
    days_in: int
    visits: int | None
    calls_from_home: int
    calls_to_home: int
    helpers_came: int
    contacts: int


# notes


def keep_note(conn: sa.Connection, note: CareNote, received_at: float) -> bool:
    """Keeps a note, once for its key; False when there is no such home."""
    if not home_store.exists(conn, note.home):
        return False
    values: dict[str, Any] = {"key": note.key, "home_id": note.home, "day": note.day, "measure": note.measure}
    values |= {"before": note.before, "after": note.after, "weeks": note.weeks, "received_at": received_at}
    insert_new(conn, care_notes, values)
    return True


def changes_of(conn: sa.Connection, home_id: str, now: float) -> list[Change]:
    """The slow changes noted of a home in the last twelve weeks, newest first."""
    oldest = (datetime.fromtimestamp(now, _MADRID).date() - timedelta(seconds=NOTES_SHOWN_S)).isoformat()
    query = (
        sa.select(*(care_notes.c[name] for name in Change.__slots__))
        .where(care_notes.c.home_id == home_id, care_notes.c.day >= oldest)
        .order_by(care_notes.c.day.desc(), care_notes.c.measure)
    )
    return [Change(**row) for row in conn.execute(query).mappings()]


# consents


def give_consent(conn: sa.Connection, resident_id: str, what: str, now: float, by: str) -> None:
    """Writes that a resident agrees; nothing when they do already. Raises IntegrityError for nobody of ours."""
    if not agrees(conn, resident_id, what):
        values = {"resident_id": resident_id, "what": what, "given_at": now, "given_by": by}
        conn.execute(sa.insert(consents).values(values))


def withdraw_consent(conn: sa.Connection, resident_id: str, what: str, now: float, by: str) -> None:
    """Writes that a resident does not agree any more. What was told of the home's weeks by it is deleted."""
    conn.execute(
        sa.update(consents)
        .where(consents.c.resident_id == resident_id, consents.c.what == what, consents.c.withdrawn_at.is_(None))
        .values(withdrawn_at=now, withdrawn_by=by)
    )
    if what == ROUTINE:
        home = sa.select(residents.c.home_id).where(residents.c.id == resident_id)
        conn.execute(sa.delete(routine_weeks).where(routine_weeks.c.home_id.in_(home)))


def agrees(conn: sa.Connection, resident_id: str, what: str) -> bool:
    """Whether a resident's consent stands."""
    query = sa.select(consents.c.id).where(
        consents.c.resident_id == resident_id, consents.c.what == what, consents.c.withdrawn_at.is_(None)
    )
    return conn.execute(query).first() is not None


def consents_of(conn: sa.Connection, resident_id: str) -> list[Consent]:
    """All that a resident agreed to, oldest first, withdrawn or not."""
    query = sa.select(consents).where(consents.c.resident_id == resident_id).order_by(consents.c.id)
    return [Consent(**row) for row in conn.execute(query).mappings()]


# weeks


def keep_week(conn: sa.Connection, week: RoutineWeek, received_at: float) -> bool:
    """Keeps a week of a home, the newest word of it; False where not everybody there agrees."""
    if home_store.routine_since(conn, week.home) is None:
        return False
    values: dict[str, Any] = {"home_id": week.home, "week": week.week, "days": week.days, "outings": week.outings}
    put(conn, routine_weeks, values | {"days_in": week.days_in, "visits": week.visits, "received_at": received_at})
    return True


def weeks_shown(conn: sa.Connection, home_id: str) -> list[Week] | None:
    """The last weeks of a home, newest first; None without the consent of all who live there."""
    if home_store.routine_since(conn, home_id) is None:
        return None
    query = (
        sa.select(routine_weeks)
        .where(routine_weeks.c.home_id == home_id)
        .order_by(routine_weeks.c.week.desc())
        .limit(WEEKS_SHOWN)
    )
    zone = _zone(conn.execute(sa.select(homes.c.timezone).where(homes.c.id == home_id)).scalar() or "")
    return [_week(conn, row, zone) for row in conn.execute(query).all()]


def _week(conn: sa.Connection, row: sa.Row[Any], zone: ZoneInfo) -> Week:
    monday = date.fromisoformat(row.week)
    begin_at = datetime.combine(monday, time(), zone).timestamp()
    end_at = datetime.combine(monday + timedelta(days=7), time(), zone).timestamp()
    from_home, to_home, came = _company(_logs(conn, row.home_id, begin_at, end_at), begin_at, end_at)
    contacts = (row.visits or 0) + from_home + to_home + came
    return Week(row.week, row.days, row.outings, row.days_in, row.visits, from_home, to_home, came, contacts)


def _logs(conn: sa.Connection, home_id: str, begin_at: float, end_at: float) -> Sequence[Any]:
    """What tells of company in the logs of the cases of that time."""
    wanted = [EventType.OPENED.value, EventType.SPOKEN.value, EventType.ARRIVED.value]
    return conn.execute(
        sa.select(case_events.c.case_id, case_events.c.type, case_events.c.at, case_events.c.body)
        .join(cases, cases.c.id == case_events.c.case_id)
        .where(cases.c.home_id == home_id, cases.c.opened_at < end_at, case_events.c.type.in_(wanted))
        .where(sa.or_(case_events.c.at >= begin_at, case_events.c.type == EventType.OPENED.value))
        .where(case_events.c.at < end_at, cases.c.last_alarm_at >= begin_at - 14 * 86_400)
        .order_by(case_events.c.case_id, case_events.c.position)
    ).all()


def _company(rows: Sequence[Any], begin_at: float, end_at: float) -> tuple[int, int, int]:
    """Cases with speech that the home began, those that the centre began, and cases in which somebody came."""
    by_home = {row.case_id for row in rows if row.type == EventType.OPENED.value and row.body.get("ref")}
    within = [row for row in rows if begin_at <= row.at < end_at]
    spoken = {row.case_id for row in within if row.type == EventType.SPOKEN.value}
    came = {row.case_id for row in within if row.type == EventType.ARRIVED.value}
    return len(spoken & by_home), len(spoken - by_home), len(came)


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _MADRID
