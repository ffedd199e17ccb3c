"""An export as a person reads it: each table by its name, each record by what names it, values as they are said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from central.alarm_cases.case import CaseEvent, EventType, Facts
from central.carers.rights_columns import Field
from central.carers.rights_fields import RECORDS
from central.carers.rights_values import Reader
from central.console import wording
from central.console.evidence_words import kind_name
from central.console.pages.care import say_change
from central.storage.care import Change
from central.texts import Words, later

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]

RECORDS_SHOWN: Final = 200
"""Of one table, the newest; a page that is read and printed. The file holds all."""
_KEYS_OF_TIME: Final = ("at", "day", "month", "week")


class Shown(NamedTuple):
    """A record: what names it, "" in a table that has but one; its fields that say something, by name."""

    heading: str
    fields: list[tuple[str, str]]


class ShownTable(NamedTuple):
    """A table in words; `total` of its records are in the file."""

    name: str
    total: int
    records: list[Shown]


def reader_of(tables: Tables, accounts: Mapping[str, str], words: Words) -> Reader:
    """Whoever reads an export, with the names that stand in it.

    Args:
        accounts: account's id -> what people call them.
    """
    home, resident = (next(iter(tables.get(name, ())), {}) for name in ("homes", "residents"))
    names = wording.Names(
        resident=str(resident.get("called", "")),
        operators=accounts,
        contacts={one["id"]: one["called"] for one in tables.get("contacts", ())},
        rooms={one["id"]: one["room"] or one["model"] for one in tables.get("devices", ())},
    )
    return Reader(words, str(home.get("timezone", "Europe/Madrid")), names)


def readable(tables: Tables, reader: Reader) -> list[ShownTable]:
    """All tables in words, in the order in which they are read."""
    return [_shown(name, tables[name], reader) for name in RECORDS if tables.get(name)]


def say_readings(series: Sequence[Row], reader: Reader) -> list[str]:
    """How many readings there are, a line for each device and kind; a sentence where they cannot be read."""
    said = []
    for one in series:
        if not one["device"]:
            said.append(reader.words.gettext(later("The measurements cannot be read now.")))
            continue
        room = reader.names.rooms.get(one["device"], one["device"])
        what = kind_name(one["kind"], reader.words)
        said.append(
            reader.words.say(later("{room}: {what}, {count} times"), room=room, what=what, count=len(one["points"]))
        )
    return said


def _shown(name: str, rows: Sequence[Row], reader: Reader) -> ShownTable:
    record = RECORDS[name]
    newest = _in_order(rows, next(iter(record.begins), ""))[:RECORDS_SHOWN]
    prepared = _PREPARED[name](newest, rows, reader) if name in _PREPARED else newest
    return ShownTable(
        reader.words.gettext(record.name),
        len(rows),
        [
            Shown(" · ".join(text for _, text in _said(row, record.begins, reader)), _said(row, record.fields, reader))
            for row in prepared
        ],
    )


def _in_order(rows: Sequence[Row], first: str) -> Sequence[Row]:
    """Newest first where a time names records; contacts as they are asked; otherwise as they stand."""
    if first.endswith("_at") or first in _KEYS_OF_TIME:
        return sorted(rows, key=lambda row: (row[first] or 0, row.get("position", 0)), reverse=True)
    return sorted(rows, key=lambda row: row.get("position", 0))


def _said(row: Row, fields: Mapping[str, Field], reader: Reader) -> list[tuple[str, str]]:
    """The fields of a row that say something."""
    found = []
    for column, field in fields.items():
        text = "" if row[column] is None else field.say(row[column], reader)
        if text:
            found.append((reader.words.gettext(field.name), text))
    return found


def _told(newest: Sequence[Row], rows: Sequence[Row], reader: Reader) -> list[Row]:
    """Events of cases, each as the sentence of the console, and what somebody wrote."""
    logs: dict[int, list[Row]] = {row["case_id"]: [] for row in newest}
    for row in sorted(rows, key=lambda row: int(row["position"])):
        if row["case_id"] in logs:
            logs[row["case_id"]].append(row)
    said: dict[tuple[int, int], str] = {}
    for case, log in logs.items():
        lines = reversed(wording.timeline([_event(row) for row in log], reader.names, reader.words, reader.timezone))
        for row, line in zip(log, lines, strict=True):
            said[case, row["position"]] = "\n".join(part for part in (line.sentence, line.words) if part)
    return [{**row, "body": said[row["case_id"], row["position"]]} for row in newest]


def _event(row: Row) -> CaseEvent:
    return CaseEvent(EventType(row["type"]), row["at"], row["actor"], msgspec.convert(row["body"], Facts))


def _slow(newest: Sequence[Row], _rows: Sequence[Row], reader: Reader) -> list[Row]:
    """Slow changes, each as the sentence of the care team."""
    parts = Change.__dataclass_fields__
    return [
        {**row, "measure": say_change(Change(**{part: row[part] for part in parts}), reader.words)} for row in newest
    ]


_PREPARED: Final[Mapping[str, Callable[[Sequence[Row], Sequence[Row], Reader], Sequence[Row]]]] = {
    "case_events": _told,
    "care_notes": _slow,
}
"""Tables of which only a whole row, or several, makes a sentence."""
