"""The CBOR form of SenML (RFC 8428, section 6): the same pack with integer labels, for hubs on metered lines.

Needs `cbor2`, which only the centre has: `senml.py` imports this module when the first such pack arrives.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from decimal import Decimal
from typing import Final, NoReturn

import cbor2

from devices.rejection import Rejection

DEPTH_MAX: Final = 4
"""A pack is an array of maps of plain values; a decimal fraction adds a level."""
_LABELS: Final[dict[object, str]] = {
    -6: "bs",
    -5: "bv",
    -4: "bu",
    -3: "bt",
    -2: "bn",
    -1: "bver",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
"""RFC 8428, table 4; the RFC promises that there will be no other integer labels."""
_TAGS_OF_NO_USE: Final = (
    *(0, 1, 2, 3, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43_000, 55_799),
)  # fmt: skip
"""Tags that the library would otherwise turn into dates, patterns, shared references, large numbers and the like; of
all tags a pack may use 4 (decimal fraction) only."""


def read_pack(payload: bytes) -> list[dict[str, object]] | Rejection:
    """A CBOR pack with JSON's labels and values: bytes become base64url text, decimal fractions floats.

    Returns:
        One dict per record, of values not yet checked; or a Rejection `bad_cbor`.
    """
    try:
        content = cbor2.loads(
            payload, max_depth=DEPTH_MAX, allow_duplicate_keys=False, tag_hook=_refuse, semantic_decoders=_REFUSED
        )
        if not isinstance(content, list) or not all(isinstance(record, dict) for record in content):
            return Rejection("bad_cbor", "not a SenML pack: an array of maps is expected")
        return [{_label(key): _plain(value) for key, value in record.items()} for record in content]
    except (cbor2.CBORDecodeError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError) as error:
        return Rejection("bad_cbor", f"not a SenML pack: {error}"[:200])


def _refuse(*_arguments: object) -> NoReturn:
    raise ValueError("a tag that SenML does not use")


_REFUSED: Final = dict.fromkeys(_TAGS_OF_NO_USE, _refuse)


def _label(key: object) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool) or key not in _LABELS:
        raise ValueError("a label that RFC 8428 does not know")
    return _LABELS[key]


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).rstrip(b"=").decode()
    if isinstance(value, Decimal):
        return float(value)
    return value
