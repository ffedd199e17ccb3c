"""By whose line a home speaks: many homes silent at once may have their provider in common"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0013_provider"
down_revision = "0012_privacy"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("homes", sa.Column("provider", sa.String(length=40), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("homes", "provider")
