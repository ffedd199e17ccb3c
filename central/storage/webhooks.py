"""Webhooks and what waits for them. Functions take a connection of an open transaction.

What is to be told is queued by `queue_news` in the very transaction that stores the event: it is told at least once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any, Final

import sqlalchemy as sa

from central.alarm_cases.case import Case, CaseEvent
from central.storage.api_tables import webhook_deliveries, webhooks
from central.storage.database import writes
from central.storage.reach import municipality_of
from central.webhooks.rules import TEST, concerns, news, topic_of

NO_CASE: Final = 0
"""The case of a test."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver of news, as the table `webhooks` explains it."""

    id: int
    label: str
    url: str
    events: tuple[str, ...]
    municipalities: tuple[str, ...]
    secret_sealed: str
    version: int
    enabled: bool
    made_by: str
    made_at: float
    failures: int
    failing_since_at: float | None
    retry_at: float
    stopped_why: str


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """One event for one receiver, as the table `webhook_deliveries` explains it."""

    id: int
    hook_id: int
    case_id: int
    position: int
    event: str
    body: dict[str, Any]
    at: float
    state: str
    attempts: int
    due_at: float | None
    done_at: float | None
    status: int
    fault: str


_HOOK: Final = [webhooks.c[field.name] for field in fields(Webhook)]
_LISTENING: Final = sa.select(webhooks.c.id, webhooks.c.events, webhooks.c.municipalities).where(webhooks.c.enabled)
_WAITING: Final = webhook_deliveries.c.state == "waiting"
_EARLIER: Final = webhook_deliveries.alias("earlier")
_HEAD: Final = ~(
    sa.exists()
    .where(_EARLIER.c.hook_id == webhook_deliveries.c.hook_id, _EARLIER.c.case_id == webhook_deliveries.c.case_id)
    .where(_EARLIER.c.state == "waiting", _EARLIER.c.position < webhook_deliveries.c.position)
)
"""Of each case only the oldest that waits, so that its order is kept."""
# looked at after every alarm: built once
_EVERYTHING: Final = sa.select(*_HOOK).order_by(webhooks.c.id)
_DUE_AT: Final = sa.case(
    (webhooks.c.retry_at > webhook_deliveries.c.due_at, webhooks.c.retry_at), else_=webhook_deliveries.c.due_at
)
_NEXT_DUE: Final = (
    sa.select(sa.func.min(_DUE_AT))
    .select_from(webhook_deliveries.join(webhooks, webhooks.c.id == webhook_deliveries.c.hook_id))
    .where(_WAITING, _HEAD, webhooks.c.enabled)
)


def queue_news(conn: sa.Connection, case: Case, event: CaseEvent, position: int) -> None:
    """Queues an event for every receiver that asked to hear of it; in the transaction that stores the event."""
    topic = topic_of(event)
    if topic is None:
        return
    hearers = [row for row in conn.execute(_LISTENING) if topic in row.events]
    if not hearers:
        return
    municipality = municipality_of(conn, case.home_id)
    body = news(case, event, position, municipality)
    for row in hearers:
        if concerns(row.municipalities, municipality):
            _queue(conn, row.id, case.id, position, topic.value, body, event.at)


def queue_test(conn: sa.Connection, hook_id: int, now: float) -> int:
    """Queues a test; the number of its delivery."""
    last = sa.select(sa.func.max(webhook_deliveries.c.position)).where(
        webhook_deliveries.c.hook_id == hook_id, webhook_deliveries.c.case_id == NO_CASE
    )
    position = (conn.execute(last).scalar() or 0) + 1
    conn.execute(sa.update(webhooks).where(webhooks.c.id == hook_id).values(retry_at=0.0))
    return _queue(conn, hook_id, NO_CASE, position, TEST, {"sequence": position, "at": now}, now)


def _queue(
    conn: sa.Connection, hook_id: int, case_id: int, position: int, event: str, body: dict[str, Any], at: float
) -> int:
    values = {
        "hook_id": hook_id,
        "case_id": case_id,
        "position": position,
        "event": event,
        "body": body,
        "at": at,
        "due_at": at,
    }
    made = conn.execute(sa.insert(webhook_deliveries).values(values).returning(webhook_deliveries.c.id))
    return int(made.scalar_one())


def add(conn: sa.Connection, **values: Any) -> int:
    """A new receiver; its number."""
    return int(conn.execute(sa.insert(webhooks).values(values).returning(webhooks.c.id)).scalar_one())


def find(conn: sa.Connection, hook_id: int) -> Webhook | None:
    """One receiver; for who may write it locked against other writers, where the database locks rows."""
    query = sa.select(*_HOOK).where(webhooks.c.id == hook_id)
    row = conn.execute(query.with_for_update() if writes(conn) else query).mappings().first()
    return None if row is None else _hook(row)


def everything(conn: sa.Connection) -> list[Webhook]:
    """All receivers, the oldest first."""
    return [_hook(row) for row in conn.execute(_EVERYTHING).mappings()]


def change(conn: sa.Connection, hook_id: int, **values: Any) -> None:
    """Sets columns of a receiver."""
    conn.execute(sa.update(webhooks).where(webhooks.c.id == hook_id).values(**values))


def remove(conn: sa.Connection, hook_id: int) -> None:
    """Removes a receiver with all that waited for it."""
    conn.execute(sa.delete(webhook_deliveries).where(webhook_deliveries.c.hook_id == hook_id))
    conn.execute(sa.delete(webhooks).where(webhooks.c.id == hook_id))


def heads(conn: sa.Connection, hook_id: int, now: float, limit: int) -> list[HookDelivery]:
    """What may be sent to a receiver now."""
    query = (
        sa.select(webhook_deliveries)
        .where(webhook_deliveries.c.hook_id == hook_id, _WAITING, webhook_deliveries.c.due_at <= now, _HEAD)
        .order_by(webhook_deliveries.c.id)
        .limit(limit)
    )
    return [HookDelivery(**row) for row in conn.execute(query).mappings()]


def next_due_at(conn: sa.Connection) -> float | None:
    """When the next attempt is to be made; None when nothing waits."""
    found: float | None = conn.execute(_NEXT_DUE).scalar()
    return found


def claim(conn: sa.Connection, delivery: HookDelivery, until_at: float) -> bool:
    """Takes a delivery for this process until a time; false when another process has it."""
    taken = conn.execute(
        sa.update(webhook_deliveries)
        .where(webhook_deliveries.c.id == delivery.id, _WAITING, webhook_deliveries.c.due_at == delivery.due_at)
        .values(due_at=until_at)
    )
    return taken.rowcount == 1


def keep(conn: sa.Connection, delivery_id: int, **values: Any) -> None:
    """Stores what an attempt came to."""
    conn.execute(sa.update(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id).values(**values))


def log_of(conn: sa.Connection, hook_id: int, limit: int, before_id: int | None = None) -> list[HookDelivery]:
    """What was sent to a receiver and what waits for it, the newest first."""
    query = sa.select(webhook_deliveries).where(webhook_deliveries.c.hook_id == hook_id)
    if before_id is not None:
        query = query.where(webhook_deliveries.c.id < before_id)
    rows = conn.execute(query.order_by(webhook_deliveries.c.id.desc()).limit(limit))
    return [HookDelivery(**row) for row in rows.mappings()]


def waiting(conn: sa.Connection) -> dict[int, int]:
    """How much waits, by receiver."""
    query = sa.select(webhook_deliveries.c.hook_id, sa.func.count()).where(_WAITING)
    return {row[0]: row[1] for row in conn.execute(query.group_by(webhook_deliveries.c.hook_id))}


def forget(conn: sa.Connection, before_at: float, states: Collection[str] = ("delivered", "given_up")) -> None:
    """Forgets what was done with before a time."""
    old = webhook_deliveries.c.done_at < before_at
    conn.execute(sa.delete(webhook_deliveries).where(webhook_deliveries.c.state.in_(list(states)), old))


def _hook(row: sa.RowMapping) -> Webhook:
    lists = {"events": tuple(row["events"]), "municipalities": tuple(row["municipalities"])}
    return Webhook(**{**row, **lists})
