"""What a restart must not forget, each killed in the very instant: the real store and habits, compared with a receiver
that was never killed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import pytest

from central.detection.detectors import inactivity, night_door
from central.detection.engine import Engine, Open
from central.detection.habits import SLOTS, Habits, Kept, Start
from central.detection.profile import DeviceAtHome, Limits
from central.detection.situation import Detector
from central.detection.timeline import Timeline
from central.habit_store import HabitStore
from central.ingest import HUB_DEVICE
from central.recall import recall_home
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.store import Row
from devices.vocabulary import Reading

HOME: Final = "flat-1"
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
BEGIN: Final = datetime(2026, 3, 2, tzinfo=ZoneInfo("Europe/Madrid")).timestamp()
ROOMS: Final = ("hall", "kitchen", "living", "bedroom")
SENSORS: Final = (*(f"{room}-motion" for room in ROOMS), "front-door")
LIMITS: Final = Limits(
    devices={sensor: DeviceAtHome(sensor, sensor.partition("-")[0], 30 * DAY) for sensor in SENSORS},
    timezone="Europe/Madrid",
)


class Centre:
    """A receiver's engine, its store and its habits; started again from these files."""

    def __init__(self, folder: Path, judges: Sequence[Detector]) -> None:
        self.store, self.habits = EmbeddedStore(folder / "telemetry"), HabitStore(folder / "habits.sqlite")
        self.judges = judges
        self.now = BEGIN
        self.said: list[tuple[str, bool]] = []
        self.opens: list[Open] = []
        self.marks: list[Row] = []
        self.start()

    def start(self) -> None:
        """As after a kill: all that is left is in the files."""
        self.engine = Engine(self.now, 0.0, judges=self.judges)
        self.engine.enrol(HOME, LIMITS, self.now)
        self.engine.reopen(self.opens)
        recall_home(self.engine, self.store, self.habits, HOME, self.now)

    def live(self, until: float, readings: Sequence[Reading] = (), *, heard: bool = True) -> None:
        """Ten minutes at a time; readings come when the centre's clock is at their time."""
        coming = list(readings)
        while self.now < until:
            for _ in range(5):
                self.now += 2 * MINUTE
                if heard and self.engine.hear(HOME, self.now):
                    self.marks.append(Row(HOME, HUB_DEVICE, "heartbeat", self.now, 0.0))
            if heard:
                arrived = [one for one in coming if one.measured_at <= self.now]
                self.take(arrived)
                coming = coming[len(arrived) :]
            self.judge()

    def take(self, readings: Sequence[Reading]) -> None:
        rows = [Row(HOME, one.device, one.kind, one.measured_at, one.value) for one in readings]
        self.store.write([*self.marks, *rows])
        self.marks.clear()
        self.engine.take(HOME, readings, self.now)

    def judge(self) -> None:
        for finding in self.engine.due(self.now):
            word = finding.key, finding.active
            if word not in self.said:
                self.said.append(word)
        self.habits.keep(self.engine.learned())
        self.opens = msgspec.json.decode(msgspec.json.encode(self.engine.opens()), type=list[Open])

    @property
    def timeline(self) -> Timeline:
        timeline = self.engine.timeline(HOME)
        assert timeline is not None
        return timeline

    def close(self) -> None:
        self.store.close()
        self.habits.close()


@contextmanager
def two(folder: Path, *judges: Detector) -> Iterator[tuple[Centre, Centre]]:
    """One that is left alone, and one that is killed."""
    centres = Centre(folder / "one", judges), Centre(folder / "other", judges)
    yield centres
    for centre in centres:
        centre.close()


def days(first: int, last: int) -> list[Reading]:
    """Somebody walks through all rooms each half hour from seven to eleven."""
    return [
        Reading(f"{room}-motion", "motion", True, BEGIN + day * DAY + 7 * HOUR + turn * HOUR / 2 + 20.0 * place)
        for day in range(first, last)
        for turn in range(32)
        for place, room in enumerate(ROOMS)
    ]


def door(at: float, *, is_open: bool) -> Reading:
    return Reading("front-door", "open", is_open, at)


def test_a_hub_that_has_just_come_back_is_given_its_time_after_a_restart_too(tmp_path: Path) -> None:
    with two(tmp_path) as (one, other):
        for centre in (one, other):
            centre.live(BEGIN + 5 * HOUR)
            centre.live(BEGIN + 8 * HOUR, heard=False)
            centre.live(centre.now + 2 * MINUTE)
        other.start()
        assert one.timeline.back_at is not None
        assert other.timeline.back_at == one.timeline.back_at
        for centre in (one, other):
            centre.live(centre.now + HOUR)
        other.start()
        assert other.timeline.back_at == one.timeline.back_at


def test_a_hub_that_was_never_away_is_not_given_such_time(tmp_path: Path) -> None:
    with two(tmp_path) as (one, other):
        one.live(BEGIN + 5 * HOUR)
        # sensors say by the same word that they live, and oftener
        one.store.write([Row(HOME, "pendant", "heartbeat", one.now - 10.0 * count, 0.0) for count in range(720)])
        one.start()
        assert one.timeline.back_at is None
        assert other.timeline.back_at is None


@pytest.mark.timeout(300)
def test_a_door_that_stands_open_for_days_stands_open_after_a_restart_too(tmp_path: Path) -> None:
    readings = [door(BEGIN + 9 * HOUR, is_open=False), door(BEGIN + 10 * HOUR, is_open=True), *days(0, 7)]
    readings.sort(key=lambda one: one.measured_at)
    with two(tmp_path, night_door.DETECTOR) as (one, other):
        for centre in (one, other):
            centre.live(BEGIN + 4 * DAY + 3 * HOUR, readings)
        assert [key for key, active in one.said if active], "it is found, with the begin of each night that follows"
        other.start()
        assert other.timeline.state("front-door", "open") == one.timeline.state("front-door", "open")
        shut = door(BEGIN + 4 * DAY + 5 * HOUR, is_open=False)
        for centre in (one, other):
            centre.live(BEGIN + 4 * DAY + 6 * HOUR, [shut])
        other.start()
        assert other.timeline.state("front-door", "open") == one.timeline.state("front-door", "open")
        assert other.timeline.activity.changes("front-door", shut.measured_at) == one.timeline.activity.changes(
            "front-door", shut.measured_at
        )
        for centre in (one, other):
            centre.live(BEGIN + 4 * DAY + 8 * HOUR)
        assert other.said == one.said


@pytest.mark.timeout(300)
def test_an_absence_of_a_week_without_any_sign_is_still_found_after_a_restart(tmp_path: Path) -> None:
    with two(tmp_path, inactivity.DETECTOR) as (one, other):
        for centre in (one, other):
            centre.live(BEGIN + 16 * DAY, days(0, 16))
            assert centre.timeline.habits.days >= 14
            centre.live(BEGIN + 22 * DAY)
        other.start()
        for centre in (one, other):
            centre.live(centre.now + HOUR)
        assert other.said == one.said
        assert [active for _, active in one.said] == [True]


@pytest.mark.parametrize("ahead_s", [0.0, 40.0, 299.0])
def test_a_hub_whose_clock_is_ahead_has_the_same_findings_after_a_restart(ahead_s: float, tmp_path: Path) -> None:
    with two(tmp_path, inactivity.DETECTOR) as (one, other):
        for centre in (one, other):
            centre.live(BEGIN + 12 * HOUR)
            centre.take([msgspec.structs.replace(days(0, 1)[0], measured_at=centre.now + ahead_s)])
        for later_s in (10 * MINUTE, DAY):
            # at first the reading is still to come, then it is past
            other.start()
            for centre in (one, other):
                centre.live(centre.now + later_s)
        assert one.said
        assert other.said == one.said


def test_habits_that_were_kept_before_states_were_are_read_as_they_are(tmp_path: Path) -> None:
    store = HabitStore(tmp_path / "habits.sqlite")
    older = msgspec.to_builtins(_kept(), builtin_types=(bytes,))[:16]
    with store._connection:
        store._connection.execute("insert into habits values (?, ?)", (HOME, msgspec.msgpack.encode(older)))
    loaded = store.load(HOME)
    assert loaded is not None
    assert loaded.kept() == _kept()
    assert store.states(HOME) == []
    store.close()


def _kept() -> Kept:
    habits, today = Habits(), datetime.fromtimestamp(BEGIN, LIMITS.zone()).toordinal()
    for day in range(today, today + 20):
        for step in (20, 100, 287):
            habits.add(Start(day, step, ROOMS[step % 4], door=step == 100), 4 + day % 200, ROOMS[day % 4])
        habits.note_morning(80 + day % 9, "kitchen")
        habits.note_worst(2, day, 1 / 3)
        habits.close_day(day, [1.5] * SLOTS, [2.0] * SLOTS)
    return habits.kept()
