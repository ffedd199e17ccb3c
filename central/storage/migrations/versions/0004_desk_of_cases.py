"""Care plans, how contacts are reached, what became of messages, incidents, and more of a case"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op


revision = "0004_desk_of_cases"
down_revision = "0003_care_notes"
branch_labels = None
depends_on = None


def _case_columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("plan", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("triage", sa.Integer(), server_default="0", nullable=False),
        sa.Column("protocol", sa.String(length=16), server_default="", nullable=False),
        sa.Column("protocol_step", sa.String(length=24), server_default="", nullable=False),
        sa.Column("step_due_at", sa.Double(), nullable=True),
        sa.Column("ring_limit_at", sa.Double(), nullable=True),
        sa.Column("exception_at", sa.Double(), nullable=True),
        sa.Column("explained_at", sa.Double(), nullable=True),
        sa.Column("abandoned_at", sa.Double(), nullable=True),
        sa.Column("reopened", sa.Integer(), server_default="0", nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
    )


def _delivery_columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("queued_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("delivered_at", sa.Double(), nullable=True),
        sa.Column("opened_at", sa.Double(), nullable=True),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("receipt_due_at", sa.Double(), nullable=True),
        sa.Column("provider_ref", sa.String(length=120), server_default="", nullable=False),
    )


_ONCE = "uq_deliveries_case_id_contact_id_channel_purpose"


def upgrade() -> None:

    for column in _case_columns():
        op.add_column("cases", column)
    op.create_index("ix_cases_incident", "cases", ["incident_id"], unique=False)

    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        for column in _delivery_columns():
            batch_op.add_column(column)
        batch_op.drop_constraint(_ONCE, type_="unique")
        batch_op.create_unique_constraint(
            f"{_ONCE}_round", ["case_id", "contact_id", "channel", "purpose", "round"]
        )
    op.execute("UPDATE deliveries SET state = 'failed_for_good' WHERE state = 'failed'")
    op.execute("UPDATE deliveries SET queued_at = changed_at")
    op.create_index("ix_deliveries_receipt_due", "deliveries", ["receipt_due_at"], unique=False)
    op.create_index("ix_deliveries_provider_ref", "deliveries", ["provider_ref"], unique=False)

    op.create_table(
        "care_plans",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("resident_id", sa.String(length=32), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=20), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("from_at", sa.Double(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_care_plans_home_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_plans")),
        sa.UniqueConstraint(
            "home_id", "resident_id", "kind", "version", name=op.f("uq_care_plans_home_id_resident_id_kind_version")
        ),
    )
    op.create_table(
        "contact_profiles",
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("changed_by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_contact_profiles_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contact_profiles")),
    )
    op.create_table(
        "carer_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_carer_links_delivery_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_carer_links")),
    )
    op.create_index(op.f("ix_carer_links_delivery_id"), "carer_links", ["delivery_id"], unique=False)
    op.create_table(
        "delivery_receipts",
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("detail", sa.String(length=200), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_delivery_receipts_delivery_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_delivery_receipts")),
    )
    op.create_index(op.f("ix_delivery_receipts_delivery_id"), "delivery_receipts", ["delivery_id"], unique=False)
    op.create_index("ix_delivery_receipts_received_at", "delivery_receipts", ["received_at"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("cause", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_table(
        "chores",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_chores")),
    )


def downgrade() -> None:

    for table in ("chores", "incidents", "delivery_receipts", "carer_links", "contact_profiles", "care_plans"):
        op.drop_table(table)
    op.drop_index("ix_deliveries_provider_ref", "deliveries")
    op.drop_index("ix_deliveries_receipt_due", "deliveries")
    op.execute("DELETE FROM deliveries WHERE round > 1")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_constraint(f"{_ONCE}_round", type_="unique")
        for column in _delivery_columns():
            batch_op.drop_column(column.name)
        batch_op.create_unique_constraint(_ONCE, ["case_id", "contact_id", "channel", "purpose"])
    op.execute("UPDATE deliveries SET state = 'failed' WHERE state = 'failed_for_good'")
    op.drop_index("ix_cases_incident", "cases")
    for column in _case_columns():
        op.drop_column("cases", column.name)
