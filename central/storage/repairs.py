"""Faults of units and devices, as cases' logs tell of them and as detectors say that they ended."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from central.repair_figures import KINDS, Fault, merged
from central.storage.homes import UNKNOWN_PREFIX
from central.storage.tables import case_events, cases, devices, findings, homes, hubs

_REPORTED: Final[sa.ColumnElement[bool]] = case_events.c.type.in_(
    (sa.literal_column("'opened'"), sa.literal_column("'joined'"))
)


def begun(
    connection: sa.Connection, since_at: float, until_at: float, within: sa.ColumnElement[bool] | None = None
) -> list[Fault]:
    """The faults that began from a time until before another, the oldest first; of `within`, a condition on homes.

    One that began before and still goes on then is not among them.
    """
    span = (case_events.c.at >= since_at, case_events.c.at < until_at, cases.c.opened_at < until_at)
    return _faults(connection, *span, *_given(within))


def waiting(connection: sa.Connection, within: sa.ColumnElement[bool] | None = None) -> list[Fault]:
    """The faults that are not repaired, whenever they began."""
    unfinished = sa.select(findings.c.case_id).where(findings.c.ended_at.is_(None))
    maybe = cases.c.id.in_(unfinished) | (cases.c.state != "closed")
    return [one for one in _faults(connection, maybe, *_given(within)) if one.ended_at is None]


def _given(condition: sa.ColumnElement[bool] | None) -> list[sa.ColumnElement[bool]]:
    return [] if condition is None else [condition]


def _faults(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Fault]:
    body, no_text = case_events.c.body, sa.literal("")
    kind = body["kind"].as_string()
    device = sa.func.coalesce(body["device"].as_string(), no_text)
    key = sa.func.coalesce(body["finding"].as_string(), no_text)
    ended = sa.case((key != "", findings.c.ended_at), (cases.c.state == "closed", cases.c.closed_at))
    query = (
        sa.select(
            homes.c.id.label("home_id"),
            homes.c.address,
            homes.c.municipality,
            sa.func.coalesce(hubs.c.id, no_text).label("hub"),
            kind.label("kind"),
            device.label("device"),
            sa.func.coalesce(devices.c.model, no_text).label("model"),
            sa.func.coalesce(devices.c.room, no_text).label("room"),
            case_events.c.at.label("began_at"),
            ended.label("ended_at"),
            cases.c.id.label("case_id"),
        )
        .join(cases, cases.c.id == case_events.c.case_id)
        .join(homes, homes.c.id == cases.c.home_id)
        .outerjoin(hubs, hubs.c.home_id == homes.c.id)
        .outerjoin(devices, (devices.c.home_id == homes.c.id) & (devices.c.id == device))
        .outerjoin(findings, findings.c.key == key)
        .where(
            _REPORTED,
            kind.in_([one.value for one in KINDS]),
            ~homes.c.id.startswith(UNKNOWN_PREFIX, autoescape=True),
            *conditions,
        )
    )
    return merged(Fault(**row) for row in connection.execute(query).mappings())
