"""The cases of a span as a table for elsewhere (CSV): in words for people, or in codes for their programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from central.console import wording
from central.console.desk_words import PRIORITIES
from central.console.finding_words import KIND_WORDS
from central.console.pages.settings_page import LABELS
from central.console.templating import CENTRE_TIMEZONE
from central.texts import Words, later, local

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell."""
_YES_NO: Final[Mapping[int, str]] = {0: later("no"), 1: later("yes")}


class _Column(NamedTuple):
    """A column: its code, its head in words, how a cell is made, and what its codes are called."""

    code: str
    head: str
    cell: Callable[[Mapping[str, Any]], object]
    called: Mapping[Any, str] = {}


def _plain(name: str) -> Callable[[Mapping[str, Any]], object]:
    return lambda case: case[name]


def _after(name: str, since: str = "opened_at") -> Callable[[Mapping[str, Any]], object]:
    """Seconds from the opening, or from another moment, to a moment; "" when one of them has not come."""
    return lambda case: "" if case[name] is None or case[since] is None else round(case[name] - case[since], 3)


def _gave_up(case: Mapping[str, Any]) -> int:
    """Whether the home gave up before anybody had answered."""
    abandoned_at, answered_at = case["abandoned_at"], case["answered_at"]
    gave_up = abandoned_at is not None and (answered_at is None or abandoned_at < answered_at)
    return int(gave_up and not case["settled_at_home"])


def _opened(case: Mapping[str, Any]) -> str:
    return datetime.fromtimestamp(case["opened_at"], UTC).isoformat(timespec="milliseconds")


_COLUMNS: Final = (
    _Column("case", later("Case"), _plain("id")),
    _Column("municipality", later("Municipality"), _plain("municipality")),
    _Column("priority", later("Priority"), _plain("priority"), PRIORITIES),
    _Column("kind", later("Kind of alarm"), _plain("kind"), KIND_WORDS),
    _Column("opened", later("Opened"), _opened),
    _Column("wait_s", later("Answered after (s)"), _after("answered_at")),
    _Column("abandoned", later("Given up before anybody answered"), _gave_up, _YES_NO),
    _Column("spoken_after_s", later("Spoken with after (s)"), _after("spoken_at")),
    _Column("help_after_s", later("Somebody there after (s)"), _after("arrived_at")),
    _Column("closed_after_s", later("Closed after (s)"), _after("closed_at")),
    _Column("late_s", later("Came late by (s)"), lambda case: round(case["late_s"], 3)),
    _Column("repeats", later("Alarms in this case"), _plain("repeats")),
    _Column("cause", later("Cause"), _plain("cause"), wording.CAUSES),
    _Column("action", later("What was done"), _plain("action"), wording.ACTIONS),
    _Column("outcome", later("How it ended"), _plain("outcome"), wording.OUTCOMES),
    _Column("label", later("Was the alarm right?"), _plain("label"), LABELS),
    _Column("operator", later("Operator"), _plain("operator")),
    _Column("settled_at_home", later("Ended when the home was asked"), _plain("settled_at_home"), _YES_NO),
    _Column(
        "help_after_sending_s",
        later("Somebody there, after the decision to send (s)"),
        _after("arrived_at", since="sent_at"),
    ),
    _Column("inside_after_arriving_s", later("Inside, after arriving (s)"), _after("inside_at", since="arrived_at")),
)


def head(words: Words | None) -> str:
    """The first line: names of the columns, in codes without `words`."""
    return _line(column.code if words is None else words.gettext(column.head) for column in _COLUMNS)


def line(case: Mapping[str, Any], words: Words | None) -> str:
    """A case of `central.storage.service_quality.exported` as a line, in codes without `words`.

    In words, its opening is said by the centre's wall clock; in codes, in UTC.
    """
    if words is None:
        return _line(column.cell(case) for column in _COLUMNS)
    cells = []
    for column in _COLUMNS:
        cell = column.cell(case)
        if column.cell is _opened:
            cell = local(case["opened_at"], CENTRE_TIMEZONE).strftime("%Y-%m-%d %H:%M:%S")
        cells.append(words.gettext(column.called[cell]) if cell in column.called else cell)
    return _line(cells)


def _line(cells: Iterable[object]) -> str:
    written = io.StringIO()
    safe = (f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in cells)
    csv.writer(written, lineterminator="\r\n").writerow(safe)
    return written.getvalue()
