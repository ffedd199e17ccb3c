"""Tables of the alarm desk beside its cases: care plans, how contacts are reached, links, receipts, incidents, chores.

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
    UniqueConstraint,
    false,
)

from central.storage.tables import deliveries, metadata

care_plans = Table(
    "care_plans",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False),
    Column("resident_id", String(32), nullable=False, server_default=""),
    Column("kind", String(20), nullable=False, server_default=""),
    Column("version", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Column("from_at", Double, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("made_by", String(80), nullable=False),
    UniqueConstraint("home_id", "resident_id", "kind", "version"),
)
"""What was agreed with a person for a kind of alarm, every version for ever. An empty `resident_id` means all who live
there, an empty `kind` every kind without a plan of its own. `body` is `central.alarm_cases.care_plan.CarePlan`; the
newest version that has begun (`from_at`) holds."""

contact_profiles = Table(
    "contact_profiles",
    metadata,
    Column("contact_id", ForeignKey("contacts.id"), primary_key=True),
    Column("body", JSON, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", String(80), nullable=False),
)
"""When and how a contact can be reached, as they declared it; `body` is `central.alarm_cases.rota.Profile`. A contact
without a row can be reached always, at the addresses of their row in `contacts`."""

carer_links = Table(
    "carer_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("made_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("opened_at", Double),
)
"""Links in messages by which a carer without an account answers. Only what recognises a token stands here."""

delivery_receipts = Table(
    "delivery_receipts",
    metadata,
    Column("key", String(160), primary_key=True),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("at", Double, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("detail", String(200), nullable=False, server_default=""),
)
"""What channels said of messages afterwards, each once: `key` is the channel's name and its own key of the report."""
Index("ix_delivery_receipts_received_at", delivery_receipts.c.received_at)

incidents = Table(
    "incidents",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("cause", String(120), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
)
"""Many homes silent at once from one cause. Its cases name it (`cases.incident_id`) and keep their own life; it is over
when none of them is open."""

chores = Table(
    "chores",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("due_at", Double, nullable=False),
)
"""What the desk does again and again, each worked by one process when it is due."""

operator_settings = Table(
    "operator_settings",
    metadata,
    Column("account_id", ForeignKey("operators.id", ondelete="CASCADE"), primary_key=True),
    Column("keys", JSON, nullable=False),
    Column("speaks", JSON, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("telephone", String(20), nullable=False, server_default=""),
)
"""How an operator works at the console: `keys` are those that differ from the usual ones (action -> key), `speaks` the
languages in which they talk with residents, `telephone` the one at which they sit: an extension or E.164, "" for
none."""

placed_calls = Table(
    "placed_calls",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(40), nullable=False, unique=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("operator_id", ForeignKey("operators.id"), nullable=False, index=True),
    Column("party", String(8), nullable=False),
    Column("who", String(32), nullable=False),
    Column("placed_at", Double, nullable=False),
    Column("heard_at", Double, nullable=False),
    Column("own_ringing_at", Double),
    Column("own_answered_at", Double),
    Column("own_result", String(16), nullable=False, server_default=""),
    Column("ringing_at", Double),
    Column("answered_at", Double),
    Column("result", String(16), nullable=False, server_default=""),
    Column("ended_at", Double),
    Column("talk_s", Double),
    Column("hung_up", Boolean, nullable=False, server_default=false()),
    Column("mailbox", Boolean, nullable=False, server_default=false()),
    Column("not_placed", Boolean, nullable=False, server_default=false()),
)
"""Calls that the centre placed for an operator; the columns are those of `central.alarm_cases.placed_call.PlacedCall`.
The number called stands where the home, the resident and the contact do, and nowhere else."""

consoles = Table(
    "consoles",
    metadata,
    Column("operator_id", ForeignKey("operators.id", ondelete="CASCADE"), primary_key=True),
    Column("seen_at", Double, nullable=False),
    Column("lost_cases", JSON, nullable=False, server_default="[]"),
)
"""When a console of an operator who holds a case was last there; `lost_cases` went back to everybody when it was not,
and its operator is still to be told."""

push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", ForeignKey("operators.id", ondelete="CASCADE"), index=True),
    Column("contact_id", ForeignKey("contacts.id", ondelete="CASCADE"), index=True),
    Column("address", String(2_000), nullable=False),
    Column("browser", String(80), nullable=False, server_default=""),
    Column("made_at", Double, nullable=False),
)
"""Browsers that take notifications: of an account, for all contacts as whom it speaks, or of one contact who came by a
link. `id` is the fingerprint of the endpoint, `address` what `channels.webpush` sends to."""

Index("ix_deliveries_receipt_due", deliveries.c.receipt_due_at)
Index("ix_deliveries_provider_ref", deliveries.c.provider_ref)
