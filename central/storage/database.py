"""The relational database: SQLite by default, PostgreSQL by URL; one door for writing and one for reading."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite

from central.storage.lock_holders import lock_holder

BUSY_TIMEOUT_MS: Final = 10_000
"""How long SQLite waits for another process's write; within one process writers queue on a lock instead."""
WRITERS_WAIT_S: Final = 30.0
"""How long a writer queues there: while another program holds the file locked, each waits the time above in turn."""
LOCK_WAIT_S: Final = 20
"""How long a statement waits on PostgreSQL for what another session holds locked, unless the URL or the role says so. A
repair or a forgotten transaction may hold a table for hours: that is a database which is busy, and said to be, and no
loop that stands still (`pulse.STUCK_AFTER_S`)."""

CONNECTIONS_KEPT: Final = 10
CONNECTIONS_MAX: Final = 60
"""More than the threads that may ask at once: 40 of the web server, and the desk's own."""

POSTGRES_WAITS: Final = {
    "fallback_application_name": "llar",
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""A server that vanishes without a word would otherwise hold up an alarm for hours; the URL may say other figures."""

DatabaseError = sa.exc.SQLAlchemyError
"""What commands raise when the database itself fails (disk full, server gone): nothing was stored."""


def try_again(error: DatabaseError) -> bool:
    """Whether the database is away or busy, so that the same command may succeed later; false: it never will."""
    away = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError, sa.exc.TimeoutError)
    return isinstance(error, away)


def in_words(error: DatabaseError, holder: str = "") -> str:
    """What went wrong, as the database itself says it, in one line. `holder`: who holds the lock that it waited for."""
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    said = str(cause).strip().partition("\n")[0]
    if not _locked_out(error):
        return said
    return f"a table is locked by another session{f' ({holder})' if holder else ''}: {said}"


def _locked_out(error: DatabaseError) -> bool:
    return getattr(getattr(error, "orig", None), "sqlstate", None) == _LOCK_NOT_AVAILABLE


_LOCK_NOT_AVAILABLE: Final = "55P03"
_MIGRATIONS = Path(__file__).parent / "migrations"


class BadDatabaseUrl(Exception):
    """The database's address cannot be used; the message says why."""


class _Turns:
    """Lets one thread write at a time; the others wait, but not for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=WRITERS_WAIT_S):
            raise sa.exc.TimeoutError(f"the database is locked: other writes have not ended for {WRITERS_WAIT_S:.0f} s")

    def __exit__(self, *_error: object) -> None:
        self._lock.release()


class Database:
    """An open database. Safe to use from several threads; each call takes its own connection from a pool.

    Attributes:
        in_doubt: a commit has failed since somebody last set this to false; what it held may be stored all the same.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        # SQLite makes a second writer poll with growing naps; a lock wakes it at once.
        self._writers: Any = _Turns() if engine.dialect.name == "sqlite" else nullcontext()
        self._closed = False
        self.in_doubt = False
        event.listen(engine, "checkin", self._brought_back)
        self._write = engine.execution_options(llar_write=True)
        # a transaction of SQLite reads from one moment by itself
        sqlite_file = engine.dialect.name == "sqlite"
        one_moment = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._read = engine if sqlite_file else engine.execution_options(**one_moment)

    @classmethod
    def open(cls, url: str) -> Database:
        """Opens the database at `url`; the tables are made by `migrate`.

        Raises:
            BadDatabaseUrl: not a URL of a kind that is known here.
        """
        return cls(_engine(url))

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A write transaction: committed at the end of the block, rolled back by any exception."""
        whole = False
        try:
            with self._writers, self._write.begin() as connection:
                yield connection
                whole = True
        except DatabaseError:
            self.in_doubt = self.in_doubt or whole
            raise

    def in_words(self, error: DatabaseError) -> str:
        """What went wrong, as `in_words` says it, and where another session holds a lock, which one."""
        holder = ""
        if _locked_out(error):
            with suppress(DatabaseError), self.read() as connection:
                holder = lock_holder(connection)
        return in_words(error, holder)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent view for reading. Nothing is locked in it: a row that others change meanwhile could not be."""
        with self._read.begin() as connection:
            yield connection

    def close(self) -> None:
        """Lets go of all connections; those that a thread still holds go when it brings them back."""
        self._closed = True
        self.engine.dispose()

    def _brought_back(self, _connection: object, record: sa.pool.ConnectionPoolEntry) -> None:
        if self._closed:
            record.invalidate()


def migrate(url: str, revision: str = "head") -> None:
    """Brings the tables to the newest revision, or to an older one than that; does nothing where they are.

    Every program begins so. Alembic, a good part of what they load, is loaded only where there is something to do.

    Raises:
        BadDatabaseUrl: not a URL of a kind that is known here.
        DatabaseError: the database cannot be reached or written.
    """
    engine = _engine(url)
    try:
        if revision == "head" and _revision_of(engine) == newest_revision():
            return
        from alembic import command
        from alembic.config import Config

        with engine.execution_options(llar_write=True).begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        engine.dispose()


def newest_revision() -> str:
    """The revision that no other one follows, as the files of the revisions say."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (_MIGRATIONS / "versions").glob("*.py"))
    made = set(re.findall(r'^revision = "(.*)"$', text, re.MULTILINE))
    followed = set(re.findall(r'^down_revision = "(.*)"$', text, re.MULTILINE))
    return ", ".join(sorted(made - followed))


def _revision_of(engine: sa.Engine) -> str:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return ""
        return ", ".join(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars())


def writes(connection: sa.Connection) -> bool:
    """Whether it belongs to a write transaction: only there are rows locked."""
    return bool(connection.get_execution_options().get("llar_write", False))


def read_or_lock(query: sa.Select[Any]) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """A query for who reads, and the same for who `writes`."""
    return query, query.with_for_update(key_share=True)


def insert_new(connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> bool:
    """Inserts a row unless one with the same key is there; whether it was inserted."""
    return connection.execute(_insert_new(connection.dialect.name, table), values).first() is not None


@cache
def _insert_new(dialect: str, table: sa.Table) -> sa.sql.expression.Executable:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(table).on_conflict_do_nothing().returning(*table.primary_key)


def put(connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> None:
    """Inserts a row, or replaces the other columns of the one with the same primary key."""
    connection.execute(_put(connection.dialect.name, table, tuple(values)), values)


def put_all(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Does the same with several rows that name the same columns."""
    if rows:
        connection.execute(_put(connection.dialect.name, table, tuple(rows[0])), rows)


@cache
def _put(dialect: str, table: sa.Table, names: tuple[str, ...]) -> sa.sql.expression.Executable:
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def _engine(url: str) -> sa.Engine:
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise BadDatabaseUrl("The database address must begin with sqlite:/// or postgresql://.")
    try:
        parsed = sa.make_url(url)
        postgres = parsed.get_backend_name() == "postgresql"
        waits = {name: value for name, value in POSTGRES_WAITS.items() if name not in parsed.query}
        engine = sa.create_engine(
            parsed,
            connect_args=waits if postgres else {},
            pool_pre_ping=postgres,
            poolclass=sa.QueuePool,
            pool_size=CONNECTIONS_KEPT,
            max_overflow=CONNECTIONS_MAX - CONNECTIONS_KEPT,
            pool_use_lifo=True,  # the one used last still has its pages and statements at hand
        )
    except (sa.exc.ArgumentError, ValueError) as error:
        raise BadDatabaseUrl(f"The database address cannot be used: {error}") from None
    except ImportError:
        raise BadDatabaseUrl("PostgreSQL needs the extra 'postgres': pip install 'llar[postgres]'.") from None
    if postgres:
        event.listen(engine, "connect", _prepare_postgres)
    else:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling begins lazily and cannot BEGIN IMMEDIATE; ours is in _begin_sqlite.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_postgres(connection: Any, _record: object) -> None:
    # not among the options of the connection: poolers refuse those
    query = "SELECT set_config('lock_timeout', %s, false) WHERE current_setting('lock_timeout') = '0'"
    connection.execute(query, (f"{LOCK_WAIT_S}s",))
    connection.commit()


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes(connection) else "BEGIN")
