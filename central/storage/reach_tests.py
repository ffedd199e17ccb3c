"""Test messages by which it is known that a contact can be reached: queued, sent, answered by one tap."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from central.storage.carer_tables import reach_tests
from central.storage.tables import contacts, homes, residents

ANSWER_WITHIN_S: Final = 7 * 86_400.0
"""A test that nobody has answered by then has failed, and its link opens nothing."""
TOKEN_LENGTH_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class ReachTest:
    """A test of one contact by one channel. Times are None where it has not happened."""

    id: int
    contact_id: str
    channel: str
    asked_by: str
    queued_at: float
    attempt: int
    sent_at: float | None
    answered_at: float | None
    failed_at: float | None
    fault: str


class TestedBy(NamedTuple):
    """Whose test a link answers."""

    test_id: int
    contact_id: str
    called: str
    language: str
    resident: str
    answered_at: float | None


def queue(conn: sa.Connection, contact_id: str, channel: str, asked_by: str, now: float) -> int | None:
    """Queues a test, due at once; None while another of this contact has still to go out."""
    waiting = sa.select(reach_tests.c.id).where(
        reach_tests.c.contact_id == contact_id, reach_tests.c.due_at.is_not(None)
    )
    if conn.execute(waiting).first() is not None:
        return None
    values = {"contact_id": contact_id, "channel": channel, "asked_by": asked_by, "queued_at": now, "due_at": now}
    return int(conn.execute(sa.insert(reach_tests).values(values).returning(reach_tests.c.id)).scalar_one())


def due(conn: sa.Connection, now: float, limit: int) -> list[ReachTest]:
    """Tests to send now, the longest overdue first."""
    query = sa.select(reach_tests).where(reach_tests.c.due_at <= now).order_by(reach_tests.c.due_at).limit(limit)
    return [_test(row) for row in conn.execute(query).mappings()]


def next_due_at(conn: sa.Connection) -> float | None:
    """When the next is to be sent."""
    found: float | None = conn.execute(sa.select(sa.func.min(reach_tests.c.due_at))).scalar()
    return found


def claim(conn: sa.Connection, test_id: int, now: float, until_at: float) -> str | None:
    """Takes a due test for this process, with a new token for its link; None when another process has it."""
    token = secrets.token_urlsafe(16)
    taken = conn.execute(
        sa.update(reach_tests)
        .where(reach_tests.c.id == test_id, reach_tests.c.due_at <= now)
        .values(due_at=until_at, attempt=reach_tests.c.attempt + 1, token_hash=_fingerprint(token))
    )
    return token if taken.rowcount == 1 else None


def sent(conn: sa.Connection, test_id: int, now: float) -> None:
    """The channel took it."""
    conn.execute(sa.update(reach_tests).where(reach_tests.c.id == test_id).values(due_at=None, sent_at=now, fault=""))


def not_sent(conn: sa.Connection, test_id: int, now: float, fault: str, again_at: float | None) -> None:
    """The channel did not; `again_at` None: for good."""
    values: dict[str, Any] = {"due_at": again_at, "fault": fault[:200]}
    if again_at is None:
        values["failed_at"] = now
    conn.execute(sa.update(reach_tests).where(reach_tests.c.id == test_id).values(values))


def linked(conn: sa.Connection, token: str, now: float) -> TestedBy | None:
    """Whose test a link answers; None for one that is unknown or too old. Changes nothing."""
    if not 0 < len(token) <= TOKEN_LENGTH_MAX:
        return None
    first = (
        sa.select(residents.c.called)
        .where(residents.c.home_id == contacts.c.home_id)
        .order_by(residents.c.id)
        .limit(1)
        .scalar_subquery()
    )
    query = (
        sa.select(
            reach_tests.c.id, contacts.c.id, contacts.c.called, contacts.c.language, first, reach_tests.c.answered_at
        )
        .join(contacts, contacts.c.id == reach_tests.c.contact_id)
        .where(reach_tests.c.token_hash == _fingerprint(token), reach_tests.c.queued_at > now - ANSWER_WITHIN_S)
    )
    row = conn.execute(query).first()
    return None if row is None else TestedBy(row[0], row[1], row[2], row[3], row[4] or "", row[5])


def answer(conn: sa.Connection, test_id: int, now: float) -> None:
    """The contact tapped; the first time counts."""
    conn.execute(
        sa.update(reach_tests)
        .where(reach_tests.c.id == test_id, reach_tests.c.answered_at.is_(None))
        .values(answered_at=now, due_at=None)
    )


def latest_of(conn: sa.Connection, contact_id: str) -> ReachTest | None:
    """The newest test of a contact."""
    query = sa.select(reach_tests).where(reach_tests.c.contact_id == contact_id).order_by(reach_tests.c.id.desc())
    row = conn.execute(query.limit(1)).mappings().first()
    return None if row is None else _test(row)


class Untested(NamedTuple):
    """A contact whose turn may have come, with what their home's clock shows."""

    contact_id: str
    home_id: str
    timezone: str


def not_tested_since(conn: sa.Connection, since_at: float, after_id: str, limit: int) -> list[Untested]:
    """Contacts without a test since then, by id, from the one after `after_id`."""
    tested = sa.select(reach_tests.c.id).where(
        reach_tests.c.contact_id == contacts.c.id, reach_tests.c.queued_at >= since_at
    )
    query = (
        sa.select(contacts.c.id, contacts.c.home_id, homes.c.timezone)
        .join(homes, homes.c.id == contacts.c.home_id)
        .where(contacts.c.id > after_id, ~tested.exists())
        .order_by(contacts.c.id)
        .limit(limit)
    )
    return [Untested(*row) for row in conn.execute(query)]


def _test(row: sa.RowMapping) -> ReachTest:
    return ReachTest(**{name: row[name] for name in ReachTest.__slots__})


def _fingerprint(token: str) -> str:
    return sha256(token.encode()).hexdigest()
