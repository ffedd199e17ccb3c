"""The nightly purge: what is due by its term goes, what is held stays, and a report says how much of each.

A chore in the database, so that one of several processes works it, and another one goes on when that one has died: it
is taken for a while and given back when all is done. Every step is a transaction of its own with its entry in the audit
log: nothing goes of which the log does not say so.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Final

from central.audit_chain import AuditEntry
from central.privacy.retention import CLASSES, cut, next_night
from central.pulse import PULSE
from central.storage import audit_log, holds, incidents, purging, settings
from central.storage.database import Database

CHORE: Final = "purge"
LEASE_S: Final = 3_600.0
"""A purge that has not ended by then is taken over: its process has died."""
STALE_S: Final = 7 * 86_400.0
"""A night that is over for longer: the centre stood still, or its clock runs ahead, which would make everything due.
The purge waits for one more night, in which somebody may see that the clock is wrong."""
BATCH: Final = 50
"""Cases in one transaction, some ten milliseconds: an alarm waits for no more than that."""
EXPORTS: Final = "exports"
"""Folder of pseudonymised exports, in the data folder."""

log = logging.getLogger(__name__)


class PurgeDesk:
    """Works the purge when its night comes. `folder` is the data folder."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._due_at = 0.0

    def work(self, now: float) -> float:
        """Purges when it is due; when that is the next time."""
        if now < self._due_at <= next_night(now):  # asked every few seconds: no transaction for nothing
            return self._due_at
        with self._database.begin() as conn:
            self._due_at = due_at = incidents.chore_due(conn, CHORE, now, next_night(now))
            if now < due_at:
                return due_at
            is_stale = now - due_at > STALE_S
            self._due_at = next_night(now) if is_stale else now + LEASE_S
            mine = incidents.claim_chore(conn, CHORE, due_at, self._due_at)
        if is_stale:
            days = (now - due_at) / 86_400
            log.warning("purge: none for %.0f days; it waits until tomorrow: look whether the clock is right", days)
            return self._due_at
        if not mine:
            return self._due_at
        self.purge(now)
        with self._database.begin() as conn:
            incidents.claim_chore(conn, CHORE, now + LEASE_S, next_night(now))
        self._due_at = next_night(now)
        return self._due_at

    def purge(self, now: float) -> dict[str, dict[str, float]]:
        """Purges all classes at once, whenever it is; what was done, as in `holds.Purge`."""
        with self._database.begin() as conn:
            terms = settings.current(conn).retention
            number = holds.begin_purge(conn, now)
        body: dict[str, dict[str, float]] = {}
        for name in CLASSES:
            before_at = cut(now, terms.of(name))
            body[name] = done = {"before_at": before_at, "purged": 0, "held": 0}
            while gone := self._step(number, body, name, now):
                done["purged"] += gone
                PULSE.goes_on()
        with self._database.begin() as conn:
            held = holds.held(conn, now)
            for name in purging.PARTS:
                body[name]["held"] = purging.count_held(conn, name, body[name]["before_at"], held)
            body["audit"]["held"] += audit_log.old_rows(conn, body["audit"]["before_at"])
            holds.report(conn, number, body, now)
        said = {name: int(done["purged"]) for name, done in body.items() if done["purged"]}
        log.info("purge %d: %s", number, said or "nothing was due")
        return body

    def _step(self, number: int, body: dict[str, dict[str, float]], name: str, now: float) -> int:
        """One transaction of one class; how much went. What is held is asked anew: somebody may have just placed it."""
        before_at = body[name]["before_at"]
        gone = _delete_exports(self._folder / EXPORTS, before_at) if name == EXPORTS else 0
        with self._database.begin() as conn:
            held = holds.held(conn, now)
            if name in purging.PARTS:
                gone = purging.purge(conn, name, before_at, held, BATCH)
            if name == "audit" and not gone:
                gone = audit_log.cut_off(conn, before_at, held, now)
            if gone:
                what = f"purge {number}: {gone} of {name}, {CLASSES[name].then}, due before {before_at:.0f}"
                audit_log.append(conn, [AuditEntry(now, "desk", "desk", "retention", "delete", what=what)])
                so_far = body[name]["purged"] + gone
                holds.report(conn, number, {**body, name: {**body[name], "purged": so_far}})
        return gone


def _delete_exports(folder: Path, before_at: float) -> int:
    old = [one for one in folder.iterdir() if one.stat().st_mtime < before_at] if folder.is_dir() else []
    for one in old:
        shutil.rmtree(one) if one.is_dir() else one.unlink()
    return len(old)
