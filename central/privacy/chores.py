"""`llar-central purge`, `export-pseudonymised` and `register-of-processing`."""

from __future__ import annotations

import argparse
import getpass
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from central.config import CentralConfig
from central.privacy.processing import as_data, as_markdown
from central.privacy.purge import EXPORTS, PurgeDesk
from central.privacy.research_export import Asked, write_export
from central.privacy.retention import CLASSES, TIMEZONE
from central.storage import settings
from central.storage.database import Database

KEY_BYTES: Final = 32
_RECIPIENT: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")


class ChoreError(Exception):
    """It cannot be done; the message is one sentence for whoever typed it."""


def purge(_given: argparse.Namespace, config: CentralConfig) -> int:
    """Purges now, and prints what went and what is held."""
    with _open(config) as database:
        for name, done in PurgeDesk(database, config.data_folder).purge(time.time()).items():
            held = f", {done['held']:.0f} held" if done["held"] else ""
            print(f"{name}: {done['purged']:.0f} {CLASSES[name].then}{held}")
    return 0


def register_of_processing(given: argparse.Namespace, config: CentralConfig) -> int:
    """Prints the register with the terms that hold here: as JSON, or as a page of Markdown."""
    with _open(config) as database, database.read() as conn:
        terms = settings.current(conn).retention
    months = {name: terms.of(name) for name in CLASSES}
    print(json.dumps(as_data(months), ensure_ascii=False, indent=1) if given.json else as_markdown(months))
    return 0


def export_pseudonymised(given: argparse.Namespace, config: CentralConfig) -> int:
    """Writes the export.

    Raises:
        ChoreError: the key, the recipient, the days or the folder will not do.
    """
    if not _RECIPIENT.fullmatch(given.recipient):
        raise ChoreError("The recipient is 2 to 40 small letters, digits and '-'.")
    now = time.time()
    asked = Asked(given.recipient, _key(given.key_file), _begins(given.since), _begins(given.until, 1), given.k)
    if asked.since_at >= asked.until_at:
        raise ChoreError("The last day lies before the first.")
    folder = given.out or config.data_folder / EXPORTS / f"{given.recipient}-{given.since}-{given.until}"
    with _open(config) as database:
        try:
            made = write_export(database, folder, asked, now, f"shell:{getpass.getuser()}"[:32])
        except FileExistsError:
            raise ChoreError(f"{folder} is there already; nothing was written.") from None
        except ValueError as error:
            raise ChoreError(f"{error}; nothing was written.".capitalize()) from None
    print(f"{folder}: {made.cases} cases of {made.households} households; {made.left_out} households left out.")
    return 0


def _key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ChoreError(f"{path} holds no key of 64 hex digits: openssl rand -hex 32 > {path}")
    return key


def _begins(text: str, more: int = 0) -> float:
    try:
        day = date.fromisoformat(text) + timedelta(days=more)
    except (ValueError, OverflowError):
        raise ChoreError(f"{text!r} is no day: it is written like 2026-11-09.") from None
    return datetime.combine(day, clock_time(), ZoneInfo(TIMEZONE)).timestamp()


@contextmanager
def _open(config: CentralConfig) -> Iterator[Database]:
    database = Database.open(config.database.url)
    try:
        yield database
    finally:
        database.close()
