"""Measurement packs for load: the same bytes for the receiver and for its peers."""

from __future__ import annotations

from typing import Final

from central.telemetry.store import Row
from devices.vocabulary import Reading, Value
from gateway.contract.senml import encode_measurements
from gateway.contract.topics import Channel, topic

SERIES: Final[tuple[tuple[str, str, Value], ...]] = (
    ("hall-climate", "temperature", 21.4),
    ("hall-climate", "humidity", 47.5),
    ("hall-motion", "motion", True),
    ("bedroom-climate", "temperature", 19.8),
    ("bedroom-climate", "humidity", 51.0),
    ("bed", "presence", False),
    ("front-door", "open", False),
    ("kettle", "power", 2.5),
)
"""(device, kind, value) of a home; a pack of n records holds the first n."""
DEVICES: Final = tuple(dict.fromkeys(device for device, _, _ in SERIES))


def hub_name(number: int) -> str:
    """The id of the hub of home `number`."""
    return f"bench-{number:05d}"


def pack(hub: str, records: int, sequence: int, at: float) -> bytes:
    """Pack number `sequence` of `hub`, `records` readings measured at `at`."""
    readings = [
        Reading(device, kind, value + sequence % 10 / 10 if type(value) is float else value, at)
        for device, kind, value in SERIES[:records]
    ]
    return encode_measurements(hub, readings, sequence=sequence, epoch="bench")


def messages(homes: int, records: int, count: int, start_at: float) -> list[tuple[str, bytes]]:
    """`count` packs over `homes` homes in turn, as (topic, payload); no two rows of them are the same."""
    topics = [topic(hub_name(i), Channel.MEASUREMENTS) for i in range(homes)]
    return [
        (topics[i % homes], pack(hub_name(i % homes), records, i // homes + 1, start_at + i // homes))
        for i in range(count)
    ]


def rows(homes: int, records: int, count: int, start_at: float) -> list[Row]:
    """The readings of `count` packs as the receiver hands them to its store."""
    return [
        Row(hub_name(i % homes), device, kind, start_at + i // homes, value)
        for i in range(count)
        for device, kind, value in SERIES[:records]
    ]
