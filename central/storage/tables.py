"""The centre's relational tables, for SQLite and PostgreSQL alike (SQLAlchemy Core).

All times are Unix seconds, UTC, in double columns; their names end in `_at`. Ids of homes, hubs, residents, contacts
and operators are short text chosen at enrolment; cases are numbered. JSON columns hold what is only ever read whole.
Only `central.storage` speaks SQL.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

homes = Table(
    "homes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("address", String(200), nullable=False),
    Column("district", String(80), nullable=False, server_default=""),
    Column("municipality", String(80), nullable=False, server_default="", index=True),
    Column("timezone", String(40), nullable=False, server_default="Europe/Madrid"),
    Column("language", String(5), nullable=False, server_default="ca"),
    Column("access_notes", Text, nullable=False, server_default=""),
    Column("phone", String(32), nullable=False, server_default=""),
    Column("provider", String(40), nullable=False, server_default=""),
    Column("care_plan", JSON, nullable=False, server_default="{}"),
    Column("enrolled_at", Double, nullable=False),
)
"""A dwelling under care. `care_plan` holds limits that differ from the defaults (see `central.detection.profile`);
`municipality` says whose staff may see it (`central.access_rules`), `provider` by whose line it speaks."""

hubs = Table(
    "hubs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False, unique=True),
    Column("shard", String(2), nullable=False),
    Column("phone", String(32), nullable=False, server_default=""),
    Column("enrolled_at", Double, nullable=False),
)
"""`phone` is the number of the hub's own SIM, as it stood in its latest authentic SMS or in the register."""

hub_secrets = Table(
    "hub_secrets",
    metadata,
    Column("hub_id", ForeignKey("hubs.id"), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("made_at", Double, nullable=False),
)
"""A hub's password at the broker, from which the key of its SMS alarms follows; sealed by `central.sealing`. In a table
of its own, so that nothing that lists hubs reads secrets along."""

hub_settings = Table(
    "hub_settings",
    metadata,
    Column("hub_id", ForeignKey("hubs.id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Column("set_at", Double, nullable=False),
    Column("published_version", Integer, nullable=False, server_default="0"),
    Column("published_at", Double),
    Column("in_force", Integer, nullable=False, server_default="0"),
)
"""What a hub should go by. `body` is `gateway.contract.settings.HubSettings`; `published_version` is what the broker
has confirmed to keep for it, `in_force` what the hub said last."""

claims = Table(
    "claims",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("hub_id", ForeignKey("hubs.id"), nullable=False, index=True),
    Column("made_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("redeemed_at", Double),
    Column("redeemed_by", String(64), nullable=False, server_default=""),
    Column("board", String(200), nullable=False, server_default=""),
)
"""Codes by which new hubs get their name. Neither the code nor the key of the hub that redeemed it stands here, only
what recognises them; `board` is what that hub said of itself."""

devices = Table(
    "devices",
    metadata,
    Column("home_id", ForeignKey("homes.id"), primary_key=True),
    Column("id", String(32), primary_key=True),
    Column("model", String(40), nullable=False),
    Column("room", String(40), nullable=False, server_default=""),
    Column("silence_max_s", Double, nullable=False),
    Column("address", String(64), nullable=False, server_default=""),
    Column("place_code", Integer, nullable=False, server_default="0"),
    Column("enrolled_at", Double, nullable=False),
)
"""`address` and `place_code` are as in a hub's enrolment file; an empty address means that only the hub knows."""

device_keys = Table(
    "device_keys",
    metadata,
    Column("home_id", String(32), primary_key=True),
    Column("device_id", String(32), primary_key=True),
    Column("sealed", Text, nullable=False),
    ForeignKeyConstraint(["home_id", "device_id"], ["devices.home_id", "devices.id"]),
)
"""The radio keys of devices, sealed by `central.sealing`."""

residents = Table(
    "residents",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False, index=True),
    Column("called", String(80), nullable=False),
    Column("full_name", String(120), nullable=False),
    Column("born", Integer, nullable=False),
    Column("language", String(5), nullable=False, server_default="ca"),
    Column("lives_alone", Boolean, nullable=False, server_default=false()),
    Column("hearing", String(20), nullable=False, server_default="good"),
    Column("speech", String(20), nullable=False, server_default="good"),
    Column("flags", JSON, nullable=False, server_default="[]"),
    Column("conditions", Text, nullable=False, server_default=""),
    Column("away_until_at", Double),
    Column("sex", String(1), nullable=False, server_default=""),
    Column("mobile", String(32), nullable=False, server_default=""),
)
"""The people cared for. `called` is the name to be used; `flags` are words such as "oxygen", "dog", "key_safe"."""

contacts = Table(
    "contacts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("called", String(80), nullable=False),
    Column("relation", String(40), nullable=False, server_default=""),
    Column("phone", String(32), nullable=False, server_default=""),
    Column("email", String(120), nullable=False, server_default=""),
    Column("language", String(5), nullable=False, server_default="ca"),
    Column("has_key", Boolean, nullable=False, server_default=false()),
    Column("minutes_away", Integer, nullable=False, server_default="30"),
)

operators = Table(
    "operators",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("called", String(80), nullable=False),
    Column("role", String(20), nullable=False, server_default="operator"),
    Column("language", String(5), nullable=False, server_default="ca"),
    Column("password_hash", String(200), nullable=False),
    Column("failed_logins", Integer, nullable=False, server_default="0"),
    Column("locked_until_at", Double, nullable=False, server_default="0"),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("municipalities", JSON, nullable=False, server_default='["*"]'),
    Column("resident_id", String(32), nullable=False, server_default=""),
    Column("password_due", Boolean, nullable=False, server_default=false()),
    Column("totp_sealed", Text, nullable=False, server_default=""),
    Column("totp_step", BigInteger, nullable=False, server_default="0"),
)
"""Everybody and everything that logs in, whatever their role (`central.access_rules`). `resident_id`: who a resident's
account belongs to; `password_due`: the password was given by somebody else and must be changed; `totp_sealed`: the
secret of the second factor, sealed, "" without; `totp_step`: the half minute of the last code used, so that none is
used twice."""

account_contacts = Table(
    "account_contacts",
    metadata,
    Column("account_id", ForeignKey("operators.id", ondelete="CASCADE"), primary_key=True),
    Column("contact_id", ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
)
"""As which contacts a carer's account speaks; their homes are its reach. Who is no contact any more sees nothing."""

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account_id", ForeignKey("operators.id", ondelete="CASCADE"), primary_key=True),
    Column("code_hash", String(64), primary_key=True),
)
"""Codes for somebody whose telephone is lost; each is good once."""

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("operator_id", ForeignKey("operators.id"), nullable=False, index=True),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("kind", String(8), nullable=False, server_default="full"),
    Column("origin", String(16), nullable=False, server_default=""),
    Column("browser", String(80), nullable=False, server_default=""),
)
"""`kind` is "full", "code" (the second factor is still to come) or "key" (of a program, sent as a bearer token)."""

glass = Table(
    "glass",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account_id", String(32), nullable=False),
    Column("home_id", ForeignKey("homes.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("reason", String(300), nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("until_at", Double, nullable=False),
    Column("reviewed_by", String(32), nullable=False, server_default=""),
    Column("reviewed_at", Double),
)
"""Homes opened by somebody beyond their reach, with the written reason; each is reviewed by somebody else."""

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("account_id", String(32), nullable=False),
    Column("role", String(20), nullable=False),
    Column("resource", String(20), nullable=False),
    Column("action", String(8), nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("home_id", String(32), nullable=False, server_default=""),
    Column("resident_id", String(32), nullable=False, server_default=""),
    Column("case_id", Integer, nullable=False, server_default="0"),
    Column("what", String(200), nullable=False, server_default=""),
    Column("why", String(300), nullable=False, server_default=""),
    Column("origin", String(16), nullable=False, server_default=""),
    Column("hash", String(64), nullable=False),
)
Index("ix_audit_log_home", audit_log.c.home_id, audit_log.c.id)
Index("ix_audit_log_account", audit_log.c.account_id, audit_log.c.id)
"""Who read or changed what of whom, in a chain (`central.audit_chain`); triggers refuse to change or delete a row.

Ids of persons and homes stand here without foreign keys: what was done stays known after they have left. A revision
that rebuilds this table on SQLite must make the triggers anew."""

cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False, index=True),
    Column("state", String(12), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("owner_id", ForeignKey("operators.id")),
    Column("place", String(64), nullable=False, server_default=""),
    Column("repeats", Integer, nullable=False, server_default="1"),
    Column("standing", Integer, nullable=False, server_default="1"),
    Column("late_s", Double, nullable=False, server_default="0"),
    Column("opened_at", Double, nullable=False),
    Column("last_alarm_at", Double, nullable=False),
    Column("ring_at", Double),
    Column("taken_at", Double),
    Column("spoken_at", Double),
    Column("helper_id", String(32), nullable=False, server_default=""),
    Column("eta_at", Double),
    Column("arrived_at", Double),
    Column("closed_at", Double),
    Column("wake_at", Double),
    Column("wake_step", String(32), nullable=False, server_default=""),
    Column("version", Integer, nullable=False),
    Column("plan", JSON, nullable=False, server_default="{}"),
    Column("triage", Integer, nullable=False, server_default="0"),
    Column("protocol", String(16), nullable=False, server_default=""),
    Column("protocol_step", String(24), nullable=False, server_default=""),
    Column("step_due_at", Double),
    Column("ring_limit_at", Double),
    Column("exception_at", Double),
    Column("explained_at", Double),
    Column("abandoned_at", Double),
    Column("reopened", Integer, nullable=False, server_default="0"),
    Column("incident_id", Integer),
)
Index("ix_cases_incident", cases.c.incident_id)
Index("ix_cases_opened_at", cases.c.opened_at)
Index(
    "ix_cases_open", cases.c.state, sqlite_where=text("state != 'closed'"), postgresql_where=text("state != 'closed'")
)
"""Alarms being handled, one row a case; the columns are those of `central.alarm_cases.case.Case`, explained there."""

case_events = Table(
    "case_events",
    metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("type", String(24), nullable=False),
    Column("actor", String(40), nullable=False),
    Column("body", JSON, nullable=False),
)
"""What happened to a case, in order; enough to rebuild its row. `actor` is an operator's id, "hub", or "desk"."""

alarms = Table(
    "alarms",
    metadata,
    Column("hub", String(32), primary_key=True),
    Column("ref", String(16), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("received_at", Double, nullable=False),
    Column("event_at", Double, nullable=False),
    Column("withdrawn_at", Double),
    Column("ways", String(16), nullable=False, server_default="line"),
)
"""One row an alarm: the dedupe table. Any number of copies of (hub, ref) is one alarm of one case. `ways` are those by
which copies came, in the order of their arrival: "line", "sms", or "line,sms"."""

alarm_messages = Table(
    "alarm_messages",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("hub", String(32), nullable=False),
    Column("ref", String(16), nullable=False),
    Column("mty", String(2), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("epoch", String(16), nullable=False, server_default=""),
    Column("received_at", Double, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("hub", "ref", "mty", "epoch", "sequence"),
)
"""Every distinct alarm message as it came, raw, for ever."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("contact_id", ForeignKey("contacts.id"), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("purpose", String(24), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("due_at", Double),
    Column("changed_at", Double, nullable=False),
    Column("fault", String(200), nullable=False, server_default=""),
    Column("round", Integer, nullable=False, server_default="1"),
    Column("queued_at", Double, nullable=False, server_default="0"),
    Column("sent_at", Double),
    Column("delivered_at", Double),
    Column("opened_at", Double),
    Column("answered_at", Double),
    Column("receipt_due_at", Double),
    Column("provider_ref", String(120), nullable=False, server_default=""),
    UniqueConstraint("case_id", "contact_id", "channel", "purpose", "round"),
)
Index("ix_deliveries_due", deliveries.c.due_at)

due_times = Table(
    "due_times",
    metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("step", String(32), primary_key=True),
    Column("due_at", Double, nullable=False),
    Column("done_at", Double),
    Column("late_s", Double),
)
Index("ix_due_times_open", due_times.c.done_at, due_times.c.due_at)
"""All waiting of the desk. A row is acted on once, by whichever process claims it; `late_s` says how late that was."""

findings = Table(
    "findings",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("since_at", Double, nullable=False),
    Column("ended_at", Double),
)
"""What the receiver's detectors found and the desk has taken into a case; the key makes a repeated message harmless."""

refusals = Table(
    "refusals",
    metadata,
    Column("source", String(24), primary_key=True),
    Column("reason", String(32), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("last_detail", String(300), nullable=False),
)
"""Input that was refused by value, counted by reason; shown on the health page."""
