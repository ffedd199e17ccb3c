"""Who should be heard and who is heard: the hearing watchdog. Pure; all moments are of the monotonic clock.

A dead radio looks just like a quiet home: no error, no advert. So what is usual is learned, for each device and for the
radio as a whole (anybody's adverts), and a silence that is not usual is told and healed. One device that falls silent
has an empty battery or was carried off; all of them together, or everybody, is the radio.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from devices.device_model import NEVER_MISSED
from edge.radio_healing import DEAF_AFTER_S, Note, RadioHealing
from edge.rhythm import Rhythm
from gateway.contract.messages import Outcome, ProblemCode

MISSED_TIMES: Final = 4.0
"""A device is missed after so many times its longest usual silence, and at the latest after its model's limit."""
MISSED_LEAST_S: Final = 900.0
"""No device is missed sooner, unless its model says so: a person who stands before a sensor is not a fault."""
REGULAR_S: Final = 3600.0
"""Devices that are missed within this time tell whether the radio hears the home."""
TOGETHER_LEAST: Final = 2
"""So many regular devices that are all missing are not so by chance."""


class Finding(NamedTuple):
    """Something that is wrong with hearing, or that was done about it; `since` is monotonic."""

    since: float
    sentence: str
    code: ProblemCode
    subject: str
    outcome: Outcome | None = None


@dataclass(slots=True)
class _Device:
    link: str
    silence_max_s: float
    rhythm: Rhythm
    was_heard: bool = False
    set_limit_s: float | None = None

    def limit_s(self, now: float) -> float:
        if self.set_limit_s is not None:
            return self.set_limit_s
        # what is used at will has no rhythm that could be broken
        if not self.rhythm.learned or self.silence_max_s == NEVER_MISSED:
            return self.silence_max_s
        return min(max(self.rhythm.usual_s(now) * MISSED_TIMES, MISSED_LEAST_S), self.silence_max_s)


@dataclass(slots=True)
class _Link:
    last_at: float
    healing: RadioHealing | None = None
    excused_until: float = field(default=-1e12)
    """Before this nobody could be heard; the devices' silence counts from here."""


class Hearing:
    """The home's links and devices. Every method is cheap; `heard_link` is called for each advert of anybody."""

    def __init__(self) -> None:
        self._links: dict[str, _Link] = {}
        self._devices: dict[str, _Device] = {}
        self._set_limits: dict[str, float] = {}
        self.adverts = 0

    def expect_link(self, link: str, now: float, healing: RadioHealing | None = None) -> None:
        """A link that is configured; silence counts from now. With `healing` it is a radio that is looked after."""
        known = self._links.setdefault(link, _Link(now))
        known.healing = known.healing or healing

    def expect_device(self, device: str, link: str, silence_max_s: float, now: float) -> None:
        """An enrolled device, to be heard every `silence_max_s` seconds at least, by its model."""
        known = self._devices.setdefault(device, _Device(link, silence_max_s, Rhythm(now)))
        known.set_limit_s = self._set_limits.get(device)

    def limit_silence(self, device: str, limit_s: float | None) -> None:
        """After so many seconds the device is missed, whatever is usual; None for what is usual and its model."""
        self._set_limits.pop(device, None)
        if limit_s is not None:
            self._set_limits[device] = limit_s
        if device in self._devices:
            self._devices[device].set_limit_s = limit_s

    def remember(self, note: Note, boot: str, now: float) -> None:
        """Takes up what an earlier run knew of the devices; silences go on only within the same boot."""
        for name, (longest_s, observed_s, last_at) in note.devices.items():
            device = self._devices.get(name)
            if device is not None:
                since = min(last_at, now) if note.boot == boot else now
                device.rhythm = Rhythm(since, longest_s, observed_s, now)
                device.was_heard = True

    def heard_link(self, link: str, now: float) -> None:
        """Anything at all was heard on the link."""
        self.adverts += 1
        known = self._links.get(link)
        if known is None:
            known = self._links[link] = _Link(now)
        known.last_at = now
        if known.healing is not None and known.healing.heard(now):
            known.excused_until = now

    def heard_device(self, device: str, now: float) -> None:
        """An enrolled device was heard."""
        known = self._devices.get(device)
        if known is None:
            known = self._devices[device] = _Device("", 1e12, Rhythm(now))
        link = self._links.get(known.link)
        if link is not None and link.healing is not None and link.healing.heard_own(now):
            link.excused_until = now
        excused = link is not None and link.excused_until > known.rhythm.last_at
        known.rhythm.heard(now, natural=known.was_heard and not excused)
        known.was_heard = True

    def look(self, now: float) -> None:
        """Compares expected with heard; called every few seconds."""
        for name, link in self._links.items():
            if link.healing is not None:
                link.healing.none_of_ours = self._all_missing(name, now)
                link.healing.look(now)

    def healing(self, link: str) -> RadioHealing | None:
        """What looks after a radio."""
        known = self._links.get(link)
        return known.healing if known else None

    def note(self, now: float, *, restarting: bool = False) -> Note | None:
        """What should outlive the program; None in a home without a radio."""
        devices = {
            name: (round(device.rhythm.usual_s(now), 1), round(device.rhythm.observed_s), device.rhythm.last_at)
            for name, device in self._devices.items()
            if device.was_heard
        }
        for link in self._links.values():
            if link.healing is not None:
                return msgspec.structs.replace(link.healing.note(now, restarting=restarting), devices=devices)
        return None

    def silences(self, now: float) -> dict[str, float]:
        """Seconds since anything was heard, by link."""
        return {name: round(max(now - link.last_at, 0.0), 1) for name, link in sorted(self._links.items())}

    def heard(self, now: float) -> dict[str, float]:
        """Seconds since each device was heard, of those that were."""
        return {
            name: round(max(now - device.rhythm.last_at, 0.0), 1)
            for name, device in self._devices.items()
            if device.was_heard
        }

    def findings(self, now: float) -> list[Finding]:
        """What is wrong, the radios first."""
        return [*self._radios(now), *self._missing(now)]

    def _radios(self, now: float) -> Iterator[Finding]:
        for name, link in sorted(self._links.items()):
            healing = link.healing
            if healing is None:
                continue
            if healing.is_deaf(now):
                whom = "none of the home's devices" if now - link.last_at < DEAF_AFTER_S else "nothing"
                sentence = f"{name}: heard {whom} for more than {DEAF_AFTER_S:.0f} s"
                yield Finding(healing.silent_since(now), sentence, ProblemCode.BLE_DEAF, name)
            elif healing.is_quiet(now):
                sentence = f"{name}: it is often silent for long in this home: a radio gone deaf is known late"
                yield Finding(healing.quiet_since, sentence, ProblemCode.BLE_QUIET, name)
            for done in healing.done(now):
                yield Finding(done.at, f"{name}: {done.sentence}", done.code, name, done.outcome)

    def _missing(self, now: float) -> Iterator[Finding]:
        for name, device in self._devices.items():
            silent_s, since = self._silent_s(device, now)
            if silent_s > device.limit_s(now) and not self._is_radios_fault(device, now):
                sentence = f"{name}: not heard for more than {_in_words(device.limit_s(now))}"
                yield Finding(since, sentence, ProblemCode.DEVICE_SILENT, name)

    def _silent_s(self, device: _Device, now: float) -> tuple[float, float]:
        """For how long a device was silent while its radio heard, and since when."""
        link = self._links.get(device.link)
        if link is None:
            return now - device.rhythm.last_at, device.rhythm.last_at
        since = max(device.rhythm.last_at, link.excused_until)
        until = link.last_at if link.healing is not None and link.healing.is_deaf(now) else now
        return until - since, since

    def _is_radios_fault(self, device: _Device, now: float) -> bool:
        link = self._links.get(device.link)
        return link is not None and link.healing is not None and link.healing.none_of_ours and link.healing.is_deaf(now)

    def _all_missing(self, link: str, now: float) -> bool:
        regular = [
            device
            for device in self._devices.values()
            if device.link == link and device.was_heard and device.limit_s(now) <= REGULAR_S
        ]
        return len(regular) >= TOGETHER_LEAST and all(
            self._silent_s(device, now)[0] > device.limit_s(now) for device in regular
        )


def _in_words(seconds: float) -> str:
    """A time as a technician says it."""
    return f"{seconds / 3600:.2g} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
