"""How quickly faults are repaired: from when the centre heard of them until what was wrong has ended."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from central.alarm_cases.closing import Action, Cause, Closing, Outcome
from central.case_desk import Done
from central.console.pages.quality_page import VIEWS
from central.detection.finding import Finding
from central.repair_figures import Fault, figures, merged, stops_alarms, waiting
from central.storage import homes, installations, repairs
from central.storage.homes import DeviceAtHome
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.console_setting import Clock, Setting
from tests.central.desk_people import Person
from tests.central.test_console_people import setting as setting

HOUR = 3_600.0
CLOSED = Closing(Cause.EQUIPMENT, Action.TECHNICIAN, Outcome.RESOLVED_BY_TALK)


def fault(began_h: float, ended_h: float | None, **facts: str) -> Fault:
    values = {"home_id": "carme", "kind": "sensor_silent", "device": "pir", "model": "pir-model"} | facts
    rest = {"address": "", "municipality": "", "hub": "", "room": ""}
    ended_at = None if ended_h is None else ended_h * HOUR
    return Fault(**values, **rest, began_at=began_h * HOUR, ended_at=ended_at, case_id=1)  # type: ignore[arg-type]


def calls_for_help(model: str) -> bool:
    return model == "pendant"


def finding(setting: Setting, device: str, at: float, *, active: bool = True, began_at: float = 0.0) -> None:
    key = f"carme:sensor_silent:{device}:{began_at or at}"
    facts: dict[str, str | float] = {"device": device, "room": "bany"}
    kind = AlarmKind.SENSOR_SILENT
    setting.desk.receive_finding(Finding(key, "carme", kind, at, at, "sensor_silent", facts, active=active), at)


def close_all(setting: Setting, at: float) -> None:
    with setting.database.read() as conn:
        ids = list(conn.exec_driver_sql("SELECT id FROM cases WHERE state != 'closed'").scalars())
    for case in ids:
        setting.desk.take(case, "ana", at)
        assert isinstance(setting.desk.close(case, "ana", CLOSED, at), Done)


def test_boundaries_count_and_what_still_waits_counts_once_it_is_late() -> None:
    known = [fault(0, 48.0), fault(0, 48.01, device="b"), fault(0, 97, device="c"), fault(60, None, device="d")]
    early, late = figures(known, 100 * HOUR), figures(known, 110 * HOUR)
    assert (early.counted_48, early.within_48, early.waiting) == (3, 1, 1)
    assert (late.counted_48, late.within_48) == (4, 1)
    assert (late.counted_96, late.within_96) == (3, 2)
    assert late.share(48) == pytest.approx(0.25)
    assert figures([], 0).share(96) is None


def test_reports_of_one_device_that_overlap_are_one_fault_and_others_are_not() -> None:
    known = merged([fault(0, 10), fault(5, 30), fault(40, None), fault(41, 42), fault(5, 6, device="other")])
    spans = [(one.device, one.began_at / HOUR, one.ended_at and one.ended_at / HOUR) for one in known]
    assert spans == [("pir", 0, 30), ("other", 5, 6), ("pir", 40, None)]


def test_what_stops_alarms_is_due_first() -> None:
    silent_pendant = fault(30, None, model="pendant", device="p")
    assert stops_alarms(silent_pendant, calls_for_help)
    assert stops_alarms(fault(0, None, kind="hub_silent", device=""), calls_for_help)
    assert not stops_alarms(fault(0, None, kind="battery_low", model="pendant"), calls_for_help)
    first, second = waiting([fault(0, None), silent_pendant, fault(0, 5, device="repaired")], calls_for_help, 79 * HOUR)
    assert (first.fault.device, first.overdue_s) == ("p", HOUR)
    assert (second.fault.device, second.overdue_s) == ("pir", -17 * HOUR)


def test_closing_a_case_repairs_no_sensor_but_ends_what_nothing_takes_back(setting: Setting, clock: Clock) -> None:
    start = clock.now
    finding(setting, "bath", start)
    setting.alarm("carme", AlarmKind.BATTERY_LOW, at=start + 700)
    close_all(setting, start + 2 * HOUR)
    with setting.database.read() as conn:
        battery, silent = sorted(repairs.begun(conn, start - 1, start + HOUR), key=lambda one: one.kind)
    assert (battery.kind, battery.ended_at) == ("battery_low", start + 2 * HOUR)
    assert (silent.kind, silent.device, silent.ended_at) == ("sensor_silent", "bath", None)
    finding(setting, "bath", start + 5 * HOUR, active=False, began_at=start)
    with setting.database.read() as conn:
        (silent,) = (one for one in repairs.begun(conn, start - 1, start + HOUR) if one.kind == "sensor_silent")
    assert silent.ended_at == start + 5 * HOUR


def test_a_silent_sensor_that_joined_a_call_for_help_is_a_fault_too(setting: Setting, clock: Clock) -> None:
    setting.alarm("carme", AlarmKind.HELP)
    finding(setting, "bath", clock.now + 60)
    with setting.database.read() as conn:
        assert [one.kind for one in repairs.begun(conn, clock.now, clock.now + HOUR)] == ["sensor_silent"]


def test_a_unit_that_is_not_installed_yet_is_no_fault(setting: Setting, clock: Clock) -> None:
    with setting.database.begin() as conn:
        installations.order(conn, "carme", clock.now, "nuria", urgent=False)
        (order,) = installations.waiting(conn)
    finding(setting, "bath", clock.now + 60)
    with setting.database.begin() as conn:
        assert repairs.waiting(conn) == []
        installations.installed(conn, order.id, clock.now + 30)
        assert [one.device for one in repairs.waiting(conn)] == ["bath"]


def test_the_technician_sees_what_is_due_within_reach_and_quality_says_how_it_went(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    with setting.database.begin() as conn:
        homes.enrol_devices(conn, "carme", [DeviceAtHome("button", "bthome_pendant", "", 7200)], clock.now)
    finding(setting, "button", clock.now)
    finding(setting, "bath", clock.now + 1)
    setting.alarm("pere", AlarmKind.MAINS_LOST, ref="P1")  # in another municipality
    clock.now += 50 * HOUR
    found = Person(app, "x-technician").get("/api/repairs")[1]
    assert [(one["fault"]["device"], one["stops_alarms"], one["overdue_s"] > 0) for one in found["faults"]] == [
        ("button", True, True),
        ("bath", False, False),
    ]
    assert found["overdue"] == 1
    page = Person(app, "x-technician").get("/repairs")[1]
    assert "button" in page
    assert "Verdi 112" in page
    assert "Sants" not in page
    supervisor = Person(app, "x-supervisor")
    for path in ("/quality?show=repairs&period=month", "/quality/report"):
        status, page = supervisor.get(path)
        assert status == 200
        assert "0,0 %" in page  # one pendant, not within its 48 hours
    assert {supervisor.get(f"/quality?show={tab}")[0] for tab in VIEWS} == {200}  # beside it all the other tabs open
    assert Person(app, "x-auditor").get("/repairs")[0] == 403
