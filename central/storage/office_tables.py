"""Tables of the office around a person: changes to a file, conditions, absences, agenda, keys, drills, search words.

As in `central.storage.tables`: times are Unix seconds UTC in columns ending in `_at`; days are ISO dates; JSON is what
is only read whole. Accounts stand here by id without foreign keys: what was done stays known after they have left.
"""

from __future__ import annotations

from sqlalchemy import JSON, Column, Double, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import VARCHAR

from central.storage.tables import homes, metadata, residents

_WORD = String(40).with_variant(VARCHAR(40, collation="C"), "postgresql")
"""Compared letter by letter, so that a beginning of a word is a range of the index on both databases."""

record_changes = Table(
    "record_changes",
    metadata,
    Column("subject", String(80), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("by", String(40), nullable=False),
    Column("changes", JSON, nullable=False),
)
"""Every change to what is on record, for ever: `changes` is field -> [before, after]. `subject` is what was changed,
such as "resident:carme"; its newest version is what an editor must have seen."""
Index("ix_record_changes_home_id_at", record_changes.c.home_id, record_changes.c.at)

home_access = Table(
    "home_access",
    metadata,
    Column("home_id", ForeignKey("homes.id"), primary_key=True),
    Column("entrance", String(200), nullable=False, server_default=""),
    Column("door_code", String(40), nullable=False, server_default=""),
    Column("key_safe", String(200), nullable=False, server_default=""),
    Column("key_safe_code", String(40), nullable=False, server_default=""),
    Column("pets", String(200), nullable=False, server_default=""),
    Column("notes", Text, nullable=False, server_default=""),
)
"""How one gets in, in parts; `homes.access_notes` is made of it, in one text for whoever stands at the door."""

conditions = Table(
    "conditions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("resident_id", ForeignKey("residents.id"), nullable=False, index=True),
    Column("text", String(500), nullable=False),
    Column("source", String(120), nullable=False, server_default=""),
    Column("since", String(10), nullable=False, server_default=""),
    Column("valid_until", String(10), nullable=False, server_default=""),
    Column("written_by", String(40), nullable=False),
    Column("written_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("ended_by", String(40), nullable=False, server_default=""),
)
"""What is known of somebody's health that changes what to do, each with where it is known from; `since` and
`valid_until` are days, "" for not said. `residents.conditions` is made of those that hold."""

absences = Table(
    "absences",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("resident_id", ForeignKey("residents.id"), nullable=False),
    Column("from_at", Double, nullable=False),
    Column("until_at", Double, nullable=False),
    Column("reason", String(20), nullable=False),
    Column("note", String(300), nullable=False, server_default=""),
    Column("announced_by", String(40), nullable=False),
    Column("announced_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("ended_by", String(40), nullable=False, server_default=""),
)
"""When somebody is away; `ended_at` when they were back before `until_at`. `residents.away_until_at` is made of it."""
Index("ix_absences_resident_id_until_at", absences.c.resident_id, absences.c.until_at)
Index("ix_absences_from_at", absences.c.from_at)

agenda_items = Table(
    "agenda_items",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False, index=True),
    Column("resident_id", String(32), nullable=False, server_default=""),
    Column("kind", String(16), nullable=False),
    Column("title", String(160), nullable=False, server_default=""),
    Column("body", JSON, nullable=False),
    Column("assigned_to", String(32), nullable=False, server_default=""),
    Column("source", String(80), nullable=False, server_default=""),
    Column("made_by", String(40), nullable=False),
    Column("made_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("ended_by", String(40), nullable=False, server_default=""),
    Column("next_at", Double),
)
"""Calls that are to be made, once or again and again. `body` is `central.agenda.rules.Rule`; `next_at` is the next
call for which no row in `agenda_calls` exists yet, null when there is none. `source` names what asked for it: "" a
person, "birthday", "plan", "absence:7"."""
Index("ix_agenda_items_next_at", agenda_items.c.next_at)

agenda_calls = Table(
    "agenda_calls",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("item_id", ForeignKey("agenda_items.id"), nullable=False),
    Column("home_id", ForeignKey("homes.id"), nullable=False),
    Column("planned_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("late_at", Double, nullable=False),
    Column("state", String(12), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("owner_id", String(32), nullable=False, server_default=""),
    Column("taken_at", Double),
    Column("done_at", Double),
    Column("done_by", String(40), nullable=False, server_default=""),
    Column("outcome", String(20), nullable=False, server_default=""),
    Column("note", String(500), nullable=False, server_default=""),
    Column("version", Integer, nullable=False, server_default="1"),
    UniqueConstraint("item_id", "planned_at"),
)
"""One call each: due from `due_at`, overdue from `late_at`. `state` is "due", "taken", "done" or "cancelled"."""
Index("ix_agenda_calls_state_due_at", agenda_calls.c.state, agenda_calls.c.due_at)
Index("ix_agenda_calls_home_id_due_at", agenda_calls.c.home_id, agenda_calls.c.due_at)

agenda_events = Table(
    "agenda_events",
    metadata,
    Column("call_id", ForeignKey("agenda_calls.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("by", String(40), nullable=False),
    Column("what", String(16), nullable=False),
    Column("note", String(500), nullable=False, server_default=""),
    Column("moved_to_at", Double),
)
"""What happened to a call, in order: taken, released, no_answer, moved, done, cancelled."""

house_keys = Table(
    "house_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False, index=True),
    Column("tag", String(20), nullable=False, unique=True),
    Column("opens", String(120), nullable=False, server_default=""),
    Column("kept", String(12), nullable=False),
    Column("place", String(80), nullable=False, server_default=""),
    Column("contact_id", String(32), nullable=False, server_default=""),
    Column("state", String(12), nullable=False),
    Column("out_to", String(80), nullable=False, server_default=""),
    Column("out_at", Double),
    Column("back_by_at", Double),
    Column("version", Integer, nullable=False, server_default="1"),
)
"""Keys of people's homes. `tag` is what stands on the key, never an address; `kept` is where it belongs: "contact",
"key_safe", "team_safe"; `state` is "in_place", "out", "lost" or "retired"."""
Index("ix_house_keys_state_back_by_at", house_keys.c.state, house_keys.c.back_by_at)

key_moves = Table(
    "key_moves",
    metadata,
    Column("key_id", ForeignKey("house_keys.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("by", String(40), nullable=False),
    Column("what", String(12), nullable=False),
    Column("whom", String(80), nullable=False, server_default=""),
    Column("place", String(100), nullable=False, server_default=""),
    Column("back_by_at", Double),
    Column("note", String(300), nullable=False, server_default=""),
)
"""Where a key went, for ever: triggers refuse to change or delete a row."""

drill_plans = Table(
    "drill_plans",
    metadata,
    Column("home_id", ForeignKey("homes.id"), primary_key=True),
    Column("every_days", Integer, nullable=False),
    Column("next_at", Double, nullable=False, index=True),
    Column("set_by", String(40), nullable=False),
)
"""Tests of a home's whole path that are to be made again and again."""

home_facts = Table(
    "home_facts",
    metadata,
    Column("home_id", ForeignKey("homes.id"), primary_key=True),
    Column("proven_at", Double, nullable=False, server_default="0"),
    Column("tested_at", Double, nullable=False, server_default="0"),
    Column("gap_hours", Double, nullable=False, server_default="0"),
    Column("false_alarms", Integer, nullable=False, server_default="0"),
    Column("refreshed_at", Double, nullable=False, server_default="0"),
)
"""What lists of homes are filtered by, worked out beforehand: when the path was last proven and tested (0 never), hours
of the coming week in which nobody can be reached, false alarms of the last 30 days."""
Index("ix_home_facts_proven_at", home_facts.c.proven_at)
Index("ix_home_facts_gap_hours", home_facts.c.gap_hours)
Index("ix_home_facts_false_alarms", home_facts.c.false_alarms)

home_words = Table(
    "home_words",
    metadata,
    Column("word", _WORD, primary_key=True),
    Column("home_id", ForeignKey("homes.id"), primary_key=True),
)
"""The words by which a home is found: of names, address and municipality, and telephone numbers, all in small letters
without accents."""
Index("ix_home_words_home_id", home_words.c.home_id)

Index("ix_homes_address", homes.c.address, homes.c.id)
Index("ix_homes_municipality_address", homes.c.municipality, homes.c.address, homes.c.id)
Index("ix_residents_away_until_at", residents.c.away_until_at)
