"""The first tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "alarm_messages",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("hub", sa.String(length=32), nullable=False),
        sa.Column("ref", sa.String(length=16), nullable=False),
        sa.Column("mty", sa.String(length=2), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.String(length=16), server_default="", nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm_messages")),
        sa.UniqueConstraint(
            "hub", "ref", "mty", "epoch", "sequence", name=op.f("uq_alarm_messages_hub_ref_mty_epoch_sequence")
        ),
    )
    op.create_table(
        "homes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("district", sa.String(length=80), server_default="", nullable=False),
        sa.Column("timezone", sa.String(length=40), server_default="Europe/Madrid", nullable=False),
        sa.Column("language", sa.String(length=5), server_default="ca", nullable=False),
        sa.Column("access_notes", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=32), server_default="", nullable=False),
        sa.Column("care_plan", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("enrolled_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_homes")),
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("called", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=20), server_default="operator", nullable=False),
        sa.Column("language", sa.String(length=5), server_default="ca", nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("failed_logins", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("disabled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operators")),
    )
    op.create_table(
        "refusals",
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.Column("last_detail", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("source", "reason", name=op.f("pk_refusals")),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("owner_id", sa.String(length=32), nullable=True),
        sa.Column("place", sa.String(length=64), server_default="", nullable=False),
        sa.Column("repeats", sa.Integer(), server_default="1", nullable=False),
        sa.Column("standing", sa.Integer(), server_default="1", nullable=False),
        sa.Column("late_s", sa.Double(), server_default="0", nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("last_alarm_at", sa.Double(), nullable=False),
        sa.Column("ring_at", sa.Double(), nullable=True),
        sa.Column("taken_at", sa.Double(), nullable=True),
        sa.Column("spoken_at", sa.Double(), nullable=True),
        sa.Column("helper_id", sa.String(length=32), server_default="", nullable=False),
        sa.Column("eta_at", sa.Double(), nullable=True),
        sa.Column("arrived_at", sa.Double(), nullable=True),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.Column("wake_at", sa.Double(), nullable=True),
        sa.Column("wake_step", sa.String(length=32), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_cases_home_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["operators.id"], name=op.f("fk_cases_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cases_home_id"), ["home_id"], unique=False)
        batch_op.create_index("ix_cases_opened_at", ["opened_at"], unique=False)
        batch_op.create_index(
            "ix_cases_open",
            ["state"],
            unique=False,
            sqlite_where=sa.text("state != 'closed'"),
            postgresql_where=sa.text("state != 'closed'"),
        )

    op.create_table(
        "contacts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("called", sa.String(length=80), nullable=False),
        sa.Column("relation", sa.String(length=40), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=32), server_default="", nullable=False),
        sa.Column("email", sa.String(length=120), server_default="", nullable=False),
        sa.Column("language", sa.String(length=5), server_default="ca", nullable=False),
        sa.Column("has_key", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("minutes_away", sa.Integer(), server_default="30", nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_contacts_home_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contacts_home_id"), ["home_id"], unique=False)

    op.create_table(
        "devices",
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=40), nullable=False),
        sa.Column("room", sa.String(length=40), server_default="", nullable=False),
        sa.Column("silence_max_s", sa.Double(), nullable=False),
        sa.Column("enrolled_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_devices_home_id")),
        sa.PrimaryKeyConstraint("home_id", "id", name=op.f("pk_devices")),
    )
    op.create_table(
        "hubs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("shard", sa.String(length=2), nullable=False),
        sa.Column("enrolled_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_hubs_home_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hubs")),
        sa.UniqueConstraint("home_id", name=op.f("uq_hubs_home_id")),
    )
    op.create_table(
        "residents",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("called", sa.String(length=80), nullable=False),
        sa.Column("full_name", sa.String(length=120), nullable=False),
        sa.Column("born", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=5), server_default="ca", nullable=False),
        sa.Column("lives_alone", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hearing", sa.String(length=20), server_default="good", nullable=False),
        sa.Column("speech", sa.String(length=20), server_default="good", nullable=False),
        sa.Column("flags", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("conditions", sa.Text(), server_default="", nullable=False),
        sa.Column("away_until_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_residents_home_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_residents")),
    )
    with op.batch_alter_table("residents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_residents_home_id"), ["home_id"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("operator_id", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name=op.f("fk_sessions_operator_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_operator_id"), ["operator_id"], unique=False)

    op.create_table(
        "alarms",
        sa.Column("hub", sa.String(length=32), nullable=False),
        sa.Column("ref", sa.String(length=16), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("event_at", sa.Double(), nullable=False),
        sa.Column("withdrawn_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_alarms_case_id")),
        sa.PrimaryKeyConstraint("hub", "ref", name=op.f("pk_alarms")),
    )
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alarms_case_id"), ["case_id"], unique=False)

    op.create_table(
        "case_events",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("type", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_events_case_id")),
        sa.PrimaryKeyConstraint("case_id", "position", name=op.f("pk_case_events")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("fault", sa.String(length=200), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_deliveries_case_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_deliveries_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "case_id", "contact_id", "channel", "purpose", name=op.f("uq_deliveries_case_id_contact_id_channel_purpose")
        ),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deliveries_case_id"), ["case_id"], unique=False)
        batch_op.create_index("ix_deliveries_due", ["due_at"], unique=False)

    op.create_table(
        "due_times",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("done_at", sa.Double(), nullable=True),
        sa.Column("late_s", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_due_times_case_id")),
        sa.PrimaryKeyConstraint("case_id", "step", name=op.f("pk_due_times")),
    )
    with op.batch_alter_table("due_times", schema=None) as batch_op:
        batch_op.create_index("ix_due_times_open", ["done_at", "due_at"], unique=False)

    op.create_table(
        "findings",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("since_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_findings_case_id")),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_findings_home_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_findings")),
    )


def downgrade() -> None:

    op.drop_table("findings")
    with op.batch_alter_table("due_times", schema=None) as batch_op:
        batch_op.drop_index("ix_due_times_open")

    op.drop_table("due_times")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index("ix_deliveries_due")
        batch_op.drop_index(batch_op.f("ix_deliveries_case_id"))

    op.drop_table("deliveries")
    op.drop_table("case_events")
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alarms_case_id"))

    op.drop_table("alarms")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_operator_id"))

    op.drop_table("sessions")
    with op.batch_alter_table("residents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_residents_home_id"))

    op.drop_table("residents")
    op.drop_table("hubs")
    op.drop_table("devices")
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contacts_home_id"))

    op.drop_table("contacts")
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_cases_open", sqlite_where=sa.text("state != 'closed'"), postgresql_where=sa.text("state != 'closed'")
        )
        batch_op.drop_index("ix_cases_opened_at")
        batch_op.drop_index(batch_op.f("ix_cases_home_id"))

    op.drop_table("cases")
    op.drop_table("refusals")
    op.drop_table("operators")
    op.drop_table("homes")
    op.drop_table("alarm_messages")
