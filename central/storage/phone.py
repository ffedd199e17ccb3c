"""What a call to a carer, or an answer of theirs, is about."""

from __future__ import annotations

from typing import Final, NamedTuple

import sqlalchemy as sa

from central.storage import deliveries
from central.storage.desk_tables import delivery_receipts
from central.storage.tables import cases, contacts, homes, residents
from central.storage.tables import deliveries as table

ANSWERED_WITHIN_S: Final = 12 * 3_600.0
"""An SMS that answers one of yesterday is about something else."""
LOOKED_AT_MAX: Final = 500
"""Messages among which the one is looked for that a number answers: the newest of all open cases."""


class Asked(NamedTuple):
    """A message that asked a contact to come, and what is needed to speak with them.

    Attributes:
        resident: the name to be used; "" when there is none on file.
        home_phone: of the home; "" when there is none on file.
        minutes_away: how long the contact usually takes.
    """

    delivery_id: int
    channel: str
    case_id: int
    contact_id: str
    language: str
    minutes_away: int
    resident: str
    home_phone: str


def find(connection: sa.Connection, delivery_id: int) -> Asked | None:
    """The message of that number, if it is there and its contact is on file."""
    row = connection.execute(_query().where(table.c.id == delivery_id)).first()
    return None if row is None else Asked(*row)


def waiting(connection: sa.Connection, now: float) -> list[Asked]:
    """Messages to telephones that somebody may still answer by SMS, the newest first."""
    query = (
        _query()
        .where(
            table.c.purpose == deliveries.ALARM,
            table.c.channel.in_(("sms", "voice")),
            table.c.queued_at > now - ANSWERED_WITHIN_S,
            cases.c.state != "closed",
        )
        .order_by(table.c.id.desc())
        .limit(LOOKED_AT_MAX)
    )
    return [Asked(*row) for row in connection.execute(query)]


def is_told(connection: sa.Connection, key: str) -> bool:
    """Whether a report was taken already."""
    return (
        connection.execute(sa.select(delivery_receipts.c.key).where(delivery_receipts.c.key == key)).first() is not None
    )


def _query() -> sa.Select[int, str, int, str, str, int, str, str]:
    resident = (
        sa.select(residents.c.called)
        .where(residents.c.home_id == cases.c.home_id)
        .order_by(residents.c.id)
        .limit(1)
        .correlate(cases)
        .scalar_subquery()
    )
    return (
        sa.select(
            table.c.id,
            table.c.channel,
            table.c.case_id,
            table.c.contact_id,
            contacts.c.language,
            contacts.c.minutes_away,
            sa.func.coalesce(resident, ""),
            homes.c.phone,
        )
        .join(cases, cases.c.id == table.c.case_id)
        .join(homes, homes.c.id == cases.c.home_id)
        .join(contacts, contacts.c.id == table.c.contact_id)
    )
