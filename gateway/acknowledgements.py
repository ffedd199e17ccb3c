"""Acknowledgements given in any order, sent in the order of arrival, as MQTT wants them (3.1.1, section 4.6)."""

from __future__ import annotations

from collections import deque

_PACKET_BITS = 16


class Acknowledgements:
    """What came on the present connection and waits to be acknowledged.

    A message is known by a handle: the connection's number and the packet's number in it, so that an acknowledgement
    from before a reconnect cannot hit another message that has got the same packet number since.

    `give` may be called from any thread, everything else from the network thread.
    """

    def __init__(self) -> None:
        self._connection = 0
        self._given: deque[int] = deque()
        self._arrived: deque[int] = deque()
        self._early: set[int] = set()

    def start_over(self) -> None:
        """A new connection: the broker will deliver again what was open."""
        self._connection += 1
        self._given.clear()
        self._arrived.clear()
        self._early.clear()

    def arrive(self, packet: int) -> int:
        """Notes a message that came with this packet number; its handle. 0 (no acknowledgement wanted) stays 0."""
        if not packet:
            return 0
        handle = (self._connection << _PACKET_BITS) + packet
        self._arrived.append(handle)
        return handle

    def give(self, handle: int) -> bool:
        """Acknowledges; False when there is nothing to send for it."""
        if handle >> _PACKET_BITS != self._connection:
            return False
        self._given.append(handle)
        return True

    def due(self) -> list[int]:
        """The packet numbers to acknowledge now: those given before which none is missing."""
        packets: list[int] = []
        arrived, early, last_bits = self._arrived, self._early, (1 << _PACKET_BITS) - 1
        while self._given:
            handle = self._given.popleft()
            if not arrived or handle != arrived[0]:
                early.add(handle)
                continue
            packets.append(arrived.popleft() & last_bits)
            while arrived and arrived[0] in early:
                early.discard(arrived[0])
                packets.append(arrived.popleft() & last_bits)
        return packets
