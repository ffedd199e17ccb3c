"""Accounts of all roles, second factors, municipalities, broken glass, and the chained audit log"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0005_people_and_access"
down_revision = "0004_desk_of_cases"
branch_labels = None
depends_on = None

_SQLITE = (
    "CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END",
    "CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END",
)
_POSTGRES = (
    "CREATE FUNCTION audit_log_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'audit_log is append-only'; END $$",
    "CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE ON audit_log "
    "FOR EACH ROW EXECUTE FUNCTION audit_log_append_only()",
    "CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_append_only()",
)


def upgrade() -> None:

    with op.batch_alter_table("homes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("municipality", sa.String(length=80), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_homes_municipality"), ["municipality"], unique=False)

    with op.batch_alter_table("operators", schema=None) as batch_op:
        batch_op.add_column(sa.Column("municipalities", sa.JSON(), server_default='["*"]', nullable=False))
        batch_op.add_column(sa.Column("resident_id", sa.String(length=32), server_default="", nullable=False))
        batch_op.add_column(sa.Column("password_due", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("totp_sealed", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("totp_step", sa.BigInteger(), server_default="0", nullable=False))
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=8), server_default="full", nullable=False))
        batch_op.add_column(sa.Column("origin", sa.String(length=16), server_default="", nullable=False))
        batch_op.add_column(sa.Column("browser", sa.String(length=80), server_default="", nullable=False))

    op.create_table(
        "account_contacts",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["operators.id"], name=op.f("fk_account_contacts_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_account_contacts_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "contact_id", name=op.f("pk_account_contacts")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["operators.id"], name=op.f("fk_recovery_codes_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "glass",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("until_at", sa.Double(), nullable=False),
        sa.Column("reviewed_by", sa.String(length=32), server_default="", nullable=False),
        sa.Column("reviewed_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_glass_home_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_glass")),
    )
    with op.batch_alter_table("glass", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_glass_home_id"), ["home_id"], unique=False)
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("resource", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("home_id", sa.String(length=32), server_default="", nullable=False),
        sa.Column("resident_id", sa.String(length=32), server_default="", nullable=False),
        sa.Column("case_id", sa.Integer(), server_default="0", nullable=False),
        sa.Column("what", sa.String(length=200), server_default="", nullable=False),
        sa.Column("why", sa.String(length=300), server_default="", nullable=False),
        sa.Column("origin", sa.String(length=16), server_default="", nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.create_index("ix_audit_log_home", ["home_id", "id"], unique=False)
        batch_op.create_index("ix_audit_log_account", ["account_id", "id"], unique=False)
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRES:
        op.execute(statement)


def downgrade() -> None:

    op.drop_table("audit_log")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_log_append_only()")
    op.drop_table("glass")
    op.drop_table("recovery_codes")
    op.drop_table("account_contacts")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_column("browser")
        batch_op.drop_column("origin")
        batch_op.drop_column("kind")

    with op.batch_alter_table("operators", schema=None) as batch_op:
        batch_op.drop_column("totp_step")
        batch_op.drop_column("totp_sealed")
        batch_op.drop_column("password_due")
        batch_op.drop_column("resident_id")
        batch_op.drop_column("municipalities")

    with op.batch_alter_table("homes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_homes_municipality"))
        batch_op.drop_column("municipality")
