"""Opens what Llar's wearable sends: AES-CCM as described in docs/wire/wearable.md. Pure."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from devices.rejection import Rejection
from devices.replay import message_number

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

COUNTER_BYTES: Final = 4
MIC_BYTES: Final = 8


def number_of(sealed: bytes) -> int | Rejection:
    """The message's number, without deciphering it."""
    if len(sealed) <= COUNTER_BYTES + MIC_BYTES:
        return Rejection("truncated", f"{len(sealed)} bytes are too few for a message of the wearable")
    counter = int.from_bytes(sealed[:COUNTER_BYTES], "little")
    return message_number(counter, int.from_bytes(sealed[-4:], "little"))


def open_sealed(sealed: bytes, key: bytes, address: str, characteristic: int) -> bytes | None:
    """The plain text of a message that is long enough, or None where it does not fit the key.

    Args:
        sealed: counter, cipher text and MIC, as in the characteristic's value.
        key: 16 bytes.
        address: the wearable's, capitals with colons.
        characteristic: its 16-bit number: a message of one characteristic is none of another.
    """
    from cryptography.exceptions import InvalidTag

    try:
        nonce = bytes.fromhex(address.replace(":", "")) + characteristic.to_bytes(2, "little") + sealed[:COUNTER_BYTES]
        return _cipher(key).decrypt(nonce, sealed[COUNTER_BYTES:], None)
    except (InvalidTag, ValueError):
        return None


@functools.lru_cache(maxsize=16)
def _cipher(key: bytes) -> AESCCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    return AESCCM(key, tag_length=MIC_BYTES)
