"""What the receiver promises about each message, without a broker."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.detection.engine import Engine
from central.detection.profile import Limits
from central.ingest import STRANGE_DEVICES_MAX, Intake, Refusals
from central.storage.homes import DeviceAtHome, EnrolledHome
from central.telemetry.store import Row
from devices.vocabulary import Reading
from gateway.contract.encoding import encode
from gateway.contract.messages import Heartbeat, HubState
from gateway.contract.senml import encode_measurements
from gateway.contract.topics import Channel, shard_of, topic

NOW = 1_795_262_400.0
PACKS = topic("h-1", Channel.MEASUREMENTS)
BEATS = topic("h-1", Channel.HEARTBEAT)
STATES = topic("h-1", Channel.STATE)


def home(home_id: str = "flat-1", hub: str = "h-1", devices: Sequence[str] = ("hall",)) -> EnrolledHome:
    enrolled = [DeviceAtHome(device, "motion", device, 3600.0) for device in devices]
    return EnrolledHome(home_id, hub, shard_of(hub), "Europe/Madrid", "ca", {}, enrolled)


def new_intake() -> Intake:
    intake = Intake(Engine(NOW, 180.0), Limits(), Refusals())
    intake.enrol([home()], NOW)
    return intake


@pytest.fixture
def intake() -> Intake:
    return new_intake()


def pack(*readings: Reading, sequence: int | None = None, hub: str = "h-1") -> bytes:
    return encode_measurements(hub, readings, sequence=sequence)


def temperature(device: str = "hall", at: float = NOW, value: float = 21.0) -> Reading:
    return Reading(device, "temperature", value, at)


def stored(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.device != "hub"]


@given(st.floats(NOW - 3600, NOW))
def test_a_time_is_the_same_when_it_is_read_back_from_a_store_after_a_restart(at: float) -> None:
    sent = [{"bn": "urn:dev:hub:h-1:", "n": "hall/motion", "t": at, "vb": True}]
    (row,) = stored(new_intake().take(PACKS, json.dumps(sent).encode(), False, NOW))
    assert row.at == int(row.at * 1000 + 0.5) / 1000
    assert abs(row.at - at) <= 0.001


def test_a_pack_becomes_rows_of_the_home_with_their_own_times(intake: Intake) -> None:
    rows = intake.take(PACKS, pack(temperature(at=NOW - 3600), Reading("hall", "motion", True, NOW)), False, NOW + 5)
    assert stored(rows) == [
        Row("flat-1", "hall", "temperature", NOW - 3600, 21.0),
        Row("flat-1", "hall", "motion", NOW, True),
    ]


def test_that_the_hub_was_heard_is_stored_once_a_minute_and_not_more(intake: Intake) -> None:
    marks = []
    for second in range(0, 600, 5):
        beat = encode(Heartbeat(at=NOW, waiting=7))
        marks += [row for row in intake.take(BEATS, beat, False, NOW + second) if row.device == "hub"]
    assert marks == [Row("flat-1", "hub", "heartbeat", NOW + minute * 60, 7.0) for minute in range(10)]


def test_one_bad_record_is_refused_and_the_others_are_taken(intake: Intake) -> None:
    payload = pack(temperature(), temperature(at=NOW - 50 * 86_400))
    rows = intake.take(PACKS, payload, False, NOW)
    assert len(stored(rows)) == 1
    assert intake.refusals.counts == {"ancient": 1}


def test_what_a_hub_says_of_another_hub_is_refused(intake: Intake) -> None:
    assert stored(intake.take(PACKS, pack(temperature(), hub="h-2"), False, NOW)) == []
    assert intake.refusals.counts == {"wrong_hub": 1}


def test_strangers_are_refused_by_value_and_counted(intake: Intake) -> None:
    assert intake.take(topic("h-2", Channel.MEASUREMENTS), pack(temperature(), hub="h-2"), False, NOW) == ()
    assert intake.take("care/v1/00/h-1/up/meas", pack(temperature()), False, NOW) == (), "not the hub's shard"
    assert intake.refusals.counts == {"unknown_hub": 1, "bad_topic": 1}
    assert not intake.knows(topic("h-2", Channel.MEASUREMENTS)), "so the registry is read again"


def test_devices_that_nobody_enrolled_are_kept_up_to_a_bound(intake: Intake) -> None:
    rows: list[Row] = []
    for number in range(STRANGE_DEVICES_MAX + 10):
        rows += intake.take(PACKS, pack(temperature(f"new-{number}")), False, NOW)
    assert len(stored(rows)) == STRANGE_DEVICES_MAX
    assert intake.refusals.counts == {"too_many_devices": 10}
    assert stored(intake.take(PACKS, pack(temperature("hall")), False, NOW)), "those that are enrolled go on"


def test_a_hub_that_invents_devices_for_ever_costs_no_memory(intake: Intake) -> None:
    for number in range(5_000):
        intake.take(PACKS, pack(temperature(f"new-{number}"), Reading(f"door-{number}", "open", True, NOW)), False, NOW)
    timeline = intake._engine.timeline("flat-1")
    assert timeline is not None
    assert len(timeline.device_heard_at) <= STRANGE_DEVICES_MAX + 2
    intake.enrol([home(devices=["hall", "new-1"])], NOW)
    assert stored(intake.take(PACKS, pack(temperature("new-3")), False, NOW)), "known strangers outlast a new registry"


def test_accelerometer_windows_are_not_kept_and_that_is_counted(intake: Intake) -> None:
    window = Reading("hall", "acceleration", b"\0\1" * 30, NOW)
    assert len(stored(intake.take(PACKS, pack(window, temperature()), False, NOW))) == 1
    assert intake.refusals.counts == {"window_not_kept": 1}


def test_gaps_and_duplicates_of_packs_are_counted_and_duplicates_stored_again(intake: Intake) -> None:
    for sequence in (1, 2, 2, 5):
        assert stored(intake.take(PACKS, pack(temperature(), sequence=sequence), False, NOW))
    assert (intake.gaps(), intake.duplicates) == (1, 1)
    for sequence in (3, 4):
        intake.take(PACKS, pack(temperature(), sequence=sequence), False, NOW)
    assert intake.gaps() == 0


def test_a_silent_or_offline_hub_is_shown_with_when_it_was_last_heard(intake: Intake) -> None:
    assert intake.presence(NOW)[0] == 1, "never heard"
    intake.take(STATES, encode(HubState(online=True, at=NOW)), False, NOW)
    assert intake.presence(NOW + 179)[0] == 0
    count, (silent,) = intake.presence(NOW + 181)
    assert (count, silent.home, silent.seen_at, silent.online) == (1, "flat-1", NOW, False)
    intake.take(STATES, encode(HubState(online=False, at=NOW)), False, NOW + 20)
    assert intake.presence(NOW + 20)[0] == 1, "its last will was published"
    intake.take(BEATS, encode(Heartbeat(at=NOW)), False, NOW + 30)
    assert intake.presence(NOW + 30)[0] == 0


def test_a_state_that_the_broker_retained_is_no_sign_of_life(intake: Intake) -> None:
    assert intake.take(STATES, encode(HubState(online=True, at=NOW - 9_999)), True, NOW) == []
    assert intake.take(BEATS, encode(Heartbeat(at=NOW)), True, NOW) == []
    assert stored(intake.take(PACKS, pack(temperature()), True, NOW)), "a reading stays true"
    assert intake.presence(NOW)[0] == 1


def test_a_home_that_gets_another_hub_is_heard_through_that_one(intake: Intake) -> None:
    intake.enrol([home(hub="h-9")], NOW)
    assert intake.take(PACKS, pack(temperature()), False, NOW) == ()
    assert stored(intake.take(topic("h-9", Channel.MEASUREMENTS), pack(temperature(), hub="h-9"), False, NOW))


def test_a_hub_that_moves_to_another_home_is_heard_there(intake: Intake) -> None:
    intake.enrol([home("flat-2")], NOW)
    assert {row.home for row in intake.take(PACKS, pack(temperature()), False, NOW)} == {"flat-2"}
    intake.enrol([home("flat-2", "h-2"), home("flat-3")], NOW)
    assert {row.home for row in intake.take(PACKS, pack(temperature()), False, NOW)} == {"flat-3"}


def test_hubs_that_change_places_are_both_heard(intake: Intake) -> None:
    intake.enrol([home(), home("flat-2", "h-2")], NOW)
    intake.enrol([home(hub="h-2"), home("flat-2", "h-1")], NOW)
    assert {row.home for row in intake.take(PACKS, pack(temperature()), False, NOW)} == {"flat-2"}
    rows = intake.take(topic("h-2", Channel.MEASUREMENTS), pack(temperature(), hub="h-2"), False, NOW)
    assert {row.home for row in rows} == {"flat-1"}


def test_a_heartbeat_that_waited_at_the_broker_counts_as_of_when_it_was_written() -> None:
    intake = new_intake()
    (mark,) = intake.take(BEATS, encode(Heartbeat(at=NOW - 3600)), False, NOW)
    assert mark.at == NOW - 3600
    assert intake.presence(NOW)[0] == 1
    intake.take(BEATS, encode(Heartbeat(at=NOW)), False, NOW)
    assert intake.presence(NOW)[0] == 0


@pytest.mark.parametrize("home_id", ["line\nbreak", "tail\\"])
def test_a_home_id_that_no_store_can_take_does_not_stop_the_others(intake: Intake, home_id: str) -> None:
    intake.enrol([home(), home(home_id, "h-2")], NOW)
    assert intake.take(topic("h-2", Channel.MEASUREMENTS), pack(temperature(), hub="h-2"), False, NOW) == ()
    assert stored(intake.take(PACKS, pack(temperature()), False, NOW))


def test_a_home_that_is_gone_is_forgotten(intake: Intake) -> None:
    intake.enrol([], NOW)
    assert intake.take(PACKS, pack(temperature()), False, NOW) == ()
    assert intake.refusals.counts == {"unknown_hub": 1}
    assert intake.presence(NOW) == (0, [])


def test_a_kind_of_refusal_is_logged_once_a_minute_and_counted_always(
    intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "central.ingest"):
        for second in range(120):
            intake.take(PACKS, b"[{", False, NOW + second)
            intake.take("care/v1/x", b"", False, NOW + second)
    assert intake.refusals.counts == {"bad_json": 120, "bad_topic": 120}
    assert len(caplog.records) == 4
    assert all("\n" not in record.getMessage() for record in caplog.records)


topics = st.one_of(
    st.sampled_from([PACKS, BEATS, STATES, topic("h-2", Channel.MEASUREMENTS)]),
    st.text(max_size=60),
    st.builds("care/v1/{}/{}/{}".format, st.text(max_size=3), st.text(max_size=5), st.sampled_from(list(Channel))),
)
labels = st.sampled_from(["bn", "bt", "n", "v", "vb", "vs", "t", "at", "online", "heard", "waiting"])
documents = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(labels, inner),
)
bodies = st.binary(max_size=200) | documents.map(lambda document: json.dumps(document).encode())
FUZZED = new_intake()


@settings(max_examples=400, deadline=None)
@given(topics, bodies, st.booleans())
def test_whatever_comes_on_whatever_topic_is_rows_or_counted(name: str, body: bytes, retained: bool) -> None:
    before = sum(FUZZED.refusals.counts.values())
    rows = FUZZED.take(name, body, retained, NOW)
    assert all(isinstance(row, Row) for row in rows)
    if name == PACKS:
        assert stored(rows) or sum(FUZZED.refusals.counts.values()) > before
    assert len(FUZZED.refusals.counts) < 40, "reasons are a small fixed set, whatever is sent"
