"""Asking contacts within one transaction: who is next, by which way, and which way comes after one that failed.

Nobody is asked or told anything of a case of somebody who is threatened: it may be by those whom we would tell.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from central.alarm_cases.case import Case, Facts
from central.alarm_cases.priority import Priority
from central.alarm_cases.rota import Ranked, RotaContact, contact_order, next_contacts
from central.alarm_cases.summary import next_way
from central.notification.delivery import REACHED, UNSENT, Delivery, called_off
from central.storage import deliveries, rota
from gateway.contract.alarm_kinds import SILENT_KINDS

NOBODY_REACHABLE: Final = "nobody_reachable"

log = logging.getLogger(__name__)


def ranked(connection: sa.Connection, case: Case, channels: Collection[str], now: float) -> list[Ranked]:
    """The contacts of a case in the order in which they are asked."""
    roster = rota.roster(connection, case.home_id, channels)
    asked = deliveries.asked(connection, case.id, case.home_id, now)
    timezone = rota.timezone_of(connection, case.home_id)
    return contact_order(roster, now, asked, timezone, agreed=case.plan.order == "agreed")


def ask_next(
    connection: sa.Connection, case: Case, facts: Facts, wanted: int, channels: Collection[str], now: float
) -> Facts:
    """Queues messages to the next contacts, -1 for all that are left; says in the log who, or that there is nobody."""
    if case.kind in SILENT_KINDS:
        return facts
    order = ranked(connection, case, channels, now)
    chosen = next_contacts(order, wanted, now, life=case.priority is Priority.LIFE)
    for contact in chosen:
        ask(connection, case, contact, now)
    if chosen:
        first = chosen[0]
        names = tuple(contact.id for contact in chosen)
        return msgspec.structs.replace(
            facts, contact=facts.contact or first.id, contacts=names, channel=first.ways[0].channel, state="queued"
        )
    if any(it.asked.asks and not it.asked.hopeless and not it.asked.declined for it in order):
        return facts  # somebody has the message and may still answer
    log.warning("case %d: nobody can be reached by message", case.id)
    return msgspec.structs.replace(facts, state=NOBODY_REACHABLE)


def ask(connection: sa.Connection, case: Case, contact: RotaContact, now: float, channel: str = "") -> bool:
    """Queues a message to a contact by their preferred way, or by `channel`; false when that very one is queued."""
    way = channel or contact.ways[0].channel
    round_ = deliveries.rounds(connection, case.id, contact.id) + 1
    return deliveries.queue(connection, case.id, contact.id, way, deliveries.ALARM, now, round_)


def another_way(
    connection: sa.Connection, case: Case, delivery: Delivery, channels: Collection[str], now: float
) -> str:
    """Queues the same message by the contact's next way that was not tried in this round; its channel, "" for none.

    Nobody is asked any more when somebody goes; and only who goes is told the way in.
    """
    if case.kind in SILENT_KINDS:
        return ""
    wanted = {deliveries.ALARM: "", deliveries.WAY_IN: delivery.contact_id}
    contact = contact_in(rota.roster(connection, case.home_id, channels), delivery.contact_id)
    if contact is None or wanted.get(delivery.purpose) != case.helper_id:
        return ""
    sent = [it for it in deliveries.of_case(connection, case.id) if it.purpose == delivery.purpose]
    same = [it for it in sent if (it.contact_id, it.round) == (contact.id, delivery.round)]
    if any(it.state in REACHED for it in same):
        return ""
    tried = {it.channel for it in same}
    if delivery.purpose == deliveries.WAY_IN:
        channel = next_way(contact, tried)
    else:
        channel = next((way.channel for way in contact.ways if way.channel not in tried), "")
    if channel:
        deliveries.queue(connection, case.id, contact.id, channel, delivery.purpose, now, delivery.round)
    return channel


def send_way_in(connection: sa.Connection, case: Case, contact_id: str, channel: str, now: float) -> None:
    """Queues the link to the way in for who has said by a call, on `channel`, that they go. Where it would call, a text
    is sent, to the telephone that they hold; never is a code read out to whoever answers."""
    purpose = deliveries.WAY_IN
    round_ = deliveries.rounds(connection, case.id, contact_id, purpose) + 1
    deliveries.queue(connection, case.id, contact_id, channel, purpose, now, round_)


def stand_down(connection: sa.Connection, case: Case, going: str, now: float) -> list[str]:
    """Calls off what was to ask others, and tells those who were told that somebody goes; who was told, by id."""
    told: dict[str, Delivery] = {}
    for delivery in deliveries.of_case(connection, case.id):
        if delivery.contact_id == going or delivery.purpose != deliveries.ALARM:
            continue
        if delivery.due_at is not None or delivery.receipt_due_at is not None or delivery.state in UNSENT:
            deliveries.save(connection, called_off(delivery), now)
        if delivery.sent_at is not None and delivery.answered_at is None and case.kind not in SILENT_KINDS:
            told[delivery.contact_id] = delivery
    for contact_id, delivery in told.items():
        deliveries.queue(connection, case.id, contact_id, delivery.channel, deliveries.STAND_DOWN, now, delivery.round)
    return sorted(told)


def call_off_all(connection: sa.Connection, case_id: int, now: float) -> None:
    """Calls off every message of a case that nobody needs any more."""
    for delivery in deliveries.of_case(connection, case_id):
        if delivery.due_at is not None or delivery.receipt_due_at is not None:
            deliveries.save(connection, called_off(delivery), now)


def contact_in(roster: Sequence[RotaContact], contact_id: str) -> RotaContact | None:
    """A contact by id; None when they are none of this home."""
    return next((contact for contact in roster if contact.id == contact_id), None)
