"""Secrets at rest: with a key file they lie in the database as AES-256-GCM, without one as they are.

What is sealed is bound to whose it is and what for, so that a row copied to another hub opens nothing. Values written
before the key file was configured are still read; values sealed under a key cannot be read without it.
"""

from __future__ import annotations

import binascii
import hmac
import secrets
from base64 import b64decode, b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from central.config import ConfigError, read_secret

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_PLAIN, _SEALED = "plain:", "aes:"


class SealError(Exception):
    """A secret cannot be read: it was sealed under another key, or its row was changed. The message names its owner."""


class Sealer:
    """Seals and opens secrets. `key` has 32 bytes; None leaves them as they are."""

    def __init__(self, key: bytes | None = None) -> None:
        self._cipher = AESGCM(key) if key is not None else None
        self._fingerprint_key = hmac.digest(key or b"", b"llar fingerprints", "sha256")

    def fingerprint(self, text: str) -> str:
        """By what a text is recognised that is not to be kept, 64 hex digits. Under a key it cannot be guessed from."""
        return hmac.digest(self._fingerprint_key, text.encode(), "sha256").hex()

    def seal(self, secret: bytes, owner: str) -> str:
        """A secret as the database keeps it. `owner` says whose it is and what for, such as "hub h-17"."""
        if self._cipher is None:
            return _PLAIN + b64encode(secret).decode()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _SEALED + b64encode(nonce + self._cipher.encrypt(nonce, secret, owner.encode())).decode()

    def open(self, sealed: str, owner: str) -> bytes:
        """The secret.

        Raises:
            SealError: it cannot be read with this key, or is not this owner's.
        """
        try:
            if sealed.startswith(_PLAIN):
                return b64decode(sealed.removeprefix(_PLAIN), validate=True)
            if self._cipher is None:
                raise SealError(f"The secret of {owner} is sealed: [secrets] key_file is missing.")
            box = b64decode(sealed.removeprefix(_SEALED), validate=True)
            return self._cipher.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], owner.encode())
        except (InvalidTag, binascii.Error, ValueError):
            raise SealError(f"The secret of {owner} cannot be opened: another key, or a changed row.") from None


def open_sealer(key_file: str) -> Sealer:
    """The sealer of a configuration; without a key file it leaves secrets as they are.

    Raises:
        ConfigError: the file cannot be read, or does not hold 64 hex digits.
    """
    digits = read_secret(key_file)
    if not digits:
        return Sealer()
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(f"{key_file} must hold {2 * KEY_BYTES} hex digits: make it with `openssl rand -hex 32`.")
    return Sealer(key)
