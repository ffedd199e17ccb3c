"""What the receiver tells the desk over the broker, under `care-in/v1`, where no hub may write."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from central.detection.finding import Finding
from devices.rejection import Rejection
from gateway.contract.topics import INTERNAL_ROOT

FINDING_FILTER: Final = f"{INTERNAL_ROOT}/finding/+"
HEALTH_TOPIC: Final = f"{INTERNAL_ROOT}/health/receiver"


class HubPresence(msgspec.Struct, frozen=True):
    """How a home's hub stands, as the receiver last saw it. Times are Unix seconds."""

    home: str
    hub: str
    online: bool
    seen_at: float
    gaps: int = 0
    waiting: int = 0


class ReceiverHealth(msgspec.Struct, frozen=True):
    """Retained on `HEALTH_TOPIC` every few seconds: what the health page shows of the measurement lane.

    Attributes:
        at: when it was written.
        messages, readings: taken and stored since start.
        refused: refusals by reason since start.
        store: "ok", or what is wrong with the telemetry store in a few words.
        spooled: readings waiting on disk for the store to come back; `spool_cap` is the most that may wait.
        delay_s: from receiving to stored, of the latest batch.
        hubs_online, hubs_silent: counts.
        silent: the homes unheard longest, worst first, at most 50.
        gaps: holes in the running numbers of all hubs' packs; duplicates: packs that came more than once.
    """

    at: float
    messages: int = 0
    readings: int = 0
    refused: dict[str, int] = {}
    store: str = "ok"
    spooled: int = 0
    spool_cap: int = 0
    delay_s: float = 0.0
    hubs_online: int = 0
    hubs_silent: int = 0
    silent: list[HubPresence] = []
    gaps: int = 0
    duplicates: int = 0


_finding_decoder = msgspec.json.Decoder(Finding)
_health_decoder = msgspec.json.Decoder(ReceiverHealth)
_encoder = msgspec.json.Encoder()


def finding_topic(home: str) -> str:
    """Where findings about a home are published, QoS 1, not retained. Escaped: the id of a home may be any text."""
    return f"{INTERNAL_ROOT}/finding/{quote(home, safe='')}"


def encode(body: Finding | ReceiverHealth) -> bytes:
    """Writes an internal message as JSON."""
    return _encoder.encode(body)


def decode_finding(payload: bytes) -> Finding | Rejection:
    """Reads a finding, or says why not."""
    try:
        return _finding_decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejection("bad_finding", str(error))


def decode_health(payload: bytes) -> ReceiverHealth | Rejection:
    """Reads the receiver's health, or says why not."""
    try:
        return _health_decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejection("bad_health", str(error))
