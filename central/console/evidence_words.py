"""One reading in words: what a sensor said, with its value and unit."""

from __future__ import annotations

from collections.abc import Mapping
from math import degrees
from typing import Final

from central.alarm_cases.case import Facts
from central.detection.geometry import direction, distance_m
from central.texts import Words, later, say_number
from devices.vocabulary import KINDS
from gateway.contract.messages import Record

_EVIDENCE: Final[Mapping[tuple[str, bool], str]] = {
    ("motion", True): later("movement"),
    ("motion", False): later("stillness"),
    ("open", True): later("opened"),
    ("open", False): later("closed"),
    ("presence", True): later("somebody there"),
    ("presence", False): later("empty"),
    ("smoke", True): later("smoke"),
    ("smoke", False): later("no smoke"),
    ("gas", True): later("gas"),
    ("gas", False): later("no gas"),
    ("co", True): later("carbon monoxide"),
    ("co", False): later("no carbon monoxide"),
    ("flood", True): later("water"),
    ("flood", False): later("dry"),
    ("tamper", True): later("tampered with"),
}
KIND_NAMES: Final[Mapping[str, str]] = {
    "press": later("button pressed"),
    "fall": later("fall"),
    "suspected": later("suspected"),
    "confirmed": later("confirmed"),
    "recovered": later("got up"),
    "fine": later("said to be fine"),
    "unanswered": later("no answer at home"),
    "impact": later("impact"),
    "tilt": later("turned by"),
    "stir": later("movement after it"),
    "heartbeat": later("sign of life"),
    "boot": later("started anew"),
    "temperature": later("temperature"),
    "humidity": later("humidity"),
    "illuminance": later("light"),
    "power": later("power"),
    "heart_rate": later("heart rate"),
    "spo2": later("oxygen in blood"),
    "systolic": later("upper blood pressure"),
    "diastolic": later("lower blood pressure"),
    "weight": later("weight"),
    "body_temperature": later("body temperature"),
    "dose": later("dose of medication"),
    "due": later("due"),
    "taken": later("taken"),
    "missed": later("missed"),
    "latitude": later("latitude"),
    "longitude": later("longitude"),
    "position": later("position"),
    "position_accuracy": later("accuracy of the position"),
    "speed": later("speed"),
    "battery": later("battery"),
    "voltage": later("voltage"),
    "rssi": later("signal"),
}
UNITS: Final[Mapping[str, str]] = {
    "Cel": "°C",
    "%RH": "%",
    "%EL": "%",
    "beat/min": "/min",
    "mm[Hg]": "mmHg",
    "lat": "°",
    "lon": "°",
    "m/s2": "m/s²",
}


DIRECTIONS: Final[Mapping[str, str]] = {
    "north": later("north"),
    "north-east": later("north-east"),
    "east": later("east"),
    "south-east": later("south-east"),
    "south": later("south"),
    "south-west": later("south-west"),
    "west": later("west"),
    "north-west": later("north-west"),
}
_KMH_PER_M_S: Final = 3.6


def kind_name(kind: str, words: Words) -> str:
    """What a kind of reading is called."""
    return words.gettext(KIND_NAMES.get(kind) or _EVIDENCE.get((kind, True), kind))


def say_value(kind: str, value: float, words: Words) -> str:
    """A measured value with its unit, as people say it: "38,2 °C", "41 km/h"."""
    if kind == "speed":
        return f"{say_number(value * _KMH_PER_M_S, words.language)} km/h"
    unit = KINDS[kind].unit
    digits = 0 if float(value).is_integer() else 1
    return f"{say_number(value, words.language, digits)} {UNITS.get(unit, unit)}"


def say_distance(metres: float, words: Words) -> str:
    """A distance as people say it: "320 m", "4,2 km"."""
    if metres < 1000:
        return f"{say_number(metres, words.language)} m"
    return f"{say_number(metres / 1000, words.language, 1)} km"


POSITION_PARTS: Final = frozenset({"latitude", "longitude", "position_accuracy"})
"""Readings that are said together, as one position."""


def positions(facts: Facts, words: Words) -> list[tuple[float, str, str]]:
    """The positions in an alarm's evidence as (at, device, words): how exact, and where from the zone's middle."""
    parts: dict[tuple[float, str], dict[str, float]] = {}
    for record in facts.evidence:
        device, _, kind = (record.n or "").partition("/")
        if kind in POSITION_PARTS and record.v is not None and record.t is not None:
            parts.setdefault((record.t, device), {})[kind] = record.v
    return [
        (at, device, _position(part, facts, words))
        for (at, device), part in parts.items()
        if {"latitude", "longitude"} <= part.keys()
    ]


def _position(part: Mapping[str, float], facts: Facts, words: Words) -> str:
    here = part["latitude"], part["longitude"]
    said = f"{words.gettext(KIND_NAMES['position'])} {here[0]:.5f}, {here[1]:.5f}"
    if "position_accuracy" in part:
        said += f" (± {say_distance(part['position_accuracy'], words)})"
    middle = facts.details.get("zone_latitude"), facts.details.get("zone_longitude")
    if not isinstance(middle[0], float | int) or not isinstance(middle[1], float | int):
        return said
    origin = float(middle[0]), float(middle[1])
    where = later('{distance} {direction} of "{zone}"')
    far = say_distance(distance_m(here, origin), words)
    wind = words.gettext(DIRECTIONS[direction(here, origin)])
    return f"{said}, {words.say(where, distance=far, direction=wind, zone=facts.details.get('zone', ''))}"


def value_words(record: Record, kind: str, words: Words) -> str:
    """A SenML record of this kind in words: "movement", "temperature 21 °C"."""
    if record.vb is not None and (kind, record.vb) in _EVIDENCE:
        return words.gettext(_EVIDENCE[kind, record.vb])
    name = words.gettext(KIND_NAMES.get(kind, kind))
    if record.vs is not None and record.vs in KIND_NAMES:
        return f"{name}: {words.gettext(KIND_NAMES[record.vs])}"
    if record.v is not None and KINDS[kind].unit == "rad":
        return f"{name} {degrees(record.v):.0f}°"
    if record.v is not None and KINDS[kind].unit:
        unit = KINDS[kind].unit
        return f"{name} {record.v:g} {UNITS.get(unit, unit)}"
    return name
