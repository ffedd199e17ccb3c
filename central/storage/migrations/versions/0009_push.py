"""Browsers of carers that take notifications"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0009_push"
down_revision = "0008_api"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "push_subscriptions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("contact_id", sa.String(length=32), nullable=True),
        sa.Column("address", sa.String(length=2000), nullable=False),
        sa.Column("browser", sa.String(length=80), server_default="", nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["operators.id"], name=op.f("fk_push_subscriptions_account_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_push_subscriptions_contact_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_subscriptions")),
    )
    op.create_index(op.f("ix_push_subscriptions_account_id"), "push_subscriptions", ["account_id"])
    op.create_index(op.f("ix_push_subscriptions_contact_id"), "push_subscriptions", ["contact_id"])


def downgrade() -> None:
    op.drop_table("push_subscriptions")
