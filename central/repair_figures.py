"""How quickly faults of units and devices are repaired. Pure.

How it is counted, after the TSA quality standard: a fault that disables the alarm is repaired within 48 hours, any
other within 96; Spanish charters promise 48 for all. The clock runs from when the centre first heard of it, nights and
Sundays included, until what was found wrong has ended (the sensor or unit is heard again), whatever became of its case:
closing a case repairs nothing. Only what no unit takes back by itself (a battery, the mains) counts as repaired when
its case is closed. What only the unit itself reports counts too, from when the centre heard of it until the unit says
no more of it, if that took an hour: what passes sooner nobody has repaired. Reports about the same device of a home
that overlap are one fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from central.service_figures import percentile, within
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import ProblemCode

STOPS_ALARMS_S: Final = 48 * 3_600.0
"""A fault by which no alarm may come is repaired by then."""
OTHER_S: Final = 96 * 3_600.0
"""Any other fault is."""
KINDS: Final = (
    AlarmKind.HUB_SILENT,
    AlarmKind.SENSOR_SILENT,
    AlarmKind.SENSOR_OVER_EAGER,
    AlarmKind.BATTERY_LOW,
    AlarmKind.MAINS_LOST,
)
"""What alarms and findings say of equipment and not of people."""
PASSING_S: Final = 3_600.0
"""What a unit reported and took back so soon has passed by itself."""
_STOP_ALARMS: Final = (
    ProblemCode.BLE_MISSING,
    ProblemCode.BLE_DEAF,
    ProblemCode.SERIAL_UNPLUGGED,
    ProblemCode.BUTTON_STUCK,
    ProblemCode.BUTTON_MISSING,
    ProblemCode.OUTBOX_MEMORY,
    ProblemCode.DISK_FULL,
)
_OF_A_DEVICE: Final = (
    ProblemCode.DEVICE_NOT_UNDERSTOOD,
    ProblemCode.DEVICE_UNREACHABLE,
    ProblemCode.DEVICE_NOT_LISTENED_TO,
)
_OTHERS: Final = (
    ProblemCode.VOICE_MISSING,
    ProblemCode.BROADBAND_DOWN,
    ProblemCode.MODEM_MISSING,
    ProblemCode.MODEM_NO_SIM,
    ProblemCode.MODEM_SIM_LOCKED,
    ProblemCode.MODEM_NOT_REGISTERED,
    ProblemCode.MODEM_DENIED,
    ProblemCode.MODEM_NO_CREDIT,
    ProblemCode.MODEM_MUTE,
    ProblemCode.MODEM_NO_NUMBER,
)
REPORTED: Final[Mapping[str, str]] = {
    **{code.value: code.value for code in (*_STOP_ALARMS, *_OF_A_DEVICE, *_OTHERS)},
    ProblemCode.DEVICE_SILENT.value: AlarmKind.SENSOR_SILENT.value,
    ProblemCode.DEVICE_BATTERY_LOW.value: AlarmKind.BATTERY_LOW.value,
}
"""Problems that a unit reports of itself and somebody must repair -> the kind of fault that they are: what the centre
notices too is one fault with it. Healing steps, and what passes by itself, are none."""
_SILENT: Final = frozenset({AlarmKind.SENSOR_SILENT.value, *(code.value for code in _OF_A_DEVICE)})


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is or was out of order.

    Attributes:
        device: its id, "" for the unit itself; `model` and `room` as far as it is still enrolled.
        began_at: when the centre first heard of it; ended_at: when it was repaired, None while it is not.
        kind: an alarm's kind, or the code of a problem that only the unit reports (`REPORTED`).
        case_id: the first case of it, 0 where there is none.
    """

    home_id: str
    address: str
    municipality: str
    hub: str
    kind: str
    device: str
    model: str
    room: str
    began_at: float
    ended_at: float | None
    case_id: int


@dataclass(frozen=True, slots=True)
class OpenFault:
    """A fault that waits for repair: by when, and by how much it is overdue (negative: so long is left)."""

    fault: Fault
    stops_alarms: bool
    due_at: float
    overdue_s: float


@dataclass(frozen=True, slots=True)
class Repairs:
    """The figures of faults that began in a span. Shares are of those repaired or waiting longer than the limit.

    Attributes:
        faults: all of them; `waiting` are not repaired yet.
        counted_48, counted_96: of how many it is known whether they were repaired within the hours; within_*: those.
    """

    faults: int
    waiting: int
    counted_48: int
    within_48: int
    counted_96: int
    within_96: int
    p50_s: float | None
    max_s: float | None

    def share(self, hours: int) -> float | None:
        """The share repaired within 48 or 96 hours; None when none is counted."""
        done, counted = (self.within_48, self.counted_48) if hours == 48 else (self.within_96, self.counted_96)
        return done / counted if counted else None


def merged(reports: Iterable[Fault]) -> list[Fault]:
    """Reports about the same thing that overlap as one fault, from the first to the last of them; the oldest first."""

    def thing(fault: Fault) -> tuple[str, str, str]:
        return fault.home_id, fault.kind, fault.device

    found: list[Fault] = []
    for _, same in groupby(sorted(reports, key=lambda one: (*thing(one), one.began_at)), key=thing):
        found += _joined(list(same))
    return sorted(found, key=lambda one: (one.began_at, one.case_id))


def _joined(reports: list[Fault]) -> list[Fault]:
    joined: list[Fault] = []
    for report in reports:
        last = joined[-1] if joined else None
        if last is None or (last.ended_at is not None and last.ended_at < report.began_at):
            joined.append(report)
            continue
        ends = [last.ended_at, report.ended_at]
        ended_at = None if None in ends else max(end for end in ends if end is not None)
        joined[-1] = replace(last, ended_at=ended_at)
    return joined


def stops_alarms(fault: Fault, raises_alarms: Callable[[str], bool]) -> bool:
    """Whether an alarm may not come because of it: the unit is silent or hears nobody, or it is of a device that people
    call for help with or that warns of fire, gas or water."""
    if fault.kind == AlarmKind.HUB_SILENT or fault.kind in _STOP_ALARMS:
        return True
    return fault.kind in _SILENT and raises_alarms(fault.model)


def figures(faults: Iterable[Fault], now: float) -> Repairs:
    """The figures of many faults."""
    known = list(faults)
    spans = sorted(one.ended_at - one.began_at for one in known if one.ended_at is not None)
    waiting = [now - one.began_at for one in known if one.ended_at is None]
    return Repairs(
        faults=len(known),
        waiting=len(waiting),
        counted_48=len(spans) + _past(waiting, STOPS_ALARMS_S),
        within_48=len(spans) - _past(spans, STOPS_ALARMS_S),
        counted_96=len(spans) + _past(waiting, OTHER_S),
        within_96=len(spans) - _past(spans, OTHER_S),
        p50_s=percentile(spans, 50),
        max_s=max([*spans, *waiting], default=None),
    )


def _past(spans: Sequence[float], limit_s: float) -> int:
    return sum(not within(span, limit_s) for span in spans)


def waiting(faults: Iterable[Fault], raises_alarms: Callable[[str], bool], now: float) -> list[OpenFault]:
    """What is to be repaired, in the order in which it is due."""
    found = []
    for fault in faults:
        if fault.ended_at is None:
            stops = stops_alarms(fault, raises_alarms)
            due_at = fault.began_at + (STOPS_ALARMS_S if stops else OTHER_S)
            found.append(OpenFault(fault, stops, due_at, now - due_at))
    return sorted(found, key=lambda one: (one.due_at, one.fault.case_id))
