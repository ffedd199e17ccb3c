"""An alarm fits one SMS, survives what gateways do to texts, and cannot be written by a stranger."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, strategies

from devices.rejection import Rejection
from gateway.contract.messages import Alarm, AlarmAnswer, MessageType, Stage
from gateway.contract.sms import (
    SMS_LENGTH_MAX,
    decode_alarm_sms,
    decode_answer_sms,
    encode_alarm_sms,
    encode_answer_sms,
    sms_key,
)

KEY = sms_key("a password")
PRESS = Alarm("3f9a2b1ca4", 3, 1795276800.0, 10, did="neck_pendant", pri=9, lco=3, lte="Bathroom")
TAKEN = AlarmAnswer("3f9a2b1ca4", 0, 1795276841.25, Stage.TAKEN, "2026-004711", "Núria")
GSM_LETTERS = re.compile(r"[A-Za-z0-9 .,:()/-]*\Z")


def key_of(hub: str) -> bytes | None:
    return KEY if hub.startswith("h") else None


def test_a_person_can_read_it() -> None:
    text = encode_alarm_sms("h-17", PRESS, 42.4, KEY)
    assert text.startswith("LLAR ALARM 42s ago: help, Bathroom (neck.pendant). h-17 3f9a2b1ca4 3/10 p9 l3 t1795276800 ")
    answer = encode_answer_sms("h-17", TAKEN, KEY)
    assert answer.startswith("LLAR ANSWER taken by Nuria, case 2026-004711. h-17 3f9a2b1ca4 s0 t1795276841.250 ")


def test_a_program_reads_the_same() -> None:
    alarm = msgspec.structs.replace(PRESS, age=42.0)
    assert decode_alarm_sms(encode_alarm_sms("h-17", PRESS, 42.4, KEY), key_of) == ("h-17", alarm)
    answer = msgspec.structs.replace(TAKEN, who="Nuria")
    assert decode_answer_sms(encode_answer_sms("h-17", TAKEN, KEY), key_of) == ("h-17", answer)


def test_the_seal_is_the_one_that_is_documented() -> None:
    """Another maker's hub computes the same; the page shows these very values."""
    page = (Path(__file__).parents[2] / "docs/wire/sms.md").read_text(encoding="utf-8")
    assert KEY.hex() in page
    assert encode_alarm_sms("h-17", PRESS, 42.4, KEY) in page
    assert encode_answer_sms("h-17", TAKEN, KEY) in page


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: f"  {text} \r\n",
        lambda text: f"+34600111222: {text}\nSent by the gateway",
        lambda text: text.upper(),
        lambda text: text.lower(),
        lambda text: text.replace(" ", "\r\n"),
        lambda text: text.replace(" ", "\u00a0 "),
    ],
)
def test_what_gateways_do_to_texts_does_no_harm(damage: object) -> None:
    assert callable(damage)
    read = decode_alarm_sms(damage(encode_alarm_sms("h-17", PRESS, None, KEY)), key_of)
    assert not isinstance(read, Rejection)
    assert (read[0], read[1].ref, read[1].dty, read[1].lco, read[1].age) == ("h-17", PRESS.ref, 3, 3, None)
    answer = decode_answer_sms(damage(encode_answer_sms("h-17", TAKEN, KEY)), key_of)
    assert not isinstance(answer, Rejection)
    assert (answer[1].ref, answer[1].stage) == (TAKEN.ref, Stage.TAKEN)


def test_a_stranger_cannot_raise_or_acknowledge_an_alarm() -> None:
    text = encode_alarm_sms("h-17", PRESS, 1.0, KEY)
    refused = decode_alarm_sms(text, lambda _: sms_key("another"))
    assert isinstance(refused, Rejection)
    assert refused.reason == "bad_mac"
    changed = decode_alarm_sms(text.replace("h-17", "h-18"), key_of)
    assert isinstance(changed, Rejection)
    assert changed.reason == "bad_mac"
    unknown = decode_alarm_sms(text.replace("h-17", "x-17"), key_of)
    assert isinstance(unknown, Rejection)
    assert unknown.reason == "unknown_hub"
    # an alarm that comes back is no answer, nor an answer an alarm
    assert isinstance(decode_answer_sms(text, key_of), Rejection)
    assert isinstance(decode_alarm_sms(encode_answer_sms("h-17", TAKEN, KEY), key_of), Rejection)


@given(strategies.data())
def test_no_changed_letter_is_believed(data: strategies.DataObject) -> None:
    text = encode_alarm_sms("h-17", PRESS, 7.0, KEY)
    at = data.draw(strategies.integers(0, len(text) - 1))
    letter = data.draw(strategies.characters(codec="ascii"))
    read = decode_alarm_sms(text[:at] + letter + text[at + 1 :], key_of)
    if letter.lower() != text[at].lower() and not (letter.isspace() and text[at] == " "):
        assert isinstance(read, Rejection)


@given(strategies.text(max_size=300))
def test_any_text_is_a_value_or_a_rejection(text: str) -> None:
    for decode in (decode_alarm_sms, decode_answer_sms):
        assert isinstance(decode(text, key_of), Rejection)
    assert isinstance(decode_alarm_sms(text * 100 + "x" * 1001, key_of), Rejection)


_hubs = strategies.from_regex(r"h[a-z0-9-]{0,31}", fullmatch=True)
_refs = strategies.from_regex(r"[A-Za-z0-9]{1,16}", fullmatch=True)
_seconds = strategies.floats(0, 2**34)
_alarms = strategies.builds(
    Alarm,
    _refs,
    strategies.integers(0, 9999),
    _seconds,
    strategies.integers(0, 9999),
    mty=strategies.sampled_from(MessageType),
    did=strategies.one_of(strategies.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True), strategies.text(max_size=32)),
    pri=strategies.integers(0, 9),
    lco=strategies.integers(0, 999),
    lte=strategies.text(max_size=64),
    trusted=strategies.booleans(),
)


@given(_hubs, _alarms, strategies.one_of(strategies.none(), strategies.floats(0, 2**40)))
def test_any_alarm_fits_one_sms_and_keeps_what_matters(hub: str, alarm: Alarm, age_s: float | None) -> None:
    text = encode_alarm_sms(hub, alarm, age_s, KEY)
    assert len(text) <= SMS_LENGTH_MAX
    assert GSM_LETTERS.match(text)
    read = decode_alarm_sms(text, key_of)
    assert not isinstance(read, Rejection), (text, read)
    assert read[0] == hub
    kept = (alarm.ref.lower(), alarm.dty, alarm.stc, alarm.mty, alarm.pri, alarm.lco, alarm.trusted)
    assert (read[1].ref, read[1].dty, read[1].stc, read[1].mty, read[1].pri, read[1].lco, read[1].trusted) == kept
    assert abs(read[1].tim - alarm.tim) <= 0.5
    assert (read[1].age is None) == (age_s is None)


_answers = strategies.builds(
    AlarmAnswer,
    _refs,
    strategies.integers(0, 99),
    _seconds,
    strategies.sampled_from(Stage),
    strategies.text(max_size=32),
    strategies.text(max_size=64),
    strategies.one_of(strategies.none(), strategies.integers(0, 1440)),
)


@given(_hubs, _answers)
def test_any_answer_fits_one_sms_and_keeps_what_matters(hub: str, answer: AlarmAnswer) -> None:
    text = encode_answer_sms(hub, answer, KEY)
    assert len(text) <= SMS_LENGTH_MAX
    assert GSM_LETTERS.match(text)
    read = decode_answer_sms(text, key_of)
    assert not isinstance(read, Rejection), (text, read)
    assert (read[0], read[1].ref, read[1].snu) == (hub, answer.ref.lower(), answer.snu)
    assert abs(read[1].at - answer.at) <= 0.001
    assert read[1].stage is (answer.stage if answer.snu == 0 else Stage.RECEIVED)
    assert read[1].eta_minutes == answer.eta_minutes


def test_no_name_is_not_a_hub() -> None:
    with pytest.raises(ValueError, match="hub"):
        encode_alarm_sms("Hub 17", PRESS, None, KEY)
    with pytest.raises(ValueError, match="hub"):
        encode_answer_sms("desk", TAKEN, KEY)
