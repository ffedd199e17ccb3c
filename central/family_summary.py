"""The word to the family when a case is over, within one transaction: queued when it is closed, worded when it goes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa

from central.alarm_cases import summary
from central.alarm_cases.case import Case, Facts
from central.alarm_cases.summary import Ending, Recipient
from central.asking import contact_in
from central.notification.delivery import REACHED, Delivery, DeliveryState
from central.storage import cases, deliveries, rota
from gateway.contract.alarm_kinds import SILENT_KINDS


def recipients(
    connection: sa.Connection, case: Case, channels: Collection[str], now: float, told: Collection[str] = ()
) -> list[Recipient]:
    """Who would be told now how the case ended; nobody twice."""
    if not summary.worth_telling(case.priority) or case.kind in SILENT_KINDS:
        return []
    roster = rota.roster(connection, case.home_id, channels)
    if not any(summary.shares_endings(contact) for contact in roster):
        return []
    sent = deliveries.of_case(connection, case.id)
    known = {
        it.contact_id for it in sent if it.purpose == deliveries.SUMMARY and it.state is not DeliveryState.CANCELLED
    }
    log = cases.events_of(connection, case.id)
    timezone = rota.timezone_of(connection, case.home_id)
    return summary.recipients(roster, log, case.helper_id, _asked(sent), {*told, *known}, now, timezone)


def queue(connection: sa.Connection, case: Case, closing: Facts, channels: Collection[str], now: float) -> None:
    """Queues what is to be told of a case that has just been closed."""
    if not summary.worth_telling(case.priority, closing.cause, closing.outcome):
        return
    for one in recipients(connection, case, channels, now, closing.told):
        round_ = deliveries.rounds(connection, case.id, one.contact_id, deliveries.SUMMARY) + 1
        purpose = deliveries.SUMMARY
        deliveries.queue(connection, case.id, one.contact_id, one.channel, purpose, now, round_, due_at=one.due_at)


def due_at(connection: sa.Connection, case: Case, contact_id: str, now: float) -> float | None:
    """When a contact may be told: now, or when the night is over; None when the end is not shared with them any more,
    has not come, or is known to them by another way."""
    if case.open or "history" not in rota.profile(connection, contact_id).consent:
        return None
    sent = deliveries.of_case(connection, case.id)
    words = [it for it in sent if (it.contact_id, it.purpose) == (contact_id, deliveries.SUMMARY)]
    if any(it.state in REACHED for it in words):
        return None
    if contact_id in summary.awake(cases.events_of(connection, case.id), _asked(sent)):
        return now
    return summary.after_the_night(now, rota.timezone_of(connection, case.home_id))


def another_way(
    connection: sa.Connection, case: Case, delivery: Delivery, channels: Collection[str], now: float
) -> str:
    """Queues the word by the contact's next way, when the one that it went by has failed or told nothing in its time;
    its channel, "" for none. Never at night, also not to who was awake for the case: it can wait until the morning.
    """
    contact = contact_in(rota.roster(connection, case.home_id, channels), delivery.contact_id)
    if contact is None or due_at(connection, case, contact.id, now) is None:
        return ""
    words = [it for it in deliveries.of_case(connection, case.id) if it.purpose == deliveries.SUMMARY]
    tried = {it.channel for it in words if (it.contact_id, it.round) == (contact.id, delivery.round)}
    channel = summary.next_way(contact, tried)
    if channel:
        morning_at = summary.after_the_night(now, rota.timezone_of(connection, case.home_id))
        purpose, round_ = deliveries.SUMMARY, delivery.round
        deliveries.queue(connection, case.id, contact.id, channel, purpose, now, round_, due_at=morning_at)
    return channel


def _asked(sent: Iterable[Delivery]) -> set[str]:
    return {it.contact_id for it in sent if it.purpose == deliveries.ALARM and it.sent_at is not None}


def ending(connection: sa.Connection, case: Case) -> Ending:
    """What is said of the end of a case, with the operator's name."""
    found = summary.ending(cases.events_of(connection, case.id))
    called = cases.operator_called(connection, found.spoke) if found.spoke else ""
    return found._replace(spoke=called or "")
