"""What can be saved of an alarm that is not quite right: a faulty ornament must not cost somebody the help."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.contract.messages import TEXT_MAX, Alarm

_MUST: Final = ("ref", "dty")
_decoder = msgspec.json.Decoder(dict[str, Any])


def rescue_alarm(payload: bytes) -> Alarm | None:
    """Reads an alarm whose strict reading failed, leaving out each field that is wrong.

    The reference and the device type must be right: the one names the alarm, the other says what it is. A time that is
    missing or wrong becomes 0, which nobody takes for the time of an event. Texts that are too long are cut.

    Returns:
        The alarm, or None when it cannot be saved.
    """
    try:
        given = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    kept: dict[str, Any] = {"tim": 0.0}
    for field in msgspec.structs.fields(Alarm):
        value = given.get(field.name)
        if value is None:
            continue
        try:
            kept[field.name] = msgspec.convert(_cut(value, field.name), field.type)
        except msgspec.ValidationError:
            continue
    return Alarm(**kept) if all(name in kept for name in _MUST) else None


def _cut(value: Any, name: str) -> Any:
    limit = {"text": TEXT_MAX, "lte": 64, "did": 32}.get(name)
    return value[:limit] if limit and isinstance(value, str) else value
