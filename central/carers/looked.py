"""Who looked at a person's file and why, from the audit log, in plain words: who, when, at what, for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from central.access_rules import Role
from central.console.pages.account_words import ROLES
from central.storage import audit_log, pages
from central.storage.audit_log import Filter
from central.storage.carer_links import BY_LINK
from central.texts import Words, later, say_moment

SHOWN_S: Final = 90 * 86_400.0
ROWS_MAX: Final = 2_000
TOGETHER_S: Final = 900.0
"""Looks of one person within a quarter of an hour at the same thing are one visit."""

WHAT: Final[Mapping[str, str]] = {
    "case": later("an alarm"),
    "resident_file": later("the file"),
    "medical": later("health"),
    "contacts": later("the contacts"),
    "keys": later("how to get in, keys"),
    "care_plan": later("the care plan"),
    "absences": later("absences"),
    "telemetry": later("measurements and movement"),
    "consents": later("consents"),
    "status": later("how things are"),
    "help": later("an alarm"),
    "who_looked": later("who looked"),
    "devices": later("the devices"),
    "hubs": later("the devices"),
    "drill": later("a test of the alarm"),
    "rights": later("a request about my data"),
    "accounts": later("the account of a contact"),
}
REASONS: Final[Mapping[str, str]] = {
    "paper list": later("For the list on paper by which people go on helping when the centre's computers stand still."),
    "hand-over": later("To hand the service over to whoever runs it next."),
}
"""Reasons that programs write down."""
_DID: Final[Mapping[str, str]] = {
    "read": later("looked at: {what}"),
    "work": later("worked on: {what}"),
    "write": later("changed: {what}"),
    "export": later("exported: {what}"),
    "delete": later("deleted: {what}"),
}


@dataclass(frozen=True, slots=True)
class Look:
    """One visit. `why` is a sentence, "" where the log tells no more than the person's work. `refused`: saw nothing."""

    at: float
    account_id: str
    when: str
    who: str
    role: str
    did: str
    why: str
    times: int
    refused: bool


def looks(conn: sa.Connection, home_id: str, resident_id: str, now: float, words: Words) -> list[Look]:
    """The visits of the last three months to a home, newest first.

    With `resident_id`, those to another person of the same home are left out.
    """
    rows = audit_log.find(conn, Filter(homes=[home_id], since_at=now - SHOWN_S), ROWS_MAX)
    operators, contacts = pages.operator_names(conn), pages.contact_names(conn, home_id)
    found: list[Look] = []
    places: dict[tuple[str, str, str, bool], int] = {}
    for row in rows:
        entry = row.entry
        if resident_id and entry.resident_id not in {"", resident_id}:
            continue
        what = words.gettext(WHAT.get(entry.resource, entry.resource))
        did = words.say(_DID.get(entry.action, "{what}"), what=what)
        key = (entry.account_id, did, entry.why, entry.outcome == "refused")
        place = places.get(key)
        if place is not None and found[place].at - entry.at < TOGETHER_S:
            one = found[place]
            found[place] = replace(one, times=one.times + 1)
            continue
        who = (
            operators.get(entry.account_id) or contacts.get(entry.account_id.removeprefix(BY_LINK)) or entry.account_id
        )
        role = words.gettext(ROLES[Role(entry.role)]) if entry.role in set(Role) else ""
        places[key] = len(found)
        when = say_moment(entry.at, now, words.language)
        why = _why(entry.why, entry.case_id, entry.outcome, words)
        found.append(Look(entry.at, entry.account_id, when, who, role, did, why, 1, key[3]))
    return found


def _why(why: str, case_id: int, outcome: str, words: Words) -> str:
    if outcome == "refused":
        return words.gettext(later("It was refused: they saw nothing."))
    if outcome == "glass":
        return words.say(later("Outside of their area, for a written reason: {why}"), why=why)
    if case_id or why.startswith("case "):
        number = case_id or why.removeprefix("case ")
        return words.say(later("Because of alarm number {case}."), case=number)
    return words.gettext(REASONS.get(why, why))
