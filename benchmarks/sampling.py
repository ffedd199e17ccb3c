"""Where a Python process spends its CPU: `python -m benchmarks.sampling RESULT MODULE [ARGUMENT ...]`.

The module runs as `python -m MODULE` would. From SIGUSR1 on, a signal interrupts it every 2 ms of CPU, and the CPU
since the last one is booked on the innermost function of a known part. A long call into C delays the signal to its end
and is booked as a whole, so long writes are not underrated.
"""

from __future__ import annotations

import runpy
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

INTERVAL_S: Final = 0.002
PARTS: Final = (
    ("central/telemetry/", "store"),
    ("gateway/contract/", "decode"),
    ("devices/", "decode"),
    ("central/detection/", "detection"),
    ("gateway/mqtt_client", "MQTT client"),
    ("/paho/", "MQTT client"),
    ("/gmqtt/", "MQTT client"),
    ("central/", "receiver: rows, batches, bookkeeping"),
)
"""Parts of a file's path -> what is booked on it; the first that fits."""
REST: Final = "the rest"
START_SIGNAL: Final = signal.SIGUSR1


class Sampler:
    """Books the CPU of this process."""

    def __init__(self) -> None:
        self.booked: Counter[str] = Counter()
        self._known: dict[str, str] = {}
        self._last = 0.0

    def start(self, *_: object) -> None:
        """Begins."""
        self._last = time.process_time()
        signal.signal(signal.SIGPROF, self._book)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)

    def stop(self) -> None:
        """Ends."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _book(self, _number: int, frame: FrameType | None) -> None:
        now = time.process_time()
        self.booked[self._part(frame)] += now - self._last  # type: ignore[assignment]
        self._last = now

    def _part(self, frame: FrameType | None) -> str:
        while frame is not None:
            path = frame.f_code.co_filename
            part = self._known.get(path)
            if part is None:
                part = self._known[path] = next((name for key, name in PARTS if key in path), "")
            if part:
                return part
            frame = frame.f_back
        return REST


def split(page: Path) -> dict[str, float]:
    """The shares of a finished run, greatest first."""
    booked = msgspec.json.decode(page.read_bytes(), type=dict[str, float])
    whole = sum(booked.values()) or 1.0
    return {name: part / whole for name, part in sorted(booked.items(), key=lambda item: -item[1])}


def main() -> None:
    """Runs the module under the sampler and writes the result when it ends."""
    page, module = Path(sys.argv[1]), sys.argv[2]
    sys.argv = sys.argv[2:]
    sampler = Sampler()
    signal.signal(START_SIGNAL, sampler.start)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        sampler.stop()
        page.write_bytes(msgspec.json.encode(dict(sampler.booked)))


if __name__ == "__main__":
    main()
