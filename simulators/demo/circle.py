"""The circle around the demo's residents: what contacts may see, whether they were reached, planned tests of the path,
slow changes, and a week of sensors in some homes, lived by the same persons who live there when the demo runs."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from devices.vocabulary import Reading
from simulators.clock import PacedClock
from simulators.home import Home
from simulators.person import Person, someone

DAY_S: Final = 86_400.0
WEEK_DAYS: Final = 7
MEASURED_HOMES: Final = 6
"""Of the street; a home's week takes some hundredths of a second and 5,000 readings."""
_ZONE: Final = ZoneInfo("Europe/Madrid")
_ALL: Final = ("alarms", "daily_line", "location", "readings", "history", "access_notes")
_OF_MARIA: Final[Mapping[str, Sequence[str]]] = {
    "montse-ferrer": _ALL,
    "marc-ferrer": ("alarms", "daily_line", "access_notes"),
    "paquita-roca": ("alarms", "access_notes"),
}
_SHARED: Final = (("alarms", "daily_line"), ("alarms", "access_notes"), ("alarms", "daily_line", "location", "history"))
_ON_CALL: Final = "600 555 090"
_TEAM: Final = {"called": "Unitat mòbil", "phone": "000 900 100"}
_FAULTS: Final = ("550 mailbox does not exist", "the number is not in service")


def circle(homes: Sequence[str], contacts: Mapping[str, Sequence[str]], flat: str, now: float) -> dict[str, Any]:
    """What stands around the contacts of these homes; part of the file for `llar-central import-history`."""
    dice = random.Random(31)
    asked = [contact for home in homes for contact in contacts[home]]
    return {
        "shares": _shares(homes, contacts, flat, now, dice),
        "reach_tests": [_reach_test(contact, now, dice) for contact in asked],
        "drill_plans": [
            {"home": home, "every_days": 30, "next_at": now + (2 + number % 27) * DAY_S, "by": "pol"}
            for number, home in enumerate(homes)
            if number % 3 != 2
        ],
        "notes": _notes(homes, flat, now),
        "on_call": {"people": [{"called": "Núria", "channel": "sms", "address": _ON_CALL, "language": "ca"}]},
        "team": _TEAM,
    }


def _shares(
    homes: Sequence[str], contacts: Mapping[str, Sequence[str]], flat: str, now: float, dice: random.Random
) -> list[dict[str, Any]]:
    told = {"at": now - 120 * DAY_S, "by": "pol"}
    made: list[dict[str, Any]] = [
        {"resident": "maria-soler", "contact": contact, "shares": given, "said_by": "Maria", **told}
        for contact, given in _OF_MARIA.items()
    ]
    for home in homes:
        for contact in contacts[home]:
            if home != flat and dice.random() < 0.5:
                given = {"resident": f"{home}-p", "contact": contact, "shares": dice.choice(_SHARED)}
                at = now - dice.uniform(5, 300) * DAY_S
                said = dice.choice(("", "ho diu per telèfon", "visita a domicili"))
                made.append(given | {"at": at, "by": dice.choice(("pol", "nuria")), "said_by": said})
    return made


def _reach_test(contact: str, now: float, dice: random.Random) -> dict[str, Any]:
    """The monthly test of a contact: most answer, some do not, few cannot be written to any more."""
    test: dict[str, Any] = {"contact": contact, "channel": dice.choice(("email", "sms"))}
    test["at"] = now - dice.uniform(8, 29) * DAY_S
    chance = dice.random()
    if contact == "montse-ferrer" or chance < 0.84:
        return test | {"answered_after_s": dice.uniform(40, 20_000)}
    return test | ({"fault": dice.choice(_FAULTS)} if chance > 0.95 else {})


def _notes(homes: Sequence[str], flat: str, now: float) -> list[dict[str, Any]]:
    """Slow changes, as detection would have noted them some days ago."""

    def note(home: str, days_ago: int, measure: str, before: float, after: float, weeks: int) -> dict[str, Any]:
        day = (datetime.fromtimestamp(now, _ZONE) - timedelta(days=days_ago)).date().isoformat()
        return {"home": home, "day": day, "measure": measure, "before": before, "after": after, "weeks": weeks}

    told = [note(flat, 6, "night_bathroom", 0.9, 2.1, 4)] if flat in homes else []
    street = [home for home in homes if home != flat]
    for place, days_ago, *rest in ((1, 3, "outings", 2.2, 0.9, 3), (4, 9, "night_bathroom", 1.1, 2.4, 5)):
        if place < len(street):
            told.append(note(street[place], days_ago, *rest))  # type: ignore[arg-type]
    return told


def readings(flat: str, maria: Person, homes: Sequence[str], now: float) -> list[dict[str, Any]]:
    """A week of sensors in Maria's flat and in the first homes of a street."""
    people = {flat: maria} | {home: someone(number) for number, home in enumerate(homes[:MEASURED_HOMES], start=1)}
    return [series for home, person in people.items() for series in _week(home, person, now)]


def _week(home: str, person: Person, now: float) -> list[dict[str, Any]]:
    said: list[Reading] = []
    clock = PacedClock(now - WEEK_DAYS * DAY_S)
    Home(home, person, clock, said.append).start()
    clock.advance_to(now)
    series: dict[tuple[str, str], list[tuple[float, Any]]] = {}
    for one in said:
        series.setdefault((one.device, one.kind), []).append((round(one.measured_at, 3), one.value))
    return [
        {"home": home, "device": device, "kind": kind, "points": points} for (device, kind), points in series.items()
    ]
