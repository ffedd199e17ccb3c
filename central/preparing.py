"""What every program of the centre does before it works: its folder is there, its database is up to date."""

from __future__ import annotations

import time

from sqlalchemy.exc import IntegrityError

from central.config import CentralConfig
from central.service_settings import Desk
from central.storage import settings
from central.storage.database import Database, DatabaseError, in_words, migrate


class CannotStart(Exception):
    """The desk cannot start; the message says in one sentence why and what to do."""


def prepare(config: CentralConfig) -> None:
    """Makes the data folder and brings the database up to date.

    Raises:
        CannotStart: no permission, or the database cannot be used, or is of a newer version.
    """
    try:
        # residents' names and hubs' secrets lie there
        config.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = config.data_folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotStart(f"Cannot write to the data folder {config.data_folder}: {error.strerror}.") from None
    try:
        migrate(config.database.url)
        _take_over(config)
    except DatabaseError as error:
        raise CannotStart(f"The database cannot be used: {in_words(error)}") from None
    except Exception as error:
        from alembic.util.exc import CommandError  # loaded by now, if it is one of Alembic's

        if not isinstance(error, CommandError):
            raise
        raise CannotStart(
            "The database was written by another version of Llar, a newer one: install that, or restore a backup."
        ) from None


def _take_over(config: CentralConfig) -> None:
    """What the file says of the numbers of daily work becomes their first version, where nobody has set them yet. From
    then on the page of settings holds them, and the file says nothing about them any more."""
    call_back = "".join(letter for letter in config.console.call_back if letter.isprintable())
    given = Desk(reach_test_days=config.carers.reach_test_days, call_back=call_back)
    if given == Desk():
        return
    database = Database.open(config.database.url)
    try:
        with database.begin() as connection:
            if not settings.versions(connection, "desk"):
                settings.keep(connection, "desk", given, time.time(), settings.INSTALLED, 0)
    except IntegrityError:
        pass  # another process of the centre was faster
    finally:
        database.close()
