"""What becomes of messages to contacts: attempts, reports of channels, receipts that do not come. All of it is logged.

Every command is one transaction, announced after its commit, like those of `CaseDesk`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import sqlalchemy as sa

from central import asking, family_summary
from central.alarm_cases.case import Case, CaseEvent, EventType, Facts
from central.alarm_cases.decision import Decided
from central.case_change import CaseChange, change_of
from central.case_desk import CaseDesk
from central.case_intake import DESK, decide
from central.notification.delivery import FAULT_MAX, Delivery, DeliveryState, both_known, came_to
from central.storage import cases, deliveries

NO_RECEIPT: Final = "no_receipt"
"""In the log: a channel that tells has told nothing in its time."""
SEEN: Final = frozenset(
    {DeliveryState.SENT, DeliveryState.FAILED_FOR_GOOD, DeliveryState.DELIVERED, DeliveryState.OPENED}
)
"""What reports of a channel may say; answers go through `CarerDesk`."""


class DeliveryDesk:
    """Keeps the truth about messages. `desk` gives the database, the channels and those who listen."""

    def __init__(self, desk: CaseDesk) -> None:
        self._desk = desk

    def record(self, delivery: Delivery, now: float) -> None:
        """Stores what an attempt made of a message; the same a second time changes nothing. One that failed for good
        goes out by the contact's next way."""
        with self._desk.database.begin() as connection:
            known = deliveries.find(connection, delivery.id)
            if known is None or (known.attempt, known.state) == (delivery.attempt, delivery.state):
                return
            change = self._keep(connection, known, both_known(delivery, known), now)
        self._tell(change)

    def report(
        self,
        channel: str,
        key: str,
        state: DeliveryState,
        at: float,
        now: float,
        *,
        provider_ref: str = "",
        delivery_id: int = 0,
        detail: str = "",
    ) -> bool:
        """Takes a channel's report of a message, once for its `key`; reports may come late and in any order.

        Args:
            channel, key: which channel says so, and its own key of this report; a repeat with the same key is ignored.
            state: sent, failed_for_good, delivered or opened. What the person answers goes to `CarerDesk`.
            at: when the channel says that it was so.
            provider_ref, delivery_id: which message; one of them.
            detail: why it failed, in the channel's own words.

        Returns:
            Whether there is such a message.
        """
        if state not in SEEN:
            raise ValueError(f"a report cannot say {state}")
        with self._desk.database.begin() as connection:
            known = (
                deliveries.find(connection, delivery_id)
                if delivery_id
                else deliveries.find_by_provider(connection, channel, provider_ref)
            )
            if known is None or known.channel != channel:
                return False
            if not deliveries.add_receipt(connection, f"{channel}:{key}", known.id, state.value, at, now, detail):
                return True
            change = self._keep(connection, known, came_to(known, state, at), now, detail)
        self._tell(change)
        return True

    def not_reached(self, channel: str, key: str, now: float, *, delivery_id: int, detail: str = "") -> bool:
        """Takes a channel's report that a message has not reached its person this time (nobody picked up), once for
        its `key`: another way is tried at once, without waiting any longer for a receipt.

        Returns:
            Whether there is such a message.
        """
        with self._desk.database.begin() as connection:
            known = deliveries.find(connection, delivery_id)
            if known is None or known.channel != channel:
                return False
            if not deliveries.add_receipt(connection, f"{channel}:{key}", known.id, NO_RECEIPT, now, now, detail):
                return True
            change = None if known.receipt_due_at is None else self._give_up(connection, known, now, detail)
        self._tell(change)
        return True

    def work_missed(self, now: float, limit: int = 50) -> None:
        """Tries another way for every message whose receipt has not come in its time."""
        while True:
            with self._desk.database.read() as connection:
                waiting = deliveries.unreceipted(connection, now, limit)
            if not waiting:
                return
            for delivery in waiting:
                self._missed(delivery, now)

    def _missed(self, delivery: Delivery, now: float) -> None:
        with self._desk.database.begin() as connection:
            known = deliveries.find(connection, delivery.id)
            if known is None or known.receipt_due_at != delivery.receipt_due_at:
                return
            change = self._give_up(connection, known, now)
        self._tell(change)

    def _give_up(self, connection: sa.Connection, known: Delivery, now: float, detail: str = "") -> CaseChange | None:
        """Awaits no receipt of a message any longer, and tries the contact's next way."""
        said = detail[:FAULT_MAX]
        settled = replace(known, receipt_due_at=None, fault=said or known.fault)
        deliveries.save(connection, settled, now)
        case = cases.find(connection, known.case_id)
        if case is None or not case.open:
            self._tell_otherwise(connection, case, settled, now)
            return None
        way = asking.another_way(connection, case, settled, self._desk.channels, now)
        facts = Facts(contact=known.contact_id, channel=known.channel, state=NO_RECEIPT, text=said, reason=way)
        return _told(connection, case, facts, now)

    def _keep(
        self, connection: sa.Connection, known: Delivery, after: Delivery, now: float, detail: str = ""
    ) -> CaseChange | None:
        fault = (detail or after.fault)[:FAULT_MAX]
        deliveries.save(connection, replace(after, fault=fault), now)
        case = cases.find(connection, known.case_id)
        if after.state is DeliveryState.FAILED_FOR_GOOD and known.state is not after.state:
            self._tell_otherwise(connection, case, after, now)
        if case is None or not case.open or after.state is known.state is not DeliveryState.FAILED_NOW:
            return None
        way = ""
        if after.state is DeliveryState.FAILED_FOR_GOOD:
            way = asking.another_way(connection, case, after, self._desk.channels, now)
        facts = Facts(contact=after.contact_id, channel=after.channel, state=after.state.value, text=fault, reason=way)
        return _told(connection, case, facts, now)

    def _tell_otherwise(self, connection: sa.Connection, case: Case | None, delivery: Delivery, now: float) -> None:
        """The word after a case goes by the contact's next way when one fails."""
        if case is not None and delivery.purpose == deliveries.SUMMARY:
            family_summary.another_way(connection, case, delivery, self._desk.channels, now)

    def _tell(self, change: CaseChange | None) -> None:
        if change is not None:
            self._desk.tell(change)


def _told(connection: sa.Connection, case: Case, facts: Facts, now: float) -> CaseChange | None:
    decided = decide(connection, case, CaseEvent(EventType.TOLD, now, DESK, facts))
    return change_of(connection, decided) if isinstance(decided, Decided) else None
