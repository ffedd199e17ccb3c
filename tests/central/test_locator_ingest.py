"""A locator speaks to the centre as a hub of its own: from its packs to a finding."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from central.detection.engine import Engine
from central.detection.profile import Limits
from central.ingest import Intake, Refusals
from central.storage.homes import DeviceAtHome, EnrolledHome
from devices.catalogue import CATALOGUE
from devices.vocabulary import Reading
from gateway.contract.senml import encode_measurements
from gateway.contract.topics import Channel, shard_of, topic

NOW = 1_795_276_800.0
MINUTE = 60.0
PACKS = topic("loc-7", Channel.MEASUREMENTS)
CAPTURE = Path(__file__).resolve().parents[1] / "captures" / "locator.toml"
PLAN: dict[str, Any] = {
    "locator": {"zones": [{"name": "barri", "center": [41.38506, 2.1734], "radius_m": 400}]},
    "hub_silent_technical_s": 7_200,
    "hub_silent_alarm_s": 14_400,
}


def street() -> tuple[Intake, Engine, Refusals]:
    model = CATALOGUE["locator"]
    gps = DeviceAtHome("gps", model.name, "", model.silence_max_s)
    home = EnrolledHome("carme-out", "loc-7", shard_of("loc-7"), "Europe/Madrid", "ca", PLAN, [gps])
    engine, refusals = Engine(NOW, 0.0), Refusals()
    intake = Intake(engine, Limits(), refusals)
    intake.enrol([home], NOW)
    engine.recall("carme-out", None, (), NOW)
    return intake, engine, refusals


def test_the_documented_pack_is_stored_as_it_is_of_a_locator_that_is_enrolled() -> None:
    intake, _, refusals = street()
    (first, *_) = tomllib.loads(CAPTURE.read_text())["pack"]
    rows = intake.take(PACKS, first["pack"].encode(), False, NOW)
    assert {(row.home, row.device, row.kind): row.value for row in rows if row.device != "hub"} == {
        ("carme-out", "gps", kind): value for kind, value in first["readings"].items()
    }
    assert refusals.counts == {}


def test_a_walk_out_of_the_zone_by_mqtt_is_a_finding_and_then_so_is_silence() -> None:
    intake, engine, refusals = street()
    reasons = []
    now = NOW
    for minute in range(60):
        now = NOW + minute * MINUTE
        place = {"latitude": 41.38506 + 0.0002 * minute, "longitude": 2.1734, "position_accuracy": 8.0}
        pack = encode_measurements("loc-7", [Reading("gps", kind, value, now) for kind, value in place.items()])
        intake.take(PACKS, pack, False, now)
        reasons += [finding.reason for finding in engine.due(now + 1)]
    assert set(reasons) == {"outside_zone"}
    later = [finding for minute in range(130) for finding in engine.due(now + minute * MINUTE)]
    silent = next(finding for finding in later if finding.reason == "locator_silent")
    assert silent.facts["distance_m"] == 1312
    assert silent.evidence[-1].n == "gps/position_accuracy"
    assert refusals.counts == {}
