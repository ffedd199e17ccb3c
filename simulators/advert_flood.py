"""Somebody, or something broken, fills the air: adverts by the thousand, poured into the hub's own controller.

They go as reports of the controller (H4), so that the hub's whole stack has to read them.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Final

from simulators.bthome_bytes import UUID_BYTES
from simulators.radio import ADVERT_BYTES_MAX, HubController

_BURST_S: Final = 0.01
_SERVICE_DATA: Final = 0x16
_MAKERS_DATA: Final = 0xFF


def report(address: str, data: bytes, *, random_address: bool = False, rssi_dbm: int = -70) -> bytes:
    """One LE Advertising Report event (Bluetooth Core, volume 4, part E, 7.7.65.2) behind its H4 type byte."""
    sender = bytes.fromhex(address.replace(":", ""))[::-1]
    body = (
        bytes([2, 1, 3, random_address])
        + sender
        + bytes([len(data)])
        + data
        + rssi_dbm.to_bytes(1, "little", signed=True)
    )
    return b"\x04\x3e" + bytes([len(body)]) + body


def bthome_report(address: str, service_data: bytes) -> bytes:
    """The report of a BTHome advert."""
    return report(address, b"\x02\x01\x06" + _structure(_SERVICE_DATA, UUID_BYTES + service_data))


class Jammer:
    """Makes adverts that are no use to anybody.

    Args:
        own: address of an enrolled device of the home -> one genuine advert of it that was recorded.
        seed: of its dice.
    """

    def __init__(self, own: Mapping[str, bytes], seed: int = 7) -> None:
        self._own = own
        self._dice = random.Random(seed)

    @property
    def kinds(self) -> Mapping[str, Callable[[], bytes]]:
        """What it can send, by name."""
        return {
            "strangers": self.stranger,
            "garbage of ours": self.garbage,
            "recorded of ours": self.recorded,
            "truncated": self.truncated,
            "mixture": self.mixture,
        }

    def stranger(self) -> bytes:
        """A random address with a maker's data, never seen again."""
        address = self._dice.randbytes(6).hex(":").upper()
        return report(address, _structure(_MAKERS_DATA, b"\x4c\x00" + self._dice.randbytes(20)), random_address=True)

    def garbage(self) -> bytes:
        """A device's address, the right service, and noise that claims to be encrypted."""
        return bthome_report(self._device(), b"\x41" + self._dice.randbytes(self._dice.randrange(18)))

    def recorded(self) -> bytes:
        """A genuine advert, played back."""
        address = self._device()
        return bthome_report(address, self._own[address])

    def truncated(self) -> bytes:
        """A structure that is longer than the advert."""
        return report(self._device(), b"\x1e\x16" + UUID_BYTES + self._dice.randbytes(self._dice.randrange(8)))

    def mixture(self) -> bytes:
        """One of them."""
        return self._dice.choice((self.stranger, self.garbage, self.recorded, self.truncated))()

    def _device(self) -> str:
        return self._dice.choice(list(self._own))


async def pour(controller: HubController, advert: Callable[[], bytes], *, per_s: int, for_s: float) -> int:
    """Sends adverts at that rate; returns how many."""
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < for_s:
        due = int(passed * per_s) - sent
        for _ in range(due):
            controller.hand_over(advert())
        sent += due
        await asyncio.sleep(_BURST_S)
    return sent


def _structure(kind: int, data: bytes) -> bytes:
    assert len(data) + 2 <= ADVERT_BYTES_MAX - 3 or kind != _SERVICE_DATA
    return bytes([len(data) + 1, kind]) + data
