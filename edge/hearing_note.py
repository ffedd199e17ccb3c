"""Keeps what the hearing watchdog knows beside the outbox, so that it outlives the program."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

import msgspec

from edge.radio_healing import Note

log = logging.getLogger(__name__)

FILE_NAME: Final = "hearing.json"
_decoder = msgspec.json.Decoder(Note)


def load_note(folder: Path) -> Note:
    """What an earlier run knew; nothing, when there is no readable note."""
    try:
        return _decoder.decode((folder / FILE_NAME).read_bytes())
    except FileNotFoundError:
        return Note()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("the note of the hearing watchdog cannot be read: %s", error)
        return Note()


def save_note(folder: Path, note: Note) -> bool:
    """Writes it so that it outlives a power cut; false when the disk does not take it."""
    fresh = folder / f"{FILE_NAME}.new"
    try:
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(note))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / FILE_NAME)
    except OSError as error:
        log.warning("the note of the hearing watchdog cannot be written: %s", error)
        return False
    return True
