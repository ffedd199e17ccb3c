"""Works the deliveries that are due: claims one, sends it, stores what became of it.

A process that dies between sending and storing leaves the delivery claimed until `CLAIM_S` have passed; then it is sent
again. A message may so come twice, under the same Message-ID; it is never lost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from central.case_desk import CaseDesk
from central.notification.channels.email import EmailChannel
from central.notification.delivery import Delivery, Sent, after_attempt
from central.notification.message_text import Occasion, write
from central.storage import cases, deliveries
from central.storage.database import Database

CLAIM_S: Final = 240.0
"""How long a process may be busy with one message: longer than all waits of a channel together."""
BATCH: Final = 20
"""Deliveries looked up at once; the rest follow in the next round."""

log = logging.getLogger(__name__)


class Sender:
    """Sends what is due. `channels` by their names; `clock` tells the time after an attempt, which may take seconds."""

    def __init__(
        self,
        database: Database,
        desk: CaseDesk,
        channels: Mapping[str, EmailChannel],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._desk = desk
        self._channels = channels
        self._clock = clock

    def work_due(self, now: float) -> float | None:
        """Attempts every delivery that is due, the longest overdue first; when the next is due, None for none."""
        while True:
            with self._database.read() as connection:
                waiting = deliveries.due(connection, now, BATCH)
                next_at = deliveries.next_due_at(connection)
            if not waiting:
                return next_at
            for delivery in waiting:
                self._attempt(delivery, now)

    def _attempt(self, delivery: Delivery, now: float) -> None:
        with self._database.begin() as connection:
            if not deliveries.claim(connection, delivery, max(now, self._clock()) + CLAIM_S):
                return
            case = cases.find(connection, delivery.case_id)
            about = deliveries.about(connection, delivery.case_id, case.home_id, delivery.contact_id) if case else None
            contact = deliveries.addressee(connection, delivery.contact_id)
        channel = self._channels.get(delivery.channel)
        if channel is None or case is None or about is None or contact is None:
            result, fault = Sent.NEVER, "no such channel, case or contact"
        elif not case.open:
            result, fault = Sent.NEVER, "closed before it could be sent"
        else:
            occasion = Occasion(
                case_id=case.id,
                resident=about.resident,
                kind=case.kind,
                priority=case.priority,
                at=case.opened_at,
                timezone=about.timezone,
                answered=case.owner_id is not None and case.ring_at is None,
                operator_asks=about.operator_asks,
            )
            key = f"llar-{delivery.case_id}-{delivery.id}"
            try:
                result, fault = channel.send(contact.email, *write(occasion, contact.called, contact.language), key)
            except Exception as error:  # a fault of ours in one message: counted as an attempt, so that it ends
                log.exception("case %d: the message to %s cannot be sent", case.id, delivery.contact_id)
                result, fault = Sent.NOT_NOW, f"{type(error).__name__}: {error}"
        after = after_attempt(delivery, result, fault, max(now, self._clock()))
        log.info("case %d: %s to %s: %s %s", after.case_id, after.channel, after.contact_id, after.state, after.fault)
        self._desk.record_delivery(after, max(now, self._clock()))
