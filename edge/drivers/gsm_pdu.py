"""SMS as a modem takes and gives them: PDUs (3GPP TS 23.040) in hex, GSM 7-bit and UCS-2 (TS 23.038). Pure.

PDU mode and not text mode: every modem means the same by it, it carries every letter, and status reports come whole.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Final, NamedTuple

from devices.rejection import Rejection

GSM7_LENGTH_MAX: Final = 160
UCS2_LENGTH_MAX: Final = 70
PDU_BYTES_MAX: Final = 200
"""An SMS has at most 140 bytes of text and some 36 of frame."""

_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = {0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}
_ESCAPE: Final = 0x1B
_CODE: Final = {letter: (code,) for code, letter in enumerate(_BASIC) if code != _ESCAPE} | {
    letter: (_ESCAPE, code) for code, letter in _EXTENDED.items()
}
_PLAINER: Final = {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "·": ".", "…": "...", "\u00a0": " "}

_SUBMIT_WITH_REPORT: Final = 0x31
"""SMS-SUBMIT, relative validity period, status report requested."""
_INTERNATIONAL: Final = 0x91
_NATIONAL: Final = 0x81
_ALPHANUMERIC: Final = 0x50
_UCS2: Final = 0x08


class Reported(StrEnum):
    """What a status report says (TS 23.040, 9.2.3.15)."""

    DELIVERED = "delivered"
    TRYING = "trying"
    GIVEN_UP = "given_up"


class Incoming(NamedTuple):
    """An SMS that came."""

    sender: str
    text: str


class Report(NamedTuple):
    """What became of an SMS that the network took under the number `network_id`."""

    network_id: int
    recipient: str
    outcome: Reported


def encode_submit(number: str, text: str, valid_s: float) -> tuple[str, int]:
    """An SMS to be sent, with a status report asked for.

    Args:
        number: of the telephone: digits, "+" before an international one.
        text: in GSM 7-bit when all its letters are there, in UCS-2 when it is short, else with plainer letters; what is
            more than one SMS holds is cut: half an SMS is worse than one without an accent.
        valid_s: the network gives up after so long.

    Returns:
        The PDU in hex as `AT+CMGS` takes it, and its length in bytes without the service centre's address.

    Raises:
        ValueError: not a telephone number.
    """
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and 3 <= len(digits) <= 15):
        raise ValueError(f"not a telephone number: {number!r}")
    kind = _INTERNATIONAL if number.startswith("+") else _NATIONAL
    septets = _septets(text)
    if septets is None and len(text.encode("utf-16-be")) <= 2 * UCS2_LENGTH_MAX:
        coding, body = _UCS2, text.encode("utf-16-be")
        length = len(body)
    else:
        septets = (_septets(plainer(text)) or [])[:GSM7_LENGTH_MAX] if septets is None else septets[:GSM7_LENGTH_MAX]
        coding, body, length = 0, _packed(septets), len(septets)
    head = bytes([_SUBMIT_WITH_REPORT, 0, len(digits), kind]) + _semi_octets(digits)
    tpdu = head + bytes([0, coding, _validity(valid_s), length]) + body
    return "00" + tpdu.hex().upper(), len(tpdu)


def decode_incoming(pdu: str) -> Incoming | Report | Rejection:
    """Reads what `+CMT`, `+CMGR`, `+CMGL` or `+CDS` brought; a Rejection (`bad_pdu`) for what is none."""
    try:
        data = bytes.fromhex(pdu.strip())
    except ValueError:
        return Rejection("bad_pdu", "not hex digits")
    if len(data) > PDU_BYTES_MAX:
        return Rejection("bad_pdu", f"{len(data)} bytes; at most {PDU_BYTES_MAX}")
    try:
        body = data[1 + data[0] :]
        match body[0] & 0x03:
            case 0:
                return _deliver(body)
            case 2:
                return _status_report(body)
            case _:
                return Rejection("bad_pdu", "neither an SMS nor a status report")
    except (IndexError, UnicodeDecodeError, ValueError):
        return Rejection("bad_pdu", "cut off or damaged")


def plainer(text: str) -> str:
    """The text in letters that GSM 7-bit has ("força" -> "forca"); what cannot be written becomes "?"."""
    return "".join(_plain(letter) for letter in unicodedata.normalize("NFC", text))


def _plain(letter: str) -> str:
    if letter in _CODE:
        return letter
    if letter in _PLAINER:
        return _PLAINER[letter]
    bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return bare if bare and all(part in _CODE for part in bare) else "?"


def _septets(text: str) -> list[int] | None:
    if any(letter not in _CODE for letter in text):
        return None
    return [code for letter in text for code in _CODE[letter]]


def _packed(septets: list[int]) -> bytes:
    bits = sum(septet << 7 * place for place, septet in enumerate(septets))
    return bits.to_bytes((7 * len(septets) + 7) // 8, "little")


def _unpacked(body: bytes, count: int, skipped_bits: int = 0) -> str:
    if 7 * count + skipped_bits > 8 * len(body):
        raise ValueError("cut off")
    bits = int.from_bytes(body, "little") >> skipped_bits
    letters, escaped = [], False
    for place in range(count):
        septet = bits >> 7 * place & 0x7F
        if escaped:
            letters.append(_EXTENDED.get(septet, " "))
        elif septet != _ESCAPE:
            letters.append(_BASIC[septet])
        escaped = not escaped and septet == _ESCAPE
    return "".join(letters)


def _semi_octets(digits: str) -> bytes:
    even = digits + "F" * (len(digits) % 2)
    return bytes.fromhex("".join(even[place + 1] + even[place] for place in range(0, len(even), 2)))


def _validity(valid_s: float) -> int:
    """Relative validity period (9.2.3.12.1): steps of 5 minutes up to 12 hours, then of 30 up to a day."""
    minutes = valid_s / 60
    if minutes <= 720:
        return min(max(round(minutes / 5) - 1, 0), 143)
    return min(143 + round((minutes - 720) / 30), 167)


def _address(body: bytes, at: int) -> tuple[str, int]:
    """The address that begins at `at`, and where it ends."""
    length, kind = body[at], body[at + 1]
    end = at + 2 + (length + 1) // 2
    if end > len(body):
        raise ValueError("cut off")
    raw = body[at + 2 : end]
    if kind & 0x70 == _ALPHANUMERIC:
        return _unpacked(raw, length * 4 // 7), end
    digits = "".join(f"{octet & 0xF:x}{octet >> 4:x}" for octet in raw)[:length]
    return ("+" if kind & 0x70 == 0x10 else "") + digits, end


def _deliver(body: bytes) -> Incoming:
    sender, at = _address(body, 1)
    coding, length = body[at + 1], body[at + 9]
    text = body[at + 10 :]
    has_header = bool(body[0] & 0x40)
    header = text[0] + 1 if has_header else 0
    if coding & 0x0C == _UCS2 and coding < 0x40:
        if length > len(text):
            raise ValueError("cut off")
        return Incoming(sender, text[header:length].decode("utf-16-be"))
    if coding & 0x0C == 0x04 and coding < 0x40:
        return Incoming(sender, text[header:length].decode("latin-1"))
    used = (8 * header + 6) // 7
    if used > length:
        raise ValueError("the header is longer than the text")
    return Incoming(sender, _unpacked(text, length - used, 7 * used))


def _status_report(body: bytes) -> Report:
    recipient, at = _address(body, 2)
    status = body[at + 14]
    outcome = Reported.DELIVERED if status < 0x20 else Reported.TRYING if status < 0x40 else Reported.GIVEN_UP
    return Report(body[1], recipient, outcome)
