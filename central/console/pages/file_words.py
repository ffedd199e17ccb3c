"""What fields and codes of a resident's file are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from central.texts import Words, later

FIELDS: Final[Mapping[str, str]] = {
    "called": later("Name to be used"),
    "full_name": later("Full name"),
    "born": later("Year of birth"),
    "language": later("Language"),
    "lives_alone": later("Lives alone"),
    "hearing": later("Hearing"),
    "speech": later("Speech"),
    "flags": later("To know at once"),
    "address": later("Address"),
    "district": later("District"),
    "municipality": later("Municipality"),
    "phone": later("Telephone"),
    "mobile": later("Mobile telephone"),
    "provider": later("Provider of telephone and Internet"),
    "email": later("E-mail"),
    "relation": later("Relation"),
    "has_key": later("Has a key"),
    "minutes_away": later("Minutes away"),
    "weekly": later("Hours"),
    "absences": later("Holidays"),
    "night_ok": later("May be woken at night"),
    "muted_until_at": later("Not to be told until"),
    "addresses": later("Ways to reach them"),
    "consent": later("May see"),
    "entrance": later("Entrance"),
    "door_code": later("Door code"),
    "key_safe": later("Key safe"),
    "key_safe_code": later("Code of the key safe"),
    "pets": later("Animals"),
    "notes": later("Notes"),
    "text": later("What it is"),
    "source": later("Known from"),
    "since": later("Since"),
    "valid_until": later("Holds until"),
    "care_plan": later("Limits"),
    "order": later("Order"),
    "first": later("Who hears of it first"),
    "carers": later("How contacts are asked"),
    "protocol_text": later("What the operator follows"),
    "after_s": later("Steps moved"),
    "added": later("Added"),
    "removed": later("Removed"),
    "room": later("Room"),
    "model": later("Model"),
    "ended": later("Ended"),
    "notifications": later("Notifications"),
}
SUBJECTS: Final[Mapping[str, str]] = {
    "home": later("Home"),
    "access": later("Way in"),
    "resident": later("Resident"),
    "contact": later("Contact"),
    "condition": later("Health and conditions"),
    "plan": later("Care plan"),
    "limits": later("Limits"),
    "order": later("Order of contacts"),
    "device": later("Device"),
    "absence": later("Absence"),
    "notifications": later("Notifications"),
}
FLAGS: Final[Mapping[str, str]] = {
    "oxygen": later("Oxygen"),
    "dog": later("Dog"),
    "cat": later("Cat"),
    "key_safe": later("Key safe"),
    "no_speech": later("No speech possible"),
    "wheelchair": later("Wheelchair"),
    "walker": later("Walker"),
    "dementia": later("Memory loss"),
    "diabetes": later("Diabetes"),
    "heart": later("Heart condition"),
    "blind": later("Poor sight"),
    "deaf": later("Deaf"),
    "violence": later("Risk for visitors"),
    "falls": later("Falls often"),
    "anticoagulant": later("Blood thinner"),
}
SENSES: Final[Mapping[str, str]] = {
    "good": later("good"),
    "weak": later("weak"),
    "aid": later("with hearing aid"),
    "none": later("none"),
}
RELATIONS: Final[Mapping[str, str]] = {
    "daughter": later("daughter"),
    "son": later("son"),
    "partner": later("partner"),
    "sister": later("sister"),
    "brother": later("brother"),
    "grandchild": later("grandchild"),
    "niece": later("niece"),
    "nephew": later("nephew"),
    "friend": later("friend"),
    "neighbour": later("neighbour"),
    "professional": later("professional carer"),
}
ABSENCES: Final[Mapping[str, str]] = {
    "holiday": later("Holiday"),
    "family": later("With family"),
    "hospital": later("In hospital"),
    "residence": later("In a residence"),
    "other": later("Something else"),
}
WHY_NOT: Final[Mapping[str, str]] = {
    "": later("can be asked now"),
    "unreachable": later("no way to reach them"),
    "muted": later("wants to hear nothing now"),
    "away": later("away"),
    "off_hours": later("not at this hour"),
    "night": later("not at night"),
}
SHARES: Final[Mapping[str, str]] = {
    "alarms": later("Alarms"),
    "daily_line": later("A calm line every day"),
    "location": later("Where they are"),
    "readings": later("Measurements"),
    "history": later("Earlier alarms"),
    "access_notes": later("The way in"),
}
SHARES_SEE: Final[Mapping[str, str]] = {
    "alarms": later("Is asked to come when help is needed, and sees what happened."),
    "daily_line": later("Sees one line a day, such as “up at 8:10”."),
    "location": later("Sees during an alarm in which room they moved last."),
    "readings": later("Sees alarms about measurements, and changes that last for weeks."),
    "history": later("Is told and sees how alarms ended, and sees who opened the file."),
    "access_notes": later("Sees how to get in, only while going there, and it is noted."),
}
CONSENTS: Final[Mapping[str, str]] = {
    "routine": later("That the weeks at home are told in numbers"),
}
FIRST: Final[Mapping[str, str]] = {"operator": later("The operator"), "family": later("The family")}
CARERS: Final[Mapping[str, str]] = {
    "first_then_all": later("The best one first, soon all"),
    "parallel": later("All at once"),
    "in_turn": later("One after the other"),
}
ORDERS: Final[Mapping[str, str]] = {
    "best": later("Who can be there soonest"),
    "agreed": later("As agreed with the resident"),
}
LIMITS: Final[Mapping[str, tuple[str, str]]] = {
    "inactivity_hours": (later("Quiet hours by day that are too many"), "hours"),
    "inactivity_night_hours": (later("Quiet hours with a night in them that are too many"), "hours"),
    "inactivity_away_hours": (later("Hours away from home that are too many"), "hours"),
    "bathroom_minutes": (later("Minutes in the bathroom that are too many"), "minutes"),
    "bathroom_night_minutes": (later("Minutes in the bathroom at night that are too many"), "minutes"),
    "bed_left_minutes": (later("Minutes out of bed at night that are too many"), "minutes"),
    "night_exit_minutes": (later("Minutes out of the door at night that are too many"), "minutes"),
    "door_open_minutes": (later("Minutes with the door open at night that are too many"), "minutes"),
    "night_wandering_minutes": (later("Minutes of walking about at night that are too many"), "minutes"),
    "night_from": (later("The night begins at"), "time"),
    "night_to": (later("The night ends at"), "time"),
}
"""Limits of `central.detection.profile` that a care plan may move, with their unit."""


def field_name(name: str, words: Words) -> str:
    """What a field is called."""
    if name in LIMITS:
        return words.gettext(LIMITS[name][0])
    return words.gettext(FIELDS.get(name, name))


def shown(value: Any, words: Words) -> str:
    """A value as one reads it in a list of changes."""
    if isinstance(value, bool):
        return words.gettext(later("yes")) if value else words.gettext(later("no"))
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, list):
        return ", ".join(shown(one, words) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{field_name(str(name), words)} {shown(one, words)}" for name, one in value.items())
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    for table in (FLAGS, SENSES, RELATIONS, ABSENCES, SHARES):
        if text in table:
            return words.gettext(table[text])
    return text


def choices(table: Mapping[str, str], words: Words) -> dict[str, str]:
    """A table of codes in somebody's language, for a list to choose from."""
    return {code: words.gettext(text) for code, text in table.items()}
