"""The tables of a resident's people and alarms, as `central.carers.rights_fields` explains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from central.carers.rights_columns import (
    ALARM,
    AT,
    BY,
    CASE,
    CHANNEL,
    CONTACT,
    ENDED,
    EXPIRES,
    KNOWN,
    LANGUAGE,
    PHONE,
    TRIES,
    WRITTEN,
    Field,
    Record,
    of_file,
)
from central.carers.rights_values import (
    codes,
    day,
    minutes,
    moment,
    number,
    person,
    plan,
    profile,
    span_s,
)
from central.console.desk_words import CALL_RESULTS, NEEDED, PRIORITIES, PROTOCOL_STEPS
from central.console.finding_words import KIND_WORDS
from central.console.pages import file_words, settings_page, webhooks_page
from central.console.pages.file_words import FIELDS
from central.console.pages.quality_page import RESULTS
from central.console.wording import DELIVERY_STATES
from central.texts import later

CASE_STATES: Final[Mapping[str, str]] = {
    "new": later("waits for somebody"),
    "taken": later("in hand"),
    "talking": later("speaking"),
    "waiting": later("parked"),
    "withdrawn": later("taken back by the home"),
    "closed": later("closed"),
}
_PURPOSES: Final[Mapping[str, str]] = {
    "alarm": later("to ask them to come"),
    "stand_down": later("to say that somebody else is going"),
    "summary": later("to say how it ended"),
    "way_in": later("to say how to get in"),
}
_ARRIVALS: Final[Mapping[str, str]] = {"line": later("over the line"), "sms": later("SMS")}
_CHECKLISTS: Final[Mapping[str, str]] = {
    "no_answer": later("No answer"),
    "silent": later("silent"),
    "duress": later("in secret"),
}
_DUE: Final[Mapping[str, str]] = {
    **settings_page.STEPS,
    **{f"step:{step}": text for step, text in PROTOCOL_STEPS.items()},
    "second_burst": later("The tone sounds again"),
    "exception": later("It must be explained why nobody took it"),
    "still_ringing": later("It is still ringing"),
    "recall": later("A parked alarm is taken up again"),
    "review": later("Nothing was written for long: it asks for attention again"),
    "check_call": later("Check call"),
    "ring_limit": later("A contact's telephone has rung long enough"),
}

_PARTIES: Final[Mapping[str, str]] = {
    "home": later("Telephone at home"),
    "mobile": later("Mobile telephone"),
    "contact": later("A contact"),
}

PEOPLE: Final[dict[str, Record]] = {
    "contacts": Record(
        later("Your people"),
        {"called": Field(later("Name"))},
        {
            "relation": Field(FIELDS["relation"], codes(file_words.RELATIONS)),
            "position": Field(FIELDS["order"]),
            "phone": PHONE,
            **of_file("email", "has_key"),
            "language": LANGUAGE,
            "minutes_away": Field(later("Comes within"), minutes),
        },
        "id home_id",
    ),
    "contact_profiles": Record(
        later("When your people can come, and what you share with them"),
        {"contact_id": CONTACT},
        {"body": Field(later("What was agreed"), profile), "changed_at": WRITTEN, "changed_by": BY},
    ),
    "way_proofs": Record(
        later("Addresses that your people proved to be theirs"),
        {"contact_id": CONTACT, "address": Field(FIELDS["address"])},
        {
            "channel": CHANNEL,
            "proven_at": Field(later("Proven"), moment),
            "made_at": WRITTEN,
            "expires_at": EXPIRES,
            "tries": TRIES,
        },
    ),
    "reach_tests": Record(
        later("Test messages to your people"),
        {"queued_at": AT, "contact_id": CONTACT},
        {
            "channel": CHANNEL,
            "asked_by": Field(later("Who asked for it"), person),
            "attempt": TRIES,
            "sent_at": Field(later("Sent on"), moment),
            "answered_at": Field(later("Answered on"), moment),
            "failed_at": Field(later("Failed on"), moment),
        },
        "id due_at fault",
    ),
    "carer_invitations": Record(
        later("Invitations to your people"),
        {"made_at": AT, "contact_id": CONTACT},
        {"made_by": BY, "sent_by": CHANNEL, "used_at": Field(later("Used on"), moment), "expires_at": EXPIRES},
        "account_id",
    ),
    "push_subscriptions": Record(
        later("Telephones and browsers that get notifications"),
        {"browser": Field(later("Browser"))},
        {"contact_id": CONTACT, "made_at": WRITTEN},
        "id account_id address",
    ),
}
ALARMS: Final[dict[str, Record]] = {
    "cases": Record(
        later("Your alarms"),
        {"opened_at": AT, "kind": Field(later("Kind of alarm"), codes(KIND_WORDS))},
        {
            "id": CASE,
            "state": Field(later("State"), codes(CASE_STATES)),
            "priority": Field(later("Priority"), codes(PRIORITIES)),
            "place": Field(FIELDS["room"]),
            "owner_id": Field(later("Who attended to it"), person),
            "taken_at": Field(later("Somebody took it"), moment),
            "spoken_at": Field(later("Somebody spoke with you"), moment),
            "triage": Field(later("What is needed?"), codes(NEEDED)),
            "helper_id": Field(later("Who came"), person),
            "eta_at": Field(later("Was expected"), moment),
            "arrived_at": Field(later("Arrived"), moment),
            "closed_at": Field(later("Closed on"), moment),
            "repeats": Field(later("Alarms in this case")),
            "last_alarm_at": Field(later("Last time"), moment),
            "late_s": Field(later("Came late by"), span_s),
            "abandoned_at": Field(later("Given up at home"), moment),
            "reopened": Field(later("How often it was opened again"), number),
            "protocol": Field(later("When nobody answered"), codes(_CHECKLISTS)),
            "protocol_step": Field(later("Step"), codes(PROTOCOL_STEPS)),
            "exception_at": Field(later("Waited too long"), moment),
            "explained_at": Field(later("It was explained why"), moment),
            "plan": Field(later("Care plan"), plan),
        },
        "home_id standing ring_at wake_at wake_step version step_due_at ring_limit_at incident_id",
    ),
    "case_events": Record(
        later("What was done in each alarm"),
        {"at": AT, "case_id": ALARM},
        {"body": Field(later("What happened"))},
        "position type actor",
    ),
    "alarms": Record(
        later("Messages of the devices"),
        {"event_at": AT, "case_id": ALARM},
        {
            "received_at": KNOWN,
            "withdrawn_at": Field(later("Taken back at home"), moment),
            "ways": Field(later("By which way"), codes(_ARRIVALS)),
        },
        "hub ref",
    ),
    "deliveries": Record(
        later("Messages to your people"),
        {"queued_at": AT, "contact_id": CONTACT},
        {
            "case_id": CASE,
            "purpose": Field(later("What for"), codes(_PURPOSES)),
            "channel": CHANNEL,
            "state": Field(later("State"), codes(DELIVERY_STATES)),
            "attempt": TRIES,
            "sent_at": Field(later("Sent on"), moment),
            "delivered_at": Field(later("Delivered on"), moment),
            "opened_at": Field(later("Read on"), moment),
            "answered_at": Field(later("Answered on"), moment),
            "changed_at": Field(later("Last change"), moment),
        },
        "id fault round due_at receipt_due_at provider_ref",
    ),
    "delivery_receipts": Record(
        later("What became of messages to your people"),
        {"at": AT, "state": Field(later("State"), codes(DELIVERY_STATES))},
        {"received_at": KNOWN},
        "key delivery_id detail",
    ),
    "placed_calls": Record(
        later("Calls about your alarms that the centre made"),
        {"placed_at": AT, "party": Field(later("Who was called"), codes(_PARTIES))},
        {
            "who": Field(FIELDS["called"], person),
            "case_id": ALARM,
            "operator_id": Field(later("Who attended to it"), person),
            "ringing_at": Field(later("It rang on"), moment),
            "answered_at": Field(later("Answered on"), moment),
            "result": Field(later("Result"), codes(CALL_RESULTS)),
            "ended_at": ENDED,
            "talk_s": Field(later("How long they talked"), span_s),
        },
        "id key heard_at own_ringing_at own_answered_at own_result hung_up mailbox not_placed",
    ),
    "findings": Record(
        later("What was noticed by sensors"),
        {"since_at": AT, "case_id": ALARM},
        {"ended_at": ENDED},
        "key home_id",
    ),
    "due_times": Record(
        later("What the centre was to do, and when"),
        {"due_at": AT, "step": Field(later("Step"), codes(_DUE))},
        {"case_id": CASE, "done_at": Field(later("Done on"), moment), "late_s": Field(later("Came late by"), span_s)},
    ),
    "late_reasons": Record(
        later("Why an alarm waited too long"),
        {"written_at": WRITTEN, "case_id": ALARM},
        {"reason": Field(later("Reason")), "written_by": BY},
        "id",
    ),
    "call_audits": Record(
        later("Alarms that were gone through afterwards"),
        {"month": Field(later("Month"), day), "case_id": ALARM},
        {
            "result": Field(later("Result"), codes(RESULTS)),
            "remarks": Field(later("Note")),
            "emergency": Field(later("Emergency")),
            "operator_id": Field(later("Who attended to it"), person),
            "audited_by": BY,
            "audited_at": WRITTEN,
            "drawn_by": Field(later("Chosen by"), person),
            "drawn_at": Field(later("Chosen on"), moment),
        },
        "id",
    ),
    "webhook_deliveries": Record(
        later("News of your alarms to other programs"),
        {"at": AT, "event": Field(later("What"), codes(webhooks_page.TOPICS))},
        {
            "case_id": CASE,
            "state": Field(later("State"), codes(webhooks_page.STATES)),
            "attempts": TRIES,
            "done_at": Field(later("Delivered on"), moment),
        },
        "id hook_id position body due_at status fault",
    ),
}
