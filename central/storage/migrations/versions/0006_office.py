"""The office around a person: changes to a file, conditions, absences, agenda, keys, drills, and what lists are found by"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


revision = "0006_office"
down_revision = "0006_operator_settings"
branch_labels = None
depends_on = None

_SQLITE = (
    "CREATE TRIGGER key_moves_no_update BEFORE UPDATE ON key_moves BEGIN SELECT RAISE(ABORT, 'key_moves is append-only'); END",
    "CREATE TRIGGER key_moves_no_delete BEFORE DELETE ON key_moves BEGIN SELECT RAISE(ABORT, 'key_moves is append-only'); END",
)
_POSTGRES = (
    "CREATE FUNCTION key_moves_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'key_moves is append-only'; END $$",
    "CREATE TRIGGER key_moves_no_change BEFORE UPDATE OR DELETE ON key_moves "
    "FOR EACH ROW EXECUTE FUNCTION key_moves_append_only()",
)


def upgrade() -> None:

    op.create_table(
        "agenda_items",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("resident_id", sa.String(length=32), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=160), server_default="", nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("assigned_to", sa.String(length=32), server_default="", nullable=False),
        sa.Column("source", sa.String(length=80), server_default="", nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("ended_by", sa.String(length=40), server_default="", nullable=False),
        sa.Column("next_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_agenda_items_home_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agenda_items")),
    )
    with op.batch_alter_table("agenda_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agenda_items_home_id"), ["home_id"], unique=False)
        batch_op.create_index("ix_agenda_items_next_at", ["next_at"], unique=False)
    op.create_table(
        "drill_plans",
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("every_days", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("set_by", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_drill_plans_home_id")),
        sa.PrimaryKeyConstraint("home_id", name=op.f("pk_drill_plans")),
    )
    with op.batch_alter_table("drill_plans", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_drill_plans_next_at"), ["next_at"], unique=False)
    op.create_table(
        "home_access",
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("entrance", sa.String(length=200), server_default="", nullable=False),
        sa.Column("door_code", sa.String(length=40), server_default="", nullable=False),
        sa.Column("key_safe", sa.String(length=200), server_default="", nullable=False),
        sa.Column("key_safe_code", sa.String(length=40), server_default="", nullable=False),
        sa.Column("pets", sa.String(length=200), server_default="", nullable=False),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_home_access_home_id")),
        sa.PrimaryKeyConstraint("home_id", name=op.f("pk_home_access")),
    )
    op.create_table(
        "home_facts",
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("proven_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("tested_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("gap_hours", sa.Double(), server_default="0", nullable=False),
        sa.Column("false_alarms", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refreshed_at", sa.Double(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_home_facts_home_id")),
        sa.PrimaryKeyConstraint("home_id", name=op.f("pk_home_facts")),
    )
    with op.batch_alter_table("home_facts", schema=None) as batch_op:
        batch_op.create_index("ix_home_facts_false_alarms", ["false_alarms"], unique=False)
        batch_op.create_index("ix_home_facts_gap_hours", ["gap_hours"], unique=False)
        batch_op.create_index("ix_home_facts_proven_at", ["proven_at"], unique=False)
    op.create_table(
        "home_words",
        sa.Column(
            "word",
            sa.String(length=40).with_variant(sa.VARCHAR(length=40, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_home_words_home_id")),
        sa.PrimaryKeyConstraint("word", "home_id", name=op.f("pk_home_words")),
    )
    with op.batch_alter_table("home_words", schema=None) as batch_op:
        batch_op.create_index("ix_home_words_home_id", ["home_id"], unique=False)
    op.create_table(
        "house_keys",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("tag", sa.String(length=20), nullable=False),
        sa.Column("opens", sa.String(length=120), server_default="", nullable=False),
        sa.Column("kept", sa.String(length=12), nullable=False),
        sa.Column("place", sa.String(length=80), server_default="", nullable=False),
        sa.Column("contact_id", sa.String(length=32), server_default="", nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("out_to", sa.String(length=80), server_default="", nullable=False),
        sa.Column("out_at", sa.Double(), nullable=True),
        sa.Column("back_by_at", sa.Double(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_house_keys_home_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_house_keys")),
        sa.UniqueConstraint("tag", name=op.f("uq_house_keys_tag")),
    )
    with op.batch_alter_table("house_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_house_keys_home_id"), ["home_id"], unique=False)
        batch_op.create_index("ix_house_keys_state_back_by_at", ["state", "back_by_at"], unique=False)
    op.create_table(
        "record_changes",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_record_changes_home_id")),
        sa.PrimaryKeyConstraint("subject", "version", name=op.f("pk_record_changes")),
    )
    with op.batch_alter_table("record_changes", schema=None) as batch_op:
        batch_op.create_index("ix_record_changes_home_id_at", ["home_id", "at"], unique=False)
    op.create_table(
        "absences",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("resident_id", sa.String(length=32), nullable=False),
        sa.Column("from_at", sa.Double(), nullable=False),
        sa.Column("until_at", sa.Double(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=300), server_default="", nullable=False),
        sa.Column("announced_by", sa.String(length=40), nullable=False),
        sa.Column("announced_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("ended_by", sa.String(length=40), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("fk_absences_resident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    with op.batch_alter_table("absences", schema=None) as batch_op:
        batch_op.create_index("ix_absences_from_at", ["from_at"], unique=False)
        batch_op.create_index("ix_absences_resident_id_until_at", ["resident_id", "until_at"], unique=False)
    op.create_table(
        "agenda_calls",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("home_id", sa.String(length=32), nullable=False),
        sa.Column("planned_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("late_at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("owner_id", sa.String(length=32), server_default="", nullable=False),
        sa.Column("taken_at", sa.Double(), nullable=True),
        sa.Column("done_at", sa.Double(), nullable=True),
        sa.Column("done_by", sa.String(length=40), server_default="", nullable=False),
        sa.Column("outcome", sa.String(length=20), server_default="", nullable=False),
        sa.Column("note", sa.String(length=500), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["homes.id"], name=op.f("fk_agenda_calls_home_id")),
        sa.ForeignKeyConstraint(["item_id"], ["agenda_items.id"], name=op.f("fk_agenda_calls_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agenda_calls")),
        sa.UniqueConstraint("item_id", "planned_at", name=op.f("uq_agenda_calls_item_id_planned_at")),
    )
    with op.batch_alter_table("agenda_calls", schema=None) as batch_op:
        batch_op.create_index("ix_agenda_calls_home_id_due_at", ["home_id", "due_at"], unique=False)
        batch_op.create_index("ix_agenda_calls_state_due_at", ["state", "due_at"], unique=False)
    op.create_table(
        "conditions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("resident_id", sa.String(length=32), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("source", sa.String(length=120), server_default="", nullable=False),
        sa.Column("since", sa.String(length=10), server_default="", nullable=False),
        sa.Column("valid_until", sa.String(length=10), server_default="", nullable=False),
        sa.Column("written_by", sa.String(length=40), nullable=False),
        sa.Column("written_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("ended_by", sa.String(length=40), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["resident_id"], ["residents.id"], name=op.f("fk_conditions_resident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conditions")),
    )
    with op.batch_alter_table("conditions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_conditions_resident_id"), ["resident_id"], unique=False)
    op.create_table(
        "key_moves",
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("what", sa.String(length=12), nullable=False),
        sa.Column("whom", sa.String(length=80), server_default="", nullable=False),
        sa.Column("place", sa.String(length=100), server_default="", nullable=False),
        sa.Column("back_by_at", sa.Double(), nullable=True),
        sa.Column("note", sa.String(length=300), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["house_keys.id"], name=op.f("fk_key_moves_key_id")),
        sa.PrimaryKeyConstraint("key_id", "position", name=op.f("pk_key_moves")),
    )
    op.create_table(
        "agenda_events",
        sa.Column("call_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=40), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("note", sa.String(length=500), server_default="", nullable=False),
        sa.Column("moved_to_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["agenda_calls.id"], name=op.f("fk_agenda_events_call_id")),
        sa.PrimaryKeyConstraint("call_id", "position", name=op.f("pk_agenda_events")),
    )
    with op.batch_alter_table("homes", schema=None) as batch_op:
        batch_op.create_index("ix_homes_address", ["address", "id"], unique=False)
        batch_op.create_index("ix_homes_municipality_address", ["municipality", "address", "id"], unique=False)
    with op.batch_alter_table("residents", schema=None) as batch_op:
        batch_op.create_index("ix_residents_away_until_at", ["away_until_at"], unique=False)
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRES:
        op.execute(statement)


def downgrade() -> None:

    with op.batch_alter_table("residents", schema=None) as batch_op:
        batch_op.drop_index("ix_residents_away_until_at")
    with op.batch_alter_table("homes", schema=None) as batch_op:
        batch_op.drop_index("ix_homes_municipality_address")
        batch_op.drop_index("ix_homes_address")
    op.drop_table("agenda_events")
    op.drop_table("key_moves")
    with op.batch_alter_table("conditions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_conditions_resident_id"))
    op.drop_table("conditions")
    with op.batch_alter_table("agenda_calls", schema=None) as batch_op:
        batch_op.drop_index("ix_agenda_calls_state_due_at")
        batch_op.drop_index("ix_agenda_calls_home_id_due_at")
    op.drop_table("agenda_calls")
    with op.batch_alter_table("absences", schema=None) as batch_op:
        batch_op.drop_index("ix_absences_resident_id_until_at")
        batch_op.drop_index("ix_absences_from_at")
    op.drop_table("absences")
    with op.batch_alter_table("record_changes", schema=None) as batch_op:
        batch_op.drop_index("ix_record_changes_home_id_at")
    op.drop_table("record_changes")
    with op.batch_alter_table("house_keys", schema=None) as batch_op:
        batch_op.drop_index("ix_house_keys_state_back_by_at")
        batch_op.drop_index(batch_op.f("ix_house_keys_home_id"))
    op.drop_table("house_keys")
    with op.batch_alter_table("home_words", schema=None) as batch_op:
        batch_op.drop_index("ix_home_words_home_id")
    op.drop_table("home_words")
    with op.batch_alter_table("home_facts", schema=None) as batch_op:
        batch_op.drop_index("ix_home_facts_proven_at")
        batch_op.drop_index("ix_home_facts_gap_hours")
        batch_op.drop_index("ix_home_facts_false_alarms")
    op.drop_table("home_facts")
    op.drop_table("home_access")
    with op.batch_alter_table("drill_plans", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_drill_plans_next_at"))
    op.drop_table("drill_plans")
    with op.batch_alter_table("agenda_items", schema=None) as batch_op:
        batch_op.drop_index("ix_agenda_items_next_at")
        batch_op.drop_index(batch_op.f("ix_agenda_items_home_id"))
    op.drop_table("agenda_items")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION key_moves_append_only()")
