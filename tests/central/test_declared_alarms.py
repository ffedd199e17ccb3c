"""What a home declares by itself: from a sensor's reading to a case with its priority and words, in every language."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from central.alarm_cases.priority import Priority
from central.console.evidence_words import value_words
from central.console.wording import Names, proofs, why_it_fired
from central.detection.finding import Finding
from central.storage import cases
from central.texts import LANGUAGES, translator
from devices.catalogue import CATALOGUE
from devices.enrolment import EnrolledDevice
from devices.vocabulary import KINDS, Reading, Urgency
from edge.clock import Stamp
from edge.home.contact_text import contact_text
from edge.home.wording import phrases
from edge.uplink import Memory, declare, is_prompt
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import Record

if TYPE_CHECKING:
    from tests.central.conftest import Town

T = 1_795_262_400.0
DANGERS = {
    "smoke": (AlarmKind.SMOKE, Priority.LIFE, 9),
    "gas": (AlarmKind.GAS, Priority.LIFE, 9),
    "co": (AlarmKind.CO, Priority.LIFE, 9),
    "flood": (AlarmKind.FLOOD, Priority.URGENT, 5),
}
NAMES = Names("Maria", {}, {}, {"kitchen-detector": "kitchen"})


@pytest.mark.parametrize("kind", DANGERS)
def test_a_detectors_first_word_is_an_alarm_at_once_and_a_case_that_says_what_it_is(kind: str, town: Town) -> None:
    alarm_kind, priority, pri = DANGERS[kind]
    model = CATALOGUE[f"bthome_{kind}"]
    assert KINDS[kind].urgency is Urgency.ALARM
    device = EnrolledDevice("kitchen-detector", model.name, model.link, "A4:C1:38:00:00:01", "kitchen", "21")
    reading = Reading(device.id, kind, True, T)
    assert is_prompt([reading])
    [(alarm, _)] = declare([reading], device, Stamp("b1", 10.0, T, trusted=True), Memory())
    assert (alarm.pri, alarm.lte, alarm.lco) == (pri, "kitchen", 21)
    town.receive(msgspec.structs.replace(alarm, ref="A1"), T + 0.4)
    with town.database.read() as connection:
        (case,) = cases.open_cases(connection)
        log = cases.events_of(connection, case.id)
    assert (case.kind, case.priority) == (alarm_kind, priority)
    for language in LANGUAGES:
        words = translator(language)
        (why,) = why_it_fired(log, NAMES, words)
        assert "Maria" in why.sentence
        (proof,) = proofs(log, NAMES, words)
        assert (proof.at, proof.where) == (T, "kitchen")
        assert proof.what
        assert phrases(language)["heard"][kind] != phrases(language)["heard"]["other"], "the home says what it noticed"
        told = contact_text(alarm_kind, 0.0, "Maria", language)
        assert told != contact_text(AlarmKind.OTHER, 0.0, "Maria", language), "and so does its SMS to the family"


@pytest.mark.parametrize("language", LANGUAGES)
def test_danger_and_its_end_never_read_the_same(language: str) -> None:
    words = translator(language)
    for kind in DANGERS:
        said = {value_words(Record(n=f"d/{kind}", vb=value), kind, words) for value in (True, False)}
        assert len(said) == 2, kind


def test_the_end_of_a_danger_is_no_alarm() -> None:
    device = EnrolledDevice("d", "bthome_smoke", CATALOGUE["bthome_smoke"].link, "A4:C1:38:00:00:01")
    for kind in DANGERS:
        assert declare([Reading("d", kind, False, T)], device, Stamp("b1", 10.0, T, trusted=True), Memory()) == []


def test_a_finding_of_measurements_becomes_a_case_with_the_priority_of_its_kind(town: Town) -> None:
    given = {
        "vital_high": (AlarmKind.VITAL_SIGN, Priority.ROUTINE),
        "vital_urgent_high": (AlarmKind.VITAL_SIGN, Priority.URGENT),
        "vital_missing": (AlarmKind.VITAL_MISSING, Priority.ROUTINE),
        "too_cold": (AlarmKind.TEMPERATURE_EXTREME, Priority.URGENT),
        "dose_not_taken": (AlarmKind.MEDICATION, Priority.ROUTINE),
        "outside_zone": (AlarmKind.OUTSIDE_ZONE, Priority.URGENT),
        "in_vehicle": (AlarmKind.IN_VEHICLE, Priority.URGENT),
        "locator_silent": (AlarmKind.LOCATOR_SILENT, Priority.URGENT),
    }
    for number, (reason, (kind, _)) in enumerate(given.items()):
        at = T + 3600 * number
        town.desk.receive_finding(Finding(reason, "home-1", kind, at - 60, at, reason), at)
    with town.database.read() as connection:
        found = sorted(cases.open_cases(connection), key=lambda case: case.id)
    assert [(case.kind, case.priority) for case in found] == list(given.values())


def test_a_position_is_shown_as_a_place(town: Town) -> None:
    evidence = [
        Record(n="gps/latitude", t=T, v=41.388, u="lat"),
        Record(n="gps/longitude", t=T, v=2.1734, u="lon"),
        Record(n="gps/position_accuracy", t=T, v=12.0, u="m"),
        Record(n="gps/speed", t=T, v=1.5, u="m/s"),
    ]
    facts: dict[str, str | float] = {
        "device": "gps",
        "zone": "casa",
        "zone_latitude": 41.385,
        "zone_longitude": 2.1734,
    }
    finding = Finding("k", "home-1", AlarmKind.OUTSIDE_ZONE, T, T, "outside_zone", facts, evidence)
    town.desk.receive_finding(finding, T)
    with town.database.read() as connection:
        log = cases.events_of(connection, 1)
    shown = proofs(log, NAMES, translator("ca"))
    assert {(proof.at, proof.where, proof.what) for proof in shown} == {
        (T, "gps", "posició 41.38800, 2.17340 (± 12 m), a 334 m al nord de «casa»"),
        (T, "gps", "velocitat 1.5 m/s"),
    }
