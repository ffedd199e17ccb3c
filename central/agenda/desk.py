"""Commands on calls of the agenda, and what the agenda does by itself when its times come.

Each command is one transaction. What is refused is refused by a word: `no_such_call`, `taken` (by whom), `not_open`,
`changed`, `reason`, `past`, `too_far`, `senior`.
"""

from __future__ import annotations

import logging
from datetime import datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from central.agenda.rules import RETRIES, STRICT, Kind, Outcome, Retry, again_at, may_call_off, may_move, next_after
from central.alarm_cases.priority import CALL_UNANSWERED, RISK_CALL_UNANSWERED
from central.case_desk import CaseDesk
from central.detection.finding import Finding
from central.storage import absences, agenda, cases, conditions, drill_plans, home_facts, home_words, incidents, rota
from central.storage.agenda import Call
from central.storage.database import Database
from gateway.contract.alarm_kinds import AlarmKind

AHEAD_S: Final = 36 * 3_600.0
"""Calls get their row so long before they are due: today's and tomorrow's list is whole."""
ITEMS_AT_ONCE: Final = 100
"""Items in one transaction: an alarm waits for no more of them than that."""
EVERY_S: Final = 60.0
DAILY: Final = "office"
IN_VAIN, LATE = "agenda", "agenda-late"
"""With its number, the key of a call's case: tried in vain, or not made in its time."""
DAY_S: Final = 86_400.0
_MADRID: Final = ZoneInfo("Europe/Madrid")

log = logging.getLogger(__name__)


class NotDone(NamedTuple):
    """Why a command was refused; `who` is the account in whose favour."""

    reason: str
    who: str = ""


class AgendaDesk:
    """The one door to the agenda's calls. Safe to use from several threads."""

    def __init__(self, desk: CaseDesk) -> None:
        self._desk = desk
        self._database: Database = desk.database
        self._looked_at = 0.0

    # what people do

    def take(self, home_id: str, call_id: int, by: str, now: float) -> Call | NotDone:
        """Somebody takes a call upon themselves; the first wins."""
        with self._database.begin() as connection:
            call = agenda.call(connection, home_id, call_id)
            if fault := _not_theirs(call, by):
                return fault
            assert call is not None
            if call.state == "taken":
                return call
            if not agenda.settle(connection, call_id, call.version, state="taken", owner_id=by, taken_at=now):
                return NotDone("changed")
            agenda.add_event(connection, call_id, now, by, "taken")
            return _again(connection, call)

    def release(self, home_id: str, call_id: int, by: str, now: float) -> Call | NotDone:
        """Whoever took a call gives it back to all."""
        with self._database.begin() as connection:
            call = agenda.call(connection, home_id, call_id)
            if fault := _not_theirs(call, by):
                return fault
            assert call is not None
            if call.state != "taken":
                return call
            agenda.settle(connection, call_id, state="due", owner_id="", taken_at=None)
            agenda.add_event(connection, call_id, now, by, "released")
            return _again(connection, call)

    def made(self, home_id: str, call_id: int, by: str, outcome: Outcome, note: str, now: float) -> Call | NotDone:
        """A call was made. Unanswered, it is tried again; after the last try of an important one a case opens."""
        if outcome is Outcome.NOT_NEEDED:
            return NotDone("reason")
        with self._database.begin() as connection:
            call = agenda.call(connection, home_id, call_id)
            if fault := _not_theirs(call, by):
                return fault
            assert call is not None
            if outcome is Outcome.REACHED:
                done: dict[str, Any] = {
                    "state": "done",
                    "done_at": now,
                    "done_by": by,
                    "outcome": outcome.value,
                    "note": note,
                }
                agenda.settle(connection, call_id, owner_id=by, **done)
            else:
                outcome = self._try_again(connection, call, by, note, now)
            agenda.add_event(connection, call_id, now, by, outcome.value, note)
            after = _again(connection, call)
        if outcome is Outcome.UNREACHED and _retry(call).opens_case:
            self._open_case(call, now, IN_VAIN)
        return after

    def move(
        self, home_id: str, call_id: int, by: str, to_at: float, reason: str, now: float, *, senior: bool
    ) -> Call | NotDone:
        """A call is put off, for a reason."""
        with self._database.begin() as connection:
            call = agenda.call(connection, home_id, call_id)
            if fault := _not_theirs(call, by):
                return fault
            assert call is not None
            if why := may_move(Kind(call.kind), call.due_at, to_at, now, reason, senior=senior):
                return NotDone(why)
            late_at = to_at + call.rule.window_min * 60.0
            agenda.settle(connection, call_id, state="due", owner_id="", taken_at=None, due_at=to_at, late_at=late_at)
            agenda.add_event(connection, call_id, now, by, "moved", reason, to_at)
            return _again(connection, call)

    def call_off(self, home_id: str, call_id: int, by: str, reason: str, now: float, *, senior: bool) -> Call | NotDone:
        """A call is not needed, for a reason; a follow-up of somebody at risk only by a supervisor."""
        with self._database.begin() as connection:
            call = agenda.call(connection, home_id, call_id)
            if fault := _not_theirs(call, by, senior=senior):
                return fault
            assert call is not None
            if why := may_call_off(Kind(call.kind), reason, senior=senior):
                return NotDone(why)
            done: dict[str, Any] = {
                "state": "cancelled",
                "done_at": now,
                "done_by": by,
                "outcome": Outcome.NOT_NEEDED.value,
            }
            agenda.settle(connection, call_id, note=reason, **done)
            agenda.add_event(connection, call_id, now, by, "cancelled", reason)
            return _again(connection, call)

    def _try_again(self, connection: sa.Connection, call: Call, by: str, note: str, now: float) -> Outcome:
        tries = call.attempts + 1
        again = again_at(Kind(call.kind), tries, now)
        if again is not None:
            late_at = again + call.rule.window_min * 60.0
            values: dict[str, Any] = {
                "state": "due",
                "owner_id": "",
                "taken_at": None,
                "due_at": again,
                "late_at": late_at,
            }
            agenda.settle(connection, call.id, attempts=tries, **values)
            return Outcome.NO_ANSWER
        done: dict[str, Any] = {
            "state": "done",
            "done_at": now,
            "done_by": by,
            "outcome": Outcome.UNREACHED.value,
            "note": note,
        }
        agenda.settle(connection, call.id, attempts=tries, **done)
        return Outcome.UNREACHED

    def _open_case(self, call: Call, now: float, key: str) -> None:
        reason = RISK_CALL_UNANSWERED if Kind(call.kind) in STRICT else CALL_UNANSWERED
        facts: dict[str, str | float] = {"call": call.kind, "tries": float(call.attempts + 1)}
        kind = AlarmKind.CHECK_IN_MISSED
        found = Finding(f"{key}:{call.id}", call.home_id, kind, call.planned_at, now, reason, facts=facts)
        self._desk.receive_finding(found, now)
        log.info("home %s: agenda call %d became a case", call.home_id, call.id)

    # what time does

    def work(self, now: float) -> float:
        """Does what is due: rows for coming calls, absences that begin, follow-ups not made; when to look again.

        Raises:
            central.storage.database.DatabaseError: the database is away; what was not done stays due.
        """
        self._plan(now)
        with self._database.begin() as connection:
            absences.begin_due(connection, self._looked_at or now - DAY_S, now)
        self._looked_at = now
        self._drill(now)
        for key, call in self._forgotten(now):
            self._open_case(call, now, key)
        self._daily(now)
        return now + EVERY_S

    def _plan(self, now: float) -> None:
        while True:
            with self._database.read() as connection:
                if not agenda.items_due(connection, now + AHEAD_S, 1):
                    return
            with self._database.begin() as connection:
                for one in agenda.items_due(connection, now + AHEAD_S, ITEMS_AT_ONCE):
                    assert one.next_at is not None
                    # after a long stop the past is not rung through: the last one that was due is made once, late
                    at, zone = one.next_at, rota.timezone_of(connection, one.home_id)
                    following = next_after(one.rule, at, zone)
                    while following is not None and following <= now:
                        at, following = following, next_after(one.rule, following, zone)
                    agenda.add_call(connection, one, at)
                    agenda.change_item(connection, one.id, next_at=following)

    def _forgotten(self, now: float) -> list[tuple[str, Call]]:
        """Calls without the case that they should have become, and its key: nobody may skip them silently and they were
        not made in their time; or they were made in vain, and a process ended before it could open the case."""
        with self._database.read() as connection:
            found = [
                (LATE, call)
                for kind in STRICT
                for call in agenda.calls(connection, None, states=agenda.OPEN, until_at=now, kind=kind.value)
                if call.late_at <= now
            ]
            done = agenda.calls(
                connection,
                None,
                states=["done"],
                outcome=Outcome.UNREACHED.value,
                from_at=now - DAY_S,
                until_at=now,
                newest_first=True,
            )
            found += [(IN_VAIN, call) for call in done if _retry(call).opens_case]
            return [it for it in found if cases.case_of_finding(connection, f"{it[0]}:{it[1].id}") is None]

    def _drill(self, now: float) -> None:
        """Begins the tests that were planned; after a long stop each once."""
        with self._database.begin() as connection:
            planned = drill_plans.due(connection, now, ITEMS_AT_ONCE)
            for home_id, every_days, _, set_by in planned:
                drill_plans.plan(connection, home_id, every_days, now + every_days * DAY_S, set_by)
        for home_id, _, _, set_by in planned:
            self._desk.start_drill(home_id, set_by, now)

    def _daily(self, now: float) -> None:
        with self._database.begin() as connection:
            due_at = incidents.chore_due(connection, DAILY, now, now)
            today = datetime.fromtimestamp(now, _MADRID).date()
            tonight = datetime.combine(today + timedelta(days=1), time(), _MADRID).timestamp()
            mine = due_at <= now and incidents.claim_chore(connection, DAILY, due_at, tonight)
            if mine:
                conditions.refresh_expired(connection, today)
                home_facts.note_false_alarms(connection, now)
        for fill in (home_words.fill, home_facts.fill):
            while mine:
                with self._database.begin() as connection:
                    if not fill(connection):
                        break


def _again(connection: sa.Connection, call: Call) -> Call:
    after = agenda.call(connection, call.home_id, call.id)
    assert after is not None
    return after


def _not_theirs(call: Call | None, by: str, *, senior: bool = False) -> NotDone | None:
    if call is None:
        return NotDone("no_such_call")
    if call.state not in agenda.OPEN:
        return NotDone("not_open", call.done_by)
    if call.state == "taken" and call.owner_id != by and not senior:
        return NotDone("taken", call.owner_id)
    return None


def _retry(call: Call) -> Retry:
    return RETRIES[Kind(call.kind)]
