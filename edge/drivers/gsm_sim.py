"""The SIM of a modem: is there one, does it open, and what is wrong with it in plain words."""

from __future__ import annotations

import contextlib
import logging
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from edge.drivers.gsm_at import AtError, AtPort
from gateway.contract.messages import ProblemCode

log = logging.getLogger(__name__)

_SIM_FAULTS: Final = {
    10: (ProblemCode.MODEM_NO_SIM, "there is no SIM in it"),
    11: (ProblemCode.MODEM_SIM_LOCKED, "the SIM wants a PIN: set 'pin_file'"),
    12: (ProblemCode.MODEM_SIM_LOCKED, "the SIM is locked and wants its PUK"),
    13: (ProblemCode.MODEM_NO_SIM, "the SIM does not work"),
    14: (ProblemCode.MODEM_NO_SIM, "the SIM is busy"),
    15: (ProblemCode.MODEM_NO_SIM, "the SIM is not of a kind that works here"),
    16: (ProblemCode.MODEM_SIM_LOCKED, "the PIN is wrong; it is not tried again, for the SIM locks itself"),
    17: (ProblemCode.MODEM_SIM_LOCKED, "the SIM wants its PIN2"),
    18: (ProblemCode.MODEM_SIM_LOCKED, "the SIM is locked and wants its PUK2"),
}
"""CME errors (TS 27.007, 9.2)."""
_NO_ANSWER: Final = frozenset({13, 14})
"""Codes that say nothing about the PIN."""


class ModemFault(NamedTuple):
    """What is wrong with the modem as a whole."""

    code: ProblemCode
    sentence: str


class FaultyError(Exception):
    """The modem cannot be used now."""

    def __init__(self, fault: ModemFault) -> None:
        self.fault = fault
        super().__init__(fault.sentence)


class RefusedPin:
    """Remembers a PIN that the SIM has refused, over restarts: the third wrong one locks the SIM.

    `file` holds its digest; where there is no disk to write on, this run remembers at least.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._digest = ""

    def is_it(self, pin: str) -> bool:
        """Whether that PIN was refused."""
        if not self._digest and self._file.exists():
            try:
                self._digest = self._file.read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError) as error:
                log.warning("cannot read %s: %s", self._file, error)
        return self._digest == _digest(pin)

    def note(self, pin: str) -> None:
        """That PIN was refused."""
        self._digest = _digest(pin)
        try:
            self._file.write_text(self._digest, encoding="ascii")
        except OSError as error:
            log.warning("cannot write %s: %s", self._file, error)

    def forget(self) -> None:
        """The SIM is open."""
        self._digest = ""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)


def _digest(pin: str) -> str:
    return sha256(pin.encode()).hexdigest()


async def unlock(port: AtPort, pin: str, refused: RefusedPin) -> None:
    """Sees that there is a SIM that works, and opens it.

    Args:
        port: of the modem.
        pin: "" for none.
        refused: a PIN that is not tried again.

    Raises:
        FaultyError: it cannot be used.
        MuteError, GoneError: the modem.
    """
    try:
        answer = " ".join(await port.command("AT+CPIN?", wants="+CPIN:"))
        if "SIM PIN" in answer and "PIN2" not in answer:
            await _enter(port, pin, refused)
        elif "READY" not in answer:
            raise FaultyError(ModemFault(ProblemCode.MODEM_SIM_LOCKED, f"the SIM wants {answer[7:40].strip()}"))
    except AtError as error:
        code, sentence = _SIM_FAULTS.get(error.code or 0, (ProblemCode.MODEM_NO_SIM, f"no SIM answers: {error}"))
        raise FaultyError(ModemFault(code, sentence)) from error


async def _enter(port: AtPort, pin: str, refused: RefusedPin) -> None:
    if not pin:
        raise FaultyError(ModemFault(*_SIM_FAULTS[11]))
    if refused.is_it(pin):
        raise FaultyError(ModemFault(*_SIM_FAULTS[16]))
    try:
        await port.command(f'AT+CPIN="{pin}"')
    except AtError as error:
        if error.code in _NO_ANSWER:
            raise
        refused.note(pin)
        raise FaultyError(ModemFault(*_SIM_FAULTS[16])) from error
    refused.forget()
