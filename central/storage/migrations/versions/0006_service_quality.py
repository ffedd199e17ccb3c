"""Settings of the service, reasons for late answers, audits of calls; indexes for its figures"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_service_quality"
down_revision = "0005_people_and_access"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service_settings",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("set_at", sa.Double(), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_settings")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_service_settings_name_version")),
    )
    op.create_table(
        "late_reasons",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("written_at", sa.Double(), nullable=False),
        sa.Column("written_by", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_late_reasons_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_reasons")),
    )
    op.create_index(op.f("ix_late_reasons_case_id"), "late_reasons", ["case_id"])
    op.create_table(
        "call_audits",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("operator_id", sa.String(length=32), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("drawn_at", sa.Double(), nullable=False),
        sa.Column("drawn_by", sa.String(length=32), nullable=False),
        sa.Column("result", sa.String(length=16), server_default="", nullable=False),
        sa.Column("remarks", sa.String(length=1000), server_default="", nullable=False),
        sa.Column("audited_at", sa.Double(), nullable=True),
        sa.Column("audited_by", sa.String(length=32), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_call_audits_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_audits")),
        sa.UniqueConstraint("case_id", "month", name=op.f("uq_call_audits_case_id_month")),
    )
    op.create_index("ix_call_audits_month", "call_audits", ["month", "operator_id"])
    taken = sa.text("type = 'taken'")
    op.create_index(
        "ix_case_events_taken",
        "case_events",
        ["case_id", "position", "at", "actor"],
        sqlite_where=taken,
        postgresql_where=taken,
    )
    op.create_index("ix_cases_exception_at", "cases", ["exception_at"])
    op.create_index("ix_deliveries_queued_at", "deliveries", ["queued_at"])
    late = sa.text("late_s > 1")
    op.create_index("ix_due_times_late", "due_times", ["done_at", "late_s"], sqlite_where=late, postgresql_where=late)


def downgrade() -> None:
    op.drop_index("ix_due_times_late", table_name="due_times")
    op.drop_index("ix_deliveries_queued_at", table_name="deliveries")
    op.drop_index("ix_cases_exception_at", table_name="cases")
    op.drop_index("ix_case_events_taken", table_name="case_events")
    op.drop_table("call_audits")
    op.drop_table("late_reasons")
    op.drop_table("service_settings")
