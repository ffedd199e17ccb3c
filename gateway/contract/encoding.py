"""Bytes of every message except measurements (those are SenML: `senml.py`), to values and back."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from devices.rejection import Rejection
from gateway.contract.messages import (
    Alarm,
    AlarmAnswer,
    Command,
    CommandOutcome,
    Heartbeat,
    HubState,
)
from gateway.contract.settings import HubSettings

MESSAGE_BYTES_MAX: Final = 8_192
"""Largest message that is not a measurement pack: an alarm with all its evidence fits four times over."""

Body = TypeVar("Body", Alarm, AlarmAnswer, HubState, Heartbeat, Command, CommandOutcome, HubSettings)

_decoders: Final[dict[type, msgspec.json.Decoder[object]]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in (Alarm, AlarmAnswer, HubState, Heartbeat, Command, CommandOutcome, HubSettings)
}
_encoder = msgspec.json.Encoder()


def decode(kind: type[Body], payload: bytes) -> Body | Rejection:
    """Reads a message of `kind`; a Rejection (`too_large`, `bad_json`, `bad_content`) when it is not one."""
    if len(payload) > MESSAGE_BYTES_MAX:
        return Rejection("too_large", f"{len(payload)} bytes; at most {MESSAGE_BYTES_MAX}")
    try:
        body = _decoders[kind].decode(payload)
    except msgspec.ValidationError as error:
        return Rejection("bad_content", str(error)[:200])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejection("bad_json", str(error)[:200])
    assert isinstance(body, kind)
    return body


def encode(body: Alarm | AlarmAnswer | HubState | Heartbeat | Command | CommandOutcome | HubSettings) -> bytes:
    """Writes a message as JSON."""
    return _encoder.encode(body)
