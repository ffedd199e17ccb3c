"""People live plausible days, the same again for the same seed, and homes tell of them truthfully."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from devices.vocabulary import KINDS, Reading, value_fault
from simulators.clock import VirtualClock
from simulators.home import STANDARD_SENSORS, Home
from simulators.person import Doing, Room, Stay, day_of, someone

MADRID = ZoneInfo("Europe/Madrid")
MONDAY = date(2026, 11, 2)
MONDAY_AT = datetime(2026, 11, 2, tzinfo=MADRID).timestamp()
DAY_S = 86_400.0


def hours(stays: list[Stay], room: Room) -> float:
    return sum(stay.end_at - stay.begin_at for stay in stays if stay.room is room) / 3600


def lived(days: float, seed: int = 1) -> tuple[Home, VirtualClock, list[Reading]]:
    clock = VirtualClock(MONDAY_AT)
    said: list[Reading] = []
    home = Home("s-1", someone(seed), clock, said.append)
    home.start()
    clock.advance_to(MONDAY_AT + days * DAY_S)
    return home, clock, said


@pytest.mark.parametrize("seed", range(40))
def test_a_day_is_whole_and_plausible(seed: int) -> None:
    for day in range(1, 8):
        stays = day_of(someone(seed), date(2026, 11, day))
        assert stays[0].begin_at == datetime(2026, 11, day, tzinfo=MADRID).timestamp()
        assert stays[-1].end_at - stays[0].begin_at == DAY_S
        assert all(before.end_at == after.begin_at for before, after in pairwise(stays))
        assert 3.5 < sum(s.end_at - s.begin_at for s in stays if s.doing is Doing.ASLEEP) / 3600 < 13.5
        assert hours(stays, Room.KITCHEN) > 0.03
        assert 0.1 < hours(stays, Room.BATHROOM) < 5
        assert hours(stays, Room.OUT) < 11


@pytest.mark.parametrize(("day", "length_h"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_when_the_clocks_change_is_whole_too(day: date, length_h: int) -> None:
    stays = day_of(someone(1), day)
    assert stays[-1].end_at - stays[0].begin_at == length_h * 3600


def test_same_seed_same_day_and_another_seed_another_day() -> None:
    assert day_of(someone(3), MONDAY) == day_of(someone(3), MONDAY)
    assert day_of(someone(3), MONDAY) != day_of(someone(4), MONDAY)
    assert day_of(someone(3), MONDAY) != day_of(someone(3), date(2026, 11, 3))


def test_a_home_tells_three_days_in_order_and_in_the_vocabulary() -> None:
    _, _, said = lived(3)
    assert [r.measured_at for r in said] == sorted(r.measured_at for r in said)
    assert all(not value_fault(KINDS[r.kind], r.value) for r in said)
    assert {r.device for r in said} == {sensor.id for sensor in STANDARD_SENSORS}
    assert said == lived(3)[2]
    assert 300 < sum(r.kind == "motion" and r.value is True for r in said) < 3000


def test_a_home_started_at_noon_says_nothing_of_the_morning() -> None:
    clock = VirtualClock(MONDAY_AT + DAY_S / 2)
    said: list[Reading] = []
    Home("s-1", someone(1), clock, said.append).start()
    clock.advance_to(MONDAY_AT + DAY_S)
    assert said
    assert said[0].measured_at >= MONDAY_AT + DAY_S / 2


def test_when_nobody_moves_only_the_climate_speaks() -> None:
    home, clock, said = lived(0.5)
    home.stop_moving()
    said.clear()
    clock.advance_to(MONDAY_AT + 2 * DAY_S)
    assert {r.kind for r in said} == {"temperature", "battery"}


def test_faults_of_sensors_show_in_what_is_said() -> None:
    home, clock, said = lived(0.5)
    hall, kitchen = STANDARD_SENSORS[0], STANDARD_SENSORS[1]
    home.silent.add("bed")
    home.batteries["front-door"] = 7.0
    home.stick(kitchen, True)
    said.clear()
    clock.advance_to(clock.now + DAY_S)
    assert not [r for r in said if r.device == "bed"]
    assert {r.value for r in said if r.device == "front-door" and r.kind == "battery"} == {7.0}
    assert {r.value for r in said if r.device == kitchen.id} == {True}
    assert sum(r.device == kitchen.id for r in said) > 1400
    home.stop_moving()
    said.clear()
    home.fire_astray(hall, count=3, every_s=600)
    clock.advance_to(clock.now + 3600)
    assert [r.device for r in said if r.kind == "motion" and r.device != kitchen.id] == [hall.id] * 3
