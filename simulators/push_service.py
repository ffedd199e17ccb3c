"""A push service and the browsers behind it (RFC 8030): checks VAPID (RFC 8292), decrypts (RFC 8188, 8291)."""

from __future__ import annotations

import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulators.web_server import Answer, Asked, WebServer

PAYLOAD_BYTES_MAX: Final = 4_096
TOKEN_LIVES_MAX_S: Final = 86_400.0
_CURVE: Final = ec.SECP256R1()


@dataclass
class Browser:
    """A browser that takes notifications; `shown` are those that came, newest last."""

    id: str
    endpoint: str
    private: ec.EllipticCurvePrivateKey
    auth: bytes
    gone: bool = False
    shown: list[Notification] = field(default_factory=list)

    def subscription(self) -> dict[str, Any]:
        """What the page would send to its server: `PushSubscription.toJSON()`."""
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "keys": {"p256dh": _text(point), "auth": _text(self.auth)}}


@dataclass(frozen=True)
class Notification:
    """One that came: the payload, and how it was sent."""

    payload: dict[str, Any]
    ttl: int
    urgency: str
    topic: str
    sender: str


class PushService:
    """The service. `refused` tells why requests were not taken."""

    def __init__(self, port: int = 0) -> None:
        self.browsers: dict[str, Browser] = {}
        self.refused: list[str] = []
        self.server = WebServer(self._respond, port)

    def subscribe(self) -> Browser:
        """A new browser."""
        name = secrets.token_urlsafe(12)
        endpoint = f"{self.server.url}/push/{name}"
        browser = Browser(name, endpoint, ec.generate_private_key(_CURVE), secrets.token_bytes(16))
        self.browsers[name] = browser
        return browser

    def stop(self) -> None:
        """Ends."""
        self.server.stop()

    def _respond(self, asked: Asked) -> Answer:
        browser = self.browsers.get(asked.path.removeprefix("/push/"))
        if browser is None or browser.gone:
            return Answer(410)
        fault = self._fault(asked)
        if fault:
            self.refused.append(fault)
            return Answer(403 if fault.startswith("vapid") else 400)
        try:
            payload = json.loads(_decrypt(asked.body, browser))
        except (InvalidTag, ValueError, IndexError) as error:
            self.refused.append(f"cannot be decrypted: {type(error).__name__}")
            return Answer(400)
        headers = asked.headers
        browser.shown.append(
            Notification(
                payload,
                int(headers["ttl"]),
                headers.get("urgency", "normal"),
                headers.get("topic", ""),
                _claims(headers["authorization"])["sub"],
            )
        )
        return Answer(201)

    def _fault(self, asked: Asked) -> str:
        headers = asked.headers
        if len(asked.body) > PAYLOAD_BYTES_MAX:
            return "too large"
        if not headers.get("ttl", "").isdecimal():
            return "no TTL"
        if headers.get("content-encoding") != "aes128gcm":
            return "not aes128gcm"
        topic = headers.get("topic", "")
        if len(topic) > 32 or not topic.replace("-", "").replace("_", "").isalnum():
            return "bad topic"
        return self._vapid_fault(headers.get("authorization", ""))

    def _vapid_fault(self, authorization: str) -> str:
        try:
            claims = _claims(authorization)
        except (ValueError, KeyError, InvalidSignature) as error:
            return f"vapid cannot be verified: {type(error).__name__}"
        if claims.get("aud") != self.server.url:
            return "vapid for another service"
        if not time.time() < claims.get("exp", 0) <= time.time() + TOKEN_LIVES_MAX_S:
            return "vapid has run out, or lives too long"
        return "" if str(claims.get("sub", "")).startswith(("mailto:", "https://")) else "vapid names nobody"


def _claims(authorization: str) -> dict[str, Any]:
    """The claims of a `vapid t=..., k=...` header whose signature holds."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "vapid":
        raise ValueError(scheme)
    given = dict(part.strip().split("=", 1) for part in rest.split(","))
    head, body, signature = given["t"].split(".")
    key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, _raw(given["k"]))
    both = _raw(signature)
    der = encode_dss_signature(int.from_bytes(both[:32], "big"), int.from_bytes(both[32:], "big"))
    key.verify(der, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    claims: dict[str, Any] = json.loads(_raw(body))
    return claims


def _decrypt(body: bytes, browser: Browser) -> bytes:
    """RFC 8188's header, RFC 8291's keys; one record, as push messages are."""
    salt, key_length = body[:16], body[20]
    sender = body[21 : 21 + key_length]
    record = body[21 + key_length :]
    shared = browser.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, sender))
    own = browser.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = HKDF(SHA256(), 32, browser.auth, b"WebPush: info\x00" + own + sender).derive(shared)
    key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
    nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
    padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\x00")
    if padded[-1:] != b"\x02":
        raise ValueError("not a last record")
    return padded[:-1]


def _raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
