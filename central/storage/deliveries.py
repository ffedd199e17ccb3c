"""Attempts to reach contacts: one row for each case, contact, channel and purpose."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from central.alarm_cases.escalation import Reachable
from central.notification.delivery import Delivery, DeliveryState
from central.storage.database import insert_new
from central.storage.tables import case_events, contacts, deliveries, homes, residents


def roster(connection: sa.Connection, home_id: str) -> list[Reachable]:
    """The contacts of a home, in the order agreed."""
    query = (
        sa.select(contacts.c.id, contacts.c.position, contacts.c.email)
        .where(contacts.c.home_id == home_id)
        .order_by(contacts.c.position, contacts.c.id)
    )
    return [Reachable(*row) for row in connection.execute(query)]


def asked(connection: sa.Connection, case_id: int) -> set[str]:
    """The contacts for whom a message about this case was queued, whatever became of it."""
    return set(connection.execute(sa.select(deliveries.c.contact_id).where(deliveries.c.case_id == case_id)).scalars())


def queue(connection: sa.Connection, case_id: int, contact_id: str, channel: str, purpose: str, now: float) -> bool:
    """Queues a message, due at once; false when the same one is there already."""
    values: dict[str, Any] = {
        "case_id": case_id,
        "contact_id": contact_id,
        "channel": channel,
        "purpose": purpose,
        "state": "queued",
        "attempt": 0,
        "due_at": now,
        "changed_at": now,
        "fault": "",
    }
    return insert_new(connection, deliveries, values)


def save(connection: sa.Connection, delivery: Delivery, now: float) -> None:
    """Stores what became of a delivery."""
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.id == delivery.id)
        .values(
            state=delivery.state.value,
            attempt=delivery.attempt,
            due_at=delivery.due_at,
            changed_at=now,
            fault=delivery.fault,
        )
    )


def due(connection: sa.Connection, now: float, limit: int) -> list[Delivery]:
    """Deliveries to attempt now, the longest overdue first."""
    query = (
        sa.select(deliveries)
        .where(deliveries.c.due_at <= now)
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
    )
    return [_delivery(row) for row in connection.execute(query)]


def next_due_at(connection: sa.Connection) -> float | None:
    """When the next delivery is to be attempted; None when none waits."""
    return connection.execute(sa.select(sa.func.min(deliveries.c.due_at))).scalar()


def claim(connection: sa.Connection, delivery: Delivery, until_at: float) -> bool:
    """Takes a due delivery for this process until a time; false when another one has it.

    A process that dies while it holds one leaves it due again at `until_at`.
    """
    statement = (
        sa.update(deliveries)
        .where(deliveries.c.id == delivery.id, deliveries.c.due_at == delivery.due_at)
        .values(due_at=until_at)
    )
    return connection.execute(statement).rowcount == 1


def of_case(connection: sa.Connection, case_id: int) -> list[Delivery]:
    """All deliveries of a case, oldest first."""
    query = sa.select(deliveries).where(deliveries.c.case_id == case_id).order_by(deliveries.c.id)
    return [_delivery(row) for row in connection.execute(query)]


def _delivery(row: sa.Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        case_id=row.case_id,
        contact_id=row.contact_id,
        channel=row.channel,
        purpose=row.purpose,
        state=DeliveryState(row.state),
        attempt=row.attempt,
        due_at=row.due_at,
        fault=row.fault,
    )


class Addressee(NamedTuple):
    """Whom a message goes to."""

    called: str
    email: str
    language: str


def addressee(connection: sa.Connection, contact_id: str) -> Addressee | None:
    """The contact's name, address and language; None when they are no longer on file."""
    query = sa.select(contacts.c.called, contacts.c.email, contacts.c.language).where(contacts.c.id == contact_id)
    row = connection.execute(query).first()
    return None if row is None else Addressee(*row)


class AboutCase(NamedTuple):
    """What a message says about a case, besides the case: who lives there, and whether an operator asked for it."""

    resident: str
    timezone: str
    operator_asks: bool


def about(connection: sa.Connection, case_id: int, home_id: str, contact_id: str) -> AboutCase:
    """What a message to a contact says about a case."""
    resident = connection.execute(
        sa.select(residents.c.called).where(residents.c.home_id == home_id).order_by(residents.c.id)
    ).scalar()
    timezone = connection.execute(sa.select(homes.c.timezone).where(homes.c.id == home_id)).scalar()
    calls = connection.execute(
        sa.select(case_events.c.body).where(case_events.c.case_id == case_id, case_events.c.type == "called")
    ).scalars()
    asked_by_person = any(body.get("contact") == contact_id for body in calls)
    return AboutCase(resident or "", timezone or "Europe/Madrid", asked_by_person)
