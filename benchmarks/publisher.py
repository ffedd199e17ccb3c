"""A process that publishes measurement packs: all bytes made beforehand, a window of QoS 1, at full speed or at a rate.

It prints `ready`, waits for a line on its standard input, publishes, and prints one line of JSON.
"""

from __future__ import annotations

import argparse
import itertools
import select
import socket
import sys
import time
from typing import Final

import msgspec

from benchmarks.broker_line import open_socket
from benchmarks.packs import messages
from simulators.mqtt_wire import DISCONNECT, publish

PUBACK_BYTES: Final = 4
SLICE_S: Final = 0.002
"""At a rate, packs leave in slices of this length: 40 at once at 20,000 a second."""
STALLED_S: Final = 30.0
"""A broker that acknowledges nothing for this long has died."""


class Published(msgspec.Struct, frozen=True):
    """What was done. Times are of the monotonic clock, which all processes of the machine share."""

    sent: int
    began_at: float
    ended_at: float
    cpu_s: float


def main() -> int:
    """Reads the arguments, publishes; returns the exit code."""
    parser = argparse.ArgumentParser()
    for name in ("port", "homes", "records", "messages", "window"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0.0, help="messages per second; 0 = as fast as acknowledged")
    parser.add_argument("--start-at", type=float, required=True, help="measured_at of the first packs, Unix seconds")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    options = parser.parse_args()
    packs = messages(options.homes, options.records, options.messages, options.start_at)
    packets = [publish(number % 0xFFFF + 1, topic, payload) for number, (topic, payload) in enumerate(packs)]
    line = open_socket(options.port, f"load-{options.start_at:.0f}", options.user, options.password)
    print("ready", flush=True)
    sys.stdin.readline()
    done = send(line, packets, options.window, options.rate)
    line.sendall(DISCONNECT)
    line.close()
    print(msgspec.json.encode(done).decode(), flush=True)
    return 0


def send(line: socket.socket, packets: list[bytes], window: int, rate: float) -> Published:
    """Sends all packets with at most `window` unacknowledged.

    Raises:
        ConnectionError: the broker closed the connection or stopped acknowledging.
    """
    line.setblocking(False)
    view = memoryview(b"".join(packets))
    ends = [0, *itertools.accumulate(map(len, packets))]
    total = len(packets)
    began, cpu = time.monotonic(), time.process_time()
    heard, position, received = began, 0, 0
    while received < total * PUBACK_BYTES:
        now = time.monotonic()
        if now - heard > STALLED_S:
            raise ConnectionError("the broker has stopped acknowledging")
        allowed = min(total, received // PUBACK_BYTES + window)
        if rate:
            allowed = min(allowed, int((now - began) * rate) + 1)
        waiting = position < ends[allowed]
        readable, writable, _ = select.select([line], [line] if waiting else [], [], SLICE_S if rate else 1.0)
        if readable:
            part = line.recv(65_536)
            if not part:
                raise ConnectionError("the broker closed the connection")
            received += len(part)
            heard = now
        if writable:
            position += line.send(view[position : ends[allowed]])
        if rate and not waiting:
            time.sleep(SLICE_S / 2)
    return Published(total, began, time.monotonic(), time.process_time() - cpu)


if __name__ == "__main__":
    sys.exit(main())
