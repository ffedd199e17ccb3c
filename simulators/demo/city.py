"""The register of the demo's city: one flat with a real hub, a street of simulated homes, people, and a past week.

All names, addresses and numbers are invented; telephone numbers begin with 000, which nobody has.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

FLAT: Final = "h-1"
"""Home and hub of Maria Soler, where the real edge agent runs."""
QUIET: Final = "s-quiet"
"""A home whose hub is installed only when the story of silence is told."""
OPERATORS: Final = ("ana", "marc")
DAY_S: Final = 86_400.0
PAST_DAYS: Final = 7
PAST_CASES: Final = 40
"""Each is replayed through the desk in four commits at the first start."""

PENDANT_ADDRESS: Final = "A4:C1:38:00:00:02"
PENDANT_KEY: Final = bytes.fromhex("8f2a6f2c3b4d5e60718293a4b5c6d7e8")
SMOKE_ADDRESS: Final = "A4:C1:38:00:00:09"
SMOKE_KEY: Final = bytes.fromhex("0f1e2d3c4b5a69788796a5b4c3d2e1f0")
SERIAL_NUMBER: Final = 0xC0FFEE01
CUFF_ADDRESS: Final = "A4:C1:38:00:00:0A"
OXIMETER_ADDRESS: Final = "A4:C1:38:00:00:0B"
SIM_NUMBER: Final = "+000300001"
CENTRE_NUMBER: Final = "+000900112"
"""Where the centre takes alarms by SMS."""


def _in_the_air(device: str, model: str, address: str, room: str, link: str = "ble_advert") -> dict[str, Any]:
    return {"id": device, "model": model, "link": link, "address": address, "room": room}


FLAT_DEVICES: Final[tuple[Mapping[str, Any], ...]] = (
    _in_the_air("pendant", "bthome_pendant", PENDANT_ADDRESS, "penjoll") | {"key": PENDANT_KEY.hex()},
    _in_the_air("kitchen-smoke", "bthome_smoke", SMOKE_ADDRESS, "cuina") | {"key": SMOKE_KEY.hex()},
    _in_the_air("hall-motion", "bthome_motion", "A4:C1:38:00:00:01", "rebedor"),
    _in_the_air("kitchen-motion", "bthome_motion", "A4:C1:38:00:00:03", "cuina"),
    _in_the_air("living-motion", "bthome_motion", "A4:C1:38:00:00:04", "sala"),
    _in_the_air("bathroom-motion", "bthome_motion", "A4:C1:38:00:00:05", "bany"),
    _in_the_air("bedroom-motion", "bthome_motion", "A4:C1:38:00:00:06", "dormitori"),
    _in_the_air("front-door", "bthome_door", "A4:C1:38:00:00:07", "rebedor"),
    _in_the_air("living-climate", "bthome_climate", "A4:C1:38:00:00:08", "sala"),
    _in_the_air("cuff", "gatt_blood_pressure", CUFF_ADDRESS, "sala", "ble_gatt"),
    _in_the_air("oximeter", "gatt_pulse_oximeter", OXIMETER_ADDRESS, "sala", "ble_gatt"),
    {
        "id": "second-pendant",
        "model": "serial_pendant",
        "link": "serial",
        "address": f"{SERIAL_NUMBER:08x}",
        "room": "canell",
    },
)
"""The enrolment of the flat: what the hub is told, keys included."""

_STREET_DEVICES: Final = (
    ("hall-motion", "bthome_motion", "rebedor"),
    ("kitchen-motion", "bthome_motion", "cuina"),
    ("living-motion", "bthome_motion", "sala"),
    ("bathroom-motion", "bthome_motion", "bany"),
    ("bedroom-motion", "bthome_motion", "dormitori"),
    ("front-door", "bthome_door", "rebedor"),
    ("bed", "bthome_presence", "dormitori"),
    ("living-climate", "bthome_climate", "sala"),
    ("pendant", "bthome_pendant", "penjoll"),
    ("kitchen-smoke", "bthome_smoke", "cuina"),
)

_WOMEN: Final = (
    "Carme", "Montserrat", "Rosa", "Dolors", "Núria", "Pilar", "Teresa", "Antònia", "Mercè", "Isabel", "Josefa",
    "Encarna", "Conxita", "Assumpció", "Francesca", "Remei", "Lola", "Manuela", "Victòria", "Elvira",
)  # fmt: skip
_MEN: Final = (
    "Josep", "Antoni", "Joan", "Manuel", "Francesc", "Pere", "Ramon", "Jaume", "Miquel", "Vicenç", "Ángel", "Rafael",
    "Lluís", "Emili", "Salvador",
)  # fmt: skip
_FAMILY: Final = (
    "Puig", "Vidal", "Ferrer", "Serra", "Roca", "Garcia", "Martínez", "López", "Soler", "Casals", "Bosch", "Riera",
    "Prats", "Fernández", "Moreno", "Camps", "Sala", "Torrents", "Molina", "Navarro", "Romero", "Vila", "Mas", "Coll",
)  # fmt: skip
_YOUNGER: Final = (
    "Marta",
    "Jordi",
    "Laura",
    "Albert",
    "Sílvia",
    "Carles",
    "Cristina",
    "Xavier",
    "Eva",
    "David",
    "Anna",
)
_STREETS: Final = (
    ("Gràcia", "Carrer de Torrijos"), ("Gràcia", "Carrer de l'Or"), ("Sants", "Carrer de Vallespir"),
    ("Sants", "Carrer de Galileu"), ("Sant Andreu", "Carrer Gran de Sant Andreu"), ("Nou Barris", "Carrer d'Almansa"),
    ("Nou Barris", "Passeig de Valldaura"), ("Horta", "Carrer de Tajo"), ("Eixample", "Carrer de Villarroel"),
    ("Eixample", "Carrer de Lepant"), ("Ciutat Vella", "Carrer d'en Carabassa"), ("Sant Martí", "Carrer de Pujades"),
    ("Les Corts", "Carrer de Galileo"), ("Poble-sec", "Carrer de Blai"), ("El Clot", "Carrer de la Independència"),
)  # fmt: skip
_RELATIONS: Final = ("daughter", "son", "neighbour", "niece", "nephew")
_FLAGS: Final = ((), (), (), (), ("dog",), ("oxygen",), ("walker",), ("key_safe",), ("cat",))
_CONDITIONS: Final = (
    "",
    "",
    "",
    "Diabetis.",
    "Insuficiència cardíaca.",
    "Operada de maluc el 2024.",
    "Pèrdua de memòria lleu.",
)


def street(homes: int) -> list[str]:
    """Ids of the simulated homes and their hubs, the one of the silence left out."""
    return [f"s-{number:03d}" for number in range(1, homes + 1)]


def register(homes: int, now: float, passwords: Mapping[str, str]) -> dict[str, Any]:
    """The file for `llar-central import-homes`. `passwords`: operator -> password; same `homes`, same people."""
    dice = random.Random(7)
    ids = street(homes)
    return {
        "homes": [_flat(), _quiet(), *(_home(home_id, dice) for home_id in ids)],
        "operators": [
            {"id": "ana", "called": "Ana", "password": passwords["ana"], "language": "ca"},
            {"id": "marc", "called": "Marc", "password": passwords["marc"], "language": "es"},
        ],
        "cases": _past([FLAT, *ids], now, random.Random(11)),
    }


def edition(homes: int) -> str:
    """Of the register: another one must be imported anew."""
    text = json.dumps(register(homes, 0.0, dict.fromkeys(OPERATORS, "")), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def sms_number(phone: str) -> str:
    """A telephone number as a modem dials it."""
    return "+" + phone.replace(" ", "")


def _flat() -> dict[str, Any]:
    return {
        "id": FLAT,
        "hub": FLAT,
        "address": "Carrer de Verdi 12, 3r 2a, Barcelona",
        "district": "Gràcia",
        "access_notes": "Clau a la caixa del portal, codi 4182. L'ascensor va lent.",
        "phone": "000 000 001",
        "sim": SIM_NUMBER,
        "devices": [{"id": d["id"], "model": d["model"], "room": d["room"]} for d in FLAT_DEVICES],
        "residents": [
            {
                "id": "maria-soler",
                "called": "Maria",
                "full_name": "Maria Soler i Camps",
                "born": 1941,
                "lives_alone": True,
                "hearing": "weak",
                "flags": ["key_safe", "walker"],
                "conditions": "Fractura de maluc el 2023. Pren anticoagulants: compte amb els cops.",
            }
        ],
        "contacts": [
            _MONTSE,
            _contact("marc-ferrer", "Marc", "son", 22, minutes_away=40, language="es"),
            _PAQUITA,
        ],
    }


def _quiet() -> dict[str, Any]:
    return {
        "id": QUIET,
        "hub": QUIET,
        "address": "Carrer de Bailèn 201, 4t 1a, Barcelona",
        "district": "Gràcia",
        "phone": "000 000 002",
        "care_plan": {"inactivity_hours": 4.0},
        "devices": [{"id": i, "model": m, "room": r} for i, m, r in _STREET_DEVICES],
        "residents": [
            {
                "id": "josep-vidal",
                "called": "Josep",
                "full_name": "Josep Vidal i Roca",
                "born": 1938,
                "lives_alone": True,
                "conditions": "Insuficiència cardíaca.",
            }
        ],
        "contacts": [_contact("laura-vidal", "Laura", "daughter", 31, has_key=True, minutes_away=20)],
    }


def _home(home_id: str, dice: random.Random) -> dict[str, Any]:
    district, street_name = dice.choice(_STREETS)
    number = int(home_id.removeprefix("s-"))
    spanish = dice.random() < 0.35
    called = dice.choice(_WOMEN if dice.random() < 0.7 else _MEN)
    first, second = dice.sample(_FAMILY, 2)
    helpers = dice.sample(_YOUNGER, dice.choice((1, 2, 2, 3)))
    return {
        "id": home_id,
        "hub": home_id,
        "address": f"{street_name} {dice.randint(1, 240)}, {dice.randint(1, 6)}-{dice.randint(1, 4)}, Barcelona",
        "district": district,
        "language": "es" if spanish else "ca",
        "phone": f"000 100 {number:03d}",
        "devices": [{"id": i, "model": m, "room": r} for i, m, r in _STREET_DEVICES],
        "residents": [
            {
                "id": f"{home_id}-p",
                "called": called,
                "full_name": f"{called} {first} {'' if spanish else 'i '}{second}",
                "born": dice.randint(1929, 1951),
                "language": "es" if spanish else "ca",
                "lives_alone": dice.random() < 0.75,
                "hearing": dice.choice(("good", "good", "weak")),
                "flags": list(dice.choice(_FLAGS)),
                "conditions": dice.choice(_CONDITIONS),
            }
        ],
        "contacts": [
            _contact(
                f"{home_id}-c{place}",
                name,
                dice.choice(_RELATIONS),
                number * 10 + place,
                has_key=dice.random() < 0.5,
                minutes_away=dice.choice((2, 10, 15, 25, 40)),
                language="es" if spanish else "ca",
            )
            for place, name in enumerate(helpers, start=1)
        ],
    }


def _contact(
    contact_id: str,
    called: str,
    relation: str,
    number: int,
    *,
    has_key: bool = False,
    minutes_away: int = 30,
    language: str = "ca",
) -> dict[str, Any]:
    return {
        "id": contact_id,
        "called": called,
        "relation": relation,
        "phone": f"000 200 {number:03d}",
        "email": f"{contact_id}@example.org",
        "language": language,
        "has_key": has_key,
        "minutes_away": minutes_away,
    }


_MONTSE: Final = _contact("montse-ferrer", "Montse", "daughter", 21, has_key=True, minutes_away=15)
_PAQUITA: Final = _contact("paquita-roca", "Paquita", "neighbour", 23, has_key=True, minutes_away=2)
SMS_CONTACTS: Final = (_MONTSE, _PAQUITA)
"""Who gets an SMS from Maria's hub when the centre does not answer."""

_STORIES: Final = (
    # kind, device, place, cause, action, outcome, label, weight
    ("help", "pendant", "penjoll", "mistake", "talked", "resolved_by_talk", "false", 30),
    ("help", "pendant", "penjoll", "lonely", "talked", "resolved_by_talk", "true", 18),
    ("help", "pendant", "penjoll", "help_needed", "contact_sent", "helped_at_home", "true", 12),
    ("help", "pendant", "penjoll", "unwell", "ambulance", "hospital", "true", 4),
    ("fall", "pendant", "penjoll", "fall", "contact_sent", "helped_at_home", "true", 5),
    ("smoke", "kitchen-smoke", "cuina", "sensor_false", "talked", "resolved_by_talk", "false", 4),
    ("inactivity", "", "sala", "mistake", "talked", "resolved_by_talk", "false", 5),
    ("battery_low", "front-door", "rebedor", "equipment", "technician", "resolved_by_talk", "true", 4),
)


def _past(homes: Sequence[str], now: float, dice: random.Random) -> list[dict[str, Any]]:
    """Closed cases of the last days: most answered within a minute, a few not."""
    weights = [story[-1] for story in _STORIES]
    cases = []
    for number in range(min(PAST_CASES, len(homes) * 3)):
        kind, device, place, cause, action, outcome, label, _ = dice.choices(_STORIES, weights)[0]
        taken = dice.uniform(6, 48) if dice.random() < 0.95 else dice.uniform(62, 150)
        # at least an hour ago, and far enough apart at one home not to be one situation
        age = 3600 + (number + dice.random() * 0.5) * (PAST_DAYS * DAY_S - 7200) / PAST_CASES
        cases.append(
            {
                "home": homes[number % len(homes)],
                "ref": f"past{number:03d}",
                "kind": kind,
                "at": round(now - age, 1),
                "operator": dice.choice(OPERATORS),
                "taken_after_s": round(taken, 1),
                "spoken_after_s": round(taken + dice.uniform(2, 8), 1),
                "closed_after_s": round(taken + dice.uniform(60, 600), 1),
                "cause": cause,
                "action": action,
                "outcome": outcome,
                "label": label,
                "place": place,
                "device": device,
            }
        )
    return cases
