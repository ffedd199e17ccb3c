"""What the columns of exported tables are called on a resident's own page, and how their values are said.

Each column of `central.storage.person_export` is a field here or named as technical: ids, versions, keys to other
tables, and what machines need, which only the file holds. A test asks that none is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from central.agenda.kind_words import AGENDA_KINDS
from central.carers.looked import WHAT
from central.carers.rights_alarm_fields import ALARMS, PEOPLE
from central.carers.rights_columns import (
    AT,
    BY,
    CASE,
    ENDED,
    ENDED_BY,
    KNOWN,
    LANGUAGE,
    NOTE,
    PHONE,
    SINCE_WITH_US,
    TRIES,
    UNTIL,
    WHO,
    WRITTEN,
    Field,
    Record,
    of_file,
)
from central.carers.rights_values import (
    because,
    changes,
    codes,
    day,
    fault,
    first_code,
    hours,
    language,
    limits,
    moment,
    number,
    person,
    plan,
    rule,
    span_s,
    subject,
    unit_settings,
)
from central.carers.rights_words import KINDS, ROUTINE_NAME, SHARED, STATES
from central.console.finding_words import KIND_WORDS
from central.console.pages import account_words, agenda_words, file_words, key_words
from central.console.pages.file_words import FIELDS
from central.texts import later

_SEXES: Final[Mapping[str, str]] = {"f": later("woman"), "m": later("man"), "x": later("another sex")}
_GIVEN: Final[Mapping[bool, str]] = {True: later("given"), False: later("taken back")}
_SHARES: Final[Mapping[str, str]] = {share: shared.name for share, shared in SHARED.items()}
_CALLS: Final[Mapping[str, str]] = {
    "due": later("Planned"),
    "taken": later("in hand"),
    "done": later("done"),
    "cancelled": later("called off"),
}
_CALL_EVENTS: Final[Mapping[str, str]] = {**agenda_words.OUTCOMES, "done": later("done")}

_PERSON: Final[dict[str, Record]] = {
    "residents": Record(
        later("Who you are"),
        of_file("full_name"),
        {
            **of_file("called", "lives_alone"),
            "born": Field(FIELDS["born"], lambda value, _reader: str(value)),
            "sex": Field(later("Sex"), codes(_SEXES)),
            "language": LANGUAGE,
            "hearing": Field(FIELDS["hearing"], codes(file_words.SENSES)),
            "speech": Field(FIELDS["speech"], codes(file_words.SENSES)),
            "flags": Field(FIELDS["flags"], codes(file_words.FLAGS)),
            "conditions": Field(later("Health and conditions")),
            "away_until_at": Field(later("Away until"), moment),
            "mobile": Field(FIELDS["mobile"]),
        },
        "id home_id",
    ),
    "homes": Record(
        later("Your home"),
        of_file("address"),
        {
            **of_file("district", "municipality", "provider"),
            "phone": PHONE,
            "language": LANGUAGE,
            "access_notes": Field(later("Way in")),
            "care_plan": Field(FIELDS["care_plan"], limits),
            "enrolled_at": SINCE_WITH_US,
        },
        "id timezone",
    ),
    "home_access": Record(
        later("How one gets into your home"),
        {},
        of_file("entrance", "door_code", "key_safe", "key_safe_code", "pets", "notes"),
        "home_id",
    ),
    "house_keys": Record(
        later("Keys of your home"),
        {"tag": Field(later("Tag on the key"))},
        {
            "opens": Field(later("What it opens")),
            "kept": Field(later("Where it is kept"), codes(key_words.KEPT)),
            "place": Field(later("Place or slot")),
            "contact_id": Field(later("Contact who keeps it"), person),
            "state": Field(later("State"), codes(key_words.STATES)),
            "out_to": Field(later("Handed out to"), person),
            "out_at": Field(later("Handed out on"), moment),
            "back_by_at": Field(later("Back by"), moment),
        },
        "id home_id version",
    ),
    "key_moves": Record(
        later("Where your keys went"),
        {"at": AT, "what": Field(later("What happened"), codes(key_words.MOVES))},
        {
            "whom": Field(later("To whom"), person),
            "place": Field(later("Where it is kept"), first_code(key_words.KEPT)),
            "back_by_at": Field(later("Back by"), moment),
            "note": NOTE,
            "by": BY,
        },
        "key_id position",
    ),
    "conditions": Record(
        later("Your health, as far as helpers must know it"),
        of_file("text"),
        {
            **of_file("source"),
            "since": Field(FIELDS["since"], day),
            "valid_until": Field(FIELDS["valid_until"], day),
            "written_by": BY,
            "written_at": WRITTEN,
            "ended_at": ENDED,
            "ended_by": ENDED_BY,
        },
        "id resident_id",
    ),
    "absences": Record(
        later("When you were away"),
        {"from_at": Field(later("First day"), moment), "reason": Field(later("Reason"), codes(file_words.ABSENCES))},
        {
            "until_at": UNTIL,
            "note": NOTE,
            "announced_by": Field(later("Who said so"), person),
            "announced_at": WRITTEN,
            "ended_at": ENDED,
            "ended_by": ENDED_BY,
        },
        "id resident_id",
    ),
    "record_changes": Record(
        later("Changes to this file"),
        {"at": AT, "subject": Field(later("What"), subject(file_words.SUBJECTS))},
        {"changes": Field(later("Changed"), changes), "by": BY},
        "version home_id",
    ),
}
_SERVICE: Final[dict[str, Record]] = {
    "devices": Record(
        later("The devices in your home"),
        {"room": Field(FIELDS["room"]), "model": Field(FIELDS["model"])},
        {
            "enrolled_at": SINCE_WITH_US,
            "silence_max_s": Field(later("Counts as silent after"), span_s),
            "address": Field(later("Radio address")),
        },
        "home_id id place_code",
    ),
    "hubs": Record(
        later("The unit in your home"),
        {"id": Field(later("Number"))},
        {"phone": PHONE, "enrolled_at": SINCE_WITH_US},
        "home_id shard",
    ),
    "hub_settings": Record(
        later("What is set in the unit"),
        {"set_at": WRITTEN},
        {"body": Field(later("What is set"), unit_settings), "published_at": Field(later("Sent on"), moment)},
        "hub_id version published_version in_force",
    ),
    "installations": Record(
        later("Units ordered for your home"),
        {"ordered_at": Field(later("Ordered on"), moment)},
        {
            "urgent": Field(later("Urgent")),
            "installed_at": Field(later("First heard on"), moment),
            "ordered_by": Field(later("Ordered by"), person),
            "called_off_at": Field(later("Called off on"), moment),
            "called_off_by": Field(later("Called off by"), person),
        },
        "id home_id",
    ),
    "hub_faults": Record(
        later("What the unit said was wrong"),
        {"began_at": KNOWN, "code": Field(later("What"), fault)},
        {"subject": Field(later("Device")), "ended_at": ENDED},
        "id home_id hub",
    ),
    "drill_plans": Record(
        later("Planned tests of your alarm"),
        {"next_at": Field(later("Next time"), moment)},
        {"every_days": Field(later("Days between two tests")), "set_by": BY},
        "home_id",
    ),
    "agenda_items": Record(
        later("Calls agreed with you"),
        {"kind": Field(later("Kind"), codes(AGENDA_KINDS)), "title": Field(later("Title"))},
        {
            "body": AT._replace(say=rule),
            "next_at": Field(later("Next time"), moment),
            "assigned_to": Field(later("Who calls"), person),
            "made_by": BY,
            "made_at": WRITTEN,
            "ended_at": ENDED,
            "ended_by": ENDED_BY,
        },
        "id home_id resident_id source",
    ),
    "agenda_calls": Record(
        later("Calls to you"),
        {"planned_at": AT, "state": Field(later("State"), codes(_CALLS))},
        {
            "outcome": Field(later("What became of it"), codes(agenda_words.OUTCOMES)),
            "note": NOTE,
            "owner_id": Field(later("Who calls"), person),
            "done_by": Field(later("Who called"), person),
            "done_at": Field(later("Done on"), moment),
            "attempts": TRIES,
        },
        "id item_id home_id due_at late_at taken_at version",
    ),
    "agenda_events": Record(
        later("What became of each call"),
        {"at": AT, "what": Field(later("What happened"), codes(_CALL_EVENTS))},
        {"note": NOTE, "moved_to_at": Field(later("Put off until"), moment), "by": WHO},
        "call_id position",
    ),
    "care_plans": Record(
        later("Your care plan"),
        {
            "from_at": Field(later("Since"), moment),
            "kind": Field(later("Kind of alarm"), codes({"": later("All kinds"), **KIND_WORDS})),
        },
        {"body": Field(later("What was agreed"), plan), "made_by": BY, "made_at": WRITTEN},
        "id home_id resident_id version",
    ),
    "care_notes": Record(
        later("Slow changes"),
        {"day": Field(later("When"), day)},
        {"measure": Field(later("What happened")), "received_at": KNOWN},
        "key home_id before after weeks",
    ),
    "routine_weeks": Record(
        later("Your weeks in numbers"),
        {"week": Field(later("Week from"), day)},
        {
            "days": Field(later("Days that are known")),
            "days_in": Field(later("Days in which nobody went out")),
            "outings": Field(later("Times out of the house")),
            "visits": Field(later("Visits (a guess)")),
            "received_at": KNOWN,
        },
        "home_id",
    ),
    "consents": Record(
        later("What you agreed to"),
        {"what": Field(later("What"), codes({"routine": ROUTINE_NAME}))},
        {
            "given_at": Field(later("Given on"), moment),
            "given_by": Field(later("Who said so"), person),
            "withdrawn_at": Field(later("Taken back on"), moment),
            "withdrawn_by": Field(later("Who took it back"), person),
        },
        "id resident_id",
    ),
    "share_changes": Record(
        later("What you shared and took back"),
        {"at": AT, "share": Field(later("What"), codes(_SHARES))},
        {
            "given": Field(later("What was decided"), codes(_GIVEN)),
            "contact_id": Field(later("For whom"), person),
            "said_by": Field(later("Who said so")),
            "by": BY,
        },
        "id home_id resident_id",
    ),
    "departures": Record(
        later("That you have left the service"),
        {"left_at": Field(later("When"), moment)},
        {"noted_by": BY, "noted_at": WRITTEN},
        "resident_id home_id",
    ),
    "legal_holds": Record(
        later("What must be kept although its time is over"),
        {"placed_at": AT},
        {
            "reason": Field(later("Reason")),
            "case_id": CASE,
            "placed_by": BY,
            "until_at": UNTIL,
            "lifted_at": Field(later("Lifted on"), moment),
            "lifted_by": Field(later("Lifted by"), person),
        },
        "id home_id resident_id",
    ),
    "rights_requests": Record(
        later("What you asked about your data"),
        {"made_at": AT, "kind": Field(later("What"), codes(KINDS))},
        {
            "text": Field(later("In your words")),
            "made_by": BY,
            "state": Field(later("State"), codes(STATES)),
            "due_at": Field(later("To be answered by"), moment),
            "answer": Field(later("Answer")),
            "answered_at": Field(later("Answered on"), moment),
            "answered_by": Field(later("Answered by"), person),
        },
        "id resident_id home_id",
    ),
    "glass": Record(
        later("Emergency access to your file"),
        {"opened_at": AT, "account_id": WHO},
        {
            "reason": Field(later("Reason")),
            "until_at": UNTIL,
            "reviewed_by": Field(later("Looked over by"), person),
            "reviewed_at": Field(later("Looked over on"), moment),
        },
        "id home_id",
    ),
    "audit_log": Record(
        later("Who looked"),
        {"at": AT, "account_id": WHO},
        {
            "role": Field(later("Role"), codes(account_words.ROLES)),
            "resource": Field(later("What"), codes({**account_words.RESOURCES, **WHAT})),
            "action": Field(later("What was done"), codes(account_words.ACTIONS)),
            "outcome": Field(later("Result"), codes(account_words.OUTCOMES)),
            "why": Field(later("Reason"), because),
            "case_id": CASE,
        },
        "id home_id resident_id what",
    ),
    "operators": Record(
        later("Your account"),
        {"called": Field(FIELDS["called"])},
        {
            "id": Field(later("Log-in name")),
            "role": Field(later("Role"), codes(account_words.ROLES)),
            "language": LANGUAGE,
            "failed_logins": Field(later("Wrong passwords in a row"), number),
            "locked_until_at": Field(later("Locked until"), moment),
            "disabled": Field(later("The account is closed")),
            "password_due": Field(later("The password must be changed")),
        },
        "resident_id municipalities",
    ),
    "operator_settings": Record(
        later("How your account is set"),
        {"changed_at": WRITTEN},
        {"speaks": Field(later("Speaks"), language), "telephone": PHONE},
        "account_id keys",
    ),
    "home_facts": Record(
        later("What is worked out about your home"),
        {"refreshed_at": Field(later("Worked out on"), moment)},
        {
            "proven_at": Field(later("Path last proven"), moment),
            "tested_at": Field(later("Last test"), moment),
            "gap_hours": Field(later("Nobody can be reached in the coming week for"), hours),
            "false_alarms": Field(later("False alarms in 30 days")),
        },
        "home_id",
    ),
    "home_words": Record(later("Words by which your home is found"), {"word": Field(later("Word"))}, {}, "home_id"),
}


def _in_order(*names: str) -> dict[str, Record]:
    everything: dict[str, Any] = {**_PERSON, **PEOPLE, **ALARMS, **_SERVICE}
    return {name: everything.pop(name) for name in names} | everything


RECORDS: Final[Mapping[str, Record]] = _in_order(
    "residents", "homes", "home_access", "conditions", "contacts", "contact_profiles", "cases", "case_events",
)  # fmt: skip
"""Table -> how it is read; what a person looks for first stands first."""
