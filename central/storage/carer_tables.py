"""Tables of carers' and residents' own pages: proven addresses, reachability tests, consents per contact, requests.

As in `central.storage.tables`: times are Unix seconds UTC in columns ending in `_at`.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, String, Table, Text, false

from central.storage.tables import metadata

way_proofs = Table(
    "way_proofs",
    metadata,
    Column("contact_id", ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("address", String(200), primary_key=True),
    Column("code_hash", String(64), nullable=False),
    Column("made_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("proven_at", Double),
)
"""Addresses that a carer gave: by a code that was sent there it is proven that they read it. Only the code's
fingerprint stands here."""

reach_tests = Table(
    "reach_tests",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("contact_id", ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("asked_by", String(32), nullable=False),
    Column("queued_at", Double, nullable=False),
    Column("due_at", Double),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("sent_at", Double),
    Column("answered_at", Double),
    Column("failed_at", Double),
    Column("fault", String(200), nullable=False, server_default=""),
    Column("token_hash", String(64), nullable=False, server_default=""),
)
Index("ix_reach_tests_contact", reach_tests.c.contact_id, reach_tests.c.id)
Index("ix_reach_tests_due", reach_tests.c.due_at)
Index("ix_reach_tests_token", reach_tests.c.token_hash)
"""Test messages to contacts that ask for one tap: by them it is known that a person can be reached. `asked_by` is an
account, "carer" for themselves, or "desk" for the monthly one; `due_at` is null when nothing is left to send."""

share_changes = Table(
    "share_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home_id", String(32), nullable=False, index=True),
    Column("resident_id", String(32), nullable=False),
    Column("contact_id", String(32), nullable=False),
    Column("share", String(24), nullable=False),
    Column("given", Boolean, nullable=False, server_default=false()),
    Column("at", Double, nullable=False),
    Column("by", String(32), nullable=False),
    Column("said_by", String(80), nullable=False, server_default=""),
)
"""What a resident let a contact see and no longer lets them see, every change for ever, as proof; what holds now is in
`contact_profiles`. `by` is the account that wrote it, `said_by` who said so to them, in words, "" for `by` themselves.
Ids stand here without foreign keys: the proof outlives the contact."""

carer_invitations = Table(
    "carer_invitations",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("contact_id", ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("made_at", Double, nullable=False),
    Column("made_by", String(32), nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("sent_by", String(16), nullable=False, server_default=""),
    Column("used_at", Double),
    Column("account_id", String(32), nullable=False, server_default=""),
)
"""Links by which a contact makes an account of their own, once. `sent_by` is the channel, "" for one that was handed
over; `account_id` the account that came of it. One that is taken back or replaced has run out."""

rights_requests = Table(
    "rights_requests",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("resident_id", String(32), nullable=False, index=True),
    Column("home_id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False, server_default=""),
    Column("made_at", Double, nullable=False),
    Column("made_by", String(32), nullable=False),
    Column("due_at", Double, nullable=False),
    Column("state", String(8), nullable=False, server_default="open"),
    Column("answer", Text, nullable=False, server_default=""),
    Column("answered_at", Double),
    Column("answered_by", String(32), nullable=False, server_default=""),
)
Index("ix_rights_requests_state", rights_requests.c.state, rights_requests.c.due_at)
"""What residents ask about their data: to see, correct, erase, restrict. `state` is "open", "done" or "refused"; an
answer is due within a month (GDPR Art. 12(3))."""
