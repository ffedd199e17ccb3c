"""Carers' proven addresses and reachability tests, changes of consents, residents' requests"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0007_carers"
down_revision = "0006_office"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "way_proofs",
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("proven_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_way_proofs_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", "channel", "address", name=op.f("pk_way_proofs")),
    )
    op.create_table(
        "reach_tests",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("queued_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("failed_at", sa.Double(), nullable=True),
        sa.Column("fault", sa.String(length=200), server_default="", nullable=False),
        sa.Column("token_hash", sa.String(length=64), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_reach_tests_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reach_tests")),
    )
    with op.batch_alter_table("reach_tests", schema=None) as batch_op:
        batch_op.create_index("ix_reach_tests_contact", ["contact_id", "id"], unique=False)
        batch_op.create_index("ix_reach_tests_due", ["due_at"], unique=False)
        batch_op.create_index("ix_reach_tests_token", ["token_hash"], unique=False)
    op.create_table(
        "share_changes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("resident_id", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.Column("share", sa.String(length=24), nullable=False),
        sa.Column("given", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_changes")),
    )
    with op.batch_alter_table("share_changes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_share_changes_home_id"), ["home_id"], unique=False)
    op.create_table(
        "rights_requests",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("resident_id", sa.String(length=32), nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=8), server_default="open", nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("answered_by", sa.String(length=32), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_requests")),
    )
    with op.batch_alter_table("rights_requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rights_requests_resident_id"), ["resident_id"], unique=False)
        batch_op.create_index("ix_rights_requests_state", ["state", "due_at"], unique=False)


def downgrade() -> None:

    op.drop_table("rights_requests")
    op.drop_table("share_changes")
    op.drop_table("reach_tests")
    op.drop_table("way_proofs")
