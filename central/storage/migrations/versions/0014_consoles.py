"""When an operator's console was last there, so that a case at one that is lost goes back to everybody"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0014_consoles"
down_revision = "0013_provider"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consoles",
        sa.Column("operator_id", sa.String(length=32), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("lost_cases", sa.JSON(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operators.id"], name=op.f("fk_consoles_operator_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("operator_id", name=op.f("pk_consoles")),
    )


def downgrade() -> None:
    op.drop_table("consoles")
