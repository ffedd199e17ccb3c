"""The limits that hold for one home: the centre's defaults, changed by the home's care plan."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from sys import intern
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from central.detection.care_plan import BodyName, Climate, Dose, Expected, Locator, Range, WeightChange


@lru_cache(maxsize=1_000)
def _the_same(number: float) -> float:
    return number


Hours = Annotated[float, msgspec.Meta(ge=1, le=168)]
Seconds = Annotated[float, msgspec.Meta(ge=60, le=604_800)]
FalseAlarms = Annotated[float, msgspec.Meta(ge=0.1, le=30)]
Minutes = Annotated[float, msgspec.Meta(ge=10, le=720)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
LocalTime = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]

NIGHT_HOURS_LEAST: Final = 12.0
"""Asleep, even with a bed sensor, people lie still for most of a night: below this a long night would be an alarm."""
AWAY_HOURS: Final = 16.0
"""After the front door: longer than a day out, shorter than a night away. A door is a hint, never a switch."""


class DeviceAtHome(msgspec.Struct, frozen=True, gc=False):
    """An enrolled device. `silence_max_s`: the longest time between its signs of life; `model`: its name in the
    catalogue; `place_code`: where it is, SCAIP table D, 0 = not said. Words and numbers are shared by all homes."""

    id: str
    room: str
    silence_max_s: float
    model: str = ""
    place_code: int = 0

    def __post_init__(self) -> None:
        """Keeps one copy of what many devices say: a hundred thousand of them are known."""
        for field in ("id", "room", "model"):
            msgspec.structs.force_setattr(self, field, intern(getattr(self, field)))
        msgspec.structs.force_setattr(self, "silence_max_s", _the_same(self.silence_max_s))


class Limits(msgspec.Struct, frozen=True):
    """Limits of one home. Each field above `inactivity_capped` may stand in the care plan under its name.

    Attributes:
        hub_silent_shown_s, hub_silent_technical_s, hub_silent_alarm_s: stages of a silent hub.
        sensor_grace_s: added to a device's own longest silence.
        inactivity_hours: quiet hours by day that are too many; `inactivity_night_hours`: at night;
            `inactivity_away_hours`: after somebody seems to have left.
        night_from, night_to: local time of day, "HH:MM".
        entry_doors: devices by which people leave the home.
        inactivity_false_alarms: calls for nothing in 30 days at which the learned limits aim; fewer means later.
        inactivity_shares: how these are shared among "quiet indoors", "not up yet" and "not home yet".
        inactivity_learned: whether habits are judged by at all; if not, the hours above hold for ever.
        vitals: the person's own ranges, by kind or by device and kind; weight_change: how it may change;
            measurements: those that are expected.
        climate: of the rooms; doses: of medicines that are expected; locator: None = positions are not judged.
        night_exit_minutes, bed_left_minutes: without a sign of anybody after the door opened at night, or the bed was
            left, that are too many at least; what this home shows may make it more.
        door_open_minutes: of a door that stands open at night; night_wandering_minutes: of walking about.
        night_false_alarms: calls for nothing in 30 days at which each of these four aims.
        bathroom_minutes, bathroom_night_minutes: in the bathroom and nowhere else; bathroom_false_alarms: of both.
        beds: devices that say whether somebody lies in bed; bed mats are found by their model.
        sensor_over_eager_hours: of a sensor that fires alone and without pause; lively_sensors: those that may.
        inactivity_capped: whether a learned limit may never be later than those hours, as when a plan names them.
        timezone: IANA name.
        devices: by id.
        hub_enrolled_at: when the home got its hub.
        away_until_at: until when the residents have said that they are away; None = nobody said so.
        unusual: times, from and until, that were not the residents' ordinary life: nothing is learned from them.
        routine_since_at: since when all who live there agree that their weeks are told; None = they do not.
        visits_counted: whether visits are guessed as well, since one person lives there.
    """

    hub_silent_shown_s: Seconds = 180.0
    hub_silent_technical_s: Seconds = 1_800.0
    hub_silent_alarm_s: Seconds = 7_200.0
    sensor_grace_s: Seconds = 600.0
    inactivity_hours: Hours = 10.0
    inactivity_night_hours: Hours = NIGHT_HOURS_LEAST
    inactivity_away_hours: Hours = AWAY_HOURS
    night_from: LocalTime = "23:00"
    night_to: LocalTime = "08:00"
    entry_doors: tuple[str, ...] = ("door", "front-door", "entry-door", "main-door")
    inactivity_false_alarms: FalseAlarms = 1.0
    inactivity_shares: tuple[Share, Share, Share] = (0.4, 0.25, 0.35)
    inactivity_learned: bool = True
    vitals: dict[BodyName, Range] = {}
    weight_change: WeightChange = WeightChange()
    measurements: tuple[Expected, ...] = ()
    climate: Climate = Climate()
    doses: tuple[Dose, ...] = ()
    locator: Locator | None = None
    night_exit_minutes: Minutes = 30.0
    bed_left_minutes: Minutes = 45.0
    door_open_minutes: Minutes = 20.0
    night_wandering_minutes: Minutes = 45.0
    night_false_alarms: FalseAlarms = 0.5
    bathroom_minutes: Minutes = 60.0
    bathroom_night_minutes: Minutes = 45.0
    bathroom_false_alarms: FalseAlarms = 0.5
    beds: tuple[str, ...] = ("bed", "bed-mat", "bed-sensor")
    sensor_over_eager_hours: Hours = 4.0
    lively_sensors: tuple[str, ...] = ()
    inactivity_capped: bool = False
    timezone: str = "UTC"
    devices: dict[str, DeviceAtHome] = {}
    hub_enrolled_at: float = 0.0
    away_until_at: float | None = None
    unusual: tuple[tuple[float, float], ...] = ()
    routine_since_at: float | None = None
    visits_counted: bool = False

    def share_of(self, budget: int) -> float:
        """A budget's share of the false alarms."""
        return self.inactivity_shares[budget] / sum(self.inactivity_shares)

    def room_of(self, device: str) -> str:
        """The room of a device; where nobody wrote it down, the device is its own room."""
        enrolled = self.devices.get(device)
        return enrolled.room or device if enrolled else device

    def zone(self) -> ZoneInfo:
        """The home's time zone."""
        return ZoneInfo(self.timezone)


_NOT_IN_PLAN: Final = {"timezone", "devices", "hub_enrolled_at", "away_until_at", "unusual", "inactivity_capped"} | {
    "routine_since_at",
    "visits_counted",
}
_FIELDS: Final = {field.name: field.type for field in msgspec.structs.fields(Limits) if field.name not in _NOT_IN_PLAN}


def limits_of(
    default: Limits, care_plan: Mapping[str, object], timezone: str, devices: Mapping[str, DeviceAtHome]
) -> tuple[Limits, list[str]]:
    """The limits of a home, and what could not be used of its care plan, in words.

    A value that is not understood leaves the default standing. Keys that are not limits belong to others.
    """
    changes: dict[str, object] = {"devices": {device.id: device for device in devices.values()}}
    faults = []
    for key in care_plan.keys() & _FIELDS.keys():
        try:
            changes[key] = msgspec.convert(care_plan[key], _FIELDS[key])
        except msgspec.ValidationError as error:
            faults.append(f"{key}: {error}")
    for key in changes.keys() & {"entry_doors", "beds", "lively_sensors"}:
        # the very names of the devices above
        changes[key] = tuple(intern(device) for device in msgspec.convert(changes[key], tuple[str, ...]))
    if "inactivity_hours" in changes:
        by_day = changes["inactivity_hours"]
        assert isinstance(by_day, float)
        changes["inactivity_capped"] = True
        changes.setdefault("inactivity_night_hours", max(by_day, default.inactivity_night_hours))
        changes.setdefault("inactivity_away_hours", max(by_day, default.inactivity_away_hours))
    try:
        ZoneInfo(timezone)
        changes["timezone"] = intern(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        faults.append(f"timezone: {timezone!r} is not known")
    return msgspec.structs.replace(default, **changes), faults
