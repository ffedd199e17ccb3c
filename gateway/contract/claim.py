"""Claiming a hub: how a new hub with nothing but a short code gets its name, its password and its devices.

`POST {centre}/claim` over HTTPS with a `ClaimRequest`; the answer is a `ClaimAnswer` (200) or a `ClaimRefusal`.

- A code lives for `CODE_LIVES_S`. The first hub key that redeems it owns it: the same code with the same key may be
  redeemed again for `REDEEM_AGAIN_S` (the hub lost its power while it wrote the answer down), with any other key it is
  `used_code`. Each answer may bring a new password; the newest counts.
- The centre slows down whoever sends wrong codes (`too_many`); with `CLAIM_CODES` possible ones, guessing is hopeless.
- The same answer may travel as a file (`ClaimFile`) on the SD card's boot partition or a USB stick.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from devices.rejection import Rejection
from gateway.contract.messages import UnixSeconds
from gateway.contract.settings import DEVICES_MAX, HubSettings, Language, PlaceCode
from gateway.contract.topics import shard_of, valid_hub_id

CLAIM_PATH: Final = "/claim"
ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""31 characters, a prime, so that the check character finds every wrong or exchanged one; none looks like another."""
CODE_LENGTH: Final = 10
"""Nine characters and a check character: 44 bits."""
CLAIM_CODES: Final = len(ALPHABET) ** (CODE_LENGTH - 1)
CODE_LIVES_S: Final = 3 * 86_400.0
"""From printing the code to the visit of the installer, with a week-end in between."""
REDEEM_AGAIN_S: Final = 86_400.0
"""For so long after the first time the same hub may redeem its code again."""
CLAIM_BYTES_MAX: Final = 65_536
"""Largest answer or file: 64 devices with their keys are 20 kB, a certificate bundle 16 kB."""
REQUEST_BYTES_MAX: Final = 2_048

Key = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{32})?$(?!\n)")]
Pem = Annotated[str, msgspec.Meta(max_length=16_384)]

_NEVER_IN_A_CODE = re.compile(r"[01ILO]")
_BETWEEN = re.compile(r"[\s\-_.]")


class ClaimRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a new hub says of itself, in the body of `POST /claim`.

    Attributes:
        code: the claim code, without a dash.
        key: 32 hex digits that the hub drew at random and keeps: they prove later that it is the same hub.
        serial: serial number of the board, for the register.
        model: what the board calls itself.
        firmware: version of the hub's software.
    """

    code: Annotated[str, msgspec.Meta(pattern=rf"^[{ALPHABET}]{{{CODE_LENGTH}}}$(?!\n)")]
    key: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
    serial: Annotated[str, msgspec.Meta(max_length=64)] = ""
    model: Annotated[str, msgspec.Meta(max_length=80)] = ""
    firmware: Annotated[str, msgspec.Meta(max_length=32)] = ""


class ClaimedBroker(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the hub finds its broker.

    Attributes:
        host: name or address.
        port: TCP port.
        tls: whether to speak TLS.
        ca_pem: certificate of the authority that signed the broker's; empty for one that every system knows.
    """

    host: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$(?!\n)")]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 8883
    tls: bool = True
    ca_pem: Pem = ""


class ClaimedDevice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device that belongs to the home, as the register knows it.

    Attributes:
        id: its name within the home.
        model: its product, from the catalogue; that also says by which link it is heard.
        address: its address on that link.
        room: where it is, in words.
        place_code: SCAIP place code, 0 for none.
        key: its secret, 32 hex digits, or empty for a device that sends in the clear.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$(?!\n)")]
    model: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,40}$(?!\n)")]
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    room: Annotated[str, msgspec.Meta(max_length=64)] = ""
    place_code: PlaceCode = 0
    key: Key = ""


class ClaimAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a hub needs to work; the answer to a good claim, and what a claim file may carry.

    Attributes:
        hub: the hub's id, which is also its user name at the broker.
        shard: the two hex digits in its topics.
        broker: where to connect.
        password: the hub's password at the broker.
        language: what the home speaks.
        place: address of the home, for the installer; never sent back.
        devices: what belongs to the home.
        settings: the settings in force, as on `dn/cfg`; absent when there are none yet.
        at: the centre's time, Unix seconds.
    """

    hub: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$(?!\n)")]
    shard: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{2}$(?!\n)")]
    broker: ClaimedBroker
    password: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{8,128}$(?!\n)")]
    language: Language = "ca"
    place: Annotated[str, msgspec.Meta(max_length=256)] = ""
    devices: Annotated[list[ClaimedDevice], msgspec.Meta(max_length=DEVICES_MAX)] = []
    settings: HubSettings | None = None
    at: UnixSeconds = 0.0


Refused = Literal["unknown_code", "expired_code", "used_code", "bad_request", "too_many", "not_ready"]
STATUS_OF: Final[dict[Refused, int]] = {
    "unknown_code": 404,
    "expired_code": 410,
    "used_code": 409,
    "bad_request": 400,
    "too_many": 429,
    "not_ready": 503,
}
"""Reason -> HTTP status of its answer."""


class ClaimRefusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a claim was not taken.

    Attributes:
        reason: unknown_code, expired_code, used_code (by another hub), bad_request, too_many (wrong codes; wait),
            not_ready (the centre cannot give hubs out at present).
        text: for a technician.
        wait_s: try again after so many seconds; 0 where trying again does not help.
    """

    reason: Refused
    text: Annotated[str, msgspec.Meta(max_length=256)] = ""
    wait_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0


class ClaimFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """`llar-claim.json` on a stick or the boot partition: the address and a code, or the whole answer.

    Attributes:
        llar_claim: version of this form, 1.
        centre: address of the centre, "https://...".
        code: the claim code.
        ca_pem: certificate of the authority that signed the centre's, when no system knows it.
        answer: all that the hub needs, for a home that has no network yet; holds secrets.
    """

    llar_claim: Literal[1]
    centre: Annotated[str, msgspec.Meta(max_length=256)] = ""
    code: Annotated[str, msgspec.Meta(max_length=32)] = ""
    ca_pem: Pem = ""
    answer: ClaimAnswer | None = None


def claim_code(number: int) -> str:
    """The code of a number below `CLAIM_CODES`, which the centre draws at random, as it is printed: "K7QM2-XWP9G".

    Raises:
        ValueError: the number is out of range.
    """
    if not 0 <= number < CLAIM_CODES:
        raise ValueError("not the number of a claim code")
    digits = []
    for _ in range(CODE_LENGTH - 1):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(digit)
    code = "".join(ALPHABET[digit] for digit in (*digits, _check(digits)))
    return f"{code[:5]}-{code[5:]}"


def read_code(text: str) -> str | Rejection:
    """A code as somebody typed it, without dash and in capitals.

    Rejections: `code_character` (one that no code has), `code_length`, `code_check` (misread or exchanged).
    """
    code = _BETWEEN.sub("", text).upper()
    if _NEVER_IN_A_CODE.search(code):
        return Rejection("code_character", "a claim code never has 0, 1, I, L or O: look again")
    if len(code) != CODE_LENGTH:
        return Rejection("code_length", f"a claim code has {CODE_LENGTH} characters; this one has {len(code)}")
    if any(character not in ALPHABET for character in code):
        return Rejection("code_character", "a claim code has only digits and letters")
    digits = [ALPHABET.index(character) for character in code]
    if _check(digits[:-1]) != digits[-1]:
        return Rejection("code_check", "one character is wrong, or two are exchanged: look again")
    return code


def _check(digits: list[int]) -> int:
    """Makes the weighted sum of all digits 0 modulo 31; different weights, so that an exchange shows too."""
    return sum(place * digit for place, digit in enumerate(digits, 2)) * -1 % len(ALPHABET)


def claim_link(centre: str, code: str) -> str:
    """What the centre prints as a QR code: a link that says both. The code stands after `#`, so no server logs it."""
    return f"{centre.rstrip('/')}{CLAIM_PATH}#{code}"


def read_link(text: str) -> tuple[str, str] | None:
    """Takes a `claim_link` apart into the centre's address and the code; None when it is not one."""
    address, mark, code = text.strip().partition("#")
    if not mark or not address.endswith(CLAIM_PATH) or not code:
        return None
    return address.removesuffix(CLAIM_PATH), code


def centre_fault(address: str) -> str:
    """What is wrong with the address of a centre, in a sentence; "" when nothing is."""
    try:
        parts = urlsplit(address)
        local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        return f"{address!r} is not an address; it should look like https://centre.example.org"
    if not parts.hostname or parts.query or parts.username:
        return f"{address!r} is not an address; it should look like https://centre.example.org"
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        return f"{address!r} must begin with https://, because keys travel there"
    return ""


Form = TypeVar("Form", ClaimRequest, ClaimAnswer, ClaimRefusal, ClaimFile)


def read_claim(kind: type[Form], payload: bytes) -> Form | Rejection:
    """Reads one of the forms of this page; Rejections: `too_large`, `bad_json`, `bad_content`."""
    limit = REQUEST_BYTES_MAX if kind is ClaimRequest else CLAIM_BYTES_MAX
    if len(payload) > limit:
        return Rejection("too_large", f"{len(payload)} bytes; at most {limit}")
    try:
        form = msgspec.json.decode(payload, type=kind)
    except msgspec.ValidationError as error:
        return Rejection("bad_content", str(error)[:200])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejection("bad_json", str(error)[:200])
    fault = _fault(form)
    return Rejection("bad_content", fault) if fault else form


def _fault(form: Any) -> str:
    if isinstance(form, ClaimRequest):
        code = read_code(form.code)
        return code.detail if isinstance(code, Rejection) else ""
    if isinstance(form, ClaimFile):
        if form.answer is not None:
            return _fault(form.answer)
        return "" if form.centre and form.code else "neither an answer nor an address with a code stands there"
    if isinstance(form, ClaimAnswer):
        if not valid_hub_id(form.hub) or form.shard != shard_of(form.hub):
            return "hub and shard do not belong together"
        ids = {device.id for device in form.devices}
        return "" if len(ids) == len(form.devices) else "one device stands there twice"
    return ""
