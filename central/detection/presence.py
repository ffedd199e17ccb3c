"""Where somebody seems to be now, as far as the signs of the last day tell: out, in the bathroom, walking about.

One pass over the signs serves all detectors of presence; it is made again only when something new was noticed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from central.detection.activity import Activity, Sign
from central.detection.nights import Exit, Walk, exits, last_night, sleep_seconds, state_at, walks
from central.detection.profile import Limits
from central.detection.situation import Moment, can_judge_absence
from central.detection.stays import Visit, bathroom_devices, visits
from central.detection.suspicion import suspicion_of
from central.detection.watches import Watch

if TYPE_CHECKING:
    from central.detection.timeline import Timeline

LOOK_BACK_S: Final = 26 * 3600.0
_SPANS_S: Final = (3600.0, 4 * 3600.0, LOOK_BACK_S)
CALM_S: Final = 3_600.0
"""A walk is over for good after so long."""
KNOWN_S: Final = 3 * 3600.0
"""What is known of a home must begin so long ago, or nobody can say what happened before."""
BED_MATS: Final = frozenset({"serial_bed_mat"})
"""Models that are always a bed."""


class Presence(NamedTuple):
    """What the signs tell, and from what it was reckoned.

    Attributes:
        known: the activity's version, the last day learned, the limits, the sensors not believed.
        hours: of sleep, as seconds of the local day.
        last: the last sign of anybody; None = none in the last day.
        exit: an entry door since which nobody was noticed indoors; visit: one to the bathroom that goes on.
        walk: the last walk of the night, until an hour after it.
    """

    known: tuple[int, int, Limits, Mapping[str, float]]
    hours: tuple[int, int]
    last: Sign | None
    exit: Exit | None
    visit: Visit | None
    walk: Walk | None


def presence_of(timeline: Timeline, limits: Limits, now: float) -> Presence:
    """What is known now."""
    without = suspicion_of(timeline, limits, now).without
    known = (timeline.activity.version, timeline.habits.learned_day, limits, without)
    if timeline.presence is None or timeline.presence.known != known:
        timeline.presence = _reckon(timeline, limits, known)
    return timeline.presence


def _reckon(timeline: Timeline, limits: Limits, known: tuple[int, int, Limits, Mapping[str, float]]) -> Presence:
    activity, before = timeline.activity, timeline.presence
    same_hours = before is not None and before.known[1:3] == known[1:3]
    hours = before.hours if before is not None and same_hours else sleep_seconds(timeline.habits, limits)
    signs = _since_clear(activity, limits, known[3])
    if not signs:
        return Presence(known, hours, None, None, None, None)
    last = signs[-1]
    gone = exits(signs, limits)[-1:]
    stays = visits(signs, bathroom_devices(limits))[-1:]
    return Presence(
        known,
        hours,
        last,
        gone[0] if gone and gone[0].back_at is None and not in_bed(activity, limits, gone[0].at) else None,
        stays[0] if stays and stays[0].end_at is None else None,
        _last_walk(timeline, limits, last.at, hours, known[3]),
    )


def _since_clear(activity: Activity, limits: Limits, without: Mapping[str, float]) -> list[Sign]:
    """The last signs, from one on that tells by itself that nobody was out or in the bathroom; mostly the last hours
    are enough. All of the last day where there is none."""
    last_at = activity.last_at() or 0.0
    doors, bathroom = frozenset(limits.entry_doors), bathroom_devices(limits)
    halls = {limits.room_of(door) for door in doors}
    signs: list[Sign] = []
    for span_s in _SPANS_S:
        signs = activity.signs(last_at - span_s, without)
        for sign in signs:
            elsewhere = (device not in bathroom and limits.room_of(device) not in halls for device in sign.devices)
            if not sign.devices & doors and any(elsewhere):
                return signs
    return signs


def _last_walk(
    timeline: Timeline, limits: Limits, last_at: float, hours: tuple[int, int], without: Mapping[str, float]
) -> Walk | None:
    """The last walk of the last night, while it matters."""
    night = last_night(last_at, hours, limits.zone())
    if last_at >= night.end_at + CALM_S:
        return None
    signs = timeline.activity.signs(max(night.begin_at, last_at - LOOK_BACK_S), without)
    walked = walks(signs, night, limits, limit_of(timeline, limits, Watch.WANDERING, last_at))
    return walked[-1] if walked else None


def beds_of(limits: Limits) -> list[str]:
    """The devices that say whether somebody lies in bed, in name order."""
    mats = {device.id for device in limits.devices.values() if device.model in BED_MATS}
    return sorted(mats.union(limits.beds))


def in_bed(activity: Activity, limits: Limits, at: float) -> bool:
    """Whether a bed said at that time that somebody lay in it."""
    states = (state_at(activity.changes(bed, at - LOOK_BACK_S), at) for bed in beds_of(limits))
    return any(state is not None and state.on for state in states)


def limit_of(timeline: Timeline, limits: Limits, watch: Watch, now: float) -> float:
    """From which score on a watch calls: what the care plan says at least, and more than the home's past explains."""
    least, wished = {
        Watch.NIGHT_EXIT: (limits.night_exit_minutes, limits.night_false_alarms),
        Watch.DOOR_OPEN: (limits.door_open_minutes, limits.night_false_alarms),
        Watch.WANDERING: (limits.night_wandering_minutes, limits.night_false_alarms),
        Watch.BED_LEFT: (limits.bed_left_minutes, limits.night_false_alarms),
        Watch.BATHROOM_DAY: (limits.bathroom_minutes, limits.bathroom_false_alarms / 2),
        Watch.BATHROOM_NIGHT: (limits.bathroom_night_minutes, limits.bathroom_false_alarms / 2),
    }[watch]
    return timeline.habits.rare(watch, wished, least, datetime.fromtimestamp(now, limits.zone()).toordinal())


def can_judge_presence(timeline: Timeline, limits: Limits, moment: Moment) -> bool:
    """Whether where somebody is can be said at all: the home hears, its past is known, and nobody is away."""
    if limits.away_until_at is not None and moment.now < limits.away_until_at:
        return False
    first_at = timeline.activity.first_at()
    if first_at is None or moment.now - first_at < KNOWN_S:
        return False
    return can_judge_absence(timeline, limits, moment)


def alive(timeline: Timeline, limits: Limits, devices: Collection[str], now: float) -> list[str]:
    """Those of `devices` that see daily life and were heard within their own longest silence."""
    found = []
    for device in timeline.watching():
        enrolled = limits.devices.get(device)
        limit_s = enrolled.silence_max_s + limits.sensor_grace_s if enrolled else limits.inactivity_hours * 3600
        if device in devices and now - timeline.device_heard_at.get(device, 0.0) < limit_s:
            found.append(device)
    return found


def clock(at: float, limits: Limits) -> str:
    """A time of day in the home, as facts of a finding carry it."""
    return f"{datetime.fromtimestamp(at, limits.zone()):%-H:%M}"


def facts_of(device: str, since_at: float, found_at: float, limits: Limits) -> dict[str, str | float]:
    """What the sentences of all these findings are filled with."""
    enrolled = limits.devices.get(device)
    lasted_s = round(found_at - since_at)
    return {
        "device": device,
        "room": enrolled.room if enrolled else "",
        "quiet_s": lasted_s,
        "limit_s": lasted_s,
        "last_by": clock(since_at, limits),
    }
