"""Who holds a PostgreSQL database locked, in words for whoever is to end it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

_HOLDERS: Final = sa.text("""
    SELECT a.pid, a.application_name, a.usename, a.state,
           extract(epoch FROM clock_timestamp() - a.xact_start) AS open_s,
           EXISTS (SELECT FROM pg_locks w WHERE NOT w.granted AND a.pid = ANY (pg_blocking_pids(w.pid))) AS blocks
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
      AND EXISTS (
          SELECT FROM pg_locks h
          WHERE h.pid = a.pid AND h.granted AND h.locktype = 'relation'
            AND h.mode NOT IN ('AccessShareLock', 'ShareUpdateExclusiveLock'))
      AND NOT EXISTS (SELECT FROM pg_locks w WHERE w.pid = a.pid AND NOT w.granted)
      AND coalesce(a.xact_start <= clock_timestamp() - CAST(current_setting('lock_timeout') AS interval), true)
    ORDER BY blocks DESC, a.xact_start NULLS LAST LIMIT 1
""")
"""Whoever made a statement wait for `lock_timeout` has been in a transaction for so long, holds a lock that writers
wait for, and waits for none. Of others' sessions PostgreSQL shows the age only to `pg_read_all_stats`."""


def lock_holder(connection: sa.Connection) -> str:
    """The session that statements waited for in vain just now; "" when there is none any more."""
    row = connection.execute(_HOLDERS).first()
    if row is None:
        return ""
    parts = [f"process {row.pid}", row.application_name or "", f"of {row.usename}", row.state or ""]
    if row.open_s is not None:
        parts.append(f"its transaction open for {row.open_s:.0f} s")
    return ", ".join(part for part in parts if part)
