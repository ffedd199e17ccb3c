"""What is told to other programs, how it is signed, and when a failed attempt is made again. Pure.

Signing follows the Standard Webhooks specification (https://www.standardwebhooks.com): three headers, HMAC-SHA256 over
`id.timestamp.body`, a secret written as `whsec_` and base64.
"""

from __future__ import annotations

import hmac
import ipaddress
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from central.access_rules import EVERYWHERE
from central.alarm_cases.case import FINE, Case, CaseEvent, EventType
from central.alarm_cases.protocol import RINGS

SECRET_BYTES: Final = 32
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with
URL_MAX: Final = 500
FIRST_WAIT_S: Final = 5.0
WAIT_MAX_S: Final = 900.0
"""Waits double from the first to this: a receiver that comes back after a night hears within a quarter of an hour."""
GIVE_UP_S: Final = 3 * 86_400.0
"""A receiver that fails so long is not coming back by itself: a week-end and a day."""
PHONE: Final = "phone"

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
_TRANSLATED: Final[tuple[IpNetwork, ...]] = (
    ipaddress.ip_network("64:ff9b::/96"),
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("2002::/16"),
)
"""IPv6 that a gateway turns into IPv4: a private address could hide in it."""


class Topic(StrEnum):
    """What a receiver may ask to hear."""

    OPENED = "case.opened"
    TAKEN = "case.taken"
    WAITING = "case.waiting"
    RINGING = "case.ringing"
    CLOSED = "case.closed"
    REOPENED = "case.reopened"
    DELIVERY = "delivery.changed"
    COMING = "help.on_the_way"
    ARRIVED = "help.arrived"
    INSIDE = "help.inside"
    RUNG = "home.rung"


TEST: Final = "test"
"""What "send a test" sends, whatever the receiver asked to hear."""

_TOPIC_OF: Final = {
    EventType.OPENED: Topic.OPENED,
    EventType.TAKEN: Topic.TAKEN,
    EventType.PARKED: Topic.WAITING,
    EventType.RELEASED: Topic.RINGING,
    EventType.HANDED_OVER: Topic.RINGING,
    EventType.CONSOLE_LOST: Topic.RINGING,
    EventType.RECALLED: Topic.RINGING,
    EventType.CLOSED: Topic.CLOSED,
    EventType.REOPENED: Topic.REOPENED,
    EventType.CALLED: Topic.DELIVERY,
    EventType.TOLD: Topic.DELIVERY,
    EventType.ON_THE_WAY: Topic.COMING,
    EventType.ARRIVED: Topic.ARRIVED,
    EventType.INSIDE: Topic.INSIDE,
    EventType.RUNG: Topic.RUNG,
}
_TELEPHONES: Final = {step: telephone for telephone, step in RINGS.items()}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt came to. `status` 0: no HTTP answer; `wait_s`: what the receiver asked for by Retry-After."""

    status: int
    fault: str = ""
    wait_s: float = 0.0

    @property
    def taken(self) -> bool:
        """Whether the receiver has it."""
        return 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the receiver says that it wants nothing more, ever."""
        return self.status == 410

    @property
    def down(self) -> bool:
        """Whether the receiver as a whole does not work now, so that its other news can wait too."""
        return not self.taken and (self.status < 300 or self.status in {408, 429} or self.status >= 500)


def topic_of(event: CaseEvent) -> Topic | None:
    """Under what an event of a case is told; None when it is not."""
    if event.type is EventType.CALLED and event.facts.channel == PHONE:
        return None
    if event.type is EventType.ANSWERED and event.facts.state != FINE:
        return Topic.RINGING
    return _TOPIC_OF.get(event.type)


def news(case: Case, event: CaseEvent, position: int, municipality: str) -> dict[str, object]:
    """What is told of an event: ids and codes, no names and no words of anybody."""
    told: dict[str, object] = {
        "case_id": case.id,
        "sequence": position,
        "home_id": case.home_id,
        "municipality": municipality,
        "kind": case.kind.value,
        "priority": int(case.priority),
        "state": case.state.value,
        "ringing": case.ring_at is not None,
        "owner_id": case.owner_id,
        "opened_at": case.opened_at,
        "at": event.at,
    }
    facts = event.facts
    if event.type is EventType.CLOSED:
        told |= {"cause": facts.cause, "outcome": facts.outcome}
    if event.type is EventType.PARKED:
        told |= {"recall_at": facts.recall_at}
    if event.type in {EventType.CALLED, EventType.TOLD}:
        told |= {"contact_id": facts.contact, "channel": facts.channel, "delivery_state": facts.state}
    if event.type in {EventType.ON_THE_WAY, EventType.ARRIVED}:
        told |= {"contact_id": facts.contact, "eta_minutes": facts.eta_minutes}
    if event.type is EventType.INSIDE:
        told |= {"contact_id": facts.contact}
    if event.type is EventType.RUNG:
        told |= {"telephone": _TELEPHONES.get(facts.step, "")}
    return told


def concerns(municipalities: Sequence[str], municipality: str) -> bool:
    """Whether a receiver for these municipalities hears of a home: as staff see it (`central.access_rules`)."""
    return EVERYWHERE in municipalities or municipality == "" or municipality in municipalities


def wait_s(attempts: int) -> float:
    """Seconds until the next attempt, after so many failed ones."""
    return min(FIRST_WAIT_S * 2.0 ** min(attempts - 1, 20), WAIT_MAX_S)


def secret_text(secret: bytes) -> str:
    """A secret as it is handed over."""
    return SECRET_PREFIX + b64encode(secret).decode()


def headers_of(secret: bytes, message_id: str, at: float, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows us and the message, and that it is fresh."""
    stamp = str(int(at))
    signed = b".".join((message_id.encode(), stamp.encode(), body))
    mac = b64encode(hmac.digest(secret, signed, "sha256")).decode()
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{mac}"}


def url_fault(url: str) -> str:
    """Why an address cannot be that of a receiver, as a word; "" when it can."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "not_an_address"
    if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or " " in url or port == 0:
        return "not_an_address"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "not_an_address"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "with_password"
    return ""


def address_fault(address: str, *, tls: bool, networks: Sequence[IpNetwork]) -> str:
    """Why nothing may be sent to an IP address; "" when it may.

    Nothing goes to this machine or into networks that are not the public Internet, unless `networks` name them; nor
    without TLS anywhere else.
    """
    known: ipaddress.IPv4Address | ipaddress.IPv6Address
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "not an IP address"
    if known.version == 6 and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    if any(known in network for network in networks):
        return ""
    hidden = any(known in network for network in _TRANSLATED)
    if hidden or not known.is_global or known.is_multicast or known.is_reserved:
        return f"{known} is not on the public Internet; [webhooks] networks may name it"
    return "" if tls else "without TLS only networks named in [webhooks] networks are served"
