"""The audit log: appended to by one transaction at a time, read by filters, never changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa

from central.audit_chain import AuditEntry, AuditRow, Base, chained
from central.storage import home_words
from central.storage.holds import Held
from central.storage.privacy_tables import audit_cuts
from central.storage.tables import audit_log, homes, residents

ROWS_AT_ONCE: Final = 1_000
"""Rows read at a time when the whole log is followed."""
CUT_AT_ONCE: Final = 2_000
"""Rows that go in one transaction when the log is cut off."""
_LOCK: Final = 0x6C6C6172
"""Names PostgreSQL's lock for appending."""
_WHY_MAX, _WHAT_MAX = 300, 200
_OUT_OF_ORDER_S: Final = 3_600.0
"""Rows stand in the order in which they were stored; their times are in order but for so much: a clock that was set."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are wanted; an empty value asks for nothing. None as `homes`, `about` (of which homes: a condition on
    them) or `within` (a reach): of all homes."""

    account_id: str = ""
    homes: Collection[str] | None = None
    about: sa.ColumnElement[bool] | None = None
    outcome: str = ""
    since_at: float | None = None
    until_at: float | None = None
    before_id: int | None = None
    within: sa.ColumnElement[bool] | None = None


def append(conn: sa.Connection, entries: Iterable[AuditEntry]) -> AuditRow | None:
    """Chains entries to the log, in a write transaction that ends soon; gives the new head."""
    if conn.dialect.name == "postgresql":
        # two heads at once would be two chains; SQLite's write transactions exclude each other anyway
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    rows = chained([_bounded(entry) for entry in entries], head(conn))
    if not rows:
        return None
    conn.execute(sa.insert(audit_log), [{"id": row.id, "hash": row.hash, **asdict(row.entry)} for row in rows])
    return rows[-1]


def head(conn: sa.Connection) -> AuditRow | None:
    """The newest row."""
    found = conn.execute(sa.select(audit_log).order_by(audit_log.c.id.desc()).limit(1)).mappings().first()
    return None if found is None else _row(found)


def all_rows(conn: sa.Connection, since_id: int = 0) -> Iterator[AuditRow]:
    """The whole log from a row on, in its order."""
    while True:
        query = sa.select(audit_log).where(audit_log.c.id > since_id).order_by(audit_log.c.id).limit(ROWS_AT_ONCE)
        found = conn.execute(query).mappings().all()
        for row in found:
            yield _row(row)
        if len(found) < ROWS_AT_ONCE:
            return
        since_id = found[-1]["id"]


def base(conn: sa.Connection) -> Base:
    """The row behind which the log begins."""
    newest = sa.select(audit_cuts.c.id, audit_cuts.c.hash).order_by(audit_cuts.c.id.desc()).limit(1)
    found = conn.execute(newest).first()
    return Base(*found) if found else Base()


def old_rows(conn: sa.Connection, before_at: float) -> int:
    """How many rows stand before the first one that was written since then."""
    first = conn.execute(sa.select(sa.func.min(audit_log.c.id)).where(audit_log.c.at >= before_at)).scalar()
    old = sa.select(sa.func.count()).select_from(audit_log)
    return int(conn.execute(old if first is None else old.where(audit_log.c.id < first)).scalar_one())


def cut_off(conn: sa.Connection, before_at: float, held: Held, now: float) -> int:
    """Deletes the oldest rows, at most `CUT_AT_ONCE` of those written before then, and none behind the first one about
    what is held; how many. The log says so."""
    about = audit_log.c.home_id.in_(sorted(held.homes)) | audit_log.c.case_id.in_(sorted(held.cases))
    stays = (audit_log.c.at >= before_at) | about
    first = conn.execute(sa.select(sa.func.min(audit_log.c.id)).where(stays)).scalar()
    most = base(conn).id + CUT_AT_ONCE + 1
    last = sa.select(audit_log.c.id, audit_log.c.hash).where(
        audit_log.c.id < (most if first is None else min(first, most))
    )
    found = conn.execute(last.order_by(audit_log.c.id.desc()).limit(1)).first()
    if found is None:
        return 0
    cut = Base(*found)
    append(conn, [AuditEntry(now, "desk", "desk", "audit_log", "delete", what=cut.said)])
    conn.execute(sa.insert(audit_cuts).values(id=cut.id, hash=cut.hash, at=now))
    return conn.execute(sa.delete(audit_log).where(audit_log.c.id <= cut.id)).rowcount


def find(conn: sa.Connection, wanted: Filter, limit: int) -> list[AuditRow]:
    """The newest rows that a filter lets through, newest first."""
    query = sa.select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    for column, value in (
        (audit_log.c.account_id, wanted.account_id),
        (audit_log.c.outcome, wanted.outcome),
    ):
        if value:
            query = query.where(column == value)
    if wanted.homes is not None:
        query = query.where(audit_log.c.home_id.in_(list(wanted.homes)))
    if wanted.about is not None:
        query = query.where(audit_log.c.home_id.in_(sa.select(homes.c.id).where(wanted.about)))
    if wanted.since_at is not None:
        first = _first_since(conn, wanted.since_at - _OUT_OF_ORDER_S)
        query = query.where(audit_log.c.at >= wanted.since_at, audit_log.c.id >= first)
    if wanted.until_at is not None:
        behind = _first_since(conn, wanted.until_at + _OUT_OF_ORDER_S)
        query = query.where(audit_log.c.at < wanted.until_at, audit_log.c.id < behind)
    if wanted.before_id is not None:
        query = query.where(audit_log.c.id < wanted.before_id)
    if wanted.within is not None:
        within = sa.select(homes.c.id).where(wanted.within)
        query = query.where((audit_log.c.home_id == "") | audit_log.c.home_id.in_(within))
    return [_row(row) for row in conn.execute(query).mappings()]


def _first_since(conn: sa.Connection, at: float) -> int:
    """The number of the first row from a time on, one behind the last when there is none: halves the log, again and
    again."""
    # one at a time: SQLite looks up either end at once, and walks through the whole log for both
    low = conn.execute(sa.select(sa.func.min(audit_log.c.id))).scalar() or 1
    high = (conn.execute(sa.select(sa.func.max(audit_log.c.id))).scalar() or 0) + 1
    newer = audit_log.c.id >= sa.bindparam("number")  # a row may have been taken out, which `verify` says
    when = sa.select(audit_log.c.at).where(newer).order_by(audit_log.c.id).limit(1)
    while low < high:
        middle = (low + high) // 2
        if conn.execute(when, {"number": middle}).scalar_one() < at:
            low = middle + 1
        else:
            high = middle
    return low


def homes_matching(conn: sa.Connection, text: str) -> sa.ColumnElement[bool]:
    """The homes of whom an auditor may mean: by the id of a home or a resident, else by beginnings of words of names
    and addresses, or a telephone number."""
    named = (homes.c.id == text) | homes.c.id.in_(sa.select(residents.c.home_id).where(residents.c.id == text))
    if conn.execute(sa.select(homes.c.id).where(named)).first() is not None:
        return named
    words = home_words.matching(text)
    return sa.false() if words is None else words


def people_of(conn: sa.Connection, home_ids: Collection[str]) -> dict[str, str]:
    """Home's id -> the names of who lives there, for who reads the log."""
    query = sa.select(residents.c.home_id, residents.c.full_name).where(residents.c.home_id.in_(list(home_ids)))
    names: dict[str, list[str]] = {}
    for home_id, name in conn.execute(query.order_by(residents.c.id)):
        names.setdefault(home_id, []).append(name)
    return {home_id: ", ".join(several) for home_id, several in names.items()}


def _bounded(entry: AuditEntry) -> AuditEntry:
    # what is stored is what is hashed: within the columns' bounds, to the millisecond, without what text columns refuse
    values = asdict(entry)
    values |= {"at": round(entry.at, 3), "what": _plain(entry.what, _WHAT_MAX), "why": _plain(entry.why, _WHY_MAX)}
    return AuditEntry(**values)


def _plain(text: str, most: int) -> str:
    return text.encode("utf-8", "replace").decode().replace("\x00", "")[:most]


def _row(row: sa.RowMapping) -> AuditRow:
    values: dict[str, Any] = dict(row)
    number, digest = values.pop("id"), values.pop("hash")
    return AuditRow(number, AuditEntry(**values), digest)
