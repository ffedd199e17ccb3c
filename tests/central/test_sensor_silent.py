"""A sensor is called silent for the time in which its hub could have heard it."""

from __future__ import annotations

from central.detection.detectors import sensor_silent
from central.detection.engine import Engine
from central.detection.profile import DeviceAtHome, Limits
from devices.vocabulary import Reading

MINUTE, HOUR = 60.0, 3600.0
BEGIN = 1_772_409_600.0
LIMITS = Limits(devices={"door": DeviceAtHome("door", "hall", 3 * HOUR)})


def test_after_a_power_cut_of_the_hub_sensors_have_time_to_speak_and_a_dead_one_is_found_all_the_same() -> None:
    engine = Engine(BEGIN, 0.0, judges=[sensor_silent.DETECTOR])
    engine.enrol("flat", LIMITS, BEGIN)
    engine.recall("flat", BEGIN, (), BEGIN)
    engine.take("flat", [Reading("door", "battery", 90.0, BEGIN)], BEGIN)
    found_at = []
    for minute in range(1, 12 * 60):
        now = BEGIN + minute * MINUTE
        if not HOUR < now - BEGIN < 6 * HOUR:
            engine.hear("flat", now)
        found_at += [now - BEGIN for finding in engine.due(now) if finding.active]
    # three hours and ten minutes, without the five in which the hub was away
    assert min(found_at) >= 7 * HOUR
    assert min(found_at) <= 8.5 * HOUR
