"""Desk and receiver on a real broker: labels of closed cases and notes on slow changes arrive, whoever was down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from central.alarm_cases.closing import Action, Cause, Closing, Outcome
from central.alarm_lane import AlarmLane
from central.care_intake import CareIntake
from central.case_desk import CaseDesk
from central.detection.day_summary import Measure, Note
from central.detection.finding import Finding
from central.detection.habits import Habits
from central.detection.profile import Limits
from central.habit_store import HabitStore
from central.ingest import Refusals
from central.label_desk import LabelDesk
from central.receiver import Parts, Receiver
from central.refusals import RefusalCounter
from central.storage import care, homes
from central.storage.database import Database
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.spool import Spool
from gateway.broker import Broker, start_broker
from gateway.contract.alarm_kinds import AlarmKind
from gateway.mqtt_client import BrokerSettings

from .conftest import Town

pytestmark = pytest.mark.slow

USERS = {"desk": "desk-word", "receiver": "receiver-word"}
WAIT_S = 30.0


class Centre:
    """Both processes of the centre on one broker and one database; either can be started anew."""

    def __init__(self, folder: Path, broker: Broker, database: Database) -> None:
        self.folder = folder
        self.broker = broker
        self.database = database
        self.receiver: Receiver | None = None
        self.lane: AlarmLane | None = None
        self.labels: LabelDesk | None = None

    def _settings(self, name: str) -> BrokerSettings:
        return BrokerSettings(self.broker.host, self.broker.port, name, name, USERS[name], reconnect_max_s=0.5)

    def start_desk(self) -> CaseDesk:
        desk = CaseDesk(self.database, lambda change: self.labels.on_change(change) if self.labels else None)
        refusals = RefusalCounter()
        lane = AlarmLane(self._settings("desk"), desk, refusals, care=CareIntake(self.database, refusals))
        self.lane, self.labels = lane, LabelDesk(self.database, lane.publish_kept)
        lane.start()
        self.until(lambda: lane.connected, "the desk's line")
        return desk

    def stop_desk(self) -> None:
        if self.lane is not None:
            self.lane.stop()
        self.lane = self.labels = None

    def start_receiver(self) -> Receiver:
        def registry() -> list[homes.EnrolledHome]:
            with self.database.read() as connection:
                return homes.list_enrolled(connection)

        self.receiver = Receiver(
            Parts(
                broker=self._settings("receiver"),
                store=EmbeddedStore(self.folder / "telemetry"),
                spool=Spool(self.folder / "spool", 1_000_000),
                registry=registry,
                kept_file=self.folder / "findings.json",
                limits=Limits(),
                grace_s=0.0,
                refusals=Refusals(),
            )
        )
        return self.receiver

    def stop_receiver(self) -> None:
        if self.receiver is not None:
            self.receiver.close()
        self.receiver = None

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Lets both work until the condition holds."""
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, f"in vain waited for: {what}"
            if self.labels is not None:
                self.labels.work(time.time())
            if self.receiver is not None:
                self.receiver.turn()

    def known(self) -> dict[str, dict[str, int]]:
        return self.receiver.health().labels if self.receiver is not None else {}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with start_broker(folder, USERS) as running:
        yield running


@pytest.fixture
def centre(tmp_path: Path, broker: Broker, sqlite_template: Path) -> Iterator[Centre]:
    path = tmp_path / "central.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database.open(f"sqlite:///{path}")
    Town(database)
    running = Centre(tmp_path, broker, database)
    yield running
    running.stop_receiver()
    running.stop_desk()
    database.close()


def close_finding(desk: CaseDesk, number: int, cause: Cause, at: float) -> Finding:
    """A finding, and what somebody said of it ten seconds later."""
    key = f"home-1:inactivity:home:{int(at) - 3600}+3600"
    finding = Finding(key, "home-1", AlarmKind.INACTIVITY, at - 3600, at, "quiet_too_long")
    desk.receive_finding(finding, at)
    desk.take(number, "ana", at + 5)
    desk.talk(number, "ana", at + 6)
    desk.close(number, "ana", Closing(cause, Action.TALKED, Outcome.RESOLVED_BY_TALK), at + 10)
    return finding


def unusual(receiver: Receiver) -> tuple[tuple[float, float], ...]:
    limits = receiver._engine.limits("home-1")
    return limits.unusual if limits else ()


def test_labels_reach_a_receiver_that_was_down_and_outlast_its_restart(centre: Centre, broker: Broker) -> None:
    now = round(time.time()) - 7200.0
    desk = centre.start_desk()
    true = close_finding(desk, 1, Cause.UNWELL, now)
    close_finding(desk, 2, Cause.MISTAKE, now + 3600)
    assert centre.labels is not None
    centre.labels.work(time.time())
    receiver = centre.start_receiver()
    both = {"inactivity": {"true": 1, "false": 1}}
    centre.until(lambda: centre.known() == both, "both labels")
    assert unusual(receiver) == ((true.since_at, now + 10),)
    centre.stop_receiver()
    centre.stop_desk()
    broker.kill()
    # neither broker nor desk can tell it now
    receiver = centre.start_receiver()
    centre.until(lambda: unusual(receiver), "the homes")
    assert centre.known() == both
    broker.restart()
    desk = centre.start_desk()
    close_finding(desk, 3, Cause.UNWELL, now + 5400)
    centre.until(lambda: centre.known() == {"inactivity": {"true": 2, "false": 1}}, "the third label")
    assert len(unusual(receiver)) == 2


def test_a_desk_that_died_after_the_commit_tells_the_label_when_it_is_back(centre: Centre) -> None:
    desk = centre.start_desk()
    close_finding(desk, 1, Cause.UNWELL, round(time.time()) - 7200.0)
    centre.stop_desk()  # before its labels were worked
    centre.start_receiver()
    centre.start_desk()
    centre.until(lambda: centre.known() == {"inactivity": {"true": 1}}, "the label")


def test_a_slow_change_reaches_a_desk_that_was_down_and_is_one_note(centre: Centre) -> None:
    today = int(time.time() // 86_400) + 719_163  # ordinal of 1970-01-01
    habits = Habits()
    habits.learned_day = today - 2
    habits.summaries.add(today - 2, bytes(len(Measure)))
    habits.summaries.note(Note(today - 3, Measure.NIGHT_BATHROOM, 1.1, 2.3, 3))
    store = HabitStore(centre.folder / "habits.sqlite")
    store.keep({"home-1": habits.kept()})
    store.close()

    def notes() -> list[care.Change]:
        with centre.database.read() as connection:
            return care.changes_of(connection, "home-1", time.time())

    centre.start_desk()  # once, so that the broker keeps what comes for it
    centre.stop_desk()
    receiver = centre.start_receiver()
    centre.until(lambda: receiver._care._logged and not receiver._care._unsent, "the broker's receipt")
    assert notes() == []
    centre.start_desk()
    centre.until(notes, "the note")
    centre.stop_receiver()
    receiver = centre.start_receiver()
    centre.until(lambda: receiver._care._logged and not receiver._care._unsent, "the note, said again")
    assert [(note.measure, note.before, note.after, note.weeks) for note in notes()] == [
        ("night_bathroom", 1.1, 2.3, 3)
    ]
