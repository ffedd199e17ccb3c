"""Orders to install a unit; what units report to be wrong with themselves"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015_installations"
down_revision = "0014_consoles"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installations",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("ordered_at", sa.Double(), nullable=False),
        sa.Column("ordered_by", sa.String(length=40), nullable=False),
        sa.Column("installed_at", sa.Double(), nullable=True),
        sa.Column("called_off_at", sa.Double(), nullable=True),
        sa.Column("called_off_by", sa.String(length=40), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_installations_home_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installations")),
    )
    op.create_index(op.f("ix_installations_home_id"), "installations", ["home_id"])
    op.create_index(op.f("ix_installations_ordered_at"), "installations", ["ordered_at"])
    op.create_index("ix_installations_open", "installations", ["installed_at", "called_off_at"])
    op.create_table(
        "hub_faults",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("hub", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), server_default="", nullable=False),
        sa.Column("began_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_hub_faults_home_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hub_faults")),
    )
    for column in ("home_id", "began_at", "ended_at"):
        op.create_index(op.f(f"ix_hub_faults_{column}"), "hub_faults", [column])


def downgrade() -> None:
    op.drop_table("hub_faults")
    op.drop_table("installations")
