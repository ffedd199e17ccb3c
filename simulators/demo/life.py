"""The weeks that the demo's city has lived: closed cases, a running queue, agenda, keys, absences, audits of calls.

The same seed gives the same life, told backwards from the start of the demo. Texts that people wrote are in Catalan, as
the people of this city would write them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

DAY_S: Final = 86_400.0
PAST_DAYS: Final = 35
CASES_PER_HOME: Final = 15
CASES_MAX: Final = 600
LATE_CALLS: Final = 4
"""Few enough that the aim of 99 % within 180 s is kept."""
QUEUE_HOMES_MIN: Final = 16
"""A smaller street begins without a running queue: somebody wants it quiet."""
_ZONE: Final = ZoneInfo("Europe/Madrid")
_SHIFTS: Final = (("laia", "toni"), ("ana", "marc"), ("marc", "laia"))
"""Who takes calls by night, in the morning, in the afternoon."""
_HOURS: Final = (1, 1, 1, 1, 1, 2, 3, 5, 8, 9, 8, 7, 6, 5, 5, 5, 6, 7, 8, 7, 6, 4, 3, 2)
"""How many of a hundred calls come in each hour."""

Case = dict[str, Any]

_STORIES: Final = (
    # kind, device, place, how it went, cause, label, weight
    ("help", "pendant", "penjoll", "talk", "mistake", "false", 24),
    ("help", "pendant", "penjoll", "talk", "lonely", "true", 20),
    ("help", "pendant", "penjoll", "contact", "help_needed", "true", 9),
    ("help", "pendant", "penjoll", "contact", "fall", "true", 5),
    ("help", "pendant", "penjoll", "ambulance", "unwell", "true", 3),
    ("help", "pendant", "penjoll", "taken_back", "mistake", "false", 3),
    ("fall", "pendant", "penjoll", "ambulance", "fall", "true", 2),
    ("fall", "pendant", "penjoll", "talk", "sensor_false", "false", 3),
    ("smoke", "kitchen-smoke", "cuina", "talk", "sensor_false", "false", 2),
    ("flood", "kitchen-water", "cuina", "contact", "fire_gas_water", "true", 1),
    ("inactivity", "", "sala", "talk", "mistake", "false", 5),
    ("inactivity", "", "dormitori", "contact", "unwell", "true", 2),
    ("vital_sign", "cuff", "sala", "talk", "unwell", "true", 6),
    ("medication", "", "cuina", "talk", "mistake", "true", 4),
    ("battery_low", "front-door", "rebedor", "technician", "equipment", "true", 5),
    ("mains_lost", "", "", "technician", "equipment", "true", 2),
    ("test", "pendant", "penjoll", "test", "test", "true", 9),
)
_NOTES: Final = {
    "mistake": (
        "L'ha premut sense voler, està bé.",
        "El penjoll ha topat amb la taula.",
        "Està bé, ha demanat disculpes. Cap problema.",
    ),
    "lonely": ("Volia parlar una estona.", "Avui fa un any del marit. Hem xerrat.", "Està bé, se sentia sola."),
    "help_needed": ("No es podia aixecar de la butaca.", "No podia obrir l'aixeta de la calefacció."),
    "fall": ("Ha relliscat al bany, no s'ha fet mal.", "Ha caigut al passadís, li fa mal el maluc."),
    "unwell": ("Marejada en llevar-se.", "Pressió alta, ha descansat i ha baixat.", "Li costa respirar."),
    "sensor_false": ("El sensor ha saltat en deixar caure el penjoll.",),
    "fire_gas_water": ("S'ha deixat l'aixeta oberta.",),
    "equipment": ("Pila canviada.",),
    "test": ("Prova mensual: tot correcte.",),
}
_NOTES_OF_KIND: Final = {
    ("inactivity", "mistake"): ("S'havia adormit al sofà, està bé.", "Feia hores que llegia sense moure's. Tot bé."),
    ("medication", "mistake"): ("Ja se l'havia pres, en un got a part.", "Se l'ha pres mentre parlàvem."),
    ("smoke", "sensor_false"): ("Fum de la cuina, res més.", "Se li han cremat les torrades."),
    ("mains_lost", "equipment"): ("Havia desendollat l'aparell per netejar.",),
}
_LATE_WHY: Final = (
    "Tres alarmes alhora per una avaria elèctrica al barri; érem dues persones.",
    "Relleu de torn: la consola de la tarda encara no tenia el so provat.",
    "Caiguda de la connexió de la sala durant dos minuts; es va passar al mòbil.",
    "Pic de trucades per la calor; es va prioritzar una caiguda.",
)


def history(homes: Sequence[str], contacts: dict[str, list[str]], now: float, seed: int = 23) -> dict[str, Any]:
    """The file for `llar-central import-history`.

    Args:
        homes: ids; those of the street begin with "s-", and who lives there is called like the home with "-p".
        contacts: those of each.
        now: Unix seconds; everything lies before it.
    """
    dice = random.Random(seed)
    made = _closed(homes, contacts, now, dice)
    running = _running(homes, contacts, now) if len(homes) >= QUEUE_HOMES_MIN else []
    street = [home for home in homes if home.startswith("s-")]
    around = _around(street, contacts, now, dice) if len(street) >= QUEUE_HOMES_MIN else {}
    return {"cases": [*made, *running], "audits": _audits(made, now, dice), **around}


def _closed(homes: Sequence[str], contacts: dict[str, list[str]], now: float, dice: random.Random) -> list[Case]:
    weights = [story[-1] for story in _STORIES]
    wanted = min(CASES_MAX, CASES_PER_HOME * len(homes))
    free_at = dict.fromkeys(homes, 0.0)
    times = sorted(_moment(now, dice) for _ in range(wanted))
    cases: list[Case] = []
    often = [home for home in homes for _ in range(dice.choice((1, 1, 2, 3, 6)))]
    for number, at in enumerate(times):
        kind, device, place, course, cause, label, _ = dice.choices(_STORIES, weights)[0]
        home = dice.choice(often)
        if free_at[home] > at:
            home = min(homes, key=lambda each: free_at[each])
        case = _case(f"past{number:03d}", home, kind, at, device, place)
        _live(case, course, cause, label, contacts.get(home, []), dice)
        free_at[home] = at + 7_200.0
        cases.append(case)
    _make_late(cases, dice)
    for case in cases:
        _ring_home(case)
    return [case for case in cases if case["at"] + case["steps"][-1]["after_s"] < now - 1_800]


def _moment(now: float, dice: random.Random) -> float:
    day = dice.randint(0, PAST_DAYS)
    hour = dice.choices(range(24), _HOURS)[0]
    midnight = datetime.fromtimestamp(now, _ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    at = (midnight - timedelta(days=day)).timestamp() + hour * 3_600 + dice.uniform(0, 3_600)
    return round(at if at < now - 9_000 else at - DAY_S * 7, 2)


def _case(ref: str, home: str, kind: str, at: float, device: str, place: str) -> Case:
    case: Case = {"home": home, "ref": ref, "kind": kind, "at": at, "place": place, "steps": []}
    if kind == "inactivity":
        details = {"room": place, "quiet_s": 32_400.0}
        case |= {"detector": "inactivity", "reason": "quiet_too_long", "details": details, "since_s": 32_400.0}
    elif device:
        case["device"] = device
    return case


def _who(at: float, dice: random.Random) -> str:
    hour = datetime.fromtimestamp(at, _ZONE).hour
    return dice.choice(_SHIFTS[0 if hour < 7 or hour >= 22 else 1 if hour < 15 else 2])


def _live(case: Case, course: str, cause: str, label: str, contacts: list[str], dice: random.Random) -> None:
    """Lets a case take its course; the steps are what an operator would have done."""
    who = _who(case["at"], dice)
    taken = round(min(dice.lognormvariate(2.55, 0.5), 58.0) if dice.random() < 0.992 else dice.uniform(62, 150), 2)
    if course == "technician":
        taken = round(dice.uniform(300, 5_000), 1)
    steps = case["steps"]
    if course == "taken_back":
        steps.append({"after_s": 4.0, "do": "retracted", "by": "hub", "standing": -1})
        taken = round(dice.uniform(40, 160), 1)
    steps.append({"after_s": taken, "do": "taken", "by": who})
    spoken = taken + round(dice.uniform(2, 9), 2)
    steps.append({"after_s": spoken, "do": "spoken", "by": who})
    if course == "contact" and contacts:
        end = _send_contact(case, who, spoken, contacts, dice)
        ending = {"action": "contact_sent", "outcome": "helped_at_home", "told": [contacts[0]]}
    elif course in {"ambulance", "contact"}:
        end = _send_ambulance(steps, who, spoken, dice)
        ending = {"action": "ambulance", "outcome": dice.choice(("hospital", "hospital", "helped_at_home"))}
    else:
        end = spoken + round(dice.uniform(45, 280), 1)
        ending = {"action": "technician" if course == "technician" else "talked", "outcome": "resolved_by_talk"}
    closing = {"after_s": end, "do": "closed", "by": who, "cause": cause, "label": label}
    steps.append({**closing, **ending, "text": dice.choice(_NOTES_OF_KIND.get((case["kind"], cause), _NOTES[cause]))})


def _send_contact(case: Case, who: str, spoken: float, contacts: list[str], dice: random.Random) -> float:
    steps, at = case["steps"], spoken + round(dice.uniform(20, 50), 1)
    steps.append({"after_s": at, "do": "triaged", "by": who, "triage": 3})
    comes = contacts[0]
    if len(contacts) > 1 and dice.random() < 0.3:
        case["messages"] = [{"contact": contacts[0], "channel": "email", "after_s": at, "state": "delivered"}]
        steps += _ring(who, at + 5, contacts[0], "no_answer", 29.0)
        at, comes = at + 40, contacts[1]
    steps += _ring(who, at + 4, comes, "answered", round(dice.uniform(6, 20), 1))
    eta = dice.choice((5, 10, 15, 20, 30))
    at += 60
    steps.append({"after_s": at, "do": "on_the_way", "by": who, "contact": comes, "eta_minutes": eta})
    wait = {"reason": "Esperem que hi arribi el familiar.", "recall_after_s": min(1_790.0, eta * 60.0 + 600)}
    steps.append({"after_s": at + 6, "do": "parked", "by": who, **wait})
    arrival = at + min(1_500.0, eta * 60 * dice.uniform(0.7, 1.2))
    steps.append({"after_s": round(arrival, 1), "do": "arrived", "by": who, "contact": comes})
    arrival += _to_the_door(case["ref"], eta)
    steps.append({"after_s": round(arrival, 1), "do": "inside", "by": who, "contact": comes})
    sent = {"contact": comes, "channel": "email", "after_s": at - 40, "state": "accepted", "took_s": 24.0}
    if not any(message["contact"] == comes for message in case.get("messages", [])):
        case.setdefault("messages", []).append(sent)
    return round(arrival + dice.uniform(40, 160), 1)


def _to_the_door(ref: str, eta: int) -> float:
    """Seconds from the arrival to the inside: a stair, a key, and now and then a key that has to be fetched."""
    dice = random.Random(ref)
    return dice.uniform(305, 320) if eta <= 10 and dice.random() < 0.15 else dice.uniform(12, 90)


def _ring_home(case: Case) -> None:
    """Where nobody has pressed anything, the operator rings the home."""
    if case["kind"] in {"inactivity", "vital_sign", "medication"}:
        place = [step["do"] for step in case["steps"]].index("spoken")
        at, by = round(case["steps"][place]["after_s"] - 1.5, 2), case["steps"][place]["by"]
        case["steps"].insert(place, {"after_s": at, "do": "rung", "by": by, "step": "ring_home"})


def _ring(who: str, at: float, contact: str, result: str, for_s: float) -> list[dict[str, Any]]:
    call = {"by": who, "contact": contact, "channel": "phone"}
    return [
        {"after_s": at, "do": "called", **call},
        {"after_s": at + for_s, "do": "call_ended", **call, "state": result},
    ]


def _send_ambulance(steps: list[dict[str, Any]], who: str, spoken: float, dice: random.Random) -> float:
    at = spoken + round(dice.uniform(20, 60), 1)
    steps.append({"after_s": at, "do": "triaged", "by": who, "triage": 4})
    steps.append({"after_s": at + 8, "do": "noted", "by": who, "text": "Avisat el 112, donada la fitxa d'emergència."})
    park = {"reason": "Ambulància en camí; la persona ho sap.", "recall_after_s": 1_500.0}
    steps.append({"after_s": at + 30, "do": "parked", "by": who, **park})
    return round(at + dice.uniform(500, 1_400), 1)


def _make_late(cases: list[Case], dice: random.Random) -> None:
    """A few calls waited too long: with a reason, but for one that a supervisor still has to write."""
    fit = [case for case in cases if case["kind"] in {"help", "inactivity", "vital_sign"} and len(case["steps"]) == 3]
    fit = [case for case in fit if case["steps"][0]["do"] == "taken"]
    for number, case in enumerate(dice.sample(fit, min(LATE_CALLS, len(fit)))):
        more = round(dice.uniform(185, 260), 1)
        for step in case["steps"]:
            step["after_s"] = round(step["after_s"] + more, 2)
        if case["kind"] == "help":
            case["steps"][-1]["explanation"] = _LATE_WHY[number % len(_LATE_WHY)]
        elif number:
            case["late_reason"] = _LATE_WHY[number % len(_LATE_WHY)]


def _running(homes: Sequence[str], contacts: dict[str, list[str]], now: float) -> list[Case]:
    """What waits and what is being worked on when the demo opens."""

    def case(number: int, kind: str, ago_s: float, place: str = "", device: str = "") -> Case:
        return _case(f"now{number:03d}", homes[number], kind, round(now - ago_s, 1), device, place)

    fallen = case(3, "help", 420, "penjoll", "pendant")
    helper = contacts[fallen["home"]][0]
    fallen["steps"] = [
        {"after_s": 9, "do": "taken", "by": "laia"},
        {"after_s": 13, "do": "spoken", "by": "laia"},
        {"after_s": 60, "do": "triaged", "by": "laia", "triage": 3},
        {"after_s": 70, "do": "called", "by": "laia", "contact": helper, "channel": "phone"},
        {"after_s": 84, "do": "call_ended", "by": "laia", "contact": helper, "channel": "phone", "state": "answered"},
        {"after_s": 110, "do": "on_the_way", "by": "laia", "contact": helper, "eta_minutes": 15},
        {"after_s": 120, "do": "parked", "by": "laia", "reason": "Seu a la butaca, tranquil·la; hi va la família.",
         "recall_after_s": 1_500},
    ]  # fmt: skip
    later = case(8, "medication", 2_400, "cuina")
    later["steps"] = [
        {"after_s": 31, "do": "taken", "by": "toni"},
        {"after_s": 40, "do": "spoken", "by": "toni"},
        {"after_s": 100, "do": "parked", "by": "toni", "reason": "Se la prendrà en dinar; hi tornem a trucar.",
         "recall_after_s": 6_000},
    ]  # fmt: skip
    back = case(15, "help", 70, "penjoll", "pendant")
    back["steps"] = [{"after_s": 5, "do": "retracted", "by": "hub", "standing": -1}]
    return [
        fallen,
        later,
        back,
        case(5, "flood", 20, "cuina", "kitchen-water"),
        case(9, "vital_sign", 35, "sala", "cuff"),
        case(11, "battery_low", 9_000, "rebedor", "front-door"),
        case(13, "test", 200, "penjoll", "pendant"),
    ]


def _around(
    homes: Sequence[str], contacts: dict[str, list[str]], now: float, dice: random.Random
) -> dict[str, list[dict[str, Any]]]:
    return {
        "absences": _absences(homes, now),
        "conditions": _conditions(homes, now, dice),
        "keys": _keys(homes, contacts, now, dice),
        "installations": _installations(homes, now),
        "agenda": _agenda(homes, now),
        "consents": [
            {"resident": f"{home}-p", "what": "routine", "given_at": now - 60 * DAY_S, "by": "nuria"}
            for home in homes[::3]
        ],
    }


_INSTALLS: Final = (
    (2, 27, False, 3.1), (3, 26, True, 0.9), (5, 24, False, 4.2), (6, 20, True, 1.2), (8, 19, False, 8.3),
    (9, 17, False, 2.0), (11, 13, True, 1.1), (12, 12, False, 4.0), (15, 10, True, 1.0), (16, 8, False, 5.1),
)  # fmt: skip
"""Which home, ordered how many days ago, urgent or not, and after how many days its unit was first heard."""


def _installations(homes: Sequence[str], now: float) -> list[dict[str, Any]]:
    return [
        {"home": homes[number], "ordered_at": now - ago * DAY_S, "urgent": urgent, "by": "nuria",
         "installed_at": now - (ago - took) * DAY_S}
        for number, ago, urgent, took in _INSTALLS
        if number < len(homes)
    ]  # fmt: skip


def _absences(homes: Sequence[str], now: float) -> list[dict[str, Any]]:
    plans = ((4, -3, 4, "family", "Amb la filla, a Vic."), (10, -1, 6, "hospital", "Operació de cataractes."),
             (14, 2, 9, "holiday", "Balneari amb l'Imserso."), (2, -20, -12, "holiday", ""))  # fmt: skip
    return [
        {"resident": f"{homes[number]}-p", "from_at": now + first * DAY_S, "until_at": now + last * DAY_S,
         "reason": reason, "note": note, "announced_at": now + (min(first, 0) - 2) * DAY_S, "by": "ana"}
        for number, first, last, reason, note in plans
    ]  # fmt: skip


_CONDITIONS: Final = (
    ("Diabetis tipus 2, insulina a les 8 h i a les 20 h.", "Informe del CAP"),
    ("Insuficiència cardíaca: si s'ofega, ambulància.", "Informe d'alta hospitalària"),
    ("Anticoagulants: amb un cop al cap, sempre ambulància.", "Ho diu la filla"),
    ("Pèrdua de memòria lleu; cal repetir-li les coses amb calma.", "Valoració de serveis socials"),
    ("Pròtesi de maluc (2024). Camina amb caminador.", "Informe d'alta hospitalària"),
    ("Al·lèrgia a la penicil·lina.", "Targeta sanitària"),
)


def _conditions(homes: Sequence[str], now: float, dice: random.Random) -> list[dict[str, Any]]:
    made = []
    for home in homes[::2]:
        for text, source in dice.sample(_CONDITIONS, dice.choice((1, 1, 2))):
            written = now - dice.uniform(20, 400) * DAY_S
            made.append({"resident": f"{home}-p", "text": text, "source": source, "written_at": written, "by": "nuria"})
    return made


def _keys(
    homes: Sequence[str], contacts: dict[str, list[str]], now: float, dice: random.Random
) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for number, home in enumerate(homes[:24]):
        kept = dice.choice(("contact", "key_safe", "team_safe"))
        key = {"home": home, "tag": f"C-{101 + number}", "kept": kept, "registered_at": now - 90 * DAY_S, "by": "pol"}
        if kept == "contact" and contacts.get(home):
            key["contact"] = contacts[home][0]
        elif kept == "team_safe":
            key["place"] = f"Armari 2, ganxo {number + 1}"
        else:
            key |= {"kept": "key_safe", "place": "Caixa del portal"}
        if number in {3, 9, 17}:
            out_at = now - (0.1 if number == 3 else 2.5) * DAY_S
            key |= {"out_to": "Unitat mòbil 2", "out_at": out_at, "back_by_at": out_at + DAY_S}
        made.append(key)
    return made


def _agenda(homes: Sequence[str], now: float) -> list[dict[str, Any]]:
    today = datetime.fromtimestamp(now, _ZONE)
    day, midnight = today.date().isoformat(), today.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    made_until = f"{max(today.hour - 3, 0):02}:00"  # what was due by then has been made, at whatever hour this begins
    plans: tuple[tuple[int, str, str, dict[str, Any]], ...] = (
        (0, "medication", "Insulina del matí", {"repeat": "days", "at": "08:00", "window_min": 30}),
        (1, "medication", "Pastilla de la tensió", {"repeat": "days", "at": "09:30", "window_min": 30}),
        (6, "medication", "Insulina del vespre", {"repeat": "days", "at": "20:00", "window_min": 30}),
        (2, "courtesy", "Com ha anat la setmana?", {"repeat": "weekly", "weekdays": [today.weekday()], "at": "11:00"}),
        (7, "courtesy", "Ha sortit a passejar?", {"repeat": "days", "every": 3, "at": "12:00", "window_min": 240}),
        (12, "courtesy", "Com van els nets?", {"repeat": "days", "every": 5, "at": "17:00", "window_min": 180}),
        (3, "follow_up", "Com va després de la caiguda?", {"repeat": "once", "at": "16:00", "window_min": 180}),
        (9, "follow_up", "Com va la pressió?", {"repeat": "once", "at": "10:30", "window_min": 120}),
        (5, "birthday", "Felicitats de part de tot l'equip", {"repeat": "once", "at": "10:00", "window_min": 600}),
        (11, "special", "Té hora al metge a les 13 h", {"repeat": "once", "at": "11:45", "window_min": 20}),
        (13, "suicide_risk", "Seguiment acordat amb el CSMA", {"repeat": "days", "every": 2, "at": "18:00"}),
        (15, "alert", "Fred: comprovar calefacció", {"repeat": "once", "at": "15:00", "window_min": 240}),
    )
    return [
        {"home": homes[number], "resident": f"{homes[number]}-p", "kind": kind, "title": title,
         "rule": {"starts_on": day, **rule}, "made_at": midnight if rule["at"] > made_until else now, "by": "nuria"}
        for number, kind, title, rule in plans
    ]  # fmt: skip


def _audits(cases: list[Case], now: float, dice: random.Random) -> list[dict[str, Any]]:
    """Two calls of each operator of the last month gone through, but for one; this month's are still to be drawn."""
    before = datetime.fromtimestamp(now, _ZONE).replace(day=1) - timedelta(days=1)
    month = before.strftime("%Y-%m")
    theirs: dict[str, list[Case]] = {}
    for case in cases:
        when = datetime.fromtimestamp(case["at"], _ZONE)
        if when.strftime("%Y-%m") == month and case["kind"] in {"help", "fall"}:
            theirs.setdefault(case["steps"][-1]["by"], []).append(case)
    remarks = ("", "Saluda pel nom i acaba bé la trucada.", "Convindria repetir l'adreça abans d'enviar ningú.")
    made = []
    for who, all_theirs in sorted(theirs.items()):
        for place, case in enumerate(dice.sample(all_theirs, min(2, len(all_theirs)))):
            done = not (who == "toni" and place == 1)
            poor = done and who == "toni"
            result = (
                {"result": "to_improve" if poor else "good", "remarks": remarks[2 if poor else place]} if done else {}
            )
            named = {"home": case["home"], "ref": case["ref"], "month": month}
            made.append({**named, "drawn_at": now - 2 * DAY_S, "by": "nuria", **result})
    return made
