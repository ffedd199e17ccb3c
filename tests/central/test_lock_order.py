"""On a database that locks rows, no two of the desk's transactions wait for each other in a circle."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from central import asking
from central.alarm_cases.closing import Cause, Closing, FollowUp, Outcome
from central.case_desk import Done
from central.delivery_desk import DeliveryDesk
from central.notification.channel import Message
from central.notification.delivery import DeliveryState, Retry, Sent, Verdict
from central.notification.sender import Sender
from central.storage import cases, homes
from central.storage.database import Database, DatabaseError
from gateway.contract.alarm_kinds import AlarmKind

from .conftest import NOON, Town, alarm_of

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]
Wait = Callable[[Callable[[], bool]], None]


class Post:
    """Takes every message."""

    name = "email"
    retry = Retry((1.0,), 1)
    receipt_wait_s: float | None = None
    receipts: frozenset[DeliveryState] = frozenset()

    def send(self, _message: Message) -> Sent:
        return Sent(Verdict.TAKEN)


def somebody_waits(database: Database) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.read() as connection:
        return bool(connection.execute(sa.text(query)).scalar())


def test_a_message_goes_out_while_its_case_is_being_settled(town: Town, wait_until: Wait) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), NOON)
    town.desk.take(1, "ana", NOON + 1)
    town.desk.notify_contact(1, "ana", "marc", NOON + 2)
    faults: list[DatabaseError] = []

    def send() -> None:
        sender = Sender(town.database, DeliveryDesk(town.desk), {"email": Post()}, clock=lambda: NOON + 3)
        try:
            sender.work_due(NOON + 3)
        except DatabaseError as error:
            faults.append(error)

    sending = threading.Thread(target=send)
    with town.database.begin() as connection:
        cases.find(connection, 1)
        sending.start()
        wait_until(lambda: somebody_waits(town.database))
        asking.call_off_all(connection, 1, NOON + 3)
    sending.join()
    assert faults == []


def test_a_call_is_promised_while_an_alarm_of_that_home_waits(database_url: str) -> None:
    impatient = Database.open(f"{database_url}&options=-c%20lock_timeout%3D2s")
    town = Town(impatient)
    town.receive(alarm_of(AlarmKind.HELP, "A1"), NOON)
    town.desk.take(1, "ana", NOON + 1)
    town.desk.talk(1, "ana", NOON + 1)
    promise = Closing(Cause.MISTAKE, outcome=Outcome.RESOLVED_BY_TALK, follow_up=FollowUp.TOMORROW)
    with impatient.begin() as alarm:
        homes.lock_home(alarm, "home-1")
        assert isinstance(town.desk.close(1, "ana", promise, NOON + 2), Done), "it waits for the case, and we for it"
    impatient.close()


def test_a_case_is_looked_at_while_others_work_in_it_and_nobody_waits_for_that(database_url: str) -> None:
    impatient = Database.open(f"{database_url}&options=-c%20lock_timeout%3D2s")
    town = Town(impatient)
    town.receive(alarm_of(AlarmKind.HELP, "A1"), NOON)
    with impatient.read() as page:
        ringing = cases.find(page, 1)
        assert isinstance(town.desk.take(1, "ana", NOON + 1), Done)
        assert cases.find(page, 1) == ringing, "a page shows one moment"
        assert cases.recent_open_cases(page, "home-1", 0.0) == [ringing]
    impatient.close()


def test_nothing_is_locked_or_written_where_one_only_reads(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), NOON)
    for wanted in ("SELECT id FROM cases FOR UPDATE", "DELETE FROM cases"):
        with pytest.raises(DatabaseError, match="read-only"), town.database.read() as connection:
            connection.execute(sa.text(wanted))
    assert isinstance(town.desk.take(1, "ana", NOON + 1), Done)
