"""SMS as PDUs (3GPP TS 23.040, 23.038), seen from the network: reads what a modem is given, writes what it brings."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

# written as the rows of TS 23.038's table, from which the columns are read
_ROWS: Final = (
    "@Δ 0¡P¿p",
    "£_!1AQaq",
    '$Φ"2BRbr',
    "¥Γ#3CScs",
    "èΛ¤4DTdt",
    "éΩ%5EUeu",
    "ùΠ&6FVfv",
    "ìΨ'7GWgw",
    "òΣ(8HXhx",
    "ÇΘ)9IYiy",
    "\nΞ*:JZjz",
    "Ø\x1b+;KÄkä",
    "øÆ,<LÖlö",
    "\ræ-=MÑmñ",
    "Åß.>NÜnü",
    "åÉ/?O§oà",
)
_SECOND: Final = {"^": 20, "{": 40, "}": 41, "\\": 47, "[": 60, "~": 61, "]": 62, "|": 64, "€": 101}
STATUS_DELIVERED: Final = 0x00
STATUS_FAILED: Final = 0x41
"""Permanent error: incompatible destination; the network gives up."""


class Submitted(NamedTuple):
    """What a modem was asked to send."""

    recipient: str
    text: str
    wants_report: bool
    coding: int


def read_submit(pdu: str) -> Submitted:
    """Reads an SMS-SUBMIT as `AT+CMGS` got it.

    Raises:
        ValueError: it is none.
    """
    octets = bytes.fromhex(pdu)
    octets = octets[octets[0] + 1 :]
    if octets[0] & 3 != 1:
        raise ValueError("not an SMS-SUBMIT")
    digits = octets[2]
    number = octets[4 : 4 + (digits + 1) // 2].hex()
    swapped = "".join(second + first for first, second in zip(number[::2], number[1::2], strict=True))[:digits]
    recipient = ("+" if octets[3] == 0x91 else "") + swapped
    rest = octets[4 + (digits + 1) // 2 :]
    coding = rest[1]
    skip = {0x00: 2, 0x10: 3}.get(octets[0] & 0x18, 9)
    length, body = rest[skip], rest[skip + 1 :]
    if coding == 8:
        if length != len(body):
            raise ValueError("wrong length")
        text = body.decode("utf-16-be")
    else:
        if len(body) != (length * 7 + 7) // 8:
            raise ValueError("wrong length")
        text = _letters(body, length)
    return Submitted(recipient, text, bool(octets[0] & 0x20), coding)


def write_deliver(sender: str, text: str) -> str:
    """An SMS-DELIVER as a modem gives it to its host."""
    codes = _codes(text)
    if codes is None:
        coding, body = 8, text.encode("utf-16-be")
        length = len(body)
    else:
        coding, body, length = 0, _septets(codes), len(codes)
    octets = bytes([0x04]) + _address(sender) + bytes([0, coding]) + _time() + bytes([length]) + body
    return "00" + octets.hex().upper()


def write_report(network_id: int, recipient: str, status: int) -> str:
    """An SMS-STATUS-REPORT."""
    return "00" + (bytes([0x06, network_id]) + _address(recipient) + _time() * 2 + bytes([status])).hex().upper()


def _letters(body: bytes, count: int) -> str:
    bits = "".join(f"{octet:08b}"[::-1] for octet in body)
    codes = [int(bits[7 * place : 7 * place + 7][::-1], 2) for place in range(count)]
    text, second = "", False
    for code in codes:
        if second:
            text += next((letter for letter, known in _SECOND.items() if known == code), "?")
        elif code != 0x1B:
            text += _ROWS[code % 16][code // 16]
        second = code == 0x1B and not second
    return text


def _codes(text: str) -> list[int] | None:
    codes: list[int] = []
    for letter in text:
        if letter in _SECOND:
            codes += [0x1B, _SECOND[letter]]
            continue
        row = next((number for number, row in enumerate(_ROWS) if letter in row), None)
        if row is None:
            return None
        codes.append(_ROWS[row].index(letter) * 16 + row)
    return codes


def _septets(codes: list[int]) -> bytes:
    bits = "".join(f"{code:07b}"[::-1] for code in codes)
    return bytes(int(bits[place : place + 8][::-1], 2) for place in range(0, len(bits), 8))


def _address(number: str) -> bytes:
    if not number.lstrip("+").isdigit():
        packed = _septets(_codes(number) or [])
        return bytes([len(packed) * 2, 0xD0]) + packed
    digits = number.lstrip("+")
    padded = digits + "F" * (len(digits) % 2)
    pairs = [padded[place + 1] + padded[place] for place in range(0, len(padded), 2)]
    return bytes([len(digits), 0x91 if number.startswith("+") else 0x81]) + bytes.fromhex("".join(pairs))


def _time() -> bytes:
    stamp = time.strftime("%y%m%d%H%M%S", time.gmtime()) + "00"
    return bytes.fromhex("".join(stamp[place + 1] + stamp[place] for place in range(0, len(stamp), 2)))
