"""Invitations of carers; who told the office of a consent"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0010_invitations"
down_revision = "0009_push"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "carer_invitations",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("sent_by", sa.String(length=16), server_default="", nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.Column("account_id", sa.String(length=32), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_carer_invitations_contact_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_carer_invitations")),
    )
    op.create_index(op.f("ix_carer_invitations_contact_id"), "carer_invitations", ["contact_id"])
    op.add_column("share_changes", sa.Column("said_by", sa.String(length=80), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("share_changes", "said_by")
    op.drop_table("carer_invitations")
