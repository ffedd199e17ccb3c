"""`llar-central audit ...`: checks the chain of the audit log, exports it, prints its head."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from central.audit_chain import check
from central.config import CentralConfig
from central.storage import audit_log
from central.storage.database import Database

BROKEN = 1
"""Exit code when the chain does not hold."""


class BadHead(Exception):
    """A head that was given cannot be read; the message says how it is written."""


def verify(given: argparse.Namespace, config: CentralConfig) -> int:
    """Follows the chain; prints OK, or where it is broken.

    Raises:
        BadHead: `--head` is not NUMBER:HASH.
    """
    known = dict(_head(text) for text in given.head)
    database = Database.open(config.database.url)
    try:
        with database.read() as conn:
            base = audit_log.base(conn)
            checked = check(audit_log.all_rows(conn), known, base)
    finally:
        database.close()
    if checked.fault:
        print(f"BROKEN at row {checked.broken_at}: {checked.fault}. {checked.rows} rows before it hold.")
        return BROKEN
    if base.id:
        print(f"Rows up to {base.id} were cut off by their term; heads noted before cannot be checked any more.")
    head = f"{checked.head.id}:{checked.head.hash}" if checked.head else "none"
    print(f"OK: {checked.rows} rows, head {head}.")
    return 0


def export(given: argparse.Namespace, config: CentralConfig) -> int:
    """Writes the log as JSON lines, oldest first, for a log server or an auditor."""
    database = Database.open(config.database.url)
    try:
        with database.read() as conn, _out(given.out) as out:
            for row in audit_log.all_rows(conn, given.since):
                out.write(json.dumps({"id": row.id, **asdict(row.entry), "hash": row.hash}, ensure_ascii=False) + "\n")
    finally:
        database.close()
    return 0


def _out(path: Path | None) -> AbstractContextManager[TextIO]:
    return nullcontext(sys.stdout) if path is None else path.open("x", encoding="utf-8")


def _head(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isascii() or not number.isdigit() or len(digest) != 64:
        raise BadHead(f"{text!r} is not a head: it is written NUMBER:HASH, as the desk's log has it.")
    return int(number), digest
