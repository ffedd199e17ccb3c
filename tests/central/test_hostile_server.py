"""A database server that fails in the midst of things: no alarm is lost, none is there twice, and all hear of it."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from central.alarm_cases.transitions import rebuild
from central.config import CentralConfig, DatabaseConfig
from central.delivery_desk import DeliveryDesk
from central.notification.channel import Message
from central.notification.delivery import DeliveryState, Retry, Sent, Verdict
from central.notification.sender import Sender
from central.storage import cases, deliveries, webhooks
from central.storage.database import Database, DatabaseError, try_again
from central.storing import Storing
from central.wiring import DeskProcess
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import AlarmAnswer

from .conftest import NOON, Town, alarm_of
from .postgres_line import Line, line_to

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]
Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def by_line(database_url: str) -> Iterator[tuple[str, Line]]:
    with tempfile.TemporaryDirectory(prefix="llar-line-") as folder, line_to(database_url, Path(folder)) as made:
        yield made


def store(database: Database, command: Callable[[], AlarmAnswer]) -> AlarmAnswer:
    """As the alarm lane does it."""
    answer = Storing(database, threading.Event()).until_stored(command)
    assert answer is not None
    return answer


def alarms_and_cases(database: Database) -> tuple[int, int]:
    with database.read() as connection:
        count = "SELECT (SELECT count(*) FROM alarms), (SELECT count(*) FROM cases)"
        row = connection.execute(sa.text(count)).one()
    return row[0], row[1]


def test_an_alarm_whose_commit_nobody_confirms_is_there_once(by_line: tuple[str, Line]) -> None:
    url, line = by_line
    opened = Database.open(url)
    town = Town(opened)
    line.cut_at_commit()
    answer = store(opened, lambda: town.receive(alarm_of(AlarmKind.HELP, "A1"), NOON))
    assert (line.cut, answer.snu, answer.case) == (1, 0, "1")
    assert alarms_and_cases(opened) == (1, 1)
    assert opened.in_doubt, "the commit held, and nobody was told of the case"
    opened.close()


def test_what_was_stored_without_anybody_hearing_of_it_is_told(
    by_line: tuple[str, Line], tmp_path: Path, wait_until: Wait
) -> None:
    url, line = by_line
    process = DeskProcess(CentralConfig(tmp_path, DatabaseConfig(url)))
    town = Town(process.database)
    town.receive(alarm_of(AlarmKind.FLOOD, "A1"), NOON)
    line.cut_at_commit()
    with pytest.raises(DatabaseError) as caught:
        process.desk.take(1, "ana", NOON + 1)
    assert try_again(caught.value)
    before = process.live.published
    process.start()
    wait_until(lambda: not process.database.in_doubt and process.live.published > before)
    with process.database.read() as connection:
        case = cases.find(connection, 1)
    assert case is not None
    assert case.owner_id == "ana"
    process.stop()


class Post:
    """Takes every message, with a receipt to come, and does something before it says so."""

    name = "email"
    retry = Retry((1.0,), 1)
    receipt_wait_s: float | None = 60.0
    receipts = frozenset({DeliveryState.DELIVERED})

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile
        self.taken = 0

    def send(self, _message: Message) -> Sent:
        self.taken += 1
        self._meanwhile()
        return Sent(Verdict.TAKEN)


def test_a_message_that_went_as_the_server_went_is_not_sent_again(by_line: tuple[str, Line]) -> None:
    url, line = by_line
    opened = Database.open(url)
    town = Town(opened)
    town.receive(alarm_of(AlarmKind.HELP, "A1"), NOON)
    town.desk.take(1, "ana", NOON + 1)
    town.desk.notify_contact(1, "ana", "marc", NOON + 2)
    post = Post(line.cut_at_commit)
    sender = Sender(opened, DeliveryDesk(town.desk), {"email": post}, clock=lambda: NOON + 3)
    assert sender.work_due(NOON + 3) == NOON + 63, "its receipt is waited for"
    with opened.read() as connection:
        (sent,) = deliveries.of_case(connection, 1)
    assert (line.cut, post.taken, sent.state, sent.attempt) == (1, 1, DeliveryState.SENT, 1)
    opened.close()


def test_sessions_that_the_server_ends_again_and_again_cost_no_alarm(database_url: str) -> None:
    opened, other = Database.open(database_url), Database.open(f"{database_url}&application_name=killer")
    town = Town(opened)
    over = threading.Event()
    kill = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'llar'"
    )

    def end_sessions() -> None:
        seen = 0
        while not over.wait(0.005):
            if len(answers) > seen:  # or nothing would ever be answered
                seen = len(answers)
                with other.read() as connection:
                    connection.execute(sa.text(kill))

    def press(hub: str) -> None:
        for number in range(10):
            alarm = alarm_of(AlarmKind.HELP, f"{hub[-1]}x{number}", NOON + number)
            answers.extend(store(opened, lambda alarm=alarm: town.receive(alarm, NOON, hub)) for _copy in range(2))

    answers: list[AlarmAnswer] = []
    threads = [threading.Thread(target=press, args=(hub,)) for hub in ("hub-1", "hub-2")]
    killing = threading.Thread(target=end_sessions)
    for thread in (*threads, killing):
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    killing.join()
    assert {answer.snu for answer in answers} == {0}
    assert (len(answers), alarms_and_cases(other)[0]) == (40, 20)
    with other.read() as connection:
        for case in cases.open_cases(connection):
            assert rebuild(case.id, cases.events_of(connection, case.id)) == case
    opened.close()
    other.close()


def test_a_receiver_of_news_that_is_removed_at_that_moment_costs_no_alarm(town: Town) -> None:
    with town.database.begin() as connection:
        hook = {"label": "x", "url": "https://a.example/", "events": ["case.opened"], "municipalities": []}
        made = {"secret_sealed": "", "made_by": "ana", "made_at": NOON}
        hook_id = webhooks.add(connection, **hook, **made)
    removed: list[int] = []

    def remove(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO webhook_deliveries") and not removed:
            removed.append(hook_id)
            with town.database.begin() as connection:
                webhooks.remove(connection, hook_id)

    sa.event.listen(town.database.engine, "before_cursor_execute", remove)
    answer = store(town.database, lambda: town.receive(alarm_of(AlarmKind.HELP, "A1"), NOON))
    assert (removed, answer.snu) == ([hook_id], 0)
    assert alarms_and_cases(town.database) == (1, 1)
