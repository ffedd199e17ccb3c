"""What residents ask about their data, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from central.storage.carer_tables import rights_requests
from central.storage.tables import homes, residents

ANSWER_WITHIN_S: Final = 30 * 86_400.0
"""GDPR Art. 12(3): one month; thirty days are never longer than that."""
LISTED_MAX: Final = 500
OPEN_MAX: Final = 20
"""Open requests of one person: more are a mistake, or somebody else's hand on the button."""


@dataclass(frozen=True, slots=True)
class RightsRequest:
    """A request; `full_name` is of the person it is about, "" when they are no longer on file."""

    id: int
    resident_id: str
    home_id: str
    kind: str
    text: str
    made_at: float
    made_by: str
    due_at: float
    state: str
    answer: str
    answered_at: float | None
    answered_by: str
    full_name: str = ""


def add(conn: sa.Connection, resident_id: str, home_id: str, kind: str, text: str, now: float, by: str) -> int | None:
    """Writes a request; its number, None when the person has too many open already."""
    mine = sa.and_(rights_requests.c.resident_id == resident_id, rights_requests.c.state == "open")
    if (conn.execute(sa.select(sa.func.count()).select_from(rights_requests).where(mine)).scalar() or 0) >= OPEN_MAX:
        return None
    values = {"resident_id": resident_id, "home_id": home_id, "kind": kind, "text": text, "made_by": by}
    made = conn.execute(
        sa.insert(rights_requests)
        .values(**values, made_at=now, due_at=now + ANSWER_WITHIN_S)
        .returning(rights_requests.c.id)
    )
    return int(made.scalar_one())


def of_resident(conn: sa.Connection, resident_id: str) -> list[RightsRequest]:
    """The requests of one person, newest first."""
    query = _requests().where(rights_requests.c.resident_id == resident_id)
    return _read(conn, query.order_by(rights_requests.c.id.desc()))


def listed(conn: sa.Connection, within: sa.ColumnElement[bool] | None = None) -> list[RightsRequest]:
    """Requests from homes within a reach, the open ones first, those due soonest first."""
    query = _requests().join(homes, homes.c.id == rights_requests.c.home_id)
    if within is not None:
        query = query.where(within)
    return _read(conn, query.order_by(rights_requests.c.state != "open", rights_requests.c.due_at))


def find(conn: sa.Connection, request_id: int) -> RightsRequest | None:
    """One request."""
    return next(iter(_read(conn, _requests().where(rights_requests.c.id == request_id))), None)


def settle(conn: sa.Connection, request_id: int, state: str, answer: str, now: float, by: str) -> bool:
    """Answers an open request; false when it is open no longer."""
    done = conn.execute(
        sa.update(rights_requests)
        .where(rights_requests.c.id == request_id, rights_requests.c.state == "open")
        .values(state=state, answer=answer, answered_at=now, answered_by=by)
    )
    return done.rowcount > 0


def _requests() -> sa.Select[Any]:
    return sa.select(rights_requests, sa.func.coalesce(residents.c.full_name, "").label("full_name")).outerjoin(
        residents, residents.c.id == rights_requests.c.resident_id
    )


def _read(conn: sa.Connection, query: sa.Select[Any]) -> list[RightsRequest]:
    return [RightsRequest(**row) for row in conn.execute(query.limit(LISTED_MAX)).mappings()]
