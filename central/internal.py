"""What receiver and desk tell each other over the broker, under `care-in/v1`, where no hub may write."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from central.detection.drift import CareNote
from central.detection.finding import Finding
from central.detection.labels import Labels
from central.detection.routine import RoutineWeek
from devices.rejection import Rejection
from gateway.contract.topics import INTERNAL_ROOT

FINDING_FILTER: Final = f"{INTERNAL_ROOT}/finding/+"
HEALTH_TOPIC: Final = f"{INTERNAL_ROOT}/health/receiver"
LABELS_FILTER: Final = f"{INTERNAL_ROOT}/labels/+"
NOTES_FILTER: Final = f"{INTERNAL_ROOT}/note/+"
ROUTINE_FILTER: Final = f"{INTERNAL_ROOT}/routine/+"


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
        labels: detector -> verdict -> findings of closed cases in the last months, as far as the receiver knows.
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
    labels: dict[str, dict[str, int]] = {}


_finding_decoder = msgspec.json.Decoder(Finding)
_health_decoder = msgspec.json.Decoder(ReceiverHealth)
_labels_decoder = msgspec.json.Decoder(Labels)
_note_decoder = msgspec.json.Decoder(CareNote)
_routine_decoder = msgspec.json.Decoder(RoutineWeek)
_encoder = msgspec.json.Encoder()


def finding_topic(home: str) -> str:
    """Where findings about a home are published, QoS 1, not retained. Escaped: the id of a home may be any text."""
    return f"{INTERNAL_ROOT}/finding/{quote(home, safe='')}"


def labels_topic(home: str) -> str:
    """Where the desk keeps what people said of a home's findings: retained, QoS 1."""
    return f"{INTERNAL_ROOT}/labels/{quote(home, safe='')}"


def note_topic(home: str) -> str:
    """Where slow changes in a home are published, QoS 1, not retained."""
    return f"{INTERNAL_ROOT}/note/{quote(home, safe='')}"


def routine_topic(home: str) -> str:
    """Where the weeks of a home are published whose people agree to it, QoS 1, not retained."""
    return f"{INTERNAL_ROOT}/routine/{quote(home, safe='')}"


def encode(body: Finding | ReceiverHealth | Labels | CareNote | RoutineWeek) -> bytes:
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


def decode_note(payload: bytes) -> CareNote | Rejection:
    """Reads a note on a slow change, or says why not."""
    try:
        return _note_decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejection("bad_note", str(error))


def decode_routine(payload: bytes) -> RoutineWeek | Rejection:
    """Reads a home's week, or says why not."""
    try:
        return _routine_decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejection("bad_routine", str(error))


def decode_labels(payload: bytes) -> Labels | Rejection:
    """Reads a home's labels, or says why not."""
    try:
        return _labels_decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejection("bad_labels", str(error))
