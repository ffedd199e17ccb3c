"""The list on paper by which people go on helping while the centre is down, written every night before it is needed.

A folder a night, a file a municipality (of a large one several): HTML that needs nothing else, to be opened from any
disk and printed. Nothing of it comes from the running centre when it is read.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from central.access_rules import Resource, Role, Who
from central.audit import AuditTrail
from central.audit_chain import AuditEntry
from central.console.pages.file_words import FLAGS, RELATIONS, SENSES
from central.console.templating import CENTRE_TIMEZONE, page
from central.storage import paper_homes
from central.storage.database import Database
from central.storage.paper_homes import HOMES_MAX, PaperHome
from central.texts import say_clock, translator

WRITTEN_AT_HOUR: Final = 3
RETRY_S: Final = 900.0
"""After a folder that could not be written to; the health page says so meanwhile."""
KEPT: Final = 2
"""Nights that are kept: the last one, and one before it should the last one be spoiled."""
LATE_S: Final = 30 * 3_600.0
"""A list that is older than that was not written last night."""
WHY: Final = "paper list"
"""The reason that stands in the audit log, said in words where a resident reads it."""
_NIGHT: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_CSS: Final = Path(__file__).parent / "console" / "static" / "css" / "paper.css"
EVERYBODY: Final = Who("desk", Role.COORDINATOR)

log = logging.getLogger(__name__)


def values(homes: list[PaperHome], now: float, language: str) -> dict[str, Any]:
    """What both the page and the files show of these homes: the list, and an index of names and telephone numbers."""
    numbered = list(enumerate(homes, start=1))
    names = sorted((one.full_name, number) for number, home in numbered for one in home.people)
    phones = [(home.phone, number) for number, home in numbered if home.phone]
    phones += [(one.phone, number) for number, home in numbered for one in home.contacts if one.phone]
    phones += [(one.mobile, number) for number, home in numbered for one in home.people if one.mobile]
    return {
        "homes": numbered,
        "names": names,
        "phones": sorted(set(phones), key=lambda pair: (re.sub(r"\D", "", pair[0]), pair[1])),
        "made_at": now,
        "made_clock": say_clock(now, language, CENTRE_TIMEZONE),
        "flags": FLAGS,
        "senses": SENSES,
        "relations": RELATIONS,
    }


def entries(homes: list[PaperHome], account: str, what: str, now: float) -> list[AuditEntry]:
    """What the audit log says of somebody who took this list here: that they read the file of each home on it."""
    row = AuditEntry(now, account, "", Resource.RESIDENT_FILE.value, "export", origin="here", what=what, why=WHY)
    return [replace(row, home_id=home.id) for home in homes]


def write(
    database: Database,
    folder: Path,
    now: float,
    language: str,
    noted: Callable[[list[PaperHome]], list[AuditEntry]] | None = None,
) -> Path:
    """Writes tonight's list and forgets those before the last `KEPT`; where it lies now.

    Only the user that runs this may read it. What is there under the same name is replaced when all is written, so
    that a night that fails leaves the one before it. `noted` says what goes into the audit log of a file's homes.

    Raises:
        OSError: the folder cannot be written to.
        central.storage.database.DatabaseError: the database cannot be read, or the audit log not be written.
    """
    night = f"{datetime.fromtimestamp(now, ZoneInfo(CENTRE_TIMEZONE)):%Y-%m-%d}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".{night}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    trail = AuditTrail(database)
    with database.read() as conn:
        towns = paper_homes.towns(conn, EVERYBODY)
    for number, town in enumerate(towns, start=1):
        with database.read() as conn:
            homes = paper_homes.listed(conn, EVERYBODY, town)
        if noted is not None:
            trail.append_all(noted(homes))
        for part, first in enumerate(range(0, len(homes), HOMES_MAX), start=1):
            some = homes[first : first + HOMES_MAX]
            _write_file(fresh / _file_name(number, town, part), _document(some, town, part, now, language))
    shutil.rmtree(folder / night, ignore_errors=True)
    os.utime(fresh, (now, now))
    fresh.rename(folder / night)
    for old in _nights(folder)[:-KEPT]:
        shutil.rmtree(old)
    return folder / night


def write_by_hand(database: Database, folder: Path, now: float, language: str, user: str) -> Path:
    """As `write`, for somebody at the machine itself: the log says that they read each file on it."""

    def noted(homes: list[PaperHome]) -> list[AuditEntry]:
        return entries(homes, f"{user}@centre"[:32], "llar-central paper-list", now)

    return write(database, folder, now, language, noted)


def written_at(folder: Path) -> float | None:
    """When the newest list was written; None when there is none."""
    nights = _nights(folder)
    with contextlib.suppress(FileNotFoundError):  # it is being replaced at this moment
        return nights[-1].stat().st_mtime if nights else None
    return None


class PaperKeeper:
    """Writes the list every night, and at once when last night's is missing."""

    def __init__(self, database: Database, folder: str, language: str) -> None:
        self._database = database
        self._folder = Path(folder)
        self._language = language

    def work(self, now: float) -> float:
        """Writes it when it is due; when it is due again."""
        last, following = due_around(now)
        before = written_at(self._folder)
        if before is None or before < last:
            try:
                where = write(self._database, self._folder, now, self._language)
            except OSError as error:
                log.warning("the paper list cannot be written to %s: %s", self._folder, error)
                return now + RETRY_S
            what = f"{WHY}, of all homes, into {where}"
            resource = Resource.RESIDENT_FILE.value
            AuditTrail(self._database).append(AuditEntry(now, "desk", "", resource, "export", what=what, why=WHY))
            log.info("paper list: written")
        return following


def due_around(now: float) -> tuple[float, float]:
    """The last time by the centre's clock at which a list was to be written, and the next."""
    moment = datetime.fromtimestamp(now, ZoneInfo(CENTRE_TIMEZONE))
    due = moment.replace(hour=WRITTEN_AT_HOUR, minute=0, second=0, microsecond=0)
    last = due if due <= moment else due - timedelta(days=1)
    return last.timestamp(), (last + timedelta(days=1)).timestamp()


def _nights(folder: Path) -> list[Path]:
    return sorted(one for one in folder.glob("????-??-??") if _NIGHT.fullmatch(one.name) and one.is_dir())


def _file_name(number: int, town: str, part: int) -> str:
    """A name that every disk takes; the number keeps two towns apart that would be written alike."""
    more = f"-{part}" if part > 1 else ""
    plain = re.sub(r"[^\w]+", "-", town.casefold()).strip("-")[:60]
    return f"{number:03d}-{plain or 'municipality-not-said'}{more}.html"


def _document(homes: list[PaperHome], town: str, part: int, now: float, language: str) -> bytes:
    words = translator(language)
    style = _CSS.read_text(encoding="utf-8")
    shown = values(homes, now, words.language)
    return bytes(page("paper_file.html", words.language, style=style, town=town, part=part, **shown).body)


def _write_file(path: Path, content: bytes) -> None:
    path.touch(mode=0o600, exist_ok=False)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
