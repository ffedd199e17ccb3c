"""What an alarm is called, what happened, and which expectation failed: sentences to be filled with a finding's facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from central.alarm_cases.case import Facts
from central.texts import Words, later, say_duration

KIND_WORDS: Final[Mapping[str, str]] = {
    "help": later("Help button"),
    "fall": later("Fall"),
    "smoke": later("Smoke"),
    "gas": later("Gas"),
    "co": later("Carbon monoxide"),
    "flood": later("Water leak"),
    "inactivity": later("No movement"),
    "sensor_silent": later("Silent sensor"),
    "hub_silent": later("Silent home"),
    "battery_low": later("Low battery"),
    "mains_lost": later("No mains power"),
    "test": later("Test"),
    "other": later("Unknown alarm"),
}

WHAT_HAPPENED: Final[Mapping[str, str]] = {
    "help": later("{name} pressed the help button."),
    "fall": later("The fall sensor of {name} reports a fall."),
    "smoke": later("The smoke alarm sounds at {name}'s home."),
    "gas": later("The gas alarm sounds at {name}'s home."),
    "co": later("The carbon monoxide alarm sounds at {name}'s home."),
    "flood": later("Water on the floor at {name}'s home."),
    "inactivity": later("No sign of movement from {name}."),
    "sensor_silent": later("A sensor at {name}'s home has fallen silent."),
    "hub_silent": later("Nothing is heard from {name}'s home any more."),
    "battery_low": later("A battery at {name}'s home is running low."),
    "mains_lost": later("{name}'s home has no mains power."),
    "test": later("A test from {name}'s home. Nothing has happened."),
    "other": later("{name}'s home sends an alarm with a code that is not known here."),
}

REASONS: Final[Mapping[str, str]] = {
    "quiet_too_long": later("No movement for {span}, longer than this home is ever quiet. Last noticed: {room}."),
    "quiet_indoors": later(
        "Quiet indoors for {span}: usually noticed in the {usual_room} by {usual_by};"
        " last movement {last_by} in the {room}."
    ),
    "not_up_yet": later(
        "Not up yet: usually in the {usual_room} by {usual_by}; last movement {last_by} in the {room}."
    ),
    "not_home_yet": later("Not home yet: usually back by {usual_by}; last movement {last_by}, at the door."),
    "not_back": later("Went out of the door and has not been noticed for {span}."),
    "hub_silent": later("The home's unit has said nothing for {span}: no alarm can come from there."),
    "hub_silent_long": later(
        "The home's unit has said nothing for {span}. Ring the person: no alarm can come from there."
    ),
    "sensor_silent": later("The sensor {device} ({room}) has said nothing for {span}."),
}
"""What a detector found, by its reason; `central.detection.detectors` say which facts go with each."""


def details(facts: Facts, rooms: Mapping[str, str], words: Words) -> dict[str, object]:
    """The facts of a finding as they are said: a span in words, a device's room in words."""
    given: dict[str, object] = dict(facts.details)
    for name, unit_s in (("hours", 3600.0), ("minutes", 60.0), ("quiet_s", 1.0), ("silent_s", 1.0)):
        value = facts.details.get(name)
        if isinstance(value, float | int):
            given["span"] = say_duration(value * unit_s, words.language)
    device = str(facts.details.get("device", facts.device))
    given["device"] = device
    given["room"] = facts.details.get("room") or rooms.get(device) or device
    return given
