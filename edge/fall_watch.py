"""Keeps the process that looks for falls, gives it the windows and takes what it finds.

The last seconds of windows are remembered here, and another process is given them first: none is lost with the one that
ends in the middle of a fall, nor while the next one loads numpy, which takes seconds on a small hub. And whoever asks
is told of a hard blow at once, so that it can be remembered on disk until it has been looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections import Counter, deque
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Final

import msgspec

from devices.rejection import Rejection
from devices.vocabulary import Reading
from devices.wearable.judge_lines import SILENT_S, SaidLine, WindowLine, Worn
from devices.wearable.windows import read_piece, strongest_g
from edge.health import TellFault
from gateway.contract.messages import ProblemCode

log = logging.getLogger(__name__)

WAITING_MAX: Final = 240
"""Most windows that were given and not answered: half a minute of eight wearers. What comes then is left out."""
STUCK_S: Final = 30.0
"""A process that answers nothing for so long is ended; another follows. Loading numpy takes seconds on a small hub."""
LOOK_EVERY_S: Final = 2.0
AGAIN_S: Final = 45.0
"""So much is remembered: `STUCK_S`, the seconds on which a fall is judged, and the start of another process."""
AGAIN_MAX: Final = WAITING_MAX // 2
"""Most windows that are remembered: AGAIN_S of two wearers, at up to 4 kB each."""
BLOW_G: Final = 2.5
"""From here on a blow is told before it is judged. Softer ones are judged too, but are many, and few of them falls."""
BLOW_JUDGED_S: Final = SILENT_S + LOOK_EVERY_S + 1.0
"""So long after a blow all has come that is judged, or its silence was noticed."""
SAME_FALL_S: Final = 0.5
TOLD_MAX: Final = 64
LINE_MAX: Final = 65_536
_ANSWER: Final = msgspec.json.Decoder(list[SaidLine])

Progress = Callable[[], None]


class FallWatch:
    """One process for everybody in the home who wears something.

    Args:
        worn: whom to look after, by the device.
        on_found: takes the readings of a suspected fall.
        on_blow: told of a device that has felt a hard blow, and, by "", that all of them have been judged.
        counts: counted into: `windows_not_judged` because the process is not there or does not keep up, `falls`.
        monotonic: the clock.
        tell_fault: told of a device that sends its movement, and of whom nobody has said where it is worn.
    """

    def __init__(
        self,
        worn: Mapping[str, Worn],
        on_found: Callable[[tuple[Reading, ...]], None],
        on_blow: Callable[[str], None],
        counts: Counter[str],
        monotonic: Callable[[], float],
        tell_fault: TellFault,
    ) -> None:
        self._worn = dict(worn)
        self._on_found = on_found
        self._on_blow = on_blow
        self._counts = counts
        self._monotonic = monotonic
        self._tell_fault = tell_fault
        self._process: asyncio.subprocess.Process | None = None
        self._given_at: deque[float] = deque()
        self._heard: dict[str, tuple[float, float]] = {}
        self._lately: deque[tuple[float, WindowLine]] = deque(maxlen=AGAIN_MAX)
        self._blow = ("", 0.0)
        self._again = 0
        self._told: deque[SaidLine] = deque(maxlen=TOLD_MAX)

    @property
    def pid(self) -> int | None:
        """The process's id; None while there is none."""
        return self._process.pid if self._process is not None else None

    def give(self, device: str, value: bytes, at: float) -> None:
        """A window of acceleration of any device; only those of the wearers are looked at."""
        worn = self._worn.get(device)
        if worn is None:
            sentence = f"{device}: no fall is looked for in its movement, as no [[worn]] says where it is worn"
            self._tell_fault(f"worn {device}", sentence, ProblemCode.DEVICE_NOT_WORN, device)
            return
        self._heard[device] = (self._monotonic(), at)
        self._notice_blow(device, value)
        line = WindowLine(device, worn, value, at)
        self._write(line)
        self._lately.append((self._monotonic(), line))

    def _notice_blow(self, device: str, value: bytes) -> None:
        piece = read_piece(value)
        if not isinstance(piece, Rejection) and strongest_g(piece) >= BLOW_G:
            before, _ = self._blow
            self._blow = (device, self._monotonic())
            if device != before:
                self._on_blow(device)

    def _notice_judged(self) -> None:
        device, felt_at = self._blow
        if device and not self._given_at and self._monotonic() - felt_at > BLOW_JUDGED_S:
            self._blow = ("", 0.0)
            self._on_blow("")

    def _give_again(self) -> None:
        """What came before this process was there; unless the last one ended over just that."""
        if self._again:
            self._lately.clear()
        while self._lately and self._monotonic() - self._lately[0][0] > AGAIN_S:
            self._lately.popleft()
        for _, line in self._lately:
            self._write(line)
        self._again = len(self._given_at)

    def _write(self, line: WindowLine) -> None:
        process = self._process
        if process is None or process.stdin is None or len(self._given_at) >= WAITING_MAX:
            self._counts["windows_not_judged"] += 1
            return
        process.stdin.write(msgspec.json.encode(line) + b"\n")
        self._given_at.append(self._monotonic())

    def _notice_silence(self) -> None:
        """A link that breaks right after a blow tells no more of it: what there is, is judged."""
        now = self._monotonic()
        for device, (heard_at, at) in list(self._heard.items()):
            if now - heard_at > SILENT_S:
                del self._heard[device]
                self._write(WindowLine(device, self._worn[device], b"", at))

    async def run(self, progress: Progress) -> None:
        """Works until cancelled.

        Raises:
            OSError: the process could not be started, ended, or was ended because it did not answer.
        """
        if find_spec("numpy") is None:
            # nobody judges: what was felt must not be asked about after some later stop
            self._notice_judged()
            raise OSError("numpy is not installed, without which no fall is found: run install_hub.py again")
        command = (sys.executable, "-m", "devices.wearable.judge_process")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=LINE_MAX)
        self._given_at.clear()
        self._process = process
        self._give_again()
        log.info("falls are looked for in the movement of %s", ", ".join(self._worn))
        try:
            await self._take_answers(process, progress)
        finally:
            self._process = None
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        raise OSError(f"the process that looks for falls ended with status {process.returncode}")

    async def _take_answers(self, process: asyncio.subprocess.Process, progress: Progress) -> None:
        assert process.stdout is not None
        reading = asyncio.ensure_future(process.stdout.readline())
        try:
            while True:
                progress()
                self._notice_silence()
                self._notice_judged()
                done, _ = await asyncio.wait((reading,), timeout=LOOK_EVERY_S)
                if not done:
                    if self._given_at and self._monotonic() - self._given_at[0] > STUCK_S:
                        raise OSError("the process that looks for falls does not answer")
                    continue
                line = reading.result()
                if not line:
                    return
                self._given_at.popleft()
                self._tell(_ANSWER.decode(line))
                reading = asyncio.ensure_future(process.stdout.readline())
        finally:
            reading.cancel()

    def _tell(self, said: list[SaidLine]) -> None:
        if self._again:
            self._again -= 1
            said = [line for line in said if not any(_is_same(line, told) for told in self._told)]
        if said:
            self._told.extend(said)
            self._counts["falls"] += sum(line.kind == "fall" for line in said)
            self._on_found(tuple(Reading(line.device, line.kind, line.value, line.at) for line in said))


def _is_same(one: SaidLine, other: SaidLine) -> bool:
    is_near = abs(one.at - other.at) < SAME_FALL_S
    return one.device == other.device and one.kind == other.kind and is_near and _word(one) == _word(other)


def _word(line: SaidLine) -> str:
    return line.value if isinstance(line.value, str) else ""
