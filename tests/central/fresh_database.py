"""Databases with all tables and nothing in them, without the cost of all migrations for each test."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from central.storage.database import migrate


def fresh_database(path: Path) -> str:
    """Makes such a file at `path`; its URL."""
    path.write_bytes(_migrated())
    return f"sqlite:///{path}"


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "central.sqlite3"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()
