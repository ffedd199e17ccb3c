"""What an alarm is called, what happened, and which expectation failed: sentences, filled with a finding's facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from central.alarm_cases.case import Facts
from central.console.evidence_words import DIRECTIONS, KIND_NAMES, say_distance, say_value
from central.texts import Words, later, say_duration

KIND_WORDS: Final[Mapping[str, str]] = {
    "help": later("Help button"),
    "duress": later("Duress (silent)"),
    "fall": later("Fall"),
    "smoke": later("Smoke"),
    "gas": later("Gas"),
    "co": later("Carbon monoxide"),
    "flood": later("Water leak"),
    "inactivity": later("No movement"),
    "night_door": later("Door at night"),
    "night_wandering": later("Up and about at night"),
    "bathroom_stay": later("Long in the bathroom"),
    "bed_left": later("Bed left at night"),
    "sensor_silent": later("Silent sensor"),
    "sensor_over_eager": later("Over-eager sensor"),
    "hub_silent": later("Silent home"),
    "battery_low": later("Low battery"),
    "mains_lost": later("No mains power"),
    "vital_sign": later("Vital sign"),
    "vital_missing": later("Missing measurement"),
    "temperature_extreme": later("Room temperature"),
    "medication": later("Medication"),
    "outside_zone": later("Outside the safe zone"),
    "in_vehicle": later("In a vehicle"),
    "locator_silent": later("Silent locator"),
    "check_in_missed": later("Agreed call not answered"),
    "service_call": later("Call that can wait"),
    "radio_deaf": later("Deaf radio"),
    "contacts_unreachable": later("Nobody reachable at times"),
    "sms_unverified": later("SMS not verified"),
    "test": later("Test"),
    "other": later("Unknown alarm"),
}

WHAT_HAPPENED: Final[Mapping[str, str]] = {
    "help": later("{name} pressed the help button."),
    "duress": later("{name} has called for help in secret: somebody may be threatening them."),
    "fall": later("The fall sensor of {name} reports a fall."),
    "smoke": later("The smoke alarm sounds at {name}'s home."),
    "gas": later("The gas alarm sounds at {name}'s home."),
    "co": later("The carbon monoxide alarm sounds at {name}'s home."),
    "flood": later("Water on the floor at {name}'s home."),
    "inactivity": later("No sign of movement from {name}."),
    "night_door": later("The front door of {name}'s home was opened at night."),
    "night_wandering": later("{name} is up and about in the night."),
    "bathroom_stay": later("{name} has been in the bathroom for long."),
    "bed_left": later("{name} left the bed in the night and is not back."),
    "sensor_silent": later("A sensor at {name}'s home has fallen silent."),
    "sensor_over_eager": later("A sensor at {name}'s home fires without end."),
    "hub_silent": later("Nothing is heard from {name}'s home any more."),
    "battery_low": later("A battery at {name}'s home is running low."),
    "mains_lost": later("{name}'s home has no mains power."),
    "vital_sign": later("A measurement of {name} is out of range."),
    "vital_missing": later("A measurement of {name} has not come."),
    "temperature_extreme": later("{name}'s home is too cold or too hot."),
    "medication": later("It is not known that {name} has taken a medication."),
    "outside_zone": later("{name} is outside the safe zone."),
    "in_vehicle": later("{name} seems to be in a vehicle."),
    "locator_silent": later("{name}'s locator has fallen silent."),
    "check_in_missed": later("{name} has not answered a call that was agreed."),
    "service_call": later("{name} has called about something that can wait."),
    "radio_deaf": later("The radio at {name}'s home hears nobody."),
    "contacts_unreachable": later("There are times in which none of {name}'s contacts could be reached."),
    "sms_unverified": later("An SMS in the name of {name}'s home cannot be verified."),
    "test": later("A test from {name}'s home. Nothing has happened."),
    "other": later("{name}'s home sends an alarm with a code that is not known here."),
}

REASONS: Final[Mapping[str, str]] = {
    "fall_suspected": later("The movement of {device} was like a fall; nobody has been asked."),
    "fall_confirmed": later("The movement of {device} was like a fall, and then it lay still."),
    "quiet_too_long": later(
        "No movement for {span}: the limit for this home at such an hour is reached. Last noticed: {room}."
    ),
    "quiet_indoors": later(
        "Quiet indoors for {span}: usually noticed in the {usual_room} by {usual_by};"
        " last movement {last_by} in the {room}."
    ),
    "not_up_yet": later(
        "Not up yet: usually in the {usual_room} by {usual_by}; last movement {last_by} in the {room}."
    ),
    "not_home_yet": later("Not home yet: usually back by {usual_by}; last movement {last_by}, at the door."),
    "not_back": later("Went out of the door and has not been noticed for {span}."),
    "night_exit": later(
        "The door opened at {last_by}, and nobody has been noticed indoors for {span}: perhaps gone out in the night."
    ),
    "door_left_open": later("The door has stood open for {span}, since {last_by} in the night."),
    "night_wandering": later(
        "Walking about since {last_by}, for {span}: {rooms}. At this hour this home is usually asleep."
    ),
    "bathroom_stay": later(
        "Last noticed in the {room}, and for {span} nowhere else; stays there are usually shorter."
        " Somebody who has left it unseen by any sensor would look the same."
    ),
    "bed_left": later(
        "The bed has been empty since {last_by}, and for {span} nobody has been noticed anywhere. Last noticed: {room}."
    ),
    "sensor_over_eager": later(
        "The sensor {device} ({room}) has fired again and again for {span} while no other sensor noticed anybody."
        " Until it rests its signals do not count as movement."
    ),
    "hub_silent": later("The home's unit has said nothing for {span}: no alarm can come from there."),
    "hub_silent_long": later(
        "The home's unit has said nothing for {span}. Ring the person: no alarm can come from there."
    ),
    "radio_deaf": later(
        "The radio of the home's unit has heard nobody for {span}: no radio pendant is heard."
        " Have the unit's power taken away for a minute; if that does not help, send a technician."
    ),
    "sensor_silent": later("The sensor {device} ({room}) has said nothing for {span}."),
    "vital_low": later("{vital} {value}: below {limit}. Measured at {clock}."),
    "vital_high": later("{vital} {value}: above {limit}. Measured at {clock}."),
    "vital_far_low": later("{vital} {value}: far too low (below {limit}). Measured at {clock}."),
    "vital_far_high": later("{vital} {value}: far too high (above {limit}). Measured at {clock}."),
    "vital_urgent_low": later("{vital} {value}: far too low (below {limit}), urgent by the care plan. At {clock}."),
    "vital_urgent_high": later("{vital} {value}: far too high (above {limit}), urgent by the care plan. At {clock}."),
    "weight_gain": later("{value}: {change} more within {span}. Measured at {clock}."),
    "weight_loss": later("{value}: {change} less within {span}. Measured at {clock}."),
    "vital_missing": later("By the care plan expected until {clock}: {vital}. Last measured: {last}."),
    "too_cold": later("At most {value} in the {room} for {span}; the limit is {limit}."),
    "too_hot": later("At least {value} in the {room} for {span}; the limit is {limit}."),
    "heating_up": later("The {room} has become hotter by {change} within {span}: {value}. It may be a fire."),
    "dose_not_taken": later("The dose of {due} was not taken by {clock}."),
    "dose_waiting": later("The dispenser gave a dose at {clock}; it has not been taken for {span}."),
    "dose_missed": later("The dispenser says that a dose was missed, at {clock}."),
    "outside_zone": later('{distance} {direction} of "{zone}". Position at {clock}: {position}.'),
    "in_vehicle": later('{value} for {span}. Position at {clock}: {position}; {distance} {direction} of "{zone}".'),
    "in_vehicle_somewhere": later("{value} for {span}. Position at {clock}: {position}."),
    "locator_silent": later(
        'Nothing for {span}. Last known position, {clock}: {position}; {distance} {direction} of "{zone}".'
    ),
    "locator_silent_somewhere": later("Nothing for {span}. Last known position, {clock}: {position}."),
}
"""What a detector found, by its reason; `central.detection.detectors` say which facts go with each."""


def details(facts: Facts, rooms: Mapping[str, str], words: Words) -> dict[str, object]:
    """The facts of a finding as they are said: a span in words, a device's room in words."""
    given: dict[str, object] = dict(facts.details)
    for name, unit_s in (("hours", 3600.0), ("minutes", 60.0), ("quiet_s", 1.0), ("silent_s", 1.0), ("span_s", 1.0)):
        value = facts.details.get(name)
        if isinstance(value, float | int):
            given["span"] = say_duration(value * unit_s, words.language)
    device = str(facts.details.get("device", facts.device))
    given["device"] = device
    given["room"] = facts.details.get("room") or rooms.get(device) or device
    given |= _measured(facts.details, words)
    return given


def _measured(details: Mapping[str, str | float], words: Words) -> dict[str, str]:
    """What was measured, with units; a place by its distance and direction; when it was measured last."""
    given = {"last": str(details.get("last") or words.gettext(later("never")))}
    kind = str(details.get("vital", ""))
    if kind in KIND_NAMES:
        name = words.gettext(KIND_NAMES[kind])
        given["vital"] = name[:1].upper() + name[1:]
        for fact in ("value", "limit", "change"):
            value = details.get(fact)
            if isinstance(value, float | int):
                given[fact] = say_value(kind, value, words)
    distance = details.get("distance_m")
    if isinstance(distance, float | int):
        given["distance"] = say_distance(distance, words)
        given["direction"] = words.gettext(DIRECTIONS.get(str(details.get("direction", "")), ""))
    return given
