"""A realistic evening at the desk: cases of every priority, people with names, an hour of rooms."""

from __future__ import annotations

import math

from central.alarm_cases.closing import Action, Cause, Closing, Label, Outcome
from central.delivery_desk import DeliveryDesk
from central.notification.delivery import Delivery, DeliveryState
from central.storage.people import Contact, Resident
from central.telemetry.store import Row
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import MessageType, Record
from tests.central.console_setting import Setting, enrol

_PEOPLE = (
    ("montserrat", "Montserrat", "Montserrat Vila i Roca", 1936, "Carrer de la Cera 21, 1r", "Raval", ("dog",), "ca"),
    ("jordi", "Jordi", "Jordi Casals i Font", 1939, "Passeig de Sant Joan 84, 4t 1a", "Eixample", ("heart",), "ca"),
    ("rosario", "Rosario", "Rosario Giménez Lozano", 1945, "Carrer de Tànger 7, 2n", "Sant Martí", (), "es"),
    (
        "nuria",
        "Núria",
        "Núria Bosch i Prat",
        1948,
        "Carrer Gran de Sant Andreu 210",
        "Sant Andreu",
        ("key_safe",),
        "ca",
    ),
    ("pere", "Pere", "Pere Miralles i Pou", 1934, "Carrer de Sants 312, àtic", "Sants", ("no_speech",), "ca"),
    ("concepcio", "Conxita", "Concepció Serra i Pla", 1951, "Via Júlia 90, 3r", "Nou Barris", (), "ca"),
    ("enric", "Enric", "Enric Tarragó i Vives", 1940, "Carrer d'Aribau 154, 5è", "Eixample", ("dementia",), "ca"),
    ("dolores", "Lola", "Dolores Cano Ruiz", 1943, "Carrer del Clot 66, baixos", "Sant Martí", ("wheelchair",), "es"),
    ("assumpta", "Assumpta", "Assumpta Riera i Mas", 1938, "Carrer de Balmes 301", "Sarrià", (), "ca"),
)


def furnish(setting: Setting) -> int:
    """Fills the desk; gives the number of the case that Ana has taken."""
    now = setting.clock()
    for home, called, full_name, born, address, district, flags, language in _PEOPLE:
        resident = Resident(
            home, home, called, full_name, born, language, flags=flags, lives_alone=home in {"nuria", "jordi", "pere"}
        )
        enrol(
            setting, home, address, district, [resident], [Contact(f"{home}-1", home, 1, "Laia", "neta", "600 555 020")]
        )
    _past(setting, now)
    _measure(setting, now)
    case = setting.alarm("carme", AlarmKind.FALL, "bany", at=now - 192, late_s=0.6, evidence=_evidence(now - 192))
    setting.alarm("carme", AlarmKind.FALL, "bany", ref="A2", at=now - 186)
    setting.alarm("carme", AlarmKind.HELP, "bany", ref="A3", at=now - 183)
    setting.desk.take(case, "ana", now - 171)
    setting.desk.talk(case, "ana", now - 160)
    setting.desk.note(case, "ana", "Somebody now", now - 104)
    setting.desk.note(
        case,
        "ana",
        "Ha relliscat en sortir de la dutxa. Conscient, li fa mal el canell dret. No s'aixeca sola.",
        now - 96,
    )
    setting.desk.notify_contact(case, "ana", "marta", now - 88)
    with setting.database.read() as conn:
        number = conn.exec_driver_sql("select id from deliveries").scalar_one()
    sent = Delivery(number, case, "marta", "email", "alarm", DeliveryState.SENT, 1, None)
    DeliveryDesk(setting.desk).record(sent, now - 84)
    setting.desk.on_the_way(case, "ana", "marta", 12, now - 41)
    setting.alarm("pere", AlarmKind.HELP, "dormitori", at=now - 23)
    setting.alarm("rosario", AlarmKind.SMOKE, "cuina", at=now - 9)
    setting.finding(
        "jordi", AlarmKind.INACTIVITY, "quiet_too_long", {"hours": 9.5, "device": "bed", "room": "dormitori"}, now - 252
    )
    setting.alarm("nuria", AlarmKind.FLOOD, "bany", at=now - 47, late_s=248)
    service = setting.alarm("enric", AlarmKind.BATTERY_LOW, "", at=now - 1600)
    setting.finding(
        "assumpta",
        AlarmKind.SENSOR_SILENT,
        "sensor_silent",
        {"device": "door", "room": "entrada", "hours": 6.0},
        now - 5400,
    )
    withdrawn = setting.alarm("montserrat", AlarmKind.HELP, "sala", at=now - 131)
    setting.alarm("montserrat", AlarmKind.HELP, "sala", at=now - 120, mty=MessageType.WITHDRAWN)
    setting.alarm("concepcio", AlarmKind.TEST, "", at=now - 75)
    parked = setting.alarm("dolores", AlarmKind.MAINS_LOST, "", at=now - 2200)
    setting.desk.take(parked, "marc", now - 2100)
    setting.desk.wait(parked, "marc", now + 1500, "El tècnic hi passa abans de les vuit.", now - 2000)
    assert service
    assert withdrawn
    return case


def _evidence(at: float) -> list[Record]:
    return [
        Record(bn="urn:dev:hub:hub-carme:", bt=at, n="hall/motion", vb=True, t=-305.0),
        Record(n="bath/motion", vb=True, t=-268.0),
        Record(n="bath/motion", vb=True, t=-74.0),
        Record(n="pendant/fall", vs="suspected", t=-21.0),
        Record(n="pendant/fall", vs="confirmed", t=0.0),
    ]


def _past(setting: Setting, now: float) -> None:
    """Cases of today and of last week, most answered in time."""
    for number in range(46):
        home = _PEOPLE[number % 7][0]
        at = now - 3600 - number * 500
        case = setting.alarm(home, AlarmKind.HELP, "", ref=f"P{number}", at=at)
        taken_at = at + (88 if number == 17 else 9 + (number * 7) % 31)
        setting.desk.take(case, "ana", taken_at)
        setting.desk.talk(case, "ana", taken_at + 8)
        closing = Closing(Cause.MISTAKE, Action.TALKED, Outcome.RESOLVED_BY_TALK, label=Label.FALSE)
        setting.desk.close(case, "ana", closing, taken_at + 70)
    for number, (days, cause, outcome) in enumerate(
        (
            (3, Cause.MISTAKE, Outcome.RESOLVED_BY_TALK),
            (19, Cause.FALL, Outcome.HELPED_AT_HOME),
            (44, Cause.LONELY, Outcome.RESOLVED_BY_TALK),
        )
    ):
        at = now - days * 86_400 + number * 5000
        case = setting.alarm(
            "carme", AlarmKind.FALL if cause is Cause.FALL else AlarmKind.HELP, "sala", ref=f"C{days}", at=at
        )
        setting.desk.take(case, "ana", at + 14)
        setting.desk.talk(case, "ana", at + 22)
        setting.desk.close(case, "ana", Closing(cause, Action.TALKED, outcome), at + 300)


def _measure(setting: Setting, now: float) -> None:
    rows = [
        Row(
            "carme",
            "bed",
            "temperature",
            now - 86_400 + step * 300,
            20.2 + 1.4 * math.sin((step - 90) / 46) + 0.15 * math.sin(step),
        )
        for step in range(288)
    ]
    walk = (
        (57, "bed"),
        (55, "bed"),
        (54, "hall"),
        (53, "bath"),
        (52, "bath"),
        (49, "hall"),
        (47, "kitchen"),
        (46, "kitchen"),
        (44, "kitchen"),
        (41, "kitchen"),
        (38, "kitchen"),
        (35, "hall"),
        (34, "door"),
        (31, "kitchen"),
        (28, "kitchen"),
        (25, "kitchen"),
        (22, "hall"),
        (21, "bed"),
        (19, "bed"),
        (15, "bed"),
        (12, "hall"),
        (11, "bath"),
        (9, "bath"),
        (6, "bath"),
        (4, "bath"),
    )
    rows += [
        Row("carme", device, "open" if device == "door" else "motion", now - minutes * 60, True)
        for minutes, device in walk
    ]
    assert setting.telemetry is not None
    setting.telemetry.write(rows)
