"""The folder with Mosquitto's files and `secrets.json`: all of it written anew, or one hub put in.

Files are replaced whole, and keep owner and mode: half a file of passwords would lock every hub out, and so would one
that the broker may not read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.broker_files import with_user

SECRETS: Final = "secrets.json"
_PASSWORDS, _ACCESS = "passwords", "access.acl"


def known_passwords(folder: Path) -> dict[str, str]:
    """User name -> password in plain, as `secrets.json` has them; empty when there is no such file.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    kept = folder / SECRETS
    known: dict[str, str] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    return known


def write(folder: Path, files: Mapping[str, str], passwords: Mapping[str, str]) -> None:
    """Writes the broker's files, and the passwords in plain for who installs by hand.

    Raises:
        OSError: the folder cannot be written, or not so that the broker may still read it; each file is whole, the old
            one or the new one.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in {**files, SECRETS: json.dumps(passwords, indent=1)}.items():
        _replace(folder / name, content)


def add_hub(folder: Path, hub_id: str, password: str) -> None:
    """Puts one hub into the broker's files; others stay as they are. The broker must then be told to read them anew.

    Raises:
        FileNotFoundError: `broker-config` never wrote this folder.
        OSError: it cannot be written.
    """
    passwords, access = with_user(
        (folder / _PASSWORDS).read_text(encoding="utf-8"),
        (folder / _ACCESS).read_text(encoding="utf-8"),
        hub_id,
        password,
    )
    # the right before the password: a hub that may log in may also work
    write(folder, {_ACCESS: access, _PASSWORDS: passwords}, {**known_passwords(folder), hub_id: password})


def _replace(path: Path, content: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(content, encoding="utf-8")
    if path.exists():
        there, made = path.stat(), part.stat()
        if (there.st_uid, there.st_gid) != (made.st_uid, made.st_gid):
            os.chown(part, there.st_uid, there.st_gid)
        part.chmod(there.st_mode & 0o777)
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(path)
