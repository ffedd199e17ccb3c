"""Keys and languages of operators; the sex of residents, for whoever calls an ambulance"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0006_operator_settings"
down_revision = "0006_service_quality"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "operator_settings",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("speaks", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["operators.id"], name=op.f("fk_operator_settings_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_operator_settings")),
    )
    with op.batch_alter_table("residents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sex", sa.String(length=1), server_default="", nullable=False))


def downgrade() -> None:

    with op.batch_alter_table("residents", schema=None) as batch_op:
        batch_op.drop_column("sex")

    op.drop_table("operator_settings")
