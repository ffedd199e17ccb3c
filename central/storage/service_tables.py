"""Tables of the service as a whole: its settings, reasons for late answers, and audits of calls.

As in `central.storage.tables`: times are Unix seconds UTC in columns ending in `_at`; JSON is what is only read whole.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Double, ForeignKey, Index, Integer, String, Table, UniqueConstraint, text

from central.storage.tables import case_events, cases, deliveries, due_times, metadata

service_settings = Table(
    "service_settings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Column("set_at", Double, nullable=False),
    Column("set_by", String(32), nullable=False),
    UniqueConstraint("name", "version"),
)
"""What the service has settled for itself, every version for ever; the newest of a name holds."""

late_reasons = Table(
    "late_reasons",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("reason", String(1000), nullable=False),
    Column("written_at", Double, nullable=False),
    Column("written_by", String(32), nullable=False),
)
"""Why a call waited too long, as found afterwards; beside what the case's own log says. The newest one is shown."""

call_audits = Table(
    "call_audits",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("operator_id", String(32), nullable=False),
    Column("month", String(7), nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("drawn_at", Double, nullable=False),
    Column("drawn_by", String(32), nullable=False),
    Column("result", String(16), nullable=False, server_default=""),
    Column("remarks", String(1000), nullable=False, server_default=""),
    Column("audited_at", Double),
    Column("audited_by", String(32), nullable=False, server_default=""),
    UniqueConstraint("case_id", "month"),
)
"""Calls drawn by lot to be gone through, and what was found; `month` is "YYYY-MM", of the call."""
Index("ix_call_audits_month", call_audits.c.month, call_audits.c.operator_id)

_TAKEN = text("type = 'taken'")
Index(
    "ix_case_events_taken",
    case_events.c.case_id,
    case_events.c.position,
    case_events.c.at,
    case_events.c.actor,
    sqlite_where=_TAKEN,
    postgresql_where=_TAKEN,
)
"""Who answered a case first, and when, without reading its log."""
Index("ix_cases_exception_at", cases.c.exception_at)
Index("ix_deliveries_queued_at", deliveries.c.queued_at)
_LATE = text("late_s > 1")
Index("ix_due_times_late", due_times.c.done_at, due_times.c.late_s, sqlite_where=_LATE, postgresql_where=_LATE)
