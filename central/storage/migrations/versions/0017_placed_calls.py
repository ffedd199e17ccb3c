"""Calls that the centre places for an operator, and the telephone at which each operator sits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017_placed_calls"
down_revision = "0016_mobile"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operator_settings", sa.Column("telephone", sa.String(length=20), server_default="", nullable=False))
    op.create_table(
        "placed_calls",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("operator_id", sa.String(length=32), nullable=False),
        sa.Column("party", sa.String(length=8), nullable=False),
        sa.Column("who", sa.String(length=32), nullable=False),
        sa.Column("placed_at", sa.Double(), nullable=False),
        sa.Column("heard_at", sa.Double(), nullable=False),
        sa.Column("own_ringing_at", sa.Double(), nullable=True),
        sa.Column("own_answered_at", sa.Double(), nullable=True),
        sa.Column("own_result", sa.String(length=16), server_default="", nullable=False),
        sa.Column("ringing_at", sa.Double(), nullable=True),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("result", sa.String(length=16), server_default="", nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("talk_s", sa.Double(), nullable=True),
        sa.Column("hung_up", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("mailbox", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("not_placed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_placed_calls_case_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name=op.f("fk_placed_calls_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placed_calls")),
        sa.UniqueConstraint("key", name=op.f("uq_placed_calls_key")),
    )
    for column in ("case_id", "operator_id"):
        op.create_index(op.f(f"ix_placed_calls_{column}"), "placed_calls", [column])


def downgrade() -> None:
    op.drop_table("placed_calls")
    op.drop_column("operator_settings", "telephone")
