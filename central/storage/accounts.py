"""Accounts and their keys: administration, second factors, sessions, broken glass. One transaction a call."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from central.access_rules import GLASS_S, Role
from central.storage.people import Operator, operator_of
from central.storage.tables import (
    account_contacts,
    contacts,
    glass,
    homes,
    operators,
    recovery_codes,
    residents,
    sessions,
)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its owner sees it; `id` is the beginning of its token's hash."""

    id: str
    kind: str
    origin: str
    browser: str
    started_at: float
    seen_at: float


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """A home opened by somebody beyond their reach. `reviewed_at` is None until somebody else has looked at it."""

    id: int
    account_id: str
    home_id: str
    reason: str
    opened_at: float
    until_at: float
    reviewed_by: str
    reviewed_at: float | None


def list_accounts(
    conn: sa.Connection,
    roles: Collection[str],
    *,
    words: str = "",
    after: str = "",
    limit: int | None = None,
) -> list[Operator]:
    """Accounts of these roles by their ids; those with `words` in their id or name, from behind the id `after` on."""
    query = sa.select(operators).where(operators.c.role.in_(sorted(roles)), operators.c.id > after)
    if words:
        said = (column.icontains(words, autoescape=True) for column in (operators.c.id, operators.c.called))
        query = query.where(sa.or_(*said))
    return [operator_of(row) for row in conn.execute(query.order_by(operators.c.id).limit(limit)).mappings()]


def towns_of(conn: sa.Connection, found: Collection[Operator]) -> dict[str, frozenset[str]]:
    """Account's id -> the municipalities that it reaches: a carer's and a resident's are those of their homes."""
    towns = {account.id: frozenset(account.municipalities) for account in found}
    ids = [account.id for account in found if account.role in {Role.CARER, Role.RESIDENT}]
    towns |= dict.fromkeys(ids, frozenset())
    carers = (
        sa.select(account_contacts.c.account_id, homes.c.municipality)
        .join(contacts, contacts.c.id == account_contacts.c.contact_id)
        .join(homes, homes.c.id == contacts.c.home_id)
        .where(account_contacts.c.account_id.in_(ids))
    )
    living = (
        sa.select(operators.c.id, homes.c.municipality)
        .join(residents, residents.c.id == operators.c.resident_id)
        .join(homes, homes.c.id == residents.c.home_id)
        .where(operators.c.id.in_(ids))
    )
    for account_id, town in conn.execute(sa.union(carers, living)):
        towns[account_id] |= {town} - {""}
    return towns


@dataclass(frozen=True, slots=True)
class Whom:
    """Somebody whom an account is there for: one whom a carer helps, with the `relation`, or the resident itself."""

    full_name: str
    address: str
    relation: str


def whom_of(conn: sa.Connection, account_ids: Collection[str]) -> dict[str, list[Whom]]:
    """Account's id -> who is cared for by it or speaks by it; none for those who work here."""
    ids = list(account_ids)
    carers = (
        sa.select(account_contacts.c.account_id, residents.c.full_name, homes.c.address, contacts.c.relation)
        .join(contacts, contacts.c.id == account_contacts.c.contact_id)
        .join(homes, homes.c.id == contacts.c.home_id)
        .join(residents, residents.c.home_id == homes.c.id)
        .where(account_contacts.c.account_id.in_(ids))
    )
    themselves = (
        sa.select(operators.c.id, residents.c.full_name, homes.c.address, sa.literal(""))
        .join(residents, residents.c.id == operators.c.resident_id)
        .join(homes, homes.c.id == residents.c.home_id)
        .where(operators.c.id.in_(ids))
    )
    known: dict[str, list[Whom]] = {account_id: [] for account_id in ids}
    for row in conn.execute(sa.union(carers, themselves).order_by("full_name")):
        known[row.account_id].append(Whom(row.full_name, row.address, row.relation))
    return known


def change(conn: sa.Connection, account_id: str, **values: Any) -> None:
    """Sets columns of an account, such as `role`, `called`, `disabled`, `municipalities`, `password_due`."""
    conn.execute(sa.update(operators).where(operators.c.id == account_id).values(**values))


def link_contacts(conn: sa.Connection, account_id: str, contact_ids: Collection[str]) -> None:
    """Says as which contacts an account speaks, and as no others. Raises IntegrityError for an unknown contact."""
    conn.execute(sa.delete(account_contacts).where(account_contacts.c.account_id == account_id))
    for contact_id in sorted(set(contact_ids)):
        conn.execute(sa.insert(account_contacts).values(account_id=account_id, contact_id=contact_id))


def contacts_of_account(conn: sa.Connection, account_id: str) -> list[str]:
    """Ids of the contacts as which an account speaks."""
    return contacts_of_accounts(conn, [account_id])[account_id]


def contacts_of_accounts(conn: sa.Connection, account_ids: Collection[str]) -> dict[str, list[str]]:
    """Account's id -> ids of the contacts as which it speaks."""
    query = sa.select(account_contacts).where(account_contacts.c.account_id.in_(list(account_ids)))
    found: dict[str, list[str]] = {account_id: [] for account_id in account_ids}
    for row in conn.execute(query.order_by(account_contacts.c.contact_id)):
        found[row.account_id].append(row.contact_id)
    return found


def homes_of_carer(conn: sa.Connection, account_id: str) -> frozenset[str]:
    """The homes of the contacts as which a carer's account speaks."""
    query = (
        sa.select(contacts.c.home_id)
        .join(account_contacts, account_contacts.c.contact_id == contacts.c.id)
        .where(account_contacts.c.account_id == account_id)
    )
    return frozenset(conn.execute(query).scalars())


def homes_of_contacts(conn: sa.Connection, contact_ids: Collection[str]) -> frozenset[str]:
    """The homes that these contacts belong to."""
    return frozenset(conn.execute(sa.select(contacts.c.home_id).where(contacts.c.id.in_(list(contact_ids)))).scalars())


def known_contacts(conn: sa.Connection, contact_ids: Collection[str]) -> set[str]:
    """Those of these contacts that exist."""
    return set(conn.execute(sa.select(contacts.c.id).where(contacts.c.id.in_(list(contact_ids)))).scalars())


def use_totp_step(conn: sa.Connection, account_id: str, step: int) -> bool:
    """Notes that the code of a half minute was used; false when it, or a later one, was used before."""
    used = conn.execute(
        sa.update(operators).where(operators.c.id == account_id, operators.c.totp_step < step).values(totp_step=step)
    )
    return used.rowcount > 0


def set_recovery_codes(conn: sa.Connection, account_id: str, hashes: Collection[str]) -> None:
    """Replaces the recovery codes of an account; none takes them away."""
    conn.execute(sa.delete(recovery_codes).where(recovery_codes.c.account_id == account_id))
    for code_hash in hashes:
        conn.execute(sa.insert(recovery_codes).values(account_id=account_id, code_hash=code_hash))


def use_recovery_code(conn: sa.Connection, account_id: str, code_hash: str) -> bool:
    """Uses up a recovery code; whether there was one."""
    used = conn.execute(
        sa.delete(recovery_codes).where(
            recovery_codes.c.account_id == account_id, recovery_codes.c.code_hash == code_hash
        )
    )
    return used.rowcount > 0


def recovery_codes_left(conn: sa.Connection, account_id: str) -> int:
    """How many recovery codes an account still has."""
    query = sa.select(sa.func.count()).select_from(recovery_codes).where(recovery_codes.c.account_id == account_id)
    return conn.execute(query).scalar_one()


def sessions_of(conn: sa.Connection, account_id: str, now: float) -> list[OpenSession]:
    """The sessions of an account that have not run out, the latest used first."""
    query = (
        sa.select(sessions)
        .where(sessions.c.operator_id == account_id, sessions.c.expires_at >= now, sessions.c.kind != "code")
        .order_by(sessions.c.seen_at.desc())
    )
    return [
        OpenSession(row.token_hash[:16], row.kind, row.origin, row.browser, row.started_at, row.seen_at)
        for row in conn.execute(query)
    ]


def end_sessions(
    conn: sa.Connection, account_id: str, *, keep: str = "", only: str = "", keys_too: bool = True
) -> list[str]:
    """Ends an account's sessions, but for the one with the hash `keep`, or only that whose id is `only`.

    Gives their hashes, so that open event streams can be ended too.
    """
    query = sa.select(sessions.c.token_hash).where(sessions.c.operator_id == account_id, sessions.c.token_hash != keep)
    if only:
        query = query.where(sa.func.substr(sessions.c.token_hash, 1, 16) == only)
    if not keys_too:
        query = query.where(sessions.c.kind != "key")
    ended = list(conn.execute(query).scalars())
    if ended:
        conn.execute(sa.delete(sessions).where(sessions.c.token_hash.in_(ended)))
    return ended


def make_session_full(conn: sa.Connection, token_hash: str, now: float, expires_at: float) -> None:
    """The second factor was right: the session holds."""
    conn.execute(
        sa.update(sessions)
        .where(sessions.c.token_hash == token_hash)
        .values(kind="full", seen_at=now, expires_at=expires_at)
    )


def break_glass(conn: sa.Connection, account_id: str, home_id: str, reason: str, now: float) -> int:
    """Opens a home for `GLASS_S`; the number of the opening."""
    made = conn.execute(
        sa.insert(glass)
        .values(account_id=account_id, home_id=home_id, reason=reason, opened_at=now, until_at=now + GLASS_S)
        .returning(glass.c.id)
    )
    return int(made.scalar_one())


def reason_given(conn: sa.Connection, account_id: str, home_id: str, now: float) -> str:
    """The written reason for which a home stands open for an account now; "" when it does not."""
    query = (
        sa.select(glass.c.reason)
        .where(glass.c.account_id == account_id, glass.c.home_id == home_id)
        .where(glass.c.opened_at <= now, glass.c.until_at > now)
        .order_by(glass.c.id.desc())
        .limit(1)
    )
    return conn.execute(query).scalar_one_or_none() or ""


def list_glass(conn: sa.Connection, limit: int, within: sa.ColumnElement[bool] | None = None) -> list[BrokenGlass]:
    """Openings of homes within a reach, those not yet reviewed first, then the newest."""
    query = sa.select(glass).order_by(glass.c.reviewed_at.is_not(None), glass.c.id.desc()).limit(limit)
    if within is not None:
        query = query.where(glass.c.home_id.in_(sa.select(homes.c.id).where(within)))
    return [BrokenGlass(**row) for row in conn.execute(query).mappings()]


def glass_of(conn: sa.Connection, glass_id: int) -> BrokenGlass | None:
    """One opening."""
    row = conn.execute(sa.select(glass).where(glass.c.id == glass_id)).mappings().first()
    return None if row is None else BrokenGlass(**row)


def review_glass(conn: sa.Connection, glass_id: int, reviewer: str, now: float) -> bool:
    """Notes who looked at an opening; false when somebody did before."""
    done = conn.execute(
        sa.update(glass)
        .where(glass.c.id == glass_id, glass.c.reviewed_at.is_(None))
        .values(reviewed_by=reviewer, reviewed_at=now)
    )
    return done.rowcount > 0
