"""Faults of units and devices, as cases' logs and units themselves tell of them and say that they ended."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from central.repair_figures import KINDS, PASSING_S, REPORTED, Fault, merged
from central.storage.homes import UNKNOWN_PREFIX
from central.storage.tables import case_events, cases, devices, findings, homes, hubs
from central.storage.unit_tables import hub_faults, installations

_REPORTED: Final[sa.ColumnElement[bool]] = case_events.c.type.in_(
    (sa.literal_column("'opened'"), sa.literal_column("'joined'"))
)

_NOT_INSTALLED: Final = sa.exists().where(
    installations.c.home_id == cases.c.home_id,
    installations.c.ordered_at <= case_events.c.at,
    installations.c.called_off_at.is_(None),
    installations.c.installed_at.is_(None) | (installations.c.installed_at > case_events.c.at),
)
"""The home was waiting for its unit: that it is silent is no fault."""


def begun(
    connection: sa.Connection, since_at: float, until_at: float, within: sa.ColumnElement[bool] | None = None
) -> list[Fault]:
    """The faults that began from a time until before another, the oldest first; of `within`, a condition on homes.

    One that began before and still goes on then is not among them.
    """
    span = (case_events.c.at >= since_at, case_events.c.at < until_at, cases.c.opened_at < until_at)
    began = (hub_faults.c.began_at >= since_at, hub_faults.c.began_at < until_at)
    noticed = _faults(connection, *span, *_given(within))
    return merged([*noticed, *_reported(connection, *began, *_given(within))])


def waiting(connection: sa.Connection, within: sa.ColumnElement[bool] | None = None) -> list[Fault]:
    """The faults that are not repaired, whenever they began."""
    unfinished = sa.select(findings.c.case_id).where(findings.c.ended_at.is_(None))
    maybe = cases.c.id.in_(unfinished) | (cases.c.state != "closed")
    reported = _reported(connection, hub_faults.c.ended_at.is_(None), *_given(within))
    known = merged([*_faults(connection, maybe, *_given(within)), *reported])
    return [one for one in known if one.ended_at is None]


def _given(condition: sa.ColumnElement[bool] | None) -> list[sa.ColumnElement[bool]]:
    return [] if condition is None else [condition]


def _reported(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Fault]:
    """What units have reported themselves; what has passed by itself is left out."""
    no_text, lasted = sa.literal(""), hub_faults.c.ended_at - hub_faults.c.began_at >= PASSING_S
    query = (
        sa.select(
            homes.c.id.label("home_id"),
            homes.c.address,
            homes.c.municipality,
            hub_faults.c.hub,
            hub_faults.c.code,
            hub_faults.c.subject.label("device"),
            sa.func.coalesce(devices.c.model, no_text).label("model"),
            sa.func.coalesce(devices.c.room, no_text).label("room"),
            hub_faults.c.began_at,
            hub_faults.c.ended_at,
        )
        .join(homes, homes.c.id == hub_faults.c.home_id)
        .outerjoin(devices, (devices.c.home_id == homes.c.id) & (devices.c.id == hub_faults.c.subject))
        .where(hub_faults.c.code.in_(list(REPORTED)), hub_faults.c.ended_at.is_(None) | lasted, *conditions)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return [Fault(kind=REPORTED[row.pop("code")], case_id=0, **row) for row in rows]


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
            ~_NOT_INSTALLED,
            *conditions,
        )
    )
    return [Fault(**row) for row in connection.execute(query).mappings()]
