"""What only a unit reports to be wrong counts among the repairs, from when the centre heard of it until it is over."""

from __future__ import annotations

from fastapi import FastAPI

from central.hub_states import HubStates
from central.repair_figures import REPORTED, stops_alarms
from central.storage import repairs
from central.unit_watch import UnitWatch
from gateway.contract.messages import HubState, Problem
from tests.central.console_setting import Clock, Setting
from tests.central.desk_people import Person
from tests.central.test_console_people import setting as setting
from tests.central.test_repairs import fault, finding

HOUR = 3_600.0


def says(setting: Setting, at: float, *problems: tuple[str, str], online: bool = True, more: int = 0) -> None:
    named = [Problem(code, at, subject) for code, subject in problems]
    setting.states.hear("hub-carme", HubState(online, problems=named, problems_more=more), at)
    UnitWatch(setting.database, setting.states).work(at)


def known(setting: Setting, since_at: float) -> list[tuple[str, str, float, float | None]]:
    with setting.database.read() as conn:
        found = repairs.begun(conn, since_at, since_at + 1_000 * HOUR)
    return [(one.kind, one.device, one.began_at, one.ended_at) for one in found]


def test_a_fault_lasts_until_the_unit_says_no_more_of_it(setting: Setting, clock: Clock) -> None:
    start = clock.now
    says(setting, start, ("ble_deaf", "ble"), ("ble_rescanned", "ble"))
    says(setting, start + HOUR, ("ble_deaf", "ble"))
    says(setting, start + 2 * HOUR, online=False)  # by its last will, which knows of nothing
    says(setting, start + 3 * HOUR, more=1)  # no room to say all
    assert known(setting, start) == [("ble_deaf", "ble", start, None)]
    says(setting, start + 50 * HOUR)
    assert known(setting, start) == [("ble_deaf", "ble", start, start + 50 * HOUR)]
    says(setting, start + 60 * HOUR, ("ble_deaf", "ble"))
    assert known(setting, start)[1:] == [("ble_deaf", "ble", start + 60 * HOUR, None)]


def test_a_desk_begun_anew_ends_nothing_that_goes_on_and_all_that_is_over(setting: Setting, clock: Clock) -> None:
    start = clock.now
    says(setting, start, ("disk_full", ""))
    setting.states = HubStates()
    says(setting, start + 2 * HOUR, online=False)  # the broker tells its last will again
    assert known(setting, start) == [("disk_full", "", start, None)]
    says(setting, start + 3 * HOUR)
    assert known(setting, start) == [("disk_full", "", start, start + 3 * HOUR)]


def test_what_passes_by_itself_was_repaired_by_nobody(setting: Setting, clock: Clock) -> None:
    says(setting, clock.now, ("broadband_down", ""))
    says(setting, clock.now + 600)
    assert known(setting, clock.now) == []


def test_what_centre_and_unit_both_notice_is_one_fault(setting: Setting, clock: Clock) -> None:
    start = clock.now
    says(setting, start, ("device_silent", "bath"))
    finding(setting, "bath", start + HOUR)
    finding(setting, "bath", start + 2 * HOUR, active=False, began_at=start + HOUR)
    says(setting, start + 3 * HOUR)
    assert known(setting, start) == [("sensor_silent", "bath", start, start + 3 * HOUR)]


def test_the_technician_reads_it_in_words_and_it_is_due_by_what_it_stops(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    says(setting, clock.now, ("button_stuck", "gpio-17"), ("modem_no_sim", ""))
    clock.now += 600
    technician = Person(app, "x-technician")
    found = technician.get("/api/repairs")[1]["faults"]
    assert [(one["fault"]["kind"], one["stops_alarms"]) for one in found] == [
        ("button_stuck", True),
        ("modem_no_sim", False),
    ]
    page = technician.get("/repairs")[1]
    assert "El botó gpio-17" in page
    assert not set(REPORTED) & set(page.split())


def test_a_device_that_calls_for_help_and_is_not_understood_stops_alarms() -> None:
    def pendant(model: str) -> bool:
        return model == "pendant"

    assert stops_alarms(fault(0, None, kind="device_not_understood", model="pendant"), pendant)
    assert not stops_alarms(fault(0, None, kind="device_not_understood"), pendant)
