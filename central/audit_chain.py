"""The chain of the audit log: each row carries a hash over its contents and the hash of the row before it.

What it proves: no row was changed, taken out of the middle or slipped in after the fact, unless everything after it was
written anew. What it does not: rows cut off at the end, or a whole log written anew by somebody who owns the database.
Against these the desk writes the head (number and hash of the newest row) into its own log every day, and
`llar-central audit verify --head N:HASH` checks a head that was kept elsewhere.

A log is cut off at its beginning when its term is over: number and hash of the last row that went are kept (`Base`),
the chain goes on from there, and a row behind it says that it was cut: a beginning that is merely gone is found.

The hash is SHA-256 over the previous row's hash in hex, a line feed, and the row as a JSON array (UTF-8, no spaces, the
members as in `AuditRow`, `at` as text with three decimals), so that any language can check it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Final, NamedTuple

BEGINNING: Final = "0" * 64
"""What stands before the first row."""


class Base(NamedTuple):
    """The row behind which a log begins: the last one that was cut off."""

    id: int = 0
    hash: str = BEGINNING

    @property
    def said(self) -> str:
        """What the row says that is written when the log is cut there."""
        return f"cut off up to row {self.id}:{self.hash}"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what with what of whom.

    Attributes:
        outcome: "allowed", "glass" (with a written reason, beyond their reach) or "refused".
        case_id: the case within which it happened, 0 for none.
        what: the request, such as "GET /api/homes/carme/card", or a few words.
        why: the written reason, or the case that calls.
        origin: from where: "here" (this machine), "inside" (a private network) or "outside".
    """

    at: float
    account_id: str
    role: str
    resource: str
    action: str
    outcome: str = "allowed"
    home_id: str = ""
    resident_id: str = ""
    case_id: int = 0
    what: str = ""
    why: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry with its number, counted from 1 without gaps, and its hash."""

    id: int
    entry: AuditEntry
    hash: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: how many rows were read, the head, and what is wrong at which row ("" when all is well)."""

    rows: int
    head: AuditRow | None
    broken_at: int = 0
    fault: str = ""


def hash_of(number: int, entry: AuditEntry, before: str) -> str:
    """The hash of a row, in hex."""
    at, *rest = astuple(entry)
    row = json.dumps([number, f"{at:.3f}", *rest], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{row}".encode("utf-8", "surrogatepass")).hexdigest()


def chained(entries: Iterable[AuditEntry], head: AuditRow | None) -> list[AuditRow]:
    """The rows that follow a head."""
    number, before = (head.id, head.hash) if head else (0, BEGINNING)
    rows = []
    for entry in entries:
        number += 1
        before = hash_of(number, entry, before)
        rows.append(AuditRow(number, entry, before))
    return rows


BEGUN: Final = Base()


def check(rows: Iterable[AuditRow], known: dict[int, str] | None = None, base: Base = BEGUN) -> Checked:
    """Follows the chain from its beginning, or from where it was cut off. `known` holds hashes of rows that were noted
    elsewhere, by number; of those that were cut off only the last one can be checked."""
    missing = {number: noted for number, noted in (known or {}).items() if number >= base.id}
    if base.id and missing.pop(base.id, base.hash) != base.hash:
        return Checked(
            0, None, base.id, f"row {base.id}, up to which the log was cut off, is not the one that was noted"
        )
    last: AuditRow | None = None
    count = 0
    witnessed = base.id == 0
    for row in rows:
        number, before = (last.id, last.hash) if last else base
        witnessed = witnessed or (row.entry.what == base.said and row.entry.resource == "audit_log")
        if row.id != number + 1:
            return Checked(count, last, number + 1, f"row {number + 1} is missing")
        if row.hash != hash_of(row.id, row.entry, before):
            return Checked(count, last, row.id, f"row {row.id} was changed, or the one before it")
        if missing.pop(row.id, row.hash) != row.hash:
            return Checked(count, last, row.id, f"row {row.id} is not the one whose hash was noted")
        last, count = row, count + 1
    if not witnessed:
        return Checked(
            count, last, base.id + 1, f"the log begins behind row {base.id}, and no row says that it was cut off"
        )
    if missing:
        first = min(missing)
        return Checked(count, last, first, f"row {first}, whose hash was noted, is not there: the log was cut off")
    return Checked(count, last)
