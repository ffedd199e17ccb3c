"""By which ways a carer is reached, and how a new one is proven: a code is sent there, and comes back."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import sqlalchemy as sa
from fastapi import Request

from central.alarm_cases.rota import Address
from central.console.problem import Problem
from central.notification.channel import Channel, Message
from central.notification.delivery import Verdict
from central.storage import reach_tests, rota, way_proofs
from central.storage.people import Contact
from central.storage.push import CHANNEL
from central.texts import later, translator

CODE_DIGITS: Final = 6
CODE_S: Final = 15 * 60.0
TRIES_MAX: Final = 5
"""Guesses at one code: a millionth each."""
CODES_A_DAY: Final = 5
"""Addresses of one contact that get codes within a day: each may cost money and ring at a stranger's."""
AGAIN_S: Final = 300.0
"""Pause between two codes to the same address."""
_PHONE: Final = re.compile(r"\+?[0-9]{6,15}")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,60}\.[^@\s.]{2,20}")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a carer: `shown` is the address as a person recognises it; `works` whether this centre has it."""

    channel: str
    shown: str
    proven: bool
    works: bool


def ways_of(conn: sa.Connection, contact_id: str, channels: Collection[str]) -> list[Way]:
    """The ways in their order, with what is proven."""
    proven = way_proofs.proven(conn, contact_id)
    return [
        Way(
            channel=one.channel,
            shown="" if one.channel in {CHANNEL, "apprise"} else one.address,
            proven=one.channel == CHANNEL or _plain(one.address) in proven,
            works=one.channel in channels,
        )
        for one in rota.ways_of(conn, contact_id)
    ]


def send_code(request: Request, contact: Contact, given: str) -> None:
    """Sends a code to a telephone number by SMS, or to an e-mail address.

    Raises:
        Problem: 422 for what is neither; 409 when this centre cannot send there; 429 after too many; 502 when the
            other side did not take it.
    """
    state = request.app.state
    channel_name, address = _read(given)
    channel: Channel | None = state.parts.carers.channels.get(channel_name)
    if channel is None:
        raise Problem(
            409, "no_channel", later("This centre cannot send messages there. Call the centre: they enter it.")
        )
    now: float = state.clock()
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    with state.parts.database.begin() as conn:
        if (
            way_proofs.sent_since(conn, contact.id, now - 86_400.0) >= CODES_A_DAY
            or way_proofs.made_at(conn, contact.id, channel_name, address) > now - AGAIN_S
        ):
            raise Problem(
                429,
                "too_many",
                later("A code was sent a moment ago, or too many today. Wait a little, or call the centre."),
            )
        way_proofs.begin(conn, contact.id, channel_name, address, _fingerprint(contact.id, code), now, now + CODE_S)
    words = translator(contact.language)
    text = words.say(later("Your code for Llar: {code}. It is good for 15 minutes."), code=code)
    sent = channel.send(
        Message(
            to=address,
            key=f"llar-code-{contact.id}-{int(now)}",
            subject=words.gettext(later("Your code for Llar")),
            text=text,
            short=text,
            link="",
            language=contact.language,
            urgent=False,
            purpose="code",
            case_id=0,
            resident="",
        )
    )
    if sent.verdict is not Verdict.TAKEN:
        raise Problem(502, "not_sent", later("The code could not be sent there. Is it right?"))


def prove(request: Request, contact_id: str, given: str, code: str) -> tuple[Address, ...]:
    """Takes a code that came back; the ways that it opens: a telephone by SMS and by call, where there are both.

    Raises:
        Problem: 422 when it is not the right one, has run out or was tried too often.
    """
    state = request.app.state
    channel_name, address = _read(given)
    now: float = state.clock()
    with state.parts.database.begin() as conn:
        wanted = way_proofs.code_of(conn, contact_id, channel_name, address, now, TRIES_MAX)
        right = wanted is not None and hmac.compare_digest(wanted, _fingerprint(contact_id, re.sub(r"\D", "", code)))
        if right:
            way_proofs.keep(conn, contact_id, channel_name, address, now)
    if not right:
        raise Problem(422, "wrong_code", later("This code is not right, or has run out. Ask for a new one."))
    if channel_name == "email":
        return (Address("email", address),)
    return tuple(Address(name, address) for name in ("sms", "voice") if name in state.parts.desk.channels)


def queue_test(conn: sa.Connection, contact_id: str, channels: Collection[str], asked_by: str, now: float) -> bool:
    """Queues a test message by the first way that this centre has; false when there is none, or one waits already."""
    way = next((one for one in rota.ways_of(conn, contact_id) if one.channel in channels), None)
    return way is not None and reach_tests.queue(conn, contact_id, way.channel, asked_by, now) is not None


def _read(given: str) -> tuple[str, str]:
    text = given.strip()
    number = re.sub(r"[\s().\-]", "", text)
    if _PHONE.fullmatch(number):
        return "sms", number
    if _EMAIL.fullmatch(text):
        return "email", text
    raise Problem(422, "no_address", later("This is neither a telephone number nor an e-mail address."))


def _plain(address: str) -> str:
    return re.sub(r"[\s().\-]", "", address) if "@" not in address else address


def _fingerprint(contact_id: str, code: str) -> str:
    return sha256(f"{contact_id}:{code}".encode()).hexdigest()
