"""When each device was last proven: a call from it has reached a person who took it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from central.alarm_cases.closing import Cause, Closing, Label
from central.storage import homes
from central.storage.homes import DeviceAtHome
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, open_setting
from tests.central.test_office import Person

DAY = 86_400.0
PATH = "/api/homes/carme/devices"


@pytest.fixture
def setting(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock, with_store=False, url=database_url) as opened:
        with opened.database.begin() as conn:
            devices = [
                DeviceAtHome("pendant", "bthome_pendant", "penjoll", 7200),
                DeviceAtHome("bath", "bthome_pendant", "bany", 7200),
                DeviceAtHome("hall", "bthome_motion", "rebedor", 7200),
            ]
            homes.enrol_devices(conn, "carme", devices, NOON)
        yield opened


def proven(ana: Person) -> dict[str, float | None]:
    return {one["id"]: one["proven_at"] for one in ana.get(PATH)[1] if one["id"] in {"pendant", "bath", "hall"}}


def test_a_device_is_proven_when_somebody_has_taken_its_call(setting: Setting, clock: Clock) -> None:
    ana = Person(setting.app(), "ana")
    never = {"pendant": 0.0, "bath": 0.0, "hall": None}
    assert proven(ana) == never
    case = setting.alarm("carme", ref="A1")
    assert proven(ana) == never, "nobody has answered it yet"
    setting.desk.take(case, "ana", clock.now + 20)
    assert proven(ana) == never | {"pendant": NOON}
    clock.now += DAY
    assert proven(ana) == never | {"pendant": NOON}
    assert '<span class="chip warn">' in ana.get("/residents/carme?tab=devices")[1]


def test_a_test_that_went_wrong_proves_nothing_and_a_mistake_as_much_as_need(setting: Setting, clock: Clock) -> None:
    ana = Person(setting.app(), "ana")
    for day, (kind, label, at) in enumerate(
        [(AlarmKind.TEST, Label.FALSE, 0.0), (AlarmKind.TEST, Label.TRUE, 1.0), (AlarmKind.HELP, Label.FALSE, 2.0)]
    ):
        clock.now = NOON + day * DAY
        case = setting.alarm("carme", kind, ref=f"R{day}")
        setting.desk.take(case, "ana", clock.now)
        setting.desk.talk(case, "ana", clock.now)
        closing = Closing(Cause.TEST if kind is AlarmKind.TEST else Cause.MISTAKE, label=label)
        setting.desk.close(case, "ana", closing, clock.now + 60)
        assert proven(ana)["pendant"] == (NOON + at * DAY if at else 0.0)
