"""Attempts to reach contacts: one row for each case, contact, channel, purpose and round of asking."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from central.alarm_cases.rota import Asked
from central.notification.delivery import REACHED, Delivery, DeliveryState
from central.storage import cases as case_store
from central.storage.database import insert_new
from central.storage.desk_tables import delivery_receipts
from central.storage.tables import case_events, cases, contacts, deliveries, homes, residents

ALARM: Final = "alarm"
"""The purpose of a message that asks somebody to come; the others tell."""
STAND_DOWN: Final = "stand_down"
SUMMARY: Final = "summary"
"""Tells how a closed case ended."""
WAY_IN: Final = "way_in"
"""To who goes and has no page before their eyes: the link by which they see how to get in, and tell how it is there."""
LATELY_S: Final = 30 * 86_400.0
"""How far back it counts how well somebody was reached."""
_COLUMNS: Final = tuple(field.name for field in fields(Delivery))


def find(connection: sa.Connection, delivery_id: int) -> Delivery | None:
    """One delivery, locked against other writers where the database locks rows: its case first, as everybody does who
    then comes to its deliveries; in the other order two of them would wait for each other."""
    of_case = sa.select(deliveries.c.case_id).where(deliveries.c.id == delivery_id).scalar_subquery()
    connection.execute(sa.select(cases.c.id).where(cases.c.id == of_case).with_for_update(key_share=True))
    query = sa.select(deliveries).where(deliveries.c.id == delivery_id).with_for_update(key_share=True)
    row = connection.execute(query).first()
    return None if row is None else _delivery(row)


def find_by_provider(connection: sa.Connection, channel: str, provider_ref: str) -> Delivery | None:
    """The newest delivery that a channel knows under that name."""
    query = (
        sa.select(deliveries.c.id)
        .where(
            deliveries.c.channel == channel, deliveries.c.provider_ref == provider_ref, deliveries.c.provider_ref != ""
        )
        .order_by(deliveries.c.id.desc())
    )
    found = connection.execute(query).scalar()
    return None if found is None else find(connection, found)


def queue(
    connection: sa.Connection,
    case_id: int,
    contact_id: str,
    channel: str,
    purpose: str,
    now: float,
    round_: int = 1,
    *,
    due_at: float | None = None,
) -> bool:
    """Queues a message, due at once or at `due_at`; false when the same one of the same round is there already."""
    values: dict[str, Any] = {
        "case_id": case_id,
        "contact_id": contact_id,
        "channel": channel,
        "purpose": purpose,
        "state": DeliveryState.QUEUED.value,
        "attempt": 0,
        "due_at": now if due_at is None else due_at,
        "changed_at": now,
        "queued_at": now,
        "round": round_,
        "fault": "",
    }
    return insert_new(connection, deliveries, values)


def save(connection: sa.Connection, delivery: Delivery, now: float) -> None:
    """Stores what became of a delivery."""
    values = {name: getattr(delivery, name) for name in _COLUMNS if name not in {"id", "queued_at"}}
    changed = values | {"state": delivery.state.value, "changed_at": now}
    connection.execute(sa.update(deliveries).where(deliveries.c.id == delivery.id).values(changed))


def due(connection: sa.Connection, now: float, limit: int, only: str = "", but: Collection[str] = ()) -> list[Delivery]:
    """Deliveries to attempt now, the longest overdue first: of one channel only, or of all but some."""
    query = (
        sa.select(deliveries)
        .where(deliveries.c.due_at <= now, *_of(only, but))
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
    )
    return [_delivery(row) for row in connection.execute(query)]


def unreceipted(connection: sa.Connection, now: float, limit: int) -> list[Delivery]:
    """Deliveries whose receipt should have come by now, the longest overdue first."""
    query = (
        sa.select(deliveries)
        .where(deliveries.c.receipt_due_at <= now)
        .order_by(deliveries.c.receipt_due_at, deliveries.c.id)
        .limit(limit)
    )
    return [_delivery(row) for row in connection.execute(query)]


def next_due_at(connection: sa.Connection, only: str = "", but: Collection[str] = ()) -> float | None:
    """When the next delivery of those channels is to be attempted; None when none waits."""
    return connection.execute(sa.select(sa.func.min(deliveries.c.due_at)).where(*_of(only, but))).scalar()


def next_receipt_due_at(connection: sa.Connection) -> float | None:
    """When the next receipt is missed; None when none is awaited."""
    return connection.execute(sa.select(sa.func.min(deliveries.c.receipt_due_at))).scalar()


def _of(only: str, but: Collection[str]) -> list[sa.ColumnElement[bool]]:
    named = [deliveries.c.channel == only] if only else []
    return [*named, deliveries.c.channel.not_in(but)] if but else named


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


def add_receipt(
    connection: sa.Connection, key: str, delivery_id: int, state: str, at: float, now: float, detail: str
) -> bool:
    """Keeps a report of a channel; false when the same one is there already."""
    values = {"key": key[:160], "delivery_id": delivery_id, "state": state, "at": at, "received_at": now}
    return insert_new(connection, delivery_receipts, values | {"detail": detail[:200]})


def of_case(connection: sa.Connection, case_id: int) -> list[Delivery]:
    """All deliveries of a case, oldest first."""
    query = sa.select(deliveries).where(deliveries.c.case_id == case_id).order_by(deliveries.c.id)
    return [_delivery(row) for row in connection.execute(query)]


def of_contact(connection: sa.Connection, case_id: int, contact_id: str) -> list[Delivery]:
    """What asked a contact to come to a case, oldest first."""
    return [it for it in of_case(connection, case_id) if it.contact_id == contact_id and it.purpose == ALARM]


def asked(connection: sa.Connection, case_id: int, home_id: str, now: float) -> dict[str, Asked]:
    """How the contacts of a home were asked in a case, and how well they were reached lately; by contact's id."""
    by_contact: dict[str, list[Delivery]] = {}
    for delivery in of_case(connection, case_id):
        if delivery.purpose == ALARM and delivery.state is not DeliveryState.CANCELLED:
            by_contact.setdefault(delivery.contact_id, []).append(delivery)
    reach = _reach(connection, home_id, now)
    return {
        contact_id: _asked(by_contact.get(contact_id, []), *reach.get(contact_id, (0, 0)))
        for contact_id in by_contact.keys() | reach.keys()
    }


def _asked(rows: Iterable[Delivery], reached: int, missed: int) -> Asked:
    mine = list(rows)
    latest = [row for row in mine if row.round == max(it.round for it in mine)]
    return Asked(
        asks=len({row.round for row in mine}),
        last_at=max((row.queued_at for row in mine), default=0.0),
        declined=any(row.state is DeliveryState.DECLINED for row in latest),
        hopeless=bool(latest) and all(row.state is DeliveryState.FAILED_FOR_GOOD for row in latest),
        reached=reached,
        missed=missed,
    )


def rounds(connection: sa.Connection, case_id: int, contact_id: str, purpose: str = ALARM) -> int:
    """The latest round in which a contact was asked (or told) in a case, called-off ones too; 0 for none."""
    query = sa.select(sa.func.max(deliveries.c.round)).where(
        deliveries.c.case_id == case_id, deliveries.c.contact_id == contact_id, deliveries.c.purpose == purpose
    )
    return connection.execute(query).scalar() or 0


def _reach(connection: sa.Connection, home_id: str, now: float) -> dict[str, tuple[int, int]]:
    reached = deliveries.c.state.in_([state.value for state in REACHED])
    missed = deliveries.c.state == DeliveryState.FAILED_FOR_GOOD.value
    query = (
        sa.select(
            deliveries.c.contact_id,
            sa.func.sum(sa.case((reached, 1), else_=0)),
            sa.func.sum(sa.case((missed, 1), else_=0)),
        )
        .join(contacts, contacts.c.id == deliveries.c.contact_id)
        .where(contacts.c.home_id == home_id, deliveries.c.queued_at >= now - LATELY_S)
        .group_by(deliveries.c.contact_id)
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(query)}


def _delivery(row: sa.Row[Any]) -> Delivery:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    values = {name: found[name] for name in _COLUMNS}
    return Delivery(**values | {"state": DeliveryState(values["state"])})


class AboutCase(NamedTuple):
    """What a message says about a case, besides the case: who lives there, whether an operator asked for it, and what
    the one who is on the way is called."""

    resident: str
    timezone: str
    operator_asks: bool
    helper: str


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
    helper_id = connection.execute(sa.select(cases.c.helper_id).where(cases.c.id == case_id)).scalar()
    helper = case_store.contact_called(connection, home_id, helper_id) if helper_id else ""
    return AboutCase(resident or "", timezone or "Europe/Madrid", asked_by_person, helper or "")
