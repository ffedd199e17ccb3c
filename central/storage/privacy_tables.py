"""Tables of privacy: legal holds, who left the service, what was purged, where the audit log was cut, breaches.

As in `central.storage.tables`: times are Unix seconds UTC in columns ending in `_at`; JSON is what is only read whole.
Accounts, homes and persons stand here by id without foreign keys: the proof outlives them.
"""

from __future__ import annotations

from sqlalchemy import JSON, Column, Double, Integer, String, Table, Text

from central.storage.tables import metadata

legal_holds = Table(
    "legal_holds",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home_id", String(32), nullable=False, index=True),
    Column("resident_id", String(32), nullable=False, server_default=""),
    Column("case_id", Integer, nullable=False, server_default="0"),
    Column("reason", String(500), nullable=False),
    Column("placed_at", Double, nullable=False),
    Column("placed_by", String(32), nullable=False),
    Column("until_at", Double),
    Column("lifted_at", Double),
    Column("lifted_by", String(32), nullable=False, server_default=""),
)
"""What must be kept whatever its term: all of a person and their home, or one case. Holds until `until_at` (null: until
somebody lifts it)."""

departures = Table(
    "departures",
    metadata,
    Column("resident_id", String(32), primary_key=True),
    Column("home_id", String(32), nullable=False, index=True),
    Column("left_at", Double, nullable=False),
    Column("noted_at", Double, nullable=False),
    Column("noted_by", String(32), nullable=False),
)
"""Who has left the service, and when: from then on the term of their file is counted."""

purges = Table(
    "purges",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("done_at", Double),
    Column("body", JSON, nullable=False),
)
"""What each purge did: `body` is class -> {"before_at", "purged", "held"}. Without `done_at` it was cut short, and
another one has done the rest."""

audit_cuts = Table(
    "audit_cuts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    Column("at", Double, nullable=False),
)
"""Where the audit log was cut off by its term: number and hash of the last row that went. Triggers let go of rows up to
there, and of none of these."""

breaches = Table(
    "breaches",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("detected_at", Double, nullable=False),
    Column("what", Text, nullable=False),
    Column("data", Text, nullable=False, server_default=""),
    Column("people", Text, nullable=False, server_default=""),
    Column("measures", Text, nullable=False, server_default=""),
    Column("no_risk", Text, nullable=False, server_default=""),
    Column("authority_at", Double),
    Column("people_at", Double),
    Column("closed_at", Double),
    Column("noted_at", Double, nullable=False),
    Column("noted_by", String(32), nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", String(32), nullable=False),
)
"""The register of breaches of personal data (GDPR Art. 33(5)). `no_risk` says why the authority needs not be told;
`authority_at` and `people_at` when they were."""
