"""Which homes need a technician, and why, in the reader's language: from what hubs say and from their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from central.console.hub_words import (
    MEDIA,
    MORE_PROBLEMS,
    ON_BATTERY,
    ON_BATTERY_AT,
    OUTCOMES,
    PATHS,
    PROBLEMS,
    SETTINGS_DIFFER,
    SETTINGS_NONE,
    SETTINGS_WAIT,
    Gravity,
)
from central.hub_states import Heard
from central.settings_desk import not_taken
from central.storage.homes import DeviceAtHome
from central.storage.hub_settings import Desired
from central.storage.pages import HubsHome
from central.texts import Words, later, say_duration, say_number
from devices.catalogue import CATALOGUE
from gateway.contract.messages import HubState, Problem, ProblemCode

SHOWN_MAX: Final = 100
"""Homes shown at once; a fault of so many has one cause, and the count tells that."""
HEARS_S: Final = 60.0
"""A radio or wire on which something was heard so lately hears; sensors speak every few seconds to minutes."""
SETTLING_S: Final = 1_200.0
"""Settings that went out so recently may still be on trial in the home."""
_RAISES_ALARMS: Final = frozenset({"press", "fall", "smoke", "gas", "co", "flood"})
_ABOUT_DEVICES: Final = frozenset(
    {ProblemCode.DEVICE_SILENT, ProblemCode.DEVICE_NOT_UNDERSTOOD, ProblemCode.DEVICE_UNREACHABLE}
)
_STATES: Final = {Gravity.BAD: "bad", Gravity.WARN: "warn", Gravity.NOTE: "note"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong. `state` is "bad", "warn" or "note"; `detail` is the hub's own English words."""

    state: str
    says: str
    advice: str
    detail: str
    age_s: float | None


@dataclass(frozen=True, slots=True)
class TroubledHome:
    """A home whose unit has something to say; `facts` are short phrases about how it stands otherwise."""

    home: str
    hub: str
    address: str
    state: str
    online: bool
    troubles: list[Trouble]
    facts: list[str]


def cannot_call(heard: Mapping[str, Heard]) -> int:
    """Of how many hubs it is known, by what they report themselves, that an alarm may not come from there."""
    return sum(any(_gravity(one) is Gravity.BAD for one in given.state.problems) for given in heard.values())


def in_trouble(heard: Mapping[str, Heard], unsettled: Mapping[str, Desired], now: float) -> list[tuple[Gravity, str]]:
    """The hubs that have something to say, the gravest first, without looking anything up."""
    found = []
    for hub in heard.keys() | unsettled.keys():
        given = heard.get(hub)
        gravities = [_gravity(problem) for problem in given.state.problems] if given else []
        if given and given.state.faults and not given.state.problems:
            gravities.append(Gravity.WARN)
        if given and given.state.mains is False:
            gravities.append(Gravity.WARN)
        if hub in unsettled and (given or unsettled[hub].published_at is not None):
            gravities.append(_settings_gravity(unsettled[hub], now))
        if gravities:
            found.append((min(gravities), hub))
    return sorted(found)


def describe(
    hub: str, at: HubsHome, heard: Heard | None, unsettled: Desired | None, now: float, words: Words
) -> TroubledHome:
    """One home's troubles, the gravest first, and how it stands otherwise."""
    found = [_say(problem, heard, at, now, words) for problem in heard.state.problems] if heard else []
    if heard:
        found += _besides(heard.state, words)
    if unsettled is not None and not (heard and not_taken(heard.state)):
        found.append(_say_settings(unsettled, now, words))
    found.sort(key=lambda one: one[0])
    gravest = found[0][0] if found else Gravity.NOTE
    return TroubledHome(
        home=at.home,
        hub=hub,
        address=at.address,
        state=_STATES[gravest],
        online=bool(heard and heard.state.online),
        troubles=[trouble for _, trouble in found],
        facts=_facts(heard.state, words) if heard else [],
    )


def _gravity(problem: Problem) -> Gravity:
    """How grave it is at least; what is said of a device may prove graver (`_say`)."""
    if problem.outcome is not None:
        return OUTCOMES[problem.outcome][0]
    if problem.code == ProblemCode.DEVICE_SILENT:
        return Gravity.WARN
    return PROBLEMS.get(problem.code, PROBLEMS[ProblemCode.OTHER]).gravity


def _say(problem: Problem, heard: Heard | None, at: HubsHome, now: float, words: Words) -> tuple[Gravity, Trouble]:
    known = PROBLEMS.get(problem.code, PROBLEMS[ProblemCode.OTHER])
    gravity = _gravity(problem)
    device = at.devices.get(problem.subject)
    if device is not None and problem.code in _ABOUT_DEVICES and raises_alarms(device.model):
        gravity = Gravity.BAD
    says = words.say(known.says, what=_called(problem.subject, device, words))
    if problem.outcome is not None:
        says = f"{says} {words.gettext(OUTCOMES[problem.outcome][1])}"
    detail = problem.detail if problem.code in PROBLEMS else f"{problem.code}: {problem.detail}"
    advice = words.gettext(known.advice) if known.advice else ""
    return gravity, Trouble(_STATES[gravity], says, advice, detail, _age_s(problem, heard, now))


def raises_alarms(model: str) -> bool:
    """Whether a product is one that people call for help with, or that warns of fire, gas or water."""
    known = CATALOGUE.get(model)
    return known is not None and not _RAISES_ALARMS.isdisjoint(known.kinds)


def _called(subject: str, device: DeviceAtHome | None, words: Words) -> str:
    if device is not None and device.room:
        return f"{device.room} ({device.id})"
    return words.gettext(MEDIA[subject]) if subject in MEDIA else subject or "?"


def _age_s(problem: Problem, heard: Heard | None, now: float) -> float | None:
    """How long it has lasted: by the centre's clock where the hub's is right, else as the hub counted."""
    if heard is None:
        return None
    if heard.state.trusted:
        return max(0.0, now - problem.since)
    return max(0.0, heard.state.at - problem.since) + max(0.0, now - heard.received_at)


def _besides(state: HubState, words: Words) -> list[tuple[Gravity, Trouble]]:
    """What is wrong and is no problem by code: power, words of hubs that know no codes, what had no room."""
    found = []
    if state.mains is False:
        left = state.battery_percent
        says = words.gettext(ON_BATTERY)
        if left is not None:
            says = words.say(ON_BATTERY_AT, percent=say_number(left, words.language))
        found.append((Gravity.WARN, Trouble("warn", says, "", "", None)))
    if not state.problems:
        other = words.gettext(PROBLEMS[ProblemCode.OTHER].says)
        found += [(Gravity.WARN, Trouble("warn", other, "", fault, None)) for fault in state.faults]
    if state.problems_more:
        more = words.say(MORE_PROBLEMS, count=state.problems_more)
        found.append((Gravity.NOTE, Trouble("note", more, "", "", None)))
    return found


def _settings_gravity(desired: Desired, now: float) -> Gravity:
    return Gravity.NOTE if now - (desired.published_at or now) < SETTLING_S else Gravity.WARN


def _say_settings(desired: Desired, now: float, words: Words) -> tuple[Gravity, Trouble]:
    gravity = _settings_gravity(desired, now)
    text = SETTINGS_WAIT if gravity is Gravity.NOTE else SETTINGS_DIFFER
    if not desired.in_force:
        text = SETTINGS_NONE
    says = words.say(text, wanted=desired.settings.version, in_force=desired.in_force)
    return gravity, Trouble(_STATES[gravity], says, "", "", max(0.0, now - desired.set_at))


def _facts(state: HubState, words: Words) -> list[str]:
    facts = []
    if state.online:
        facts.append(words.say(later("reaches the centre {way}"), way=words.gettext(PATHS[state.path])))
    for medium, seconds in sorted(state.hearing.items() if state.online else ()):
        name = words.gettext(MEDIA[medium]) if medium in MEDIA else medium
        if seconds < HEARS_S:
            facts.append(words.say(later("{medium}: hears its devices"), medium=name))
        else:
            span = say_duration(seconds, words.language)
            facts.append(words.say(later("{medium}: nothing heard for {span}"), medium=name, span=span))
    if state.cfg:
        facts.append(words.say(later("settings version {version}"), version=state.cfg))
    if state.waiting:
        facts.append(words.say(later("{count} messages wait there"), count=state.waiting))
    if state.firmware:
        facts.append(words.say(later("software {version}"), version=state.firmware))
    return facts
