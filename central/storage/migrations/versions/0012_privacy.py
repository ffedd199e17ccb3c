"""Legal holds, departures, purges, breaches; the audit log may be cut off up to a recorded row"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = "0012_privacy"
down_revision = "0011_plans"
branch_labels = None
depends_on = None

_APPEND_ONLY = "'audit_log is append-only'"
_CUT_ONCE = "'audit_cuts is append-only'"
_SQLITE_UP = (
    "DROP TRIGGER audit_log_no_delete",
    "CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log "
    "WHEN OLD.id > coalesce((SELECT max(id) FROM audit_cuts), 0) "
    f"BEGIN SELECT RAISE(ABORT, {_APPEND_ONLY}); END",
    f"CREATE TRIGGER audit_cuts_no_update BEFORE UPDATE ON audit_cuts BEGIN SELECT RAISE(ABORT, {_CUT_ONCE}); END",
    f"CREATE TRIGGER audit_cuts_no_delete BEFORE DELETE ON audit_cuts BEGIN SELECT RAISE(ABORT, {_CUT_ONCE}); END",
)
_SQLITE_DOWN = (
    "DROP TRIGGER audit_log_no_delete",
    f"CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, {_APPEND_ONLY}); END",
)
_POSTGRES_UP = (
    "CREATE FUNCTION audit_log_cut_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN IF OLD.id <= coalesce((SELECT max(id) FROM audit_cuts), 0) THEN RETURN OLD; END IF; "
    f"RAISE EXCEPTION {_APPEND_ONLY}; END $$",
    "DROP TRIGGER audit_log_no_change ON audit_log",
    "CREATE TRIGGER audit_log_no_change BEFORE UPDATE ON audit_log "
    "FOR EACH ROW EXECUTE FUNCTION audit_log_append_only()",
    "CREATE TRIGGER audit_log_cut_only BEFORE DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_cut_only()",
    "CREATE FUNCTION audit_cuts_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION {_CUT_ONCE}; END $$",
    "CREATE TRIGGER audit_cuts_no_change BEFORE UPDATE OR DELETE ON audit_cuts "
    "FOR EACH ROW EXECUTE FUNCTION audit_cuts_append_only()",
    "CREATE TRIGGER audit_cuts_no_truncate BEFORE TRUNCATE ON audit_cuts "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_cuts_append_only()",
)
_POSTGRES_DOWN = (
    "DROP TRIGGER audit_log_cut_only ON audit_log",
    "DROP FUNCTION audit_log_cut_only()",
    "DROP TRIGGER audit_log_no_change ON audit_log",
    "CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE ON audit_log "
    "FOR EACH ROW EXECUTE FUNCTION audit_log_append_only()",
)


def upgrade() -> None:
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("resident_id", sa.String(length=32), server_default="", nullable=False),
        sa.Column("case_id", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("placed_at", sa.Double(), nullable=False),
        sa.Column("placed_by", sa.String(length=32), nullable=False),
        sa.Column("until_at", sa.Double(), nullable=True),
        sa.Column("lifted_at", sa.Double(), nullable=True),
        sa.Column("lifted_by", sa.String(length=32), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_holds")),
    )
    op.create_index(op.f("ix_legal_holds_home_id"), "legal_holds", ["home_id"], unique=False)
    op.create_table(
        "departures",
        sa.Column("resident_id", sa.String(length=32), nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("left_at", sa.Double(), nullable=False),
        sa.Column("noted_at", sa.Double(), nullable=False),
        sa.Column("noted_by", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("resident_id", name=op.f("pk_departures")),
    )
    op.create_index(op.f("ix_departures_home_id"), "departures", ["home_id"], unique=False)
    op.create_table(
        "purges",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("done_at", sa.Double(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purges")),
    )
    op.create_table(
        "audit_cuts",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_cuts")),
    )
    op.create_table(
        "breaches",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("detected_at", sa.Double(), nullable=False),
        *(sa.Column(name, sa.Text(), server_default=None if name == "what" else "", nullable=False) for name in _TEXTS),
        *(sa.Column(name, sa.Double(), nullable=True) for name in ("authority_at", "people_at", "closed_at")),
        sa.Column("noted_at", sa.Double(), nullable=False),
        sa.Column("noted_by", sa.String(length=32), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("changed_by", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaches")),
    )
    for statement in _SQLITE_UP if op.get_bind().dialect.name == "sqlite" else _POSTGRES_UP:
        op.execute(statement)


_TEXTS = ("what", "data", "people", "measures", "no_risk")


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE_DOWN if sqlite else _POSTGRES_DOWN:
        op.execute(statement)
    op.drop_table("breaches")
    op.drop_table("audit_cuts")
    if not sqlite:
        op.execute("DROP FUNCTION audit_cuts_append_only()")
    op.drop_table("purges")
    op.drop_table("departures")
    op.drop_table("legal_holds")
