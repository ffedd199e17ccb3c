"""Residents, their contacts, operators and their sessions. Functions take a connection of an open transaction."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from central.storage import home_words
from central.storage.api_tables import api_keys
from central.storage.tables import contacts, operators, residents, sessions


@dataclass(frozen=True, slots=True)
class Resident:
    """A person cared for. `called` is the name to be used; `flags` are words such as "oxygen", "dog", "key_safe"; `sex`
    is "f", "m", "x", or "" where nobody said; `mobile` is the telephone that they carry, "" for none."""

    id: str
    home_id: str
    called: str
    full_name: str
    born: int
    language: str = "ca"
    lives_alone: bool = False
    hearing: str = "good"
    speech: str = "good"
    flags: tuple[str, ...] = ()
    conditions: str = ""
    away_until_at: float | None = None
    sex: str = ""
    mobile: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody to turn to, in the order of `position`."""

    id: str
    home_id: str
    position: int
    called: str
    relation: str = ""
    phone: str = ""
    email: str = ""
    language: str = "ca"
    has_key: bool = False
    minutes_away: int = 30


@dataclass(frozen=True, slots=True)
class Operator:
    """An account of whatever role. The password hash is Argon2's own text; the rest as in the table `operators`."""

    id: str
    called: str
    password_hash: str
    role: str = "operator"
    language: str = "ca"
    failed_logins: int = 0
    locked_until_at: float = 0.0
    disabled: bool = False
    municipalities: tuple[str, ...] = ("*",)
    resident_id: str = ""
    password_due: bool = False
    totp_sealed: str = ""
    totp_step: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in that stands. Only the hash of its token is kept. `kind`: "full", "code" (to come) or "key".

    `scopes` of a key: what it opens, as "resource:action"; None where nobody said.
    """

    token_hash: str
    operator: Operator
    started_at: float
    seen_at: float
    expires_at: float
    kind: str = "full"
    scopes: tuple[str, ...] | None = None


def add_resident(conn: Connection, resident: Resident) -> None:
    """Enrols a resident. Raises IntegrityError when the id is taken or the home unknown."""
    values = {name: getattr(resident, name) for name in Resident.__slots__} | {"flags": list(resident.flags)}
    conn.execute(insert(residents).values(values))
    home_words.refresh(conn, resident.home_id)


def add_contact(conn: Connection, contact: Contact) -> None:
    """Enrols a contact. Raises IntegrityError when the id is taken or the home unknown."""
    conn.execute(insert(contacts).values({name: getattr(contact, name) for name in Contact.__slots__}))
    home_words.refresh(conn, contact.home_id)


def residents_of(conn: Connection, home_id: str) -> list[Resident]:
    """The people of a home, eldest first."""
    rows = conn.execute(
        select(residents).where(residents.c.home_id == home_id).order_by(residents.c.born, residents.c.id)
    )
    return [_resident(row) for row in rows.mappings()]


def resident_called(conn: Connection, resident_id: str) -> str:
    """The name to be used of somebody; "" for nobody."""
    return conn.execute(select(residents.c.called).where(residents.c.id == resident_id)).scalar() or ""


def contacts_of(conn: Connection, home_id: str) -> list[Contact]:
    """The contacts of a home, in the order in which they are asked."""
    rows = conn.execute(
        select(contacts).where(contacts.c.home_id == home_id).order_by(contacts.c.position, contacts.c.id)
    )
    return [Contact(**row) for row in rows.mappings()]


def contact(conn: Connection, contact_id: str) -> Contact | None:
    """One contact."""
    row = conn.execute(select(contacts).where(contacts.c.id == contact_id)).mappings().first()
    return None if row is None else Contact(**row)


def add_operator(conn: Connection, operator: Operator) -> None:
    """Creates an operator. Raises IntegrityError when the id is taken."""
    conn.execute(insert(operators).values({name: getattr(operator, name) for name in Operator.__slots__}))


def operator(conn: Connection, operator_id: str) -> Operator | None:
    """An operator by log-in name."""
    row = conn.execute(select(operators).where(operators.c.id == operator_id)).mappings().first()
    return None if row is None else operator_of(row)


def set_language(conn: Connection, operator_id: str, language: str) -> None:
    """The language in which an operator reads the console."""
    conn.execute(update(operators).where(operators.c.id == operator_id).values(language=language))


def set_password(conn: Connection, operator_id: str, password_hash: str) -> None:
    """Replaces the password and lifts a lock."""
    values = {"password_hash": password_hash, "failed_logins": 0, "locked_until_at": 0.0}
    conn.execute(update(operators).where(operators.c.id == operator_id).values(values))


def count_failed_login(conn: Connection, operator_id: str, locked_until_at: float, failures_max: int) -> bool:
    """Counts a wrong password; at the last one allowed, locks and begins to count anew. Says whether it locked."""
    conn.execute(
        update(operators).where(operators.c.id == operator_id).values(failed_logins=operators.c.failed_logins + 1)
    )
    locked = conn.execute(
        update(operators)
        .where(operators.c.id == operator_id, operators.c.failed_logins >= failures_max)
        .values(failed_logins=0, locked_until_at=locked_until_at)
    )
    return locked.rowcount > 0


def clear_failed_logins(conn: Connection, operator_id: str) -> None:
    """Forgets wrong passwords after a right one."""
    conn.execute(update(operators).where(operators.c.id == operator_id).values(failed_logins=0, locked_until_at=0.0))


def start_session(
    conn: Connection,
    token_hash: str,
    operator_id: str,
    now: float,
    expires_at: float,
    *,
    kind: str = "full",
    origin: str = "",
    browser: str = "",
) -> None:
    """Begins a session, and clears away those that have run out."""
    conn.execute(delete(sessions).where(sessions.c.expires_at < now))
    conn.execute(
        insert(sessions).values(
            token_hash=token_hash,
            operator_id=operator_id,
            started_at=now,
            seen_at=now,
            expires_at=expires_at,
            kind=kind,
            origin=origin,
            browser=browser,
        )
    )


def session(conn: Connection, token_hash: str) -> Session | None:
    """A session with its operator, whether or not it has run out."""
    row = (
        conn.execute(
            select(
                operators,
                sessions.c.started_at,
                sessions.c.seen_at,
                sessions.c.expires_at,
                sessions.c.kind,
                api_keys.c.scopes,
            )
            .join(sessions, sessions.c.operator_id == operators.c.id)
            .outerjoin(api_keys, api_keys.c.token_hash == sessions.c.token_hash)
            .where(sessions.c.token_hash == token_hash)
        )
        .mappings()
        .first()
    )
    if row is None:
        return None
    scopes = None if row["scopes"] is None else tuple(row["scopes"])
    times = (row["started_at"], row["seen_at"], row["expires_at"])
    return Session(token_hash, operator_of(row), *times, row["kind"], scopes)


def operator_of(row: RowMapping) -> Operator:
    """An account from a row that holds the columns of `operators`."""
    values = {name: row[name] for name in Operator.__slots__}
    return Operator(**values | {"municipalities": tuple(row["municipalities"])})


def session_seen(conn: Connection, token_hash: str, now: float) -> None:
    """Notes that a session is in use."""
    conn.execute(update(sessions).where(sessions.c.token_hash == token_hash).values(seen_at=now))


def end_session(conn: Connection, token_hash: str) -> None:
    """Ends a session; one that has ended already stays so."""
    conn.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


def _resident(row: RowMapping) -> Resident:
    return Resident(**{**row, "flags": tuple(row["flags"])})
