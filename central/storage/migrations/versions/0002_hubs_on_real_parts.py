"""Claims, settings and secrets of hubs; where devices are heard, and their keys; by which ways an alarm came"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:

    with op.batch_alter_table("hubs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("phone", sa.String(length=32), server_default="", nullable=False))

    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("address", sa.String(length=64), server_default="", nullable=False))
        batch_op.add_column(sa.Column("place_code", sa.Integer(), server_default="0", nullable=False))

    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ways", sa.String(length=16), server_default="line", nullable=False))

    op.create_table(
        "hub_secrets",
        sa.Column("hub_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["hub_id"], ["hubs.id"], name=op.f("fk_hub_secrets_hub_id")),
        sa.PrimaryKeyConstraint("hub_id", name=op.f("pk_hub_secrets")),
    )
    op.create_table(
        "hub_settings",
        sa.Column("hub_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("set_at", sa.Double(), nullable=False),
        sa.Column("published_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("published_at", sa.Double(), nullable=True),
        sa.Column("in_force", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["hub_id"], ["hubs.id"], name=op.f("fk_hub_settings_hub_id")),
        sa.PrimaryKeyConstraint("hub_id", name=op.f("pk_hub_settings")),
    )
    op.create_table(
        "claims",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("hub_id", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("redeemed_at", sa.Double(), nullable=True),
        sa.Column("redeemed_by", sa.String(length=64), server_default="", nullable=False),
        sa.Column("board", sa.String(length=200), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["hub_id"], ["hubs.id"], name=op.f("fk_claims_hub_id")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_claims")),
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_claims_hub_id"), ["hub_id"], unique=False)

    op.create_table(
        "device_keys",
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["home_id", "device_id"], ["devices.home_id", "devices.id"], name=op.f("fk_device_keys_home_id")
        ),
        sa.PrimaryKeyConstraint("home_id", "device_id", name=op.f("pk_device_keys")),
    )


def downgrade() -> None:

    op.drop_table("device_keys")
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_claims_hub_id"))

    op.drop_table("claims")
    op.drop_table("hub_settings")
    op.drop_table("hub_secrets")
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.drop_column("ways")

    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.drop_column("place_code")
        batch_op.drop_column("address")

    with op.batch_alter_table("hubs", schema=None) as batch_op:
        batch_op.drop_column("phone")
