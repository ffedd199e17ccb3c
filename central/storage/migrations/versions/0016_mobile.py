"""The telephone that a resident carries, rung when the home does not answer"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0016_mobile"
down_revision = "0015_installations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("residents", sa.Column("mobile", sa.String(length=32), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("residents", "mobile")
