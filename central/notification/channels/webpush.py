"""Web Push (RFC 8030, 8291, 8292): a notification on the telephone or computer of a carer.

The browser's service worker gets this JSON, encrypted for it alone (aes128gcm):

    {"title": str, "body": str, "tag": str, "url": str, "at": int}

`body` is one line for a lock screen; `tag` is the same for all about one case, so that the latest replaces what came
before; `url` is where the carer answers ("" when there is nothing to open); `at` is Unix seconds of sending. Nothing in
it is about health. A service worker that posts `{"token": the last part of url}` to `POST /push/received` tells that it
has come: a push service says no more than that it will try.
"""

from __future__ import annotations

import json
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from py_vapid import Vapid02

from central.config import PushConfig
from central.notification.channel import Message
from central.notification.delivery import STANDARD_RETRY, DeliveryState, Sent, Verdict
from central.notification.outgoing import READ_WAIT_S, Errands, Line, refused
from central.sealing import Sealer

TTL_S: Final = 900
"""A telephone that is off for longer has better news by then than "please open"."""
RECEIPT_WAIT_S: Final = 20.0
"""A telephone that is on shows it within seconds; it may be in a drawer, so the next way does not wait long."""
BODY_MAX: Final = 300
"""Push services take 4,096 bytes in all."""
POINT_BYTES, SECRET_BYTES = 65, 16
GONE: Final = frozenset({404, 410})
"""RFC 8030, 7.3: the subscription has ended."""
KEY_FILE, KEY_OWNER = "vapid.sealed", "push vapid"


class SubscriptionKeys(msgspec.Struct, frozen=True):
    """The browser's public key and shared secret, base64url."""

    p256dh: Annotated[str, msgspec.Meta(max_length=100)]
    auth: Annotated[str, msgspec.Meta(max_length=40)]


class Subscription(msgspec.Struct, frozen=True):
    """What `PushSubscription.toJSON()` of a browser says, without what is not needed. As JSON it is a contact's address
    for this channel."""

    endpoint: Annotated[str, msgspec.Meta(max_length=1_000)]
    keys: SubscriptionKeys


def subscription_fault(subscription: Subscription, services: Collection[str]) -> str:
    """Why nothing can be sent to a subscription, in a few words; "" when it can."""
    if not _allowed(subscription.endpoint, services):
        return "not a push service that this centre uses"
    try:
        point, secret = _bytes(subscription.keys.p256dh), _bytes(subscription.keys.auth)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return "its keys cannot be read"
    return "" if (len(point), len(secret)) == (POINT_BYTES, SECRET_BYTES) else "its keys have a wrong length"


def _bytes(base64url: str) -> bytes:
    return urlsafe_b64decode(base64url.rstrip("=") + "=" * (-len(base64url.rstrip("=")) % 4))


def _allowed(endpoint: str, services: Collection[str]) -> bool:
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[!-~]*", endpoint) or "\\" in endpoint:
        return False  # what one reader of addresses takes for the host, another may not
    parts = urlsplit(endpoint)
    if f"{parts.scheme}://{parts.netloc}" in services:
        return True
    host = parts.hostname or ""
    named = any(host == service or host.endswith(f".{service}") for service in services)
    return parts.scheme == "https" and parts.netloc == host and named


class VapidKey:
    """The centre's key, by which push services know that it is always the same one who sends."""

    def __init__(self, vapid: Vapid02) -> None:
        self.vapid = vapid
        point = vapid.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public = urlsafe_b64encode(point).rstrip(b"=").decode()
        """`applicationServerKey` for browsers, base64url."""


def open_vapid(folder: Path, sealer: Sealer) -> VapidKey:
    """The key in the data folder; the first start makes it. Subscriptions are bound to it: without it all are void.

    Raises:
        SealError: it was sealed under another key.
    """
    path = folder / KEY_FILE
    if path.exists():
        return VapidKey(_vapid(sealer.open(path.read_text(encoding="ascii"), KEY_OWNER)))
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(sealer.seal(pem, KEY_OWNER), encoding="ascii")
    new.replace(path)
    return VapidKey(_vapid(pem))


def _vapid(pem: bytes) -> Vapid02:
    made: Vapid02 = Vapid02.from_pem(pem)  # type: ignore[no-untyped-call]
    return made


class WebPushChannel:
    """Sends to one subscription at a time.

    Args:
        forget: is told the endpoint of a subscription that has ended.
    """

    name = "push"
    receipts: frozenset[DeliveryState] = frozenset({DeliveryState.DELIVERED})
    retry = STANDARD_RETRY
    receipt_wait_s: float | None = RECEIPT_WAIT_S

    def __init__(
        self, config: PushConfig, key: VapidKey, forget: Callable[[str], None], errands: Errands | None = None
    ) -> None:
        # loaded only where it is configured: it brings another HTTP client with it
        from pywebpush import WebPushException, webpush

        self._push, self._refusal = webpush, WebPushException
        self._config, self._key, self._forget = config, key, forget
        self._errands = errands or Errands(self.name)

    def send(self, message: Message) -> Sent:
        """Hands one notification to the browser's push service."""
        try:
            subscription = msgspec.json.decode(message.to, type=Subscription)
        except msgspec.DecodeError:
            return Sent(Verdict.NEVER, "not a subscription")
        if fault := subscription_fault(subscription, self._config.services):
            return Sent(Verdict.NEVER, fault)
        return self._errands.run(lambda: self._hand_over(message, subscription))

    def _hand_over(self, message: Message, subscription: Subscription) -> Sent:
        tag = f"case-{message.case_id}"
        payload = {
            "title": "Llar",
            "body": message.short[:BODY_MAX],
            "tag": tag,
            "url": message.link,
            "at": int(time.time()),
        }
        headers: dict[str, str | int | float] = {"Urgency": "high" if message.urgent else "normal", "Topic": tag}
        try:
            with Line() as line:
                self._push(
                    msgspec.to_builtins(subscription),
                    json.dumps(payload, ensure_ascii=False),
                    self._key.vapid,
                    {"sub": self._config.contact},
                    timeout=READ_WAIT_S,
                    ttl=TTL_S,
                    headers=headers,
                    requests_session=line,
                )
        except self._refusal as error:
            status = error.status_code or 0
            if status in GONE:
                self._forget(subscription.endpoint)
                return Sent(Verdict.NEVER, f"{status} the subscription has ended")
            return refused(status)
        return Sent(Verdict.TAKEN)
