"""Months of escalation in virtual time with the desk killed at random: nothing forgotten, nothing twice, how late."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.escalation_audit import Findings
from benchmarks.escalation_life import World
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target
from benchmarks.postgres import postgres, programs
from central.due_loop import LOOK_EVERY_S
from central.storage.database import migrate

ON_POSTGRES: Final = 4
"""A life on PostgreSQL has a quarter of the days: it is the same desk, and what could differ shows in days."""


def run(scale: Scale) -> Outcome:
    """Three months of a dozen homes on SQLite, and some weeks on PostgreSQL, once for each round with another seed."""
    days = scale.choose(92, 3)
    seeds = range(1 if scale.quick else scale.rounds)
    rows = [_row("SQLite", days, [_one_life("SQLite", seed, days) for seed in seeds])]
    notes = []
    if programs() is None:
        notes.append("PostgreSQL is not installed: nothing was shown on it.")
    else:
        fewer = max(days // ON_POSTGRES, 2)
        rows.append(_row("PostgreSQL", fewer, [_one_life("PostgreSQL", seed, fewer) for seed in seeds]))
    lives = [life for _, of_it in rows for life in of_it]
    faults = [fault for life in lives for fault in life.faults]
    shown = [row for row, _ in rows]
    return Outcome(
        title="months of escalation, killed at random",
        tables=[Table("virtual days, two processes on one database", list(shown[0].cells), shown)],
        targets=[
            Target("deadlines forgotten or acted on twice", 0, float(len(faults))),
            Target("lateness while a process lived, s", LOOK_EVERY_S, max(life.worst_late_alive_s for life in lives)),
        ],
        notes=[
            "A process dies within a transaction, after a commit, or between sending and storing, for 2 to 400 s.",
            "Two deaths in five take both along: the rest of the lateness is the time in which none lived.",
            f"One that lives looks every {LOOK_EVERY_S:.0f} s for what another has stored before it died.",
            "A message that was sent when the process died is sent again under the same name: at least once.",
            *notes,
            *faults[:10],
        ],
    )


def _row(subject: str, days: int, lives: list[Findings]) -> tuple[Row, list[Findings]]:
    cells: dict[str, Figure | str] = {
        "days": str(days),
        "cases": Figure([life.cases for life in lives]),
        "events": Figure([life.events for life in lives]),
        "deadlines": Figure([life.deadlines for life in lives]),
        "kills": Figure([life.deaths for life in lives]),
        "late over 1 s": Figure([life.late for life in lives]),
        "worst lateness s": Figure([life.worst_late_s for life in lives]),
        "while a process lived s": Figure([life.worst_late_alive_s for life in lives]),
        "both down at most s": Figure([life.longest_both_down_s for life in lives]),
        "messages": Figure([life.messages for life in lives]),
        "sent twice": Figure([life.sent_twice for life in lives]),
        "broken promises": Figure([len(life.faults) for life in lives]),
    }
    return Row(subject, cells), lives


def _one_life(subject: str, seed: int, days: int) -> Findings:
    began_s = time.process_time()

    def tell(day: int) -> None:
        print(f"  {subject}, seed {seed}: day {day} of {days}, {time.process_time() - began_s:.0f} s", file=sys.stderr)

    where = _sqlite() if subject == "SQLite" else postgres(programs() or Path())
    with where as url:
        migrate(url)
        world = World(url, seed, days, alarms_a_day=6, on_day=tell)
        try:
            return world.live()
        finally:
            world.close()


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="llar-escalation-") as folder:
        yield f"sqlite:///{Path(folder) / 'central.sqlite3'}"
