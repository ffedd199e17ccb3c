"""Appends to the audit log on behalf of many requests at once, so that reading files does not hold up alarms.

Whoever reads a person's file waits until the row that says so is committed; if it cannot be, the reading is refused.
All that wait are written by one transaction: the more there are, the fewer commits each costs, and an alarm never waits
for more than one of them.
"""

from __future__ import annotations

import ipaddress
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from central.audit_chain import AuditEntry
from central.storage import audit_log
from central.storage.database import Database

ROWS_AT_ONCE: Final = 200
"""Most rows in one transaction, which is then as short as one row's but for the microseconds."""
SAME_S: Final = 60.0
"""A page that looks again and again at the same file leaves one row a minute."""
REMEMBERED_MAX: Final = 20_000
"""Readings remembered for that; beyond, the oldest are forgotten, which costs a row too many."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Ticket:
    entry: AuditEntry
    done: bool = False
    fault: Exception | None = None


class AuditTrail:
    """The door to the log. Safe to use from several threads, and from several processes on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._lately: OrderedDict[tuple[object, ...], float] = OrderedDict()

    def append(self, entry: AuditEntry) -> None:
        """Returns once the entry is committed.

        Raises:
            DatabaseError: it is not; what it says must not happen.
        """
        self.append_all([entry])

    def append_all(self, entries: Iterable[AuditEntry]) -> None:
        """Returns once all of them are committed, in several transactions when they are many; raises as `append`."""
        tickets = [_Ticket(entry) for entry in entries]
        with self._lock:
            self._waiting += tickets
        for ticket in tickets:
            with self._turn:
                while not ticket.done:
                    self._write()
        for ticket in tickets:
            if ticket.fault is not None:
                raise ticket.fault

    def append_once(self, entry: AuditEntry) -> None:
        """As `append`, unless the same reading by the same account was written within the last minute."""
        key = (entry.account_id, entry.resource, entry.action, entry.outcome, *_about(entry))
        with self._lock:
            before = self._lately.get(key)
        if before is not None and before <= entry.at < before + SAME_S:
            return
        self.append(entry)
        with self._lock:
            self._lately[key] = entry.at
            self._lately.move_to_end(key)
            while len(self._lately) > REMEMBERED_MAX:
                self._lately.popitem(last=False)

    def note_head(self) -> str:
        """Number and hash of the newest row, "0:" for none; also written to the process's log."""
        with self._database.read() as conn:
            head = audit_log.head(conn)
        said = f"{head.id}:{head.hash}" if head else "0:"
        log.info("audit log: head %s", said)
        return said

    def _write(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting[:ROWS_AT_ONCE], self._waiting[ROWS_AT_ONCE:]
        fault: Exception | None = None
        try:
            with self._database.begin() as conn:
                audit_log.append(conn, [ticket.entry for ticket in batch])
        except Exception as error:  # each who waits is told, whatever it was
            log.exception("the audit log cannot be written; what was asked for is refused")
            fault = error
        for ticket in batch:
            ticket.done, ticket.fault = True, fault


def _about(entry: AuditEntry) -> tuple[str, str, int, str]:
    return entry.home_id, entry.resident_id, entry.case_id, entry.why


def origin_of(address: str) -> str:
    """The class of a client's address: "here", "inside", "outside", or "" when it is not known."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    if known.is_loopback:
        return "here"
    return "inside" if known.is_private else "outside"
