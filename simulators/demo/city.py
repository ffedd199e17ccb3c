"""The register of the demo's city: one flat with a real hub, a street of simulated homes, people, and a past week.

All names, addresses and numbers are invented; telephone numbers begin with 000, which nobody has.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from typing import Any, Final

from simulators.demo import circle, life
from simulators.person import Person

FLAT: Final = "h-1"
"""Home and hub of Maria Soler, where the real edge agent runs."""
MARIA: Final = Person(seed=1941)
QUIET: Final = "s-quiet"
"""A home whose hub is installed only when the story of silence is told."""
OPERATORS: Final = ("ana", "marc")
ACCOUNTS: Final[tuple[tuple[str, str, str, str, dict[str, Any]], ...]] = (
    # name, called, role, language, what else
    ("ana", "Ana", "operator", "ca", {"telephone": "201"}),
    ("marc", "Marc", "operator", "es", {"telephone": "202"}),
    ("laia", "Laia", "operator", "ca", {}),
    ("toni", "Toni", "operator", "ca", {}),
    ("nuria", "Núria", "supervisor", "ca", {}),
    ("pol", "Pol", "coordinator", "ca", {}),
    ("irene", "Irene", "technician", "ca", {}),
    ("olga", "Olga", "auditor", "ca", {}),
    ("montse", "Montse", "carer", "ca", {"contacts": ["montse-ferrer"]}),
    ("maria", "Maria", "resident", "ca", {"resident": "maria-soler"}),
)
"""Everybody who can log in, one of each role and a room of operators."""
SURFACES: Final = (
    ("ana", "operator: queue and cases", "/"),
    ("nuria", "supervisor: wallboard, quality, settings", "/wallboard"),
    ("pol", "coordinator: residents' files, agenda, keys", "/residents"),
    ("irene", "technician: devices and hubs", "/devices"),
    ("olga", "auditor: who read what, figures", "/audit"),
    ("montse", "Maria's daughter: the carers' app", "/family"),
    ("maria", "Maria herself: what is known of me", "/rights"),
)
"""Whom to log in as to see what: account, in a few words, the console's page to begin at."""

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
_TOWNS: Final = {
    "Centre": "l'Hospitalet de Llobregat",
    "Collblanc": "l'Hospitalet de Llobregat",
    "Singuerlín": "Santa Coloma de Gramenet",
}
"""Districts of other municipalities than Barcelona."""
_STREETS: Final = (
    ("Centre", "Carrer Major"), ("Collblanc", "Carrer de Progrés"), ("Singuerlín", "Avinguda de Catalunya"),
    ("Gràcia", "Carrer de Torrijos"), ("Gràcia", "Carrer de l'Or"), ("Sants", "Carrer de Vallespir"),
    ("Sants", "Carrer de Galileu"), ("Sant Andreu", "Carrer Gran de Sant Andreu"), ("Nou Barris", "Carrer d'Almansa"),
    ("Nou Barris", "Passeig de Valldaura"), ("Horta", "Carrer de Tajo"), ("Eixample", "Carrer de Villarroel"),
    ("Eixample", "Carrer de Lepant"), ("Ciutat Vella", "Carrer d'en Carabassa"), ("Sant Martí", "Carrer de Pujades"),
    ("Les Corts", "Carrer de Galileo"), ("Poble-sec", "Carrer de Blai"), ("El Clot", "Carrer de la Independència"),
)  # fmt: skip
_ENTRIES: Final = (
    "",
    "Clau a la caixa del portal, codi {code}.",
    "Porter automàtic: codi {code}. La porta de dalt es tanca sola.",
    "La veïna del primer té clau. Gos petit, borda però no mossega.",
    "Trucar fort: no hi sent. Codi de la caixa de claus {code}.",
)
_WORK: Final = {
    "weekly": [
        *({"day": day, "from_min": 17 * 60, "until_min": 23 * 60} for day in range(5)),
        *({"day": day, "from_min": 9 * 60, "until_min": 23 * 60} for day in (5, 6)),
    ],
    "night_ok": False,
}
_SCHEDULES: Final[tuple[dict[str, Any] | None, ...]] = (
    None,
    None,
    _WORK,
    {"night_ok": False},
    {"consent": ["alarms", "daily_line", "access_notes"]},
    {"consent": ["alarms", "daily_line", "history", "readings"], "night_ok": True},
)
"""What contacts declared: nothing, after work only, not by night, and what the resident lets them see."""
_RELATIONS: Final = ("daughter", "son", "neighbour", "niece", "nephew")
_DAUGHTERS: Final = frozenset({"Marta", "Laura", "Sílvia", "Cristina", "Eva", "Anna"})
_HERS: Final = {"son": "daughter", "nephew": "niece"}
_HIS: Final = {"daughter": "son", "niece": "nephew"}
_FLAGS: Final = ((), (), (), (), ("dog",), ("oxygen",), ("walker",), ("key_safe",), ("cat",))
_CONDITIONS: Final = (
    "",
    "",
    "",
    "Diabetis.",
    "Insuficiència cardíaca.",
    "Pròtesi de maluc del 2024.",
    "Pèrdua de memòria lleu.",
)


def street(homes: int) -> list[str]:
    """Ids of the simulated homes and their hubs, the one of the silence left out."""
    return [f"s-{number:03d}" for number in range(1, homes + 1)]


def register(homes: int, passwords: Mapping[str, str]) -> dict[str, Any]:
    """The file for `llar-central import-homes`. `passwords`: account -> password; same `homes`, same people."""
    dice = random.Random(7)
    ids = street(homes)
    return {
        "homes": [_flat(), _quiet(), *(_home(home_id, dice) for home_id in ids)],
        "operators": [
            {"id": name, "called": called, "role": role, "password": passwords[name], "language": language, **more}
            for name, called, role, language, more in ACCOUNTS
        ],
    }


def past(homes: int, now: float) -> dict[str, Any]:
    """The file for `llar-central import-history`: the weeks that this city has lived."""
    dwellings = register(homes, dict.fromkeys((name for name, *_ in ACCOUNTS), ""))["homes"]
    lived_in = [home for home in dwellings if home["id"] != QUIET]
    contacts = {home["id"]: [contact["id"] for contact in home["contacts"]] for home in lived_in}
    # Maria's own flat keeps a past, and nothing in it is open
    street_ids = [home["id"] for home in lived_in if home["id"] != FLAT]
    lived = life.history([*street_ids, FLAT], contacts, now)
    lived["installations"] = [
        *lived.get("installations", []),
        {"home": QUIET, "ordered_at": now - 86_400.0, "urgent": True, "by": "nuria"},
    ]
    return lived | circle.circle([*street_ids, FLAT], contacts, FLAT, now)


def measured(homes: int, now: float) -> dict[str, Any]:
    """More of that file: what sensors have said in the last week."""
    return {"readings": circle.readings(FLAT, MARIA, street(homes), now)}


def edition(homes: int) -> str:
    """Of the register: another one must be imported anew."""
    people = register(homes, dict.fromkeys((name for name, *_ in ACCOUNTS), ""))
    text = json.dumps([people, past(homes, 2_000_000_000.0)], sort_keys=True)
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
        "municipality": "Barcelona",
        "access_notes": "Clau a la caixa del portal, codi 4182. L'ascensor va lent.",
        "phone": "000 000 001",
        "sim": SIM_NUMBER,
        "devices": [{"id": d["id"], "model": d["model"], "room": d["room"]} for d in FLAT_DEVICES],
        "residents": [
            {
                "id": "maria-soler",
                "called": "Maria",
                "full_name": "Maria Soler i Camps",
                "mobile": "000 400 000",
                "born": 1941,
                "lives_alone": True,
                "hearing": "weak",
                "flags": ["key_safe", "walker"],
                "conditions": "Fractura de maluc el 2023. Pren anticoagulants: compte amb els cops.",
            }
        ],
        "contacts": list(FLAT_CONTACTS),
    }


def _quiet() -> dict[str, Any]:
    return {
        "id": QUIET,
        "hub": QUIET,
        "address": "Carrer de Bailèn 201, 4t 1a, Barcelona",
        "district": "Gràcia",
        "municipality": "Barcelona",
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
    town = _TOWNS.get(district, "Barcelona")
    number = int(home_id.removeprefix("s-"))
    spanish = dice.random() < 0.35
    called = dice.choice(_WOMEN if dice.random() < 0.7 else _MEN)
    first, second = dice.sample(_FAMILY, 2)
    helpers = dice.sample(_YOUNGER, dice.choice((1, 2, 2, 3)))
    return {
        "id": home_id,
        "hub": home_id,
        "address": f"{street_name} {dice.randint(1, 240)}, {dice.randint(1, 6)}-{dice.randint(1, 4)}, {town}",
        "district": district,
        "municipality": town,
        "access_notes": dice.choice(_ENTRIES).format(code=dice.randint(1000, 9999)),
        "plans": _plans(number),
        "language": "es" if spanish else "ca",
        "phone": f"000 100 {number:03d}",
        "devices": [{"id": i, "model": m, "room": r} for i, m, r in _STREET_DEVICES],
        "residents": [
            {
                "id": f"{home_id}-p",
                "called": called,
                "full_name": f"{called} {first} {'' if spanish else 'i '}{second}",
                "mobile": f"000 400 {number:03d}" if number % 2 == 0 else "",
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
                _relation(name, dice.choice(_RELATIONS)),
                number * 10 + place,
                has_key=dice.random() < 0.5,
                minutes_away=dice.choice((2, 10, 15, 25, 40)),
                language="es" if spanish else "ca",
            )
            | ({"profile": profile} if (profile := dice.choice(_SCHEDULES)) else {})
            for place, name in enumerate(helpers, start=1)
        ],
    }


def _relation(called: str, relation: str) -> str:
    """How somebody of this name is related: Laura is a daughter."""
    return (_HERS if called in _DAUGHTERS else _HIS).get(relation, relation)


def _plans(number: int) -> list[dict[str, Any]]:
    """What was agreed with some of the residents."""
    if number % 5 == 0:
        text = "Parlar a poc a poc i pel nom. Si diu que és a casa dels pares, no s'orienta: avisar la família."
        return [{"plan": {"protocol_text": text}}]
    if number % 7 == 0:
        return [{"kind": "inactivity", "plan": {"first": "family", "carers": "in_turn"}}]
    return []


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


_MONTSE: Final = _contact("montse-ferrer", "Montse", "daughter", 21, has_key=True, minutes_away=15) | {
    "profile": {"calls_them": "Mare"}
}
_PAQUITA: Final = _contact("paquita-roca", "Paquita", "neighbour", 23, has_key=True, minutes_away=2)
_MARC: Final = _contact("marc-ferrer", "Marc", "son", 22, minutes_away=40, language="es")
FLAT_CONTACTS: Final = (_MONTSE, _MARC, _PAQUITA)
"""Maria's family and neighbours, in the order agreed with her."""
SMS_CONTACTS: Final = (_MONTSE, _PAQUITA)
"""Who gets an SMS from Maria's hub when the centre does not answer."""
