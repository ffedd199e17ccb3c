"""Writes a pseudonymised export for research: cases of households that cannot be told apart, and figures by month."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from central.audit_chain import AuditEntry
from central.privacy.pseudonyms import Household, age_band, k_anonymous, monthly, pseudonym, shift_s, shifted_hour
from central.storage import audit_log, research, service_quality
from central.storage.database import Database
from central.storage.service_quality import Scope
from central.texts import local

COLUMNS: Final = (
    "household", "area", "people", "age", "sex", "priority", "kind", "opened", "answered_after_s", "spoken_after_s",
    "help_after_s", "closed_after_s", "cause", "action", "outcome", "label",
)  # fmt: skip
MONTHS: Final = ("month", "area", "kind", "cases")
_SINCE_OPENED: Final = {"answered_after_s": "answered_at", "spoken_after_s": "spoken_at", "help_after_s": "arrived_at"}

README: Final = """Pseudonymised export of Llar for: {recipient}
Cases opened from {since} until before {until}. k = {k}.

cases.csv   one line a closed case: {cases} cases of {households} households. {left_out} households were left out, since
            fewer than {k} were alike.
months.csv  how many cases there were by month, municipality and kind. {cells} cells were left out, since fewer than {k}
            households stand behind them. Months are the real ones; no sums are given.

household   a pseudonym for this recipient alone, the same in all exports for them.
area, people, age, sex   as exact as {k} households allow; * stands for what was left out. Age is that of the eldest.
opened      to the hour, in UTC, on days that are shifted: by whole weeks, the same for all cases of a household.
*_after_s   seconds from the opening, to ten seconds; empty where it did not happen.

This is still personal data (GDPR Art. 4(5)): whoever has the key can go back. Do not try to recognise anybody, do not
join it with other data, and delete it when the research is done.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom, with which key, of which span (Unix seconds), with how many alike."""

    recipient: str
    key: bytes
    since_at: float
    until_at: float
    k: int


@dataclass(frozen=True, slots=True)
class Made:
    """What was written."""

    cases: int
    households: int
    left_out: int
    cells_left_out: int


def write_export(database: Database, folder: Path, asked: Asked, now: float, by: str) -> Made:
    """Writes the files into a new folder, after the audit log says so.

    Raises:
        FileExistsError: the folder is there already.
        ValueError: fewer should be alike than is allowed.
    """
    with database.read() as conn:
        lives = research.residents_for_research(conn)
        scope = Scope(asked.since_at, asked.until_at)
        rows = [row for row in service_quality.exported(conn, scope) if row["closed_at"] is not None]
    told_of = {row["home_id"] for row in rows}
    homes = [one for one in _households(lives, local(now, "UTC").year) if one.id in told_of]
    alike = k_anonymous(homes, asked.k)
    towns = {one.id: one.municipality for one in homes}
    lines = [_line(row, alike[row["home_id"]], asked) for row in rows if row["home_id"] in alike]
    cells = ((row["home_id"], _cell(row, towns)) for row in rows if row["home_id"] in towns)
    figures, cells_left_out = monthly(cells, asked.k)
    made = Made(len(lines), len({line["household"] for line in lines}), len(homes) - len(alike), cells_left_out)
    folder.mkdir(parents=True, mode=0o700)
    what = (
        f"pseudonymised export for {asked.recipient}: {made.cases} cases of {made.households} households, k={asked.k}"
    )
    with database.begin() as conn:
        audit_log.append(conn, [AuditEntry(now, by, "shell", "resident_file", "export", what=what)])
    _write(folder / "cases.csv", COLUMNS, sorted(lines, key=lambda line: (line["household"], line["opened"])))
    _write(folder / "months.csv", MONTHS, [dict(zip(MONTHS, (*cell, n), strict=True)) for cell, n in figures.items()])
    (folder / "README.txt").write_text(_readme(asked, made), encoding="utf-8")
    return made


def _households(lives: Iterable[research.Lives], year: int) -> Iterator[Household]:
    for home_id, group in groupby(lives, key=lambda one: one.home_id):
        people = list(group)
        eldest, alone = people[0], len(people) == 1
        area = eldest.district or eldest.municipality
        age, sex = age_band(year - eldest.born), eldest.sex if alone else ""
        yield Household(home_id, area, eldest.municipality, "1" if alone else "2+", age, sex or "?")


def _line(row: dict[str, Any], one: Household, asked: Asked) -> dict[str, Any]:
    opened_at = row["opened_at"]
    shifted = shifted_hour(opened_at, shift_s(asked.key, asked.recipient, one.id))
    line = {name: row[name] for name in ("priority", "kind", "cause", "action", "outcome", "label")}
    line |= {"household": pseudonym(asked.key, asked.recipient, one.id), "area": one.area, "people": one.people}
    line |= {"age": one.age, "sex": one.sex, "opened": datetime.fromtimestamp(shifted, UTC).strftime("%Y-%m-%dT%HZ")}
    moments = {**_SINCE_OPENED, "closed_after_s": "closed_at"}
    return line | {name: _after(row[column], opened_at) for name, column in moments.items()}


def _after(at: float | None, opened_at: float) -> str:
    return "" if at is None else f"{round((at - opened_at) / 10) * 10}"


def _cell(row: dict[str, Any], towns: dict[str, str]) -> tuple[str, str, str]:
    return local(row["opened_at"], "Europe/Madrid").strftime("%Y-%m"), towns[row["home_id"]], row["kind"]


def _write(path: Path, columns: tuple[str, ...], lines: list[dict[str, Any]]) -> None:
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(lines)


def _readme(asked: Asked, made: Made) -> str:
    def day(at: float) -> str:
        return local(at, "Europe/Madrid").date().isoformat()

    return README.format(
        recipient=asked.recipient,
        since=day(asked.since_at),
        until=day(asked.until_at),
        k=asked.k,
        cases=made.cases,
        households=made.households,
        left_out=made.left_out,
        cells=made.cells_left_out,
    )
