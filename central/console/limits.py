"""How much anybody may ask of the desk: the size of what they send, and how often a program may ask."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

BODY_BYTES_MAX: Final = 1_000_000
"""Largest request taken: the longest form is some kilobytes, a list of a municipality's homes some hundred."""
KEY_REQUESTS_PER_S: Final = 10.0
KEY_BURST: Final = 60
"""A program may ask ten times a second for ever, and sixty times at once: a partner's page, not a flood."""
KEYS_REMEMBERED_MAX: Final = 1_000


class TooLarge(HTTPException):
    """What is sent is more than `BODY_BYTES_MAX`."""

    def __init__(self) -> None:
        super().__init__(413)


def declared_too_large(headers: Headers) -> bool:
    """Whether a request says itself that it is too large, or says nonsense about its size."""
    declared = headers.get("content-length", "0")
    return not (declared.isascii() and declared.isdigit()) or len(declared) > 12 or int(declared) > BODY_BYTES_MAX


def bounded(receive: Receive) -> Receive:
    """Reads a request, and breaks off with `TooLarge` where it becomes too large."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > BODY_BYTES_MAX:
            raise TooLarge
        return message

    return limited


class Pace:
    """A bucket of requests for each key, which fills steadily. From any thread."""

    def __init__(self, per_s: float = KEY_REQUESTS_PER_S, burst: int = KEY_BURST) -> None:
        self._per_s, self._burst = per_s, float(burst)
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: str, now: float) -> float:
        """0 when the key may ask now, which is counted; else the seconds until it may."""
        with self._lock:
            left, at = self._left.get(key, (self._burst, now))
            left = min(self._burst, left + max(0.0, now - at) * self._per_s)
            wait = 0.0 if left >= 1.0 else (1.0 - left) / self._per_s
            self._left[key] = (left if wait else left - 1.0, now)
            self._left.move_to_end(key)
            while len(self._left) > KEYS_REMEMBERED_MAX:
                self._left.popitem(last=False)
            return wait
