"""Whatever bytes arrive, a decoder gives a value or a Rejection; what we encode comes back as it was."""

from __future__ import annotations

import json
import math
from typing import Any

import cbor2
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.rejection import Rejection
from devices.vocabulary import KINDS, Reading, ReadingKind, ValueType, value_fault
from gateway.contract import encoding, senml
from gateway.contract.messages import (
    Alarm,
    AlarmAnswer,
    Command,
    CommandOutcome,
    Heartbeat,
    HubState,
    Measurements,
    MessageType,
    Outcome,
    Path,
    Problem,
    ProblemCode,
    Record,
    Stage,
)
from gateway.contract.topics import Channel, read_topic, shard_of, topic

NOW = 1_795_276_800.0
HUB = "h-17"
BODIES = (Alarm, AlarmAnswer, HubState, Heartbeat, Command, CommandOutcome)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
labels = st.sampled_from(
    ["bn", "bt", "bu", "bv", "bver", "n", "u", "v", "vb", "vs", "vd", "t", "ut", "seq", "ep", "x", "y_"]
)
odd_numbers = st.sampled_from([0, -0.0, 1e308, -1e308, 5e-324, 2**63, -(2**63), 2**28, 2**28 - 1, 10**400])
names = st.sampled_from(
    ["hall/temperature", "bed/presence", "pendant/press", "imu/acceleration", "", "/", "a/b/c", "hall/"]
)
plain_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just([{}])
near_packs = st.lists(
    st.dictionaries(
        labels,
        plain_values | odd_numbers | names | st.just("urn:dev:hub:h-17:") | st.floats(NOW - 1e7, NOW + 1e4),
        max_size=6,
    ),
    max_size=4,
)


def checked(result: Measurements | Rejection) -> None:
    """A result is a refusal with a reason, or readings that the vocabulary allows, none from an impossible time."""
    if isinstance(result, Rejection):
        assert result.reason
        assert len(result.detail) <= 200
        return
    assert result.hub == HUB
    for reading in result.readings:
        assert value_fault(KINDS[reading.kind], reading.value) == ""
        assert NOW - senml.AGE_MAX_S <= reading.measured_at <= NOW + senml.FUTURE_MAX_S


@given(st.binary(max_size=400))
@example(b"")
@example(b"[" * 16_000)
@example(b'[{"n":' * 2_000)
@example(b"\xff\xfe")
@example(b'[{"n":"\\ud800"}]')
@example(b'[{"bn":"urn:dev:hub:h-17:","n":"hall/temperature","v":NaN}]')
@example(b'[{"bn":"urn:dev:hub:h-17:","n":"hall/temperature","v":1e999}]')
@example(b'[{"bn":"urn:dev:hub:h-17:","n":"hall/temperature","v":' + b"9" * 5_000 + b"}]")
@example(b"\x81" * 16_000)
@example(b"\xbf" * 1_000)
@example(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff")
def test_any_bytes_as_measurements(payload: bytes) -> None:
    checked(senml.decode_measurements(HUB, payload, NOW))


@given(near_packs)
def test_any_json_that_looks_like_a_pack(pack: list[dict[str, Any]]) -> None:
    checked(senml.decode_measurements(HUB, json.dumps(pack).encode("utf-8", "surrogatepass"), NOW))


cbor_labels = labels | st.integers(-8, 10)
cbor_values = (
    json_values | odd_numbers | names | st.binary(max_size=12) | st.decimals() | st.datetimes() | st.fractions()
)


@given(st.lists(st.dictionaries(cbor_labels, cbor_values, max_size=6), max_size=4))
def test_any_cbor_that_looks_like_a_pack(pack: list[dict[Any, Any]]) -> None:
    try:
        payload = cbor2.dumps(pack, timezone=None)
    except (cbor2.CBOREncodeError, ValueError):
        return
    checked(senml.decode_measurements(HUB, payload, NOW))


@pytest.mark.parametrize("kind", BODIES)
@given(payload=st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode("utf-8", "replace")))
@example(payload=b"{" * 8_000)
@example(payload=b'{"ref":' * 1_000)
@example(payload=b'{"ref":"A1","dty":3,"tim":1e400}')
@example(payload=b'{"ref":"A1","dty":3,"tim":-1}')
@example(payload=b"x" * 9_000)
@example(payload=b'{"ref":"A1","dty":3,"tim":1,"mty":"' + b"\\u001b[2J" * 500 + b'"}')
def test_any_bytes_as_a_message(kind: type, payload: bytes) -> None:
    result = encoding.decode(kind, payload)
    assert isinstance(result, Rejection | kind)
    if isinstance(result, Rejection):
        assert len(result.detail) <= 200
        assert result.detail.isprintable()
        assert result.reason in {"too_large", "bad_json", "bad_content"}


@given(st.text(max_size=80))
@example("care/v1/3e/h-17/up/alarm\n")
@example("care/v1/+/h-17/up/alarm")
@example("care/v1/00/h-17/up/alarm")
def test_any_text_as_a_topic(text: str) -> None:
    address = read_topic(text)
    if address is not None:
        assert topic(address.hub, address.channel, address.tail) == text


device_ids = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,31}", fullmatch=True)
times = st.floats(NOW - 30 * 86_400, NOW).map(lambda at: round(at, 3))


def values_of(kind: ReadingKind) -> st.SearchStrategy[Any]:
    match kind.value_type:
        case ValueType.NUMBER:
            return st.floats(kind.minimum, kind.maximum)
        case ValueType.BOOLEAN:
            return st.booleans()
        case ValueType.WORD:
            return st.sampled_from(kind.words)
        case ValueType.DATA:
            return st.binary(max_size=64)


readings = st.sampled_from(sorted(KINDS)).flatmap(
    lambda name: st.builds(Reading, device_ids, st.just(name), values_of(KINDS[name]), times)
)


def alike(got: list[Reading], sent: list[Reading]) -> bool:
    """Equal, times to the millisecond that the wire carries."""
    same = [(r.device, r.kind, r.value) for r in got] == [(r.device, r.kind, r.value) for r in sent]
    return same and all(
        math.isclose(a.measured_at, b.measured_at, abs_tol=0.0011) for a, b in zip(got, sent, strict=True)
    )


@given(st.lists(readings, min_size=1, max_size=30), st.none() | st.integers(0, 2**53), st.just("") | st.just("k3"))
def test_readings_come_back_as_they_were_sent(sent: list[Reading], sequence: int | None, epoch: str) -> None:
    payload = senml.encode_measurements(HUB, sent, sequence=sequence, epoch=epoch)
    got = senml.decode_measurements(HUB, payload, NOW)
    assert isinstance(got, Measurements)
    assert (got.refused, got.sequence, got.epoch) == ((), sequence, epoch)
    assert alike(got.readings, sent)


TO_CBOR = {"bn": -2, "bt": -3, "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "t": 6, "vd": 8}


@given(st.lists(readings, min_size=1, max_size=10))
def test_a_pack_means_the_same_in_cbor(sent: list[Reading]) -> None:
    payload = senml.encode_measurements(HUB, sent, sequence=7, epoch="k3")
    records = json.loads(payload)
    for record, reading in zip(records, sent, strict=True):
        if "vd" in record:
            record["vd"] = reading.value
    in_cbor = cbor2.dumps([{TO_CBOR.get(label, label): value for label, value in r.items()} for r in records])
    assert senml.decode_measurements(HUB, in_cbor, NOW) == senml.decode_measurements(HUB, payload, NOW)


def test_a_hub_without_a_trusted_clock_sends_ages() -> None:
    wrong_now = 1_000_000_000.0
    sent = [Reading("bed", "presence", True, wrong_now - 90), Reading("bed", "presence", False, wrong_now)]
    payload = senml.encode_measurements(HUB, sent, relative_to=wrong_now)
    got = senml.decode_measurements(HUB, payload, NOW)
    assert isinstance(got, Measurements)
    assert [reading.measured_at for reading in got.readings] == [NOW - 90, NOW]


def pack(*records: dict[str, Any], **base: Any) -> bytes:
    first, *rest = records
    return json.dumps([{"bn": "urn:dev:hub:h-17:", "bt": NOW, **base, **first}, *rest]).encode()


GOOD = {"n": "hall/temperature", "u": "Cel", "v": 21.5}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"[]", "empty"),
        (b"{}", "bad_json"),
        (b"[1]", "bad_json"),
        (pack(GOOD, bver=11), "unknown_version"),
        (pack(GOOD, bn="urn:dev:hub:h-18:"), "wrong_hub"),
        (pack(GOOD, bn="urn:dev:hub:h-1"), "wrong_hub"),
        (pack(GOOD, {**GOOD, "bn": "urn:dev:hub:h-18:"}), "wrong_hub"),
        (pack({**GOOD, "rate_": 5}), "must_understand"),
        (pack(GOOD).replace(b'"u"', b'"u\\u005f"'), "must_understand"),
        (cbor2.dumps([{-2: "urn:dev:hub:h-17:", 0: "hall/temperature", 2: 1, "rate_": 5}]), "must_understand"),
        (cbor2.dumps([{-2: "urn:dev:hub:h-17:", 11: 1}]), "bad_cbor"),
        (cbor2.dumps([{0: "x", 2: 2**200}]), "bad_cbor"),
        (cbor2.dumps({"n": 1}), "bad_cbor"),
        (b" " * 17_000, "too_large"),
        (b"[" + b",".join([b"{}"] * 501) + b"]", "too_many_records"),
    ],
)
def test_a_broken_pack_is_refused_as_a_whole(payload: bytes, reason: str) -> None:
    result = senml.decode_measurements(HUB, payload, NOW)
    assert isinstance(result, Rejection)
    assert result.reason == reason


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"n": "hall/temperature", "v": 99.0}, "bad_value"),
        ({"n": "hall/temperature", "vb": True}, "bad_value"),
        ({"n": "pendant/press", "vs": "fourfold"}, "bad_value"),
        ({"n": "imu/acceleration", "vd": "%%%%"}, "bad_value"),
        ({"n": "imu/acceleration", "vd": "A" * 8_000}, "bad_value"),
        ({"n": "hall/temperature", "u": "K", "v": 290.0}, "wrong_unit"),
        ({"n": "hall/mood", "vs": "good"}, "unknown_name"),
        ({"n": "Hall/temperature", "v": 20.0}, "unknown_name"),
        ({"n": "hall/temperature", "v": 20.0, "t": 301.0}, "future"),
        ({"n": "hall/temperature", "v": 20.0, "t": -41 * 86_400}, "ancient"),
        ({"n": "hall/temperature", "v": 20.0, "t": 1e300}, "future"),
    ],
)
def test_a_bad_record_is_counted_and_the_good_ones_stay(bad: dict[str, Any], reason: str) -> None:
    result = senml.decode_measurements(HUB, pack(GOOD, bad, GOOD), NOW)
    assert isinstance(result, Measurements)
    assert result.refused == (reason,)
    assert [reading.value for reading in result.readings] == [21.5, 21.5]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("label", [2, -5, 6, -3])
def test_numbers_that_are_none_never_become_readings(number: float, label: int) -> None:
    record = {-2: "urn:dev:hub:h-17:", -3: NOW, 0: "hall/temperature", 2: 21.5, label: number}
    result = senml.decode_measurements(HUB, cbor2.dumps([record]), NOW)
    assert isinstance(result, Measurements)
    assert result.readings == []
    assert len(result.refused) == 1


def test_unknown_labels_and_base_fields_are_handled_as_the_standard_says() -> None:
    payload = pack(
        {"n": "hall/temperature", "v": 1.5, "x-maker": {"deep": [1]}},
        {"n": "bath/temperature", "v": 2.0, "t": 5},
        {"n": "bed/presence", "vb": True, "bu": ""},
        bu="Cel",
        bv=20.0,
        bver=10,
    )
    result = senml.decode_measurements(HUB, payload, NOW)
    assert isinstance(result, Measurements)
    assert result.refused == ()
    assert [(r.device, r.value, r.measured_at - NOW) for r in result.readings] == [
        ("hall", 21.5, 0.0),
        ("bath", 22.0, 5.0),
        ("bed", True, 0.0),
    ]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
refs = st.from_regex(r"[A-Za-z0-9]{1,16}", fullmatch=True)
seconds = st.floats(0, 2**34)
alarms = st.builds(
    Alarm,
    ref=refs,
    dty=st.integers(0, 9999),
    tim=seconds,
    stc=st.integers(0, 9999),
    mty=st.sampled_from(MessageType),
    seq=st.integers(0, 2**53),
    pri=st.integers(0, 9),
    lte=texts,
    text=texts,
    trusted=st.booleans(),
    age=st.none() | st.floats(0, 2**31),
    evidence=st.lists(st.builds(Record, n=texts, vb=st.booleans(), t=st.floats(-1e6, 1e6)), max_size=4),
)
answers = st.builds(
    AlarmAnswer,
    ref=refs,
    snu=st.integers(0, 99),
    at=seconds,
    stage=st.sampled_from(Stage),
    who=texts,
    eta_minutes=st.none() | st.integers(0, 1440),
)
states = st.builds(
    HubState,
    online=st.booleans(),
    at=seconds,
    path=st.sampled_from(Path),
    mains=st.none() | st.booleans(),
    hearing=st.dictionaries(texts, st.floats(0, 1e6), max_size=8),
    faults=st.lists(texts, max_size=4),
    problems=st.lists(
        st.builds(
            Problem,
            code=st.sampled_from([code.value for code in ProblemCode]) | st.from_regex(r"[a-z_]{1,32}", fullmatch=True),
            since=seconds,
            subject=st.text(max_size=64),
            detail=st.text(max_size=160),
            outcome=st.none() | st.sampled_from(Outcome),
        ),
        max_size=4,
    ),
)
heartbeats = st.builds(
    Heartbeat,
    at=seconds,
    uptime_s=st.floats(0, 1e9),
    heard=st.dictionaries(device_ids, seconds),
    refused=st.dictionaries(st.from_regex(r"[a-z_]{1,32}", fullmatch=True), st.integers(0, 2**53), max_size=8),
)


@given(alarms | answers | states | heartbeats)
def test_messages_come_back_as_they_were_sent(body: Alarm | AlarmAnswer | HubState | Heartbeat) -> None:
    payload = encoding.encode(body)
    got: object = encoding.decode(type(body), payload)
    if isinstance(got, Rejection):
        assert got.reason == "too_large" or (isinstance(body, Heartbeat) and len(body.heard) > 64)
    else:
        assert got == body


@given(st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True), st.sampled_from(Channel), refs)
def test_topics_come_back_as_they_were_built(hub: str, channel: Channel, tail: str) -> None:
    with_tail = channel in {Channel.COMMAND_OUTCOME, Channel.ALARM_ANSWER, Channel.COMMAND}
    built = topic(hub, channel, tail if with_tail else "")
    address = read_topic(built)
    assert address is not None
    assert (address.hub, address.channel, address.shard) == (hub, channel, shard_of(hub))
    assert msgspec.json.encode(address)
