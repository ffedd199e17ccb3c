"""Reads the tables of a TOML file into frozen types, strictly: every fault is reported, an unknown key is a fault."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec

Table = TypeVar("Table", bound=msgspec.Struct)


class BadFileError(Exception):
    """A configuration file that cannot be used; `faults` has one plain sentence for each thing that is wrong."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        self.path = path
        self.faults = faults
        super().__init__("\n".join(f"{path}: {fault}" for fault in faults))


def load_toml(path: Path) -> dict[str, Any]:
    """The file's content.

    Raises:
        BadFileError: missing, not readable, or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadFileError(path, ["there is no such file"]) from None
    except OSError as error:
        raise BadFileError(path, [f"cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadFileError(path, [f"is not valid TOML: {error}"]) from None


def read_table(kind: type[Table], table: object, where: str, faults: list[str]) -> Table | None:
    """Makes a `kind` of `table`; every fault is appended to `faults`, and then the result is None."""
    if not isinstance(table, dict):
        faults.append(f"{where} must be a table")
        return None
    hints = get_type_hints(kind, include_extras=True)
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    before = len(faults)
    faults.extend(f"{where}: unknown key '{key}'" for key in table if key not in fields)
    for name, field in fields.items():
        if name not in table:
            if field.required:
                faults.append(f"{where}: '{name}' is missing")
            continue
        try:
            values[name] = msgspec.convert(table[name], hints[name])
        except msgspec.ValidationError as error:
            faults.append(f"{where}: '{name}': {_in_plain_words(error)}")
    return kind(**values) if len(faults) == before else None


def _in_plain_words(error: msgspec.ValidationError) -> str:
    text = str(error)
    return text[:1].lower() + text[1:]
