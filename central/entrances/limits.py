"""What keeps strangers at our doors within bounds: how much is read of them, and how often they may err."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from collections import OrderedDict, deque
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

BODY_WAIT_S: Final = 10.0
"""A body of some kilobytes that takes longer is held back on purpose."""
ADDRESSES_MAX: Final = 10_000
"""Addresses whose errors are remembered; beyond, those that erred longest ago are forgotten."""
_V6_NETWORK: Final = 64
"""One customer has a network of this size; its single addresses cost nothing."""


async def read_body(request: Request, most: int) -> bytes | None:
    """The body of a request; None when it is larger than `most` bytes, comes too slowly, or breaks off."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return bytes(body)


class WrongGuesses:
    """Counts errors by address and says how long an address must wait. From any thread."""

    def __init__(self, most: int, within_s: float) -> None:
        self._most = most
        self._within_s = within_s
        self._lock = threading.Lock()
        self._erred: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str, now: float) -> float:
        """Seconds until the address may try again; 0 when it may now."""
        with self._lock:
            erred = self._erred.get(_network(address))
            if erred is None or len(erred) < self._most:
                return 0.0
            return max(0.0, erred[0] + self._within_s - now)

    def add(self, address: str, now: float) -> None:
        """One more error."""
        name = _network(address)
        with self._lock:
            self._erred.setdefault(name, deque(maxlen=self._most)).append(now)
            self._erred.move_to_end(name)
            while len(self._erred) > ADDRESSES_MAX:
                self._erred.popitem(last=False)


def _network(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if known.version == 6 and known.ipv4_mapped is not None:
        # of a socket that takes both: a network of that size would be everybody
        known = known.ipv4_mapped
    if known.version == 4:
        return str(known)
    return str(ipaddress.ip_network((known, _V6_NETWORK), strict=False))
