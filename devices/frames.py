"""Raw bytes with where and when: what drivers hand to the decoders."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Link(StrEnum):
    """The way a frame came in."""

    BLE_ADVERT = "ble_advert"
    BLE_GATT = "ble_gatt"
    SERIAL = "serial"
    BUTTON = "button"
    MQTT = "mqtt"
    """Not by a hub: the device speaks to the centre itself, as a hub of its own (docs/wire/README.md)."""


class ButtonEvent(IntEnum):
    """The one byte of a wired button's payload. Not from the button: the hub's driver watches its contact and says so.

    ALIVE: it is plugged in and open, or down as told before. PRESS: it went down. HELD: it was down already when
    the driver began to watch it. LONG: that press was held for three seconds. RELEASE: it is open again. STUCK: nobody
    holds a button for so long.
    """

    ALIVE = 0
    PRESS = 1
    LONG = 2
    RELEASE = 3
    STUCK = 4
    HELD = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """One packet as received.

    Attributes:
        link: the way it came in.
        sender: the sender's address as that link names it: a Bluetooth address in capitals with colons, a serial
            device number in eight hex digits, a button's line name.
        payload: the bytes. For a BLE advert: the 16-bit service UUID (little-endian) followed by its service data.
            For BLE GATT: the characteristic's 16-bit number (little-endian; see `device_model.GattAccess`) followed by
            its value.
            For a button: one byte, a `ButtonEvent`.
        rssi_dbm: received signal strength, or None where the link has none.
        received_at: Unix time in seconds, UTC.
    """

    link: Link
    sender: str
    payload: bytes
    rssi_dbm: int | None
    received_at: float
