"""An alarm as one SMS to the centre, and the centre's answer as one SMS to the hub; documented in `docs/wire/sms.md`.

    LLAR ALARM 42s ago: help, Bathroom (neck.pendant). h-17 3f9a2b1ca4 3/10 p9 l3 t1795276800 NH7QBD7AA572TFIR
    LLAR ANSWER taken by Nuria, case 2026-004711. h-17 3f9a2b1ca4 s0 t1795276841.250 JH7N6QYLDIIR4HAD

A person can act on it, a program can read it, and only who knows the hub's key can write it: the last word is a
truncated HMAC-SHA-256. The characters are those that every network and gateway passes on unchanged.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from base64 import b32encode
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec

from devices.rejection import Rejection
from gateway.contract.alarm_kinds import kind_of
from gateway.contract.messages import Alarm, AlarmAnswer, MessageType, Stage
from gateway.contract.topics import valid_hub_id

SMS_LENGTH_MAX: Final = 160
"""One SMS in GSM 7-bit: two of them may arrive in any order, late, or one alone."""
TEXT_READ_MAX: Final = 1_000
"""Longest text that is looked at: gateways put words round an SMS, but not more than this."""
MAC_BYTES: Final = 10
"""80 bits: 16 characters. Guessing is only possible by sending SMS, and 64 bits would do."""

KeyOf = Callable[[str], bytes | None]
"""Hub id -> its SMS key (`sms_key`), None for a hub that is not known."""

_WORD_OF: Final = {
    MessageType.FIRST: "ALARM",
    MessageType.UPDATE: "UPDATE",
    MessageType.WITHDRAWN: "WITHDRAWN",
    MessageType.TEST: "TEST",
}
_TYPE_OF: Final = {word.casefold(): kind for kind, word in _WORD_OF.items()}
_STAGE_OF: Final = {stage.value.replace("_", " "): stage for stage in Stage}
_REFUSED: Final = "refused"
_MAC: Final = r" (?P<mac>[a-z2-7]{16})(?![a-z0-9])"
_FROM: Final = r"\. (?P<hub>[a-z0-9-]{1,32}) (?P<ref>[a-z0-9]{1,16})"
_ALARM: Final = re.compile(
    r"llar (?P<word>alarm|update|withdrawn|test)(?: (?P<age>\d{1,10})s ago)?: [a-z0-9 ]{1,32}"
    r"(?:, (?P<place>[a-z0-9 -]{1,64}))?(?: \((?P<did>[a-z0-9.-]{1,32})\))?"
    rf"{_FROM} (?P<dty>\d{{1,4}})/(?P<stc>\d{{1,4}}) p(?P<pri>\d)(?: l(?P<lco>\d{{1,3}}))?"
    rf" (?P<trust>[tu])(?P<tim>\d{{1,11}}){_MAC}",
    re.IGNORECASE | re.ASCII,
)
_ANSWER: Final = re.compile(
    rf"llar answer (?P<stage>{'|'.join((*_STAGE_OF, _REFUSED))})(?: by (?P<who>[a-z0-9 -]{{1,64}}))?"
    r"(?:, (?P<eta>\d{1,4}) min)?(?:, case (?P<case>[a-z0-9-]{1,32}))?"
    rf"{_FROM} s(?P<snu>\d{{1,2}}) t(?P<at>\d{{1,11}}\.\d{{3}}){_MAC}",
    re.IGNORECASE | re.ASCII,
)
_CASE: Final = re.compile(r"[A-Za-z0-9-]{1,32}\Z")
_DEVICE: Final = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")


def sms_key(password: str) -> bytes:
    """The key of a hub's SMS, derived from its MQTT password: nothing more has to be given to a hub.

    The centre keeps this key and not the password, which cannot be computed from it.
    """
    return hmac.digest(password.encode(), b"llar sms key 1", sha256)


def encode_alarm_sms(hub: str, alarm: Alarm, age_s: float | None, key: bytes) -> str:
    """The text of an alarm SMS, at most `SMS_LENGTH_MAX` plain characters.

    Args:
        hub: who sends it.
        alarm: what happened. Its ref travels in lower case; place and device are shortened or left out to fit.
        age_s: seconds since it happened, None when nobody knows.
        key: `sms_key` of the hub.

    Raises:
        ValueError: `hub` is no hub id.
    """
    if not valid_hub_id(hub):
        raise ValueError(f"not a hub id: {hub!r}")
    age = f" {min(max(age_s, 0.0), 2**31):.0f}s ago" if age_s is not None else ""
    kind = kind_of(alarm.dty, alarm.stc).value.replace("_", " ")
    place = f" l{alarm.lco}" if alarm.lco else ""
    when = f"{'t' if alarm.trusted else 'u'}{alarm.tim:.0f}"
    tail = f". {hub} {alarm.ref.lower()} {alarm.dty}/{alarm.stc} p{alarm.pri}{place} {when}"
    head = f"LLAR {_WORD_OF[alarm.mty]}{age}: {kind}"
    device = f" ({alarm.did.replace('_', '.')})" if _DEVICE.match(alarm.did) else ""
    if len(head + device + tail) > _BODY_MAX:
        device = ""
    where = _cut(", ", _plain(alarm.lte), _BODY_MAX - len(head + device + tail))
    return _sealed(head + where + device + tail, key)


def decode_alarm_sms(text: str, key_of: KeyOf) -> tuple[str, Alarm] | Rejection:
    """Reads an alarm SMS, whatever a gateway has put round it, however it broke lines or changed the case.

    Returns:
        The hub and the alarm, with `age` as it was at sending; or a Rejection: `too_large`, `not_ours` (no alarm SMS),
        `unknown_hub`, `bad_mac` (not from this hub, or changed on the way), `bad_content`.
    """
    found = _opened(_ALARM, text, key_of)
    if isinstance(found, Rejection):
        return found
    fields = {
        "ref": found["ref"].lower(),
        "dty": int(found["dty"]),
        "stc": int(found["stc"]),
        "mty": _TYPE_OF[found["word"].lower()],
        "pri": int(found["pri"]),
        "lco": int(found["lco"] or 0),
        "lte": found["place"] or "",
        "did": (found["did"] or "").replace(".", "_"),
        "tim": float(found["tim"]),
        "trusted": found["trust"].lower() == "t",
        "age": float(found["age"]) if found["age"] else None,
    }
    try:
        return found["hub"].lower(), msgspec.convert(fields, Alarm)
    except msgspec.ValidationError as error:
        return Rejection("bad_content", str(error)[:200])


def encode_answer_sms(hub: str, answer: AlarmAnswer, key: bytes) -> str:
    """The text of the centre's answer, at most `SMS_LENGTH_MAX` plain characters.

    Raises:
        ValueError: `hub` is no hub id.
    """
    if not valid_hub_id(hub):
        raise ValueError(f"not a hub id: {hub!r}")
    stage = answer.stage.value.replace("_", " ") if answer.snu == 0 else _REFUSED
    minutes = f", {answer.eta_minutes} min" if answer.eta_minutes is not None else ""
    case = f", case {answer.case}" if _CASE.match(answer.case) else ""
    head = f"LLAR ANSWER {stage}"
    tail = f". {hub} {answer.ref.lower()} s{answer.snu} t{answer.at:.3f}"
    if len(head + minutes + case + tail) > _BODY_MAX:
        case = ""
    who = _cut(" by ", _plain(answer.who), _BODY_MAX - len(head + minutes + case + tail))
    return _sealed(head + who + minutes + case + tail, key)


def decode_answer_sms(text: str, key_of: KeyOf) -> tuple[str, AlarmAnswer] | Rejection:
    """Reads the centre's answer; the same tolerance and the same Rejections as `decode_alarm_sms`."""
    found = _opened(_ANSWER, text, key_of)
    if isinstance(found, Rejection):
        return found
    stage, snu = found["stage"].lower(), int(found["snu"])
    if (stage == _REFUSED) != (snu != 0):
        return Rejection("bad_content", "the word and the status number contradict each other")
    fields = {
        "ref": found["ref"].lower(),
        "snu": snu,
        "at": float(found["at"]),
        "stage": _STAGE_OF.get(stage, Stage.RECEIVED),
        "case": found["case"] or "",
        "who": found["who"] or "",
        "eta_minutes": int(found["eta"]) if found["eta"] else None,
    }
    try:
        return found["hub"].lower(), msgspec.convert(fields, AlarmAnswer)
    except msgspec.ValidationError as error:
        return Rejection("bad_content", str(error)[:200])


_BODY_MAX: Final = SMS_LENGTH_MAX - 17
"""What is left beside the seal and the space before it."""


def _opened(form: re.Pattern[str], text: str, key_of: KeyOf) -> dict[str, str] | Rejection:
    if len(text) > TEXT_READ_MAX:
        return Rejection("too_large", f"{len(text)} characters; at most {TEXT_READ_MAX}")
    found = form.search(" ".join(text.split()))
    if found is None:
        return Rejection("not_ours", "the text is not of this form")
    hub = found["hub"].lower()
    key = key_of(hub) if valid_hub_id(hub) else None
    if key is None:
        return Rejection("unknown_hub", "no hub of this name has a key")
    body = found[0][: -len(found["mac"]) - 1]
    if not hmac.compare_digest(_mac(body, key), found["mac"].upper()):
        return Rejection("bad_mac", "the text was not written with the hub's key, or was changed on the way")
    return found.groupdict()


def _sealed(body: str, key: bytes) -> str:
    return f"{body} {_mac(body, key)}"


def _mac(body: str, key: bytes) -> str:
    return b32encode(hmac.digest(key, body.lower().encode(), sha256)[:MAC_BYTES]).decode()


def _plain(words: str) -> str:
    """Words in letters that every SMS has ("Núria, bany" -> "Nuria bany")."""
    letters = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^A-Za-z0-9 -]", " ", letters).split())


def _cut(before: str, words: str, room: int) -> str:
    kept = words[: max(min(room - len(before), 64), 0)].strip()
    return before + kept if kept else ""
