"""A pulse oximeter: PLX Spot-Check (0x2A5E) and Continuous Measurement (0x2A5F) of the Pulse Oximeter Profile."""

from __future__ import annotations

from typing import Final

from devices.gatt_sensor import Fields, Measurement, gatt_model
from devices.rejection import Rejection

_SPOT_DATE, _SPOT_STATUS, _SPOT_DEVICE, _SPOT_AMPLITUDE, _SPOT_CLOCK_NOT_SET = 0x01, 0x02, 0x04, 0x08, 0x10
_FAST, _SLOW, _STATUS, _DEVICE, _AMPLITUDE = 0x01, 0x02, 0x04, 0x08, 0x10
_STORED = 1 << 9
_NOT_REAL = 1 << 10 | 1 << 11 | 1 << 12
"""Measurement Status: for demonstration, for testing, while calibrating."""
_NOT_SURE = 1 << 13 | 1 << 14 | 1 << 15
"""Measurement Status: unavailable, questionable, invalid."""
_NO_SIGNAL: Final = 1 << 1 | 1 << 3 | 1 << 7 | 1 << 8 | 1 << 11 | 1 << 13 | 1 << 14 | 1 << 15
"""Device and Sensor Status: malfunction, inadequate signal, no pulse or a questionable one, sensor not on the finger,
displaced, malfunctioning or disconnected."""


def _spot_check(fields: Fields) -> Measurement | Rejection:
    flags = fields.unsigned(1)
    facts = {"spo2": fields.sfloat(), "heart_rate": fields.sfloat()}
    sensor_s = fields.date() if flags & _SPOT_DATE else None
    status = fields.unsigned(2) if flags & _SPOT_STATUS else 0
    sensor_status = fields.unsigned(3) if flags & _SPOT_DEVICE else 0
    fields.unsigned(2 if flags & _SPOT_AMPLITUDE else 0)
    if fault := _fault(status, sensor_status):
        return fault
    return Measurement(facts, None if flags & _SPOT_CLOCK_NOT_SET else sensor_s, stored=bool(status & _STORED))


def _continuous(fields: Fields) -> Measurement | Rejection:
    flags = fields.unsigned(1)
    facts = {"spo2": fields.sfloat(), "heart_rate": fields.sfloat()}
    fields.unsigned((4 if flags & _FAST else 0) + (4 if flags & _SLOW else 0))
    status = fields.unsigned(2) if flags & _STATUS else 0
    sensor_status = fields.unsigned(3) if flags & _DEVICE else 0
    fields.unsigned(2 if flags & _AMPLITUDE else 0)
    # while a finger is put in, these come every second: nothing that somebody has to see to
    return Measurement(flow=True) if _fault(status, sensor_status) else Measurement(facts, flow=True)


def _fault(status: int, sensor_status: int) -> Rejection | None:
    if status & _NOT_REAL:
        return Rejection("unreliable", "the oximeter is in demonstration, test or calibration")
    if status & _NOT_SURE or sensor_status & _NO_SIGNAL:
        return Rejection("unreliable", "the oximeter doubts its own measurement: measure again, with a warm finger")
    return None


MODEL: Final = gatt_model(
    "gatt_pulse_oximeter", ("spo2", "heart_rate"), {0x2A5E: _spot_check, 0x2A5F: _continuous}, stays=True
)
