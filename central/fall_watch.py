"""Keeps the process that looks for falls in the movement that wearables report to the centre directly. One thread.

Windows go in as they come; the last seconds of them lie on disk (`central.window_log`), and the next process is given
them first, so that neither its end nor the receiver's loses a fall: what is found twice has the same key. While the
process is not there, or does not keep up, windows are counted: what calls for help otherwise is never held up by them.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from central.detection.finding import Finding
from central.window_log import WindowLog
from devices.vocabulary import Reading
from devices.wearable.judge_lines import SILENT_S, SaidLine, WindowLine, Worn
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.senml import to_record

logger = logging.getLogger(__name__)

WAITING_MAX: Final = 2_000
"""Most windows that were given and not answered: some seconds of as many wearers as the process follows."""
UNWRITTEN_MAX: Final = 1 << 21
"""Most bytes that wait for the process to read them."""
AGAIN_WINDOWS_MAX: Final = WAITING_MAX // 2
"""Most windows that a new process is given again, the newest: some 20 s of 35 wearers."""
STUCK_S: Final = 15.0
"""A process that answers nothing for so long is ended; another follows."""
LOADING_S: Final = 30.0
"""... or for so long to the first: a busy machine takes its time to load it. What it was given still lies on disk."""
AGAIN_FIRST_S: Final = 1.0
AGAIN_MAX_S: Final = 60.0
LOOK_EVERY_S: Final = 1.0
OPEN_MAX: Final = 500
"""Suspected falls of which the outcome is waited for."""
_READ_BYTES: Final = 65_536
_ANSWER: Final = msgspec.json.Decoder(list[SaidLine])
_COMMAND: Final = (sys.executable, "-m", "devices.wearable.judge_process")


class FallWatch:
    """One process for everybody.

    Args:
        monotonic: the clock.
        on_lost: told of windows that were not looked at in time: how many, and why.
        folder: where the last seconds of movement are kept; what lies there is looked at again.
    """

    def __init__(self, monotonic: Callable[[], float], on_lost: Callable[[int, str], None], folder: Path) -> None:
        self._monotonic = monotonic
        self._on_lost = on_lost
        self._log = WindowLog(folder, monotonic)
        self._again = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._unwritten = bytearray()
        self._given: deque[tuple[str, bytes, float]] = deque()
        self._answered = False
        self._said = b""
        self._heard: dict[tuple[str, str], tuple[Worn, float, float]] = {}
        self._look_at = 0.0
        self._start_at = 0.0
        self._pause_s = AGAIN_FIRST_S
        self._suspected: dict[tuple[str, str], Finding] = {}
        self._is_to_start = bool(self._log.lines())

    def give(self, home: str, reading: Reading, worn: Worn) -> None:
        """A window of acceleration of a wearable. It may be acknowledged after the next `sync`."""
        assert isinstance(reading.value, bytes)
        self._heard[home, reading.device] = (worn, self._monotonic(), reading.measured_at)
        self._put(home, reading.device, worn, reading.value, reading.measured_at)

    def sync(self) -> None:
        """What was given outlasts this process."""
        self._log.sync()

    def _put(self, home: str, device: str, worn: Worn, value: bytes, at: float) -> None:
        there = self._is_there()
        line = msgspec.json.encode(WindowLine(f"{home}\n{device}", worn, value, at)) + b"\n"
        if value:
            self._log.add(line)
        if not there or len(self._given) >= WAITING_MAX or len(self._unwritten) >= UNWRITTEN_MAX:
            if value:
                self._on_lost(1, "the process that looks for falls is not there, or does not keep up")
            return
        self._unwritten += line
        self._given.append((home, value, self._monotonic()))

    def _give_again(self) -> None:
        """What came before this process was there; it may be the end of a fall whose begin another has seen."""
        self._log.sync()
        lines = self._log.lines()[-AGAIN_WINDOWS_MAX:]
        for line in lines:
            home, _, device = line.device.partition("\n")
            self._heard[home, device] = (line.worn, self._monotonic(), line.at)
            self._unwritten += msgspec.json.encode(line) + b"\n"
            self._given.append((home, line.value, self._monotonic()))
        self._again = len(lines)

    def _notice_silence(self) -> None:
        """A wearable that is heard no more right after a blow: what there is of it is judged."""
        now = self._monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY_S
        for (home, device), (worn, heard_at, at) in list(self._heard.items()):
            if now - heard_at > SILENT_S:
                del self._heard[home, device]
                self._put(home, device, worn, b"", at)

    def turn(self) -> list[Finding]:
        """Writes and reads what can be without waiting; what was found."""
        self._log.tidy()
        if self._is_to_start:
            self._is_there()
        process = self._process
        if process is None:
            return []
        found: list[Finding] = []
        self._notice_silence()
        try:
            self._write(process)
            for home, said in self._read(process):
                found += self._found(home, said)
        except (OSError, msgspec.DecodeError, IndexError) as error:
            self._end(f"{type(error).__name__}: {error}")
        else:
            if process.poll() is not None:
                self._end(f"it ended with status {process.returncode}")
            elif self._given and self._monotonic() - self._given[0][2] > (STUCK_S if self._answered else LOADING_S):
                self._end("it does not answer")
        return found

    def close(self) -> None:
        """Ends the process."""
        self._log.sync()
        self._log.close()
        self._stop()

    def _is_there(self) -> bool:
        if self._process is None and self._monotonic() >= self._start_at:
            pipe = subprocess.PIPE
            try:
                self._process = process = subprocess.Popen(_COMMAND, stdin=pipe, stdout=pipe)
            except OSError as error:
                self._end(str(error))
                return False
            assert process.stdin is not None
            assert process.stdout is not None
            os.set_blocking(process.stdin.fileno(), False)
            os.set_blocking(process.stdout.fileno(), False)
            logger.info("falls are looked for in the movement of wearables that report here")
            self._is_to_start = self._answered = False
            self._give_again()
        return self._process is not None

    def _write(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        while self._unwritten:
            try:
                del self._unwritten[: os.write(process.stdin.fileno(), self._unwritten[:_READ_BYTES])]
            except BlockingIOError:
                return

    def _read(self, process: subprocess.Popen[bytes]) -> list[tuple[str, list[SaidLine]]]:
        assert process.stdout is not None
        try:
            self._said += os.read(process.stdout.fileno(), _READ_BYTES)
        except BlockingIOError:
            return []
        *lines, self._said = self._said.split(b"\n")
        if lines:
            self._answered = True
            self._pause_s = AGAIN_FIRST_S
            self._again = max(self._again - len(lines), 0)
        return [(self._given.popleft()[0], _ANSWER.decode(line)) for line in lines]

    def _end(self, reason: str) -> None:
        logger.error("the process that looks for falls is started again in %.0f s: %s", self._pause_s, reason)
        # what was given again has been counted before
        if lost := sum(bool(value) for _, value, _ in islice(self._given, self._again, None)):
            self._on_lost(lost, reason)
        if self._again:
            # it may be these that it did not bear
            self._log.forget()
        self._is_to_start, self._again = not self._again, 0
        self._stop()
        self._given.clear()
        self._unwritten.clear()
        self._said = b""
        self._start_at = self._monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, AGAIN_MAX_S)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with process:
                pass

    def _found(self, home: str, said: Sequence[SaidLine]) -> list[Finding]:
        found = []
        for line in said:
            if line.kind != "fall" or line.value not in {"suspected", "confirmed", "recovered"}:
                continue
            device = line.device.removeprefix(f"{home}\n")
            before = self._suspected.pop((home, device), None)
            if line.value == "recovered":
                found += [msgspec.structs.replace(before, active=False)] if before is not None else []
                continue
            evidence = [
                to_record(Reading(device, other.kind, other.value, other.at))
                for other in said
                if other.at == line.at and other.device == line.device
            ]
            finding = Finding(
                key=f"{home}:fall:{device}:{line.value}:{line.at:.1f}",
                home=home,
                kind=AlarmKind.FALL,
                since_at=line.at,
                found_at=line.at,
                reason=f"fall_{line.value}",
                facts={"device": device},
                evidence=evidence,
            )
            found.append(finding)
            if line.value == "suspected":
                self._suspected[home, device] = finding
                if len(self._suspected) > OPEN_MAX:
                    del self._suspected[next(iter(self._suspected))]
        return found
