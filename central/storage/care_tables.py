"""Tables of care over weeks: slow changes, consents, weeks in numbers. As in `central.storage.tables`."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Integer, String, Table

from central.storage.tables import metadata

care_notes = Table(
    "care_notes",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False, index=True),
    Column("day", String(10), nullable=False),
    Column("measure", String(24), nullable=False),
    Column("before", Double, nullable=False),
    Column("after", Double, nullable=False),
    Column("weeks", Integer, nullable=False),
    Column("received_at", Double, nullable=False),
)
"""Slow changes in a home, told the care team and never an alarm; `day` is the last one that was looked at, ISO date.
`before` and `after` are means of a day or night, in the unit of the measure (`central.detection.drift`)."""

consents = Table(
    "consents",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("resident_id", ForeignKey("residents.id"), nullable=False, index=True),
    Column("what", String(24), nullable=False),
    Column("given_at", Double, nullable=False),
    Column("given_by", String(80), nullable=False),
    Column("withdrawn_at", Double),
    Column("withdrawn_by", String(80), nullable=False, server_default=""),
)
"""What a resident has agreed to; never deleted, so that it can be shown what held when. A row without `withdrawn_at`
holds. `given_by` and `withdrawn_by` say who said so: an operator's id, or a person in words."""

routine_weeks = Table(
    "routine_weeks",
    metadata,
    Column("home_id", ForeignKey("homes.id"), primary_key=True),
    Column("week", String(10), primary_key=True),
    Column("days", Integer, nullable=False),
    Column("outings", Integer, nullable=False),
    Column("days_in", Integer, nullable=False),
    Column("visits", Integer),
    Column("received_at", Double, nullable=False),
)
"""A home's weeks in numbers, only with the consent of all who live there; `week` is its Monday, ISO date. `days` of it
are known; `days_in` of them nobody left home; `visits` are a guess, null where none can be made."""
