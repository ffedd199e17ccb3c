"""What the receiver is told of who lives where."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from central.storage import homes, people
from central.storage.database import Database, migrate


@pytest.mark.parametrize(
    ("away_until", "expected"),
    [([], None), ([None], None), ([50.0], 50.0), ([50.0, None], None), ([70.0, 50.0], 50.0)],
)
def test_a_home_is_away_only_while_everybody_is(
    tmp_path: Path, away_until: list[float | None], expected: float | None
) -> None:
    url = f"sqlite:///{tmp_path / 'central.sqlite3'}"
    migrate(url)
    with closing(Database.open(url)) as database:
        with database.begin() as connection:
            homes.enrol_home(connection, "flat-1", address="Carrer Major 1", now=1.0)
            homes.enrol_hub(connection, "h-1", "flat-1", 2.0)
            for number, until in enumerate(away_until):
                person = people.Resident(f"r-{number}", "flat-1", "Ana", "Ana Puig", 1940, away_until_at=until)
                people.add_resident(connection, person)
        with database.read() as connection:
            (home,) = homes.list_enrolled(connection)
    assert (home.hub_enrolled_at, home.away_until_at) == (2.0, expected)
