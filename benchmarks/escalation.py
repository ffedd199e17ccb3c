"""Months of escalation in virtual time with the desk killed at random: nothing forgotten, nothing twice, how late."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.escalation_life import Findings, World
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target
from central.storage.database import migrate


def run(scale: Scale) -> Outcome:
    """Three months of a dozen homes on SQLite, once for each round with another seed."""
    days = scale.choose(92, 3)
    lives = [_one_life(seed, days) for seed in range(1 if scale.quick else scale.rounds)]
    cells: dict[str, Figure | str] = {
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
    faults = [fault for life in lives for fault in life.faults]
    return Outcome(
        title="months of escalation, killed at random",
        tables=[Table(f"{days} virtual days, two processes on one SQLite file", list(cells), [Row("desk", cells)])],
        targets=[
            Target("deadlines forgotten or acted on twice", 0, float(len(faults))),
            Target("lateness while a process lived, s", 0, max(life.worst_late_alive_s for life in lives)),
        ],
        notes=[
            "A process dies within a transaction, after a commit, or between sending and storing, for 2 to 400 s.",
            "Two deaths in five take both along: lateness is the time in which none lived.",
            "A message that was sent when the process died is sent again under the same name: at least once.",
            *faults[:10],
        ],
    )


def _one_life(seed: int, days: int) -> Findings:
    with tempfile.TemporaryDirectory(prefix="llar-escalation-") as folder:
        url = f"sqlite:///{Path(folder) / 'central.sqlite3'}"
        migrate(url)
        world = World(url, seed, days, alarms_a_day=6)
        try:
            return world.live()
        finally:
            world.close()
