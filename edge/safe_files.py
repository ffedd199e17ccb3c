"""Small files that are whole after a power cut: the new content takes the old one's place in one step."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Puts the text in place of the file, readable by its owner only, and on the disk when this returns.

    Written by root it belongs to the folder's owner, so that the agent may read what the installer wrote.

    Raises:
        OSError: it cannot be written; the former content is still there.
    """
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(number)
    give_to_owner_of(file.parent, beside)
    beside.replace(file)
    sync_folder(file.parent)


def give_to_owner_of(folder: Path, path: Path) -> None:
    """Lets `path` belong to the folder's owner, where we may say so; of a link itself, never what it points to."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def sync_folder(folder: Path) -> None:
    """Makes new names in the folder outlive a power cut."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
