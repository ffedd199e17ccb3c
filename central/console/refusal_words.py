"""Why input was refused, in words for the health page. A reason that is not listed is shown as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from central.texts import Words, later

SOURCES: Final[Mapping[str, str]] = {
    "alarm": later("Alarms"),
    "sms": later("SMS"),
    "claim": later("New hubs"),
    "phone": later("Phone gateway"),
    "finding": later("Findings of the receiver"),
    "health": later("Health of the receiver"),
    "receiver": later("Measurements"),
}

REASONS: Final[Mapping[str, str]] = {
    "bad_json": later("cannot be read"),
    "bad_cbor": later("cannot be read"),
    "bad_content": later("a value is missing or wrong"),
    "bad_request": later("not in the agreed form"),
    "bad_finding": later("not in the agreed form"),
    "bad_health": later("not in the agreed form"),
    "too_large": later("too large"),
    "too_many_records": later("too large"),
    "retained": later("an alarm was sent as retained"),
    "bad_topic": later("a topic that is not of ours"),
    "not_treated": later("a fault of this centre"),
    "unknown_hub": later("nobody enrolled this hub"),
    "no_such_home": later("nobody enrolled this home"),
    "wrong_hub": later("another hub's name"),
    "wrong_clock": later("a clock that is far off"),
    "future": later("a time in the future"),
    "ancient": later("a time too long ago"),
    "wrong_unit": later("a wrong unit"),
    "bad_value": later("a value that cannot be"),
    "unknown_kind": later("a kind of reading that is not known"),
    "must_understand": later("needs something that is not known here"),
    "empty": later("nothing in it"),
    "too_many_devices": later("too many devices that nobody enrolled"),
    "window_not_judged": later("movement in which no fall could be looked for"),
    "window_not_kept": later("movement recordings are not stored"),
    "store_refused": later("the store of measurements refused it"),
    "wrong_token": later("the gateway's token is missing or wrong"),
    "not_ours": later("not a message of a hub"),
    "bad_mac": later("not sealed by this hub"),
    "unknown_code": later("no such claim code"),
    "expired_code": later("a claim code that has run out"),
    "used_code": later("a claim code that another hub used"),
    "too_many": later("too many wrong tries"),
    "wrong_signature": later("the gateway's signature is missing, old or wrong"),
    "no_such_message": later("a message that is not of ours"),
    "not_ready": later("the centre gives no hubs out at present"),
}
_PREFIXES: Final[Mapping[str, str]] = {"state_": later("state of a hub"), "heartbeat_": later("sign of life")}


def say_source(source: str, words: Words) -> str:
    """Where refused input came from."""
    return words.gettext(SOURCES[source]) if source in SOURCES else source


def say_reason(reason: str, words: Words) -> str:
    """Why it was refused."""
    for prefix, about in _PREFIXES.items():
        if reason.startswith(prefix):
            return f"{words.gettext(about)}: {say_reason(reason.removeprefix(prefix), words)}"
    return words.gettext(REASONS[reason]) if reason in REASONS else reason
