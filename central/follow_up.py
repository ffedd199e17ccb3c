"""The call that is to be made after a case: into the agenda within the transaction that closes the case."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from central.agenda.rules import Kind, Rule
from central.alarm_cases.case import Case
from central.alarm_cases.closing import FollowUp
from central.alarm_cases.summary import after_the_night
from central.storage import agenda, people, rota
from central.texts import later, local, translator

TODAY_AFTER_S: Final = 7_200.0
"""When a call still today is due, if that is not at night."""
DAYS: Final = {FollowUp.TODAY: 0, FollowUp.TOMORROW: 1, FollowUp.WEEK: 7}
"""After how many days of the calendar; on a later day at a friendly hour."""
FRIENDLY_AT: Final = "10:00"


def write_down(connection: sa.Connection, case: Case, wanted: str, by: str, now: float) -> int | None:
    """Asks for the call that a closing wants, on the home's own clock; the agenda's number, None for none."""
    if wanted not in DAYS:
        return None
    timezone, days = rota.timezone_of(connection, case.home_id), DAYS[FollowUp(wanted)]
    if days:
        due, at = local(now, timezone) + timedelta(days=days), FRIENDLY_AT
    else:
        due = local(after_the_night(now + TODAY_AFTER_S, timezone), timezone)
        at = f"{due:%H:%M}"
    living_there = people.residents_of(connection, case.home_id)
    operator = people.operator(connection, by)
    words = translator(operator.language if operator else "ca")
    return agenda.add_item(
        connection,
        case.home_id,
        Kind.FOLLOW_UP.value,
        Rule(starts_on=f"{due:%Y-%m-%d}", at=at),
        now=now,
        by=by,
        timezone=timezone,
        resident_id=living_there[0].id if len(living_there) == 1 else "",
        title=words.say(later("Follow-up of case {id}"), id=case.id),
    )
