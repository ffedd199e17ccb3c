"""Acknowledgements given in any order, sent in the order of arrival, as MQTT wants them (3.1.1, section 4.6)."""

from __future__ import annotations

from collections import deque


class Acknowledgements:
    """What came on the present connection and waits to be acknowledged.

    A message is known by a handle that is never used again, so that an acknowledgement from before a reconnect, or one
    given twice, cannot hit another message that has got the same packet number since.

    `give` may be called from any thread, everything else from the network thread.
    """

    def __init__(self) -> None:
        # handles count from 1; those below `_oldest` are done with, `_arrived[0]` is the packet of `_oldest`
        self._oldest = 1
        self._given: deque[int] = deque()
        self._arrived: deque[int] = deque()
        self._early: set[int] = set()

    def start_over(self) -> None:
        """A new connection: the broker will deliver again what was open."""
        self._oldest += len(self._arrived)
        self._given.clear()
        self._arrived.clear()
        self._early.clear()

    def arrive(self, packet: int) -> int:
        """Notes a message that came with this packet number; its handle. 0 (no acknowledgement wanted) stays 0."""
        if not packet:
            return 0
        self._arrived.append(packet)
        return self._oldest + len(self._arrived) - 1

    def give(self, handle: int) -> bool:
        """Acknowledges; False when there is nothing to send for it."""
        if handle < self._oldest:
            return False
        self._given.append(handle)
        return True

    def due(self) -> list[int]:
        """The packet numbers to acknowledge now: those given before which none is missing."""
        packets: list[int] = []
        arrived, early = self._arrived, self._early
        while self._given:
            handle = self._given.popleft()
            if handle > self._oldest:
                early.add(handle)
                continue
            while arrived and (handle == self._oldest or self._oldest in early):
                early.discard(self._oldest)
                packets.append(arrived.popleft())
                self._oldest += 1
        return packets
