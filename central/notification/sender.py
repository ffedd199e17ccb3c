"""Works the deliveries that are due: claims one, sends it, stores what became of it.

A process that dies between sending and storing leaves the delivery claimed until `CLAIM_S` have passed; then it is sent
again. A message may so come twice, under the same Message-ID; it is never lost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

import sqlalchemy as sa

from central import family_summary
from central.alarm_cases import summary
from central.alarm_cases.case import Case
from central.alarm_cases.priority import Priority
from central.alarm_cases.summary import Ending
from central.delivery_desk import DeliveryDesk
from central.notification.channel import Channel, Message
from central.notification.delivery import (
    STANDARD_RETRY,
    Delivery,
    Sent,
    Verdict,
    after_attempt,
    called_off,
)
from central.notification.message_text import NO_ENDING, Occasion, write, write_short
from central.storage import carer_links, cases, deliveries, push, rota
from central.storage.database import Database, DatabaseError, in_words, try_again
from central.storage.deliveries import AboutCase
from central.storage.rota import Addressee
from gateway.contract.alarm_kinds import SILENT_KINDS

CLAIM_S: Final = 240.0
"""How long a process may be busy with one message: longer than all waits of a channel together."""
RECORD_PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0)
"""Between attempts to store what became of a message: a server that is started again meanwhile is back by then, and the
message is neither sent twice nor, if it failed, left until the claim has run out."""
BATCH: Final = 20
"""Deliveries looked up at once; the rest follow in the next round."""

log = logging.getLogger(__name__)


class _Ready(NamedTuple):
    """A claimed message, ready to go out."""

    channel: Channel
    occasion: Occasion
    contact: Addressee
    link: str


class Sender:
    """Sends what is due, and sees to receipts that do not come.

    Args:
        channels: by their names.
        address: of the centre as carers reach it, "https://...", for links in messages; "" for none.
        only: the one channel that this sender works: one for each, so that a server that hangs holds up its own only.
        but: channels that others work; what is left is this one's, and with it receipts that do not come.
        clock: tells the time after an attempt, which may take seconds.
    """

    def __init__(
        self,
        database: Database,
        desk: DeliveryDesk,
        channels: Mapping[str, Channel],
        clock: Callable[[], float] = time.time,
        address: str = "",
        *,
        only: str = "",
        but: Collection[str] = (),
    ) -> None:
        self._database = database
        self._desk = desk
        self._channels = channels
        self._clock = clock
        self._address = address.rstrip("/")
        self._only, self._but = only, but

    def work_due(self, now: float) -> float | None:
        """Attempts every delivery that is due, the longest overdue first; when the next is due, None for none."""
        while True:
            if not self._only:
                self._desk.work_missed(now)
            with self._database.read() as connection:
                waiting = deliveries.due(connection, now, BATCH, self._only, self._but)
                next_at = deliveries.next_due_at(connection, self._only, self._but)
                missed_at = None if self._only else deliveries.next_receipt_due_at(connection)
            if not waiting:
                return min((at for at in (next_at, missed_at) if at is not None), default=None)
            for delivery in waiting:
                self._attempt(delivery, now)

    def _attempt(self, delivery: Delivery, now: float) -> None:
        with self._database.begin() as connection:
            case = cases.find(connection, delivery.case_id)  # its case first, as everybody does (`deliveries.find`)
            if not deliveries.claim(connection, delivery, max(now, self._clock()) + CLAIM_S):
                return
            instead = _instead(connection, delivery, case, now)
            if instead is not None or case is None:
                deliveries.save(connection, instead or called_off(delivery), now)
                return
            ready = self._ready(connection, delivery, case, now)
        retry, wait_s = STANDARD_RETRY, None
        sent = ready if isinstance(ready, Sent) else self._send(delivery, ready)
        if isinstance(ready, _Ready):
            retry = ready.channel.retry
            wait_s = _receipt_wait_s(delivery, ready)
        after = after_attempt(delivery, sent, max(now, self._clock()), retry, wait_s)
        log.info("case %d: %s to %s: %s %s", after.case_id, after.channel, after.contact_id, after.state, after.fault)
        self._record(after, now)

    def _record(self, after: Delivery, now: float) -> None:
        for pause_s in RECORD_PAUSES_S:
            try:
                return self._desk.record(after, max(now, self._clock()))
            except DatabaseError as error:
                if not try_again(error):
                    raise
                log.warning("case %d: what became of a message cannot be stored: %s", after.case_id, in_words(error))
            time.sleep(pause_s)
        return self._desk.record(after, max(now, self._clock()))

    def _ready(self, connection: sa.Connection, delivery: Delivery, case: Case, now: float) -> _Ready | Sent:
        """What goes out, or why nothing does."""
        channel = self._channels.get(delivery.channel)
        contact = rota.addressee(connection, delivery.contact_id, delivery.channel)
        if channel is None or contact is None or not contact.addresses:
            return Sent(Verdict.NEVER, "no such channel, contact or address")
        about = deliveries.about(connection, case.id, case.home_id, delivery.contact_id)
        if delivery.purpose == deliveries.STAND_DOWN and not about.helper:
            return Sent(Verdict.NEVER, "nobody is going any more")
        ending = family_summary.ending(connection, case) if delivery.purpose == deliveries.SUMMARY else NO_ENDING
        if delivery.purpose == deliveries.WAY_IN and (case.helper_id != delivery.contact_id or not self._address):
            return Sent(Verdict.NEVER, "not going any more" if self._address else "no address for carers")
        link = ""
        if self._address and _opens(delivery):
            link = f"{self._address}/c/{carer_links.make(connection, delivery.id, now)}"
        return _Ready(channel, _occasion(case, about, delivery.purpose, ending), contact, link)

    def _send(self, delivery: Delivery, ready: _Ready) -> Sent:
        """To every address that the contact has for this channel; the best of what became of it."""
        results = [self._send_to(address, delivery, ready) for address in ready.contact.addresses]
        best = (Verdict.TAKEN, Verdict.NOT_NOW, Verdict.NEVER)
        return min(results, key=lambda sent: best.index(sent.verdict))

    def _send_to(self, address: str, delivery: Delivery, ready: _Ready) -> Sent:
        occasion, contact = ready.occasion, ready.contact
        try:
            subject, text = write(occasion, contact.called, contact.language)
            message = Message(
                to=address,
                key=f"llar-{delivery.case_id}-{delivery.id}",
                subject=subject,
                text=text,
                short=write_short(occasion, contact.language),
                link=ready.link,
                language=contact.language,
                urgent=delivery.purpose in _ANSWERED,
                purpose=delivery.purpose,
                case_id=delivery.case_id,
                resident=occasion.resident,
                test=occasion.priority is Priority.TEST,
            )
            return ready.channel.send(message)
        except Exception as error:  # a fault of ours in one message: counted as an attempt, so that it ends
            log.exception("case %d: the message to %s cannot be sent", delivery.case_id, delivery.contact_id)
            return Sent(Verdict.NOT_NOW, f"{type(error).__name__}: {error}")


_ANSWERED: Final = frozenset({deliveries.ALARM, deliveries.WAY_IN})
"""Purposes that somebody acts on now."""


def _opens(delivery: Delivery) -> bool:
    """Whether a link goes with a message; with a word after a case only where a browser tells by it that it came."""
    told = delivery.purpose == deliveries.SUMMARY and delivery.channel == push.CHANNEL
    return delivery.purpose in _ANSWERED or told


def _receipt_wait_s(delivery: Delivery, ready: _Ready) -> float | None:
    """How long a receipt may take before another way is tried; None where none is awaited."""
    wait_s = ready.channel.receipt_wait_s
    if wait_s is None or not (ready.link or ready.channel.receipts):
        return None
    if delivery.purpose in _ANSWERED:
        return wait_s
    tells = ready.channel.receipts and (ready.link or delivery.channel != push.CHANNEL)
    return max(wait_s, summary.RECEIPT_WAIT_S) if delivery.purpose == deliveries.SUMMARY and tells else None


def _instead(connection: sa.Connection, delivery: Delivery, case: Case | None, now: float) -> Delivery | None:
    """What becomes of a message that nobody needs any more, or that would wake somebody; None: it goes out."""
    if case is None or (delivery.purpose != deliveries.SUMMARY and not case.open) or case.kind in SILENT_KINDS:
        return called_off(delivery)
    if delivery.purpose != deliveries.SUMMARY:
        return None
    due_at = family_summary.due_at(connection, case, delivery.contact_id, now)
    if due_at is None:
        return called_off(delivery)
    return None if due_at <= now else replace(delivery, due_at=due_at)


def _occasion(case: Case, about: AboutCase, purpose: str, ending: Ending) -> Occasion:
    return Occasion(
        case_id=case.id,
        resident=about.resident,
        kind=case.kind,
        priority=case.priority,
        at=case.opened_at,
        timezone=about.timezone,
        answered=case.owner_id is not None and case.ring_at is None,
        operator_asks=about.operator_asks,
        purpose=purpose,
        going=about.helper,
        ending=ending,
    )
