"""Tables of what becomes of units: orders to install them, and what they report to be wrong with themselves.

As in `central.storage.tables`: times are Unix seconds UTC in columns ending in `_at`.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, String, Table

from central.storage.tables import metadata

installations = Table(
    "installations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False, index=True),
    Column("urgent", Boolean, nullable=False),
    Column("ordered_at", Double, nullable=False, index=True),
    Column("ordered_by", String(40), nullable=False),
    Column("installed_at", Double),
    Column("called_off_at", Double),
    Column("called_off_by", String(40), nullable=False, server_default=""),
)
"""Units that were ordered for a home. `installed_at` is when the home's unit was first heard after that."""
Index("ix_installations_open", installations.c.installed_at, installations.c.called_off_at)

hub_faults = Table(
    "hub_faults",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False, index=True),
    Column("hub", String(32), nullable=False),
    Column("code", String(32), nullable=False),
    Column("subject", String(64), nullable=False, server_default=""),
    Column("began_at", Double, nullable=False, index=True),
    Column("ended_at", Double, index=True),
)
"""What units have reported to be wrong (`gateway.contract.messages.Problem`), from when the centre heard of it until
they said no more of it."""
