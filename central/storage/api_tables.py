"""Tables of the interface for other programs: keys with what they open, webhooks, and what was sent to them.

As in `central.storage.tables`: times are Unix seconds UTC in columns ending in `_at`; JSON is what is only read whole.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    true,
)

from central.storage.tables import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("token_hash", ForeignKey("sessions.token_hash", ondelete="CASCADE"), primary_key=True),
    Column("label", String(80), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("made_by", String(32), nullable=False),
)
"""What a program's key is for and what it opens: rules as "resource:action", never more than the role of its account.
When it ends, and when it was last used, stands in `sessions`; a key without a row here opens all that the role does."""

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("label", String(80), nullable=False),
    Column("url", String(500), nullable=False),
    Column("events", JSON, nullable=False),
    Column("municipalities", JSON, nullable=False),
    Column("secret_sealed", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("made_by", String(32), nullable=False),
    Column("made_at", Double, nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("failing_since_at", Double),
    Column("retry_at", Double, nullable=False, server_default="0"),
    Column("stopped_why", String(200), nullable=False, server_default=""),
)
"""Receivers of news. `failures` in a row since `failing_since_at`; nothing goes before `retry_at`. `stopped_why`: the
centre gave up on it, which also ends `enabled`."""

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("hook_id", ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("case_id", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("event", String(32), nullable=False),
    Column("body", JSON, nullable=False),
    Column("at", Double, nullable=False),
    Column("state", String(12), nullable=False, server_default="waiting"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", Double),
    Column("done_at", Double),
    Column("status", Integer, nullable=False, server_default="0"),
    Column("fault", String(200), nullable=False, server_default=""),
    UniqueConstraint("hook_id", "case_id", "position"),
)
"""One row for each event and receiver, written in the transaction of the event itself. `position` is that of the event
in its case's log (of tests, which have no case, a number of their own); `state` "waiting", "delivered" or "given_up";
`status` the last HTTP status, 0 when none came."""
Index("ix_webhook_deliveries_waiting", webhook_deliveries.c.hook_id, webhook_deliveries.c.due_at)
