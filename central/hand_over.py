"""`llar-central hand-over` and `hand-over-check`: a municipality's data in open formats, and whether they are whole.

A folder with JSON lines (UTF-8, one object a line), one file a table and one of the measurements, a README that says
what stands in them, `manifest.json` with counts and checksums, and `SHA256SUMS` as `sha256sum -c` reads it.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from central.access_rules import Resource
from central.audit import AuditTrail
from central.audit_chain import AuditEntry
from central.config import CentralConfig
from central.storage import hand_over
from central.storage.database import Database, newest_revision
from central.telemetry.open_store import open_store
from central.telemetry.store import TelemetryStore
from devices.vocabulary import KINDS

FORMAT: Final = 1
WHY: Final = "hand-over"
"""The reason that stands in the audit log, said in words where a resident reads it."""
READINGS: Final = "readings"
"""The file of measurements, beside those of the tables."""
_MANIFEST, _README, _SUMS = "manifest.json", "README.md", "SHA256SUMS"
_SPAN_S: Final = 7 * 86_400.0


class HandOverError(Exception):
    """Nothing can be handed over; the message is one sentence for whoever typed the command."""


def export(config: CentralConfig, municipality: str, folder: Path, now: float) -> int:
    """Writes the folder from a centre's databases; how many homes. Raises as `write` does."""
    since_at = now - (config.telemetry.retention_days + 1) * 86_400.0
    database = Database.open(config.database.url)
    try:
        with contextlib.closing(open_store(config.telemetry, config.data_folder, read_only=True)) as store:
            return write(database, store, municipality, folder, now, since_at)
    finally:
        database.close()


def write(
    database: Database, store: TelemetryStore | None, municipality: str, folder: Path, now: float, since_at: float
) -> int:
    """Writes a municipality's data into a new folder; how many homes. Only the user that runs this may read it.

    The audit log has it before anything is written: each home's file was exported.

    Raises:
        HandOverError: there is no home in this municipality, or the folder is not empty.
        central.storage.database.DatabaseError: the database failed; the folder is not whole, and says so when checked.
        central.telemetry.store.StoreUnavailable: the measurements cannot be read; the same.
    """
    with database.read() as conn:
        ids = hand_over.homes_of(conn, municipality)
    if not ids:
        raise HandOverError(
            f"There is no home in {municipality!r}: write the municipality as the homes' files have it."
        )
    if folder.exists() and any(folder.iterdir()):
        raise HandOverError(f"{folder} is not empty: name a new folder.")
    AuditTrail(database).append_all(_entry(home_id, now) for home_id in ids)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    files: dict[str, dict[str, Any]] = {}
    with database.read() as conn:
        for name, (columns, query) in hand_over.handed_over(municipality).items():
            told = {column.name: _type(column) for column in columns}
            files[f"{name}.jsonl"] = _lines(folder / f"{name}.jsonl", hand_over.rows(conn, query)) | {"columns": told}
    if store is not None:
        lines = _lines(folder / f"{READINGS}.jsonl", _readings(store, ids, since_at, now))
        told = {"home": "text", "device": "text", "kind": "text", "at": "number", "value": "number"}
        files[f"{READINGS}.jsonl"] = lines | {"columns": told}
    manifest = {"format": FORMAT, "municipality": municipality, "made_at": now, "homes": len(ids),
                "revision": newest_revision(), "files": files}  # fmt: skip
    _text(folder / _MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
    _text(folder / _README, readme(manifest))
    sums = {name: facts["sha256"] for name, facts in files.items()}
    sums |= {name: _sha256(folder / name) for name in (_MANIFEST, _README)}
    _text(folder / _SUMS, "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())))
    return len(ids)


def faults(folder: Path) -> Iterator[str]:
    """What is wrong with a folder, a sentence each: files missing, changed or too many, rows lost or of other homes."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        lines = [line.partition("  ") for line in (folder / _SUMS).read_text(encoding="utf-8").splitlines()]
        sums = {name: digest for digest, _, name in lines}
        files = manifest["files"]
    except (OSError, ValueError, KeyError, TypeError):
        yield f"{folder}: {_MANIFEST} or {_SUMS} is missing or cannot be read: the export did not come to its end."
        return
    if sums.get(_MANIFEST) != _sha256(folder / _MANIFEST):
        yield f"{_MANIFEST}: changed (checksum), so the others cannot be judged by it"
        return
    there = {path.name for path in folder.iterdir()} - {_SUMS}
    yield from (f"{name}: missing" for name in sorted({*sums, *files} - there))
    yield from (f"{name}: does not belong here" for name in sorted(there - set(sums)))
    yield from (
        f"{name}: changed (checksum)" for name in sorted(there & set(sums)) if _sha256(folder / name) != sums[name]
    )
    homes = _ids(folder / "homes.jsonl")
    if len(homes) != manifest.get("homes"):
        yield f"homes.jsonl: {len(homes)} homes where the manifest has {manifest.get('homes')}"
    for name in sorted(there & set(files)):
        yield from _file_faults(folder / name, files[name], homes)


def _ids(path: Path) -> set[str]:
    """The ids of its rows, as far as it can be read."""
    found: set[str] = set()
    with contextlib.suppress(OSError, ValueError):
        found.update(str(row.get("id")) for row in _read(path))
    return found


def _file_faults(path: Path, facts: dict[str, Any], homes: set[str]) -> Iterator[str]:
    count = 0
    try:
        for count, row in enumerate(_read(path), start=1):
            if set(row) != set(facts["columns"]):
                yield f"{path.name}, line {count}: other columns than the manifest has"
                return
            home = row.get("home_id", row.get("home"))
            if home and home not in homes:
                yield f"{path.name}, line {count}: of a home that is not handed over"
                return
    except ValueError:
        yield f"{path.name}, after line {count}: not JSON"
        return
    if count != facts["rows"]:
        yield f"{path.name}: {count} rows where the manifest has {facts['rows']}"


def summary(folder: Path) -> str:
    """What a whole folder holds, in a line."""
    manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    rows = sum(facts["rows"] for facts in manifest["files"].values())
    return f"{manifest['municipality']}, {manifest['homes']} homes, {rows} rows in {len(manifest['files'])} files."


def readme(manifest: dict[str, Any]) -> str:
    """What is in the folder, for people who have never seen this program."""
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(manifest["made_at"]))
    head = f"""# Telecare data of {manifest["municipality"]}

Made {made} by Llar (database revision {manifest["revision"]}): {manifest["homes"]} homes, with all that is on record
about them. One file a table, JSON lines: UTF-8, one JSON object a line, a member for each column, null for nothing.

- Members that end in `_at`, and `at`, are Unix seconds, UTC. Days are ISO dates. Telephone numbers are as people wrote
  them.
- `home_id`, `resident_id`, `contact_id`, `case_id` and so on name the `id` of the table of that name.
- `case_events` is the log of each case in order (`position`), from which its row in `cases` can be rebuilt. Cause,
  action and outcome of a closed case stand in the `body` of its event "closed".
- `homes.access_notes`, `home_access`: how to get in, with codes of doors. `care_plans`, `contact_profiles`, `consents`:
  what was agreed, every version; a consent holds while `withdrawn_at` is null.
- `audit_log`: who read and changed what of these homes, as its subjects may ask.
- `{READINGS}.jsonl`: measurements that were kept, oldest first for each device. `value` is a number: true and false are
  1 and 0, words their place in the list of the kind, which stands below.
- Check: `llar-central hand-over-check FOLDER`, or `sha256sum -c {_SUMS}`. `{_MANIFEST}` has rows, checksums and types.

What is not here, and why:

"""
    left = "".join(f"- `{name}`: {why}\n" for name, why in sorted(hand_over.LEFT_OUT.items()))
    left += "- columns that open something or recognise a machine: passwords, tokens, hashes\n"
    left += "- names of this service's staff: logs have their ids\n"
    kinds = "".join(
        f"- `{kind.name}`: {kind.unit or ', '.join(kind.words) or 'true or false'}\n" for kind in KINDS.values()
    )
    tables = "".join(
        f"\n## {name} ({facts['rows']} rows)\n\n"
        + ", ".join(f"`{column}` {sort}" for column, sort in facts["columns"].items())
        + "\n"
        for name, facts in manifest["files"].items()
    )
    return f"{head}{left}\nKinds of measurements, with their unit (SenML) or words:\n\n{kinds}{tables}"


def _entry(home_id: str, now: float) -> AuditEntry:
    who = f"{getpass.getuser()}@centre"[:32]
    resource = Resource.RESIDENT_FILE.value
    return AuditEntry(now, who, "", resource, "export", home_id=home_id, what="llar-central hand-over", why=WHY)


def _readings(store: TelemetryStore, homes: Iterable[str], since_at: float, now: float) -> Iterator[dict[str, Any]]:
    for home in homes:
        for series in store.last(home):
            begin_at = since_at
            while begin_at <= now:
                for point in store.points(home, series.device, series.kind, begin_at, begin_at + _SPAN_S):
                    yield {
                        "home": home,
                        "device": series.device,
                        "kind": series.kind,
                        "at": point.at,
                        "value": point.value,
                    }
                begin_at += _SPAN_S


def _lines(path: Path, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Writes rows as JSON lines; how many, and the checksum."""
    digest, count = hashlib.sha256(), 0
    path.touch(mode=0o600, exist_ok=False)
    with path.open("wb") as file:
        for count, row in enumerate(rows, start=1):  # noqa: B007 - the count is wanted after the last row
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            file.write(line)
            digest.update(line)
    return {"rows": count, "sha256": digest.hexdigest()}


def _text(path: Path, text: str) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8")


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """Its rows. ValueError: a line is no JSON object."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield msgspec.json.decode(line, type=dict[str, Any])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _type(column: sa.Column[Any]) -> str:
    """A column's type as a reader of JSON meets it."""
    if isinstance(column.type, sa.JSON):
        return "JSON"
    sort = column.type.python_type
    return {bool: "true or false", int: "whole number", float: "number"}.get(sort, "text")
