"""The HTTP gateway for SMS and calls, as `docs/wire/phone-gateway.md` describes it; and how texts fit a telephone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import requests

from central.config import PhoneConfig, read_secret
from central.notification.delivery import Sent, Verdict
from central.notification.outgoing import CONNECT_WAIT_S, READ_WAIT_S, Line, refused

GSM7: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 03.38's basic letters. One letter beside them halves what fits into an SMS."""
SMS_LETTERS, SMS_PART_LETTERS, SMS_PARTS_MAX = 160, 153, 2
"""Of a single SMS, and of each part of a longer one; a third part would cost more than it says."""
REF_MAX: Final = 120

EMERGENCY: Final = frozenset({"112", "911"})
"""Never dialled by the centre: a person calls there, and speaks at once."""

_EXTENSION = re.compile(r"[1-9][0-9]{1,5}\Z")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_REFERENCE = re.compile(r"llar-([0-9]{1,12})-([0-9]{1,12})\.[0-9a-f]{8}\Z")


def read_number(written: str, country_code: str) -> str:
    """A number as people write it to E.164, "+34600111222"; "" when it is none."""
    digits = re.sub(r"[ ().\-/]", "", written)
    digits = "+" + digits[2:] if re.match("00[1-9]", digits) else digits
    number = digits if digits.startswith("+") else country_code + digits
    return number if _NUMBER.match(number) else ""


def read_telephone(written: str, country_code: str) -> str:
    """The telephone at which somebody sits: an extension of the centre (two to six digits) as it is, else as
    `read_number`; "" for an emergency number, and for what is neither."""
    digits = re.sub(r"[ .\-]", "", written)
    if digits in EMERGENCY:
        return ""
    return digits if _EXTENSION.match(digits) else read_number(written, country_code)


def make_reference(key: str, to: str) -> str:
    """By which the gateway names one message to one number in its reports; a repeat has the same."""
    return f"{key}.{sha256(to.encode()).hexdigest()[:8]}"


def delivery_of(reference: str) -> int:
    """The delivery that a reference of `make_reference` belongs to; 0 for none of ours."""
    found = _REFERENCE.match(reference)
    return int(found[2]) if found else 0


def in_gsm7(text: str) -> str:
    """A text in letters that SMS count once: letters with other accents lose them, what is left becomes "?"."""
    text = text.translate({0xB7: "."} | dict.fromkeys((0x2018, 0x2019), "'") | dict.fromkeys((0x201C, 0x201D), '"'))
    return "".join(letter if letter in GSM7 else _bare(letter) for letter in text)


def _bare(letter: str) -> str:
    bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return "".join(one for one in bare if one in GSM7) or "?"


def fit_sms(says: str, ask: str, link: str) -> str:
    """The text of an SMS: what it says, what may be answered, the link. What it says is cut when it is too long."""
    says, tail = in_gsm7(says), in_gsm7(" ".join(filter(None, (ask, link))))
    whole = f"{says} {tail}".strip()
    room = SMS_LETTERS if len(whole) <= SMS_LETTERS else SMS_PART_LETTERS * SMS_PARTS_MAX
    if len(whole) <= room:
        return whole
    return f"{says[: max(0, room - len(tail) - 4)]}... {tail}"[:room]


class PhoneGateway:
    """Asks the gateway to send and to call.

    Raises:
        ConfigError: the token file cannot be read.
    """

    def __init__(self, config: PhoneConfig) -> None:
        self._url = config.url.rstrip("/")
        self._token = read_secret(config.token_file)
        self.country_code = config.country_code

    def ask(self, what: str, body: Mapping[str, Any], reference: str) -> Sent:
        """Posts to "messages" or "calls". The same reference twice is one message to one person.

        Raises:
            requests.RequestException: no line, or no answer in time.
        """
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": reference}
        with Line() as line:
            wait_s = (CONNECT_WAIT_S, READ_WAIT_S)
            answer = line.post(f"{self._url}/{what}", json={**body, "key": reference}, headers=headers, timeout=wait_s)
        if answer.status_code not in {200, 201, 202}:
            return refused(answer.status_code, _reason(answer))
        told = _body(answer)
        return Sent(Verdict.TAKEN, provider_ref=str(told.get("id", ""))[:REF_MAX])

    def hang_up(self, reference: str) -> Sent:
        """Ends a call, whether it rings or is talked on. One that is over already counts as ended.

        Raises:
            requests.RequestException: no line, or no answer in time.
        """
        headers = {"Authorization": f"Bearer {self._token}"}
        with Line() as line:
            answer = line.delete(
                f"{self._url}/calls/{reference}", headers=headers, timeout=(CONNECT_WAIT_S, READ_WAIT_S)
            )
        over = answer.status_code in {200, 202, 204, 404, 410}
        return Sent(Verdict.TAKEN) if over else refused(answer.status_code, _reason(answer))


def _body(answer: requests.Response) -> dict[str, object]:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _reason(answer: requests.Response) -> str:
    """The gateway's own word for it, when it is one word: a sentence could name a person."""
    reason = str(_body(answer).get("error", ""))
    return reason if re.fullmatch(r"[a-z_]{1,40}", reason) else ""
