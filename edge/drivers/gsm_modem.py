"""The GSM modem: brings it up, keeps it up, sends SMS and takes them in; each fault becomes a plain sentence."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from devices.rejection import Rejection
from edge.config import ModemConfig
from edge.drivers.gsm_at import AtError, AtPort, GoneError, MuteError
from edge.drivers.gsm_pdu import Incoming, Report, decode_incoming, encode_submit
from edge.drivers.gsm_sim import FaultyError, ModemFault, RefusedPin, unlock
from gateway.contract.messages import ProblemCode

log = logging.getLogger(__name__)

SEND_S: Final = 60.0
"""A network that is busy may take most of a minute to accept an SMS."""
LOOK_EVERY_S: Final = 20.0
LOOK_EVERY_UNREGISTERED_S: Final = 3.0
READ_EVERY_S: Final = 60.0
"""SMS are also asked for this often: a modem's notice may be lost."""
STEP_S: Final = 5.0
TO_READ_MAX: Final = 64
"""More places than a SIM has; what is more comes with reading all."""
REGISTER_S: Final = 60.0
"""A modem that finds no network for this long is reported."""
RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 20.0
"""Shorter than what the watchdog takes for a loop that is stuck."""
PLUG_S: Final = 5.0
"""A port that is missing is looked for at least this often: a modem that was just plugged in is wanted."""
RESET_S: Final = 5.0
"""What a modem needs to start anew after AT+CFUN=1,1."""
GREETINGS: Final = 5
GREETING_S: Final = 1.0

_REGISTERED: Final = frozenset({1, 5, 6, 7})
"""Home, roaming, and both "for SMS only" (TS 27.007, +CREG)."""
_DENIED: Final = 3
_ALL_SMS: Final = 4
_FOR_GOOD: Final = frozenset({1, 28, 304, 305})
"""CMS errors (TS 24.011, annex E-2; TS 27.005, 3.2.5) that the same SMS to the same number will meet again."""
_NO_CREDIT: Final = frozenset({8, 10, 21, 29, 50})
"""Barred, rejected, not subscribed: what networks answer to a SIM without credit."""


class SmsTaken(NamedTuple):
    """The network took the SMS, under this number; nobody has it yet."""

    network_id: int


class SmsNotTaken(NamedTuple):
    """The SMS was not sent. `for_good`: it never will be, to this number. `unsure`: it may have been sent after all."""

    reason: str
    code: ProblemCode = ProblemCode.MODEM_SMS_FAILED
    for_good: bool = False
    unsure: bool = False


@dataclass(slots=True)
class Reception:
    """What the modem says of its network. `dbm` is None while it does not know."""

    registered: bool = False
    denied: bool = False
    dbm: int | None = None
    operator: str = ""


class GsmModem:
    """One modem.

    Args:
        config: which.
        pin: of the SIM, "" for none.
        pin_mark: a file that remembers a PIN which the SIM refused, over restarts: the third wrong one locks it.
        on_sms: called with each SMS that comes, from anybody.
        on_report: called with each status report.
        on_change: called when the modem becomes ready or stops being so.
        on_fault: called with what is wrong, None for nothing.
    """

    def __init__(
        self,
        config: ModemConfig,
        pin: str,
        pin_mark: Path,
        *,
        on_sms: Callable[[Incoming], None],
        on_report: Callable[[Report], None],
        on_change: Callable[[], None],
        on_fault: Callable[[ModemFault | None], None],
    ) -> None:
        self._config = config
        self._pin = pin
        self._refused_pin = RefusedPin(pin_mark)
        self._on_sms = on_sms
        self._on_report = on_report
        self._on_change = on_change
        self._on_fault = on_fault
        self._port: AtPort | None = None
        self._to_read: set[int] = set()
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._mute = self._hurried = False
        self._pause = RETRY_FIRST_S
        self.reception = Reception()
        self.refused_pdus = 0

    @property
    def ready(self) -> bool:
        """Whether an SMS can be given to it now."""
        return self._port is not None and self.reception.registered and not self._mute

    async def send(self, number: str, text: str, valid_s: float) -> SmsTaken | SmsNotTaken:
        """Gives an SMS to the network; returns when that took it or did not. See `encode_submit` for the text."""
        port = self._port
        if port is None or not self.ready:
            return SmsNotTaken("the modem is not ready")
        pdu, length = encode_submit(number, text, valid_s)
        try:
            async with self._turn:
                lines = await port.command(f"AT+CMGS={length}", body=pdu, within_s=SEND_S)
        except AtError as error:
            return _not_taken(error)
        except MuteError as error:
            self._mute = True
            self._on_change()
            self._wake.set()
            after = "; it may have been sent" if error.given else ""
            reason = f"the modem fell silent over an SMS{after}"
            return SmsNotTaken(reason, ProblemCode.MODEM_MUTE, unsure=error.given)
        except GoneError as error:
            return SmsNotTaken(str(error), ProblemCode.MODEM_MISSING, unsure=error.given)
        taken = re.match(r"\+CMGS: ?(\d{1,3})", "\n".join(lines))
        if taken is None:
            return SmsNotTaken("the modem said OK and not that the network took it", unsure=True)
        return SmsTaken(int(taken[1]))

    def hurry(self) -> None:
        """A call has come that may need the modem: it is looked at now, so that a mute one is reset in time."""
        self._hurried = True
        self._wake.set()

    async def run(self, on_progress: Callable[[], None]) -> None:
        """Works until cancelled; opens the modem again for as long as it takes."""
        self._pause = RETRY_FIRST_S
        told: ModemFault | None = None
        while True:
            on_progress()
            fault = await self._once(on_progress)
            self._on_fault(fault)
            if fault != told:
                log.warning("modem %s: %s; trying again", self._config.port, fault.sentence)
            told = fault
            on_progress()
            # looking for a port costs nothing; a modem that starts anew needs to be left alone
            is_missing = fault.code is ProblemCode.MODEM_MISSING
            await asyncio.sleep(min(self._pause, PLUG_S) if is_missing else self._pause)
            self._pause = min(self._pause * 2, RETRY_MAX_S)

    async def _once(self, on_progress: Callable[[], None]) -> ModemFault:
        from serial import SerialException
        from serial_asyncio_fast import open_serial_connection

        try:
            reader, writer = await open_serial_connection(url=self._config.port, baudrate=self._config.baud)
        except (SerialException, OSError, ValueError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            return ModemFault(ProblemCode.MODEM_MISSING, f"cannot be used: {reason}"[:150])
        port = AtPort(reader, writer, self._take_news)
        listening = asyncio.create_task(port.listen())
        try:
            await self._serve(port, on_progress)
        except FaultyError as error:
            return error.fault
        except GoneError as error:
            return ModemFault(ProblemCode.MODEM_MISSING, str(error))
        except MuteError as error:
            # no SMS is given to it while it starts anew
            self._port = None
            self._on_change()
            port.blurt("AT+CFUN=1,1")
            await asyncio.sleep(RESET_S)
            return ModemFault(ProblemCode.MODEM_MUTE, f"{error}; it was reset")
        except AtError as error:
            return ModemFault(ProblemCode.OTHER, str(error))
        finally:
            self._port, self._mute, self.reception = None, False, Reception()
            self._on_change()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            port.close()
        raise AssertionError("serving ends by a fault only")

    async def _serve(self, port: AtPort, on_progress: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        await self._greet(port, on_progress)
        await unlock(port, self._pin, self._refused_pin)
        await _set_up(port)
        self._port = port
        self._to_read.clear()
        began, look_at, read_at = loop.time(), 0.0, 0.0
        while True:
            on_progress()
            if self._mute:
                raise MuteError("no answer to an SMS")
            now = loop.time()
            # an SMS under way is not held up by looking, nor this loop by the SMS: the watchdog would end both
            if not self._turn.locked():
                async with self._turn:
                    if now >= look_at or self._hurried:
                        self._hurried = False
                        await self._look(port, on_progress)
                        self._judge(now - began)
                        registered = self.reception.registered
                        look_at = now + (LOOK_EVERY_S if registered else LOOK_EVERY_UNREGISTERED_S)
                        began = now if registered else began
                    await self._read_noticed(port, on_progress)
                    if now >= read_at:
                        await self._read_all(port, on_progress)
                        read_at = now + READ_EVERY_S
            await self._rest(min(look_at - loop.time(), STEP_S))

    async def _rest(self, at_most_s: float) -> None:
        try:
            async with asyncio.timeout(max(at_most_s, 0.05)):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _greet(self, port: AtPort, on_progress: Callable[[], None]) -> None:
        """A modem that has just got power, or that was interrupted in an SMS, needs to be spoken to more than once."""
        for attempt in range(GREETINGS):
            on_progress()
            try:
                port.blurt("\x1b") if attempt else None
                await port.command("AT", within_s=GREETING_S)
                # late answers to the earlier ones must not pass for answers to what follows
                await asyncio.sleep(GREETING_S * attempt)
                break
            except (MuteError, AtError):
                continue
        else:
            raise MuteError("it does not answer")
        await port.command("ATE0")
        await port.command("AT+CMEE=1")

    async def _look(self, port: AtPort, on_progress: Callable[[], None]) -> None:
        stats = [await _registration(port, command) for command in ("AT+CREG?", "AT+CEREG?")]
        before = self.reception.registered
        registered = bool(_REGISTERED & set(stats))
        operator = self.reception.operator
        on_progress()
        if registered and not (before and operator):
            operator = await _operator(port)
        denied = not registered and _DENIED in stats
        self.reception = Reception(registered, denied, await _signal_dbm(port), operator if registered else "")
        if registered != before:
            log.info("modem: registered %s, %s dBm", operator or registered, self.reception.dbm)
            self._on_change()
        if before and not registered:
            # the network may have gone, or the SIM: only one of them is the technician's
            await unlock(port, self._pin, self._refused_pin)

    def _judge(self, since_s: float) -> None:
        """Says what is wrong with the registration, if anything."""
        if self.reception.registered:
            self._pause = RETRY_FIRST_S
            self._on_fault(None)
        elif self.reception.denied:
            self._on_fault(ModemFault(ProblemCode.MODEM_DENIED, "the network does not let its SIM in"))
        elif since_s >= REGISTER_S:
            self._on_fault(ModemFault(ProblemCode.MODEM_NOT_REGISTERED, "it finds no network"))

    # what comes in

    def _take_news(self, line: str, pdu: str) -> None:
        if pdu:
            self._take_pdu(pdu)
        elif stored := re.match(r'\+(?:CMTI|CDSI): ?"?\w*"?, ?(\d{1,4})', line):
            if len(self._to_read) < TO_READ_MAX:
                self._to_read.add(int(stored[1]))
            self._wake.set()
        elif line.startswith(("+CREG", "+CEREG")):
            self._wake.set()

    async def _read_noticed(self, port: AtPort, on_progress: Callable[[], None]) -> None:
        while self._to_read:
            on_progress()
            index = self._to_read.pop()
            try:
                lines = await port.command(f"AT+CMGR={index}")
            except AtError:
                continue
            self._take_pdus(lines)
            await _delete(port, index)

    async def _read_all(self, port: AtPort, on_progress: Callable[[], None]) -> None:
        """Takes in what was stored while nobody listened, and makes room: a full SIM takes no answer."""
        try:
            on_progress()
            lines = await port.command(f"AT+CMGL={_ALL_SMS}")
        except AtError:
            return
        self._take_pdus(lines)
        for line in lines:
            on_progress()
            if listed := re.match(r"\+CMGL: ?(\d{1,4})", line):
                await _delete(port, int(listed[1]))

    def _take_pdus(self, lines: list[str]) -> None:
        for head, pdu in pairwise(lines):
            if head.startswith(("+CMGR:", "+CMGL:")):
                self._take_pdu(pdu)

    def _take_pdu(self, pdu: str) -> None:
        match decode_incoming(pdu):
            case Incoming() as incoming:
                self._on_sms(incoming)
            case Report() as report:
                self._on_report(report)
            case Rejection() as rejection:
                self.refused_pdus += 1
                log.warning("the modem gave something that is no SMS: %s", rejection.detail)


async def _set_up(port: AtPort) -> None:
    """PDU mode, and news of SMS and of status reports, as far as this modem knows them."""
    await port.command("AT+CMGF=0")
    for news in ("AT+CNMI=2,1,0,1,0", "AT+CNMI=2,1,0,2,0", "AT+CNMI=2,1,0,0,0", "AT+CNMI=1,1,0,0,0"):
        try:
            await port.command(news)
            return
        except AtError:
            continue


async def _registration(port: AtPort, command: str) -> int:
    """The state that +CREG or +CEREG gives; 0 for a modem that does not know the command."""
    try:
        answer = " ".join(await port.command(command))
    except AtError:
        return 0
    found = re.search(r"C(?:E)?REG: ?\d,(\d)", answer)
    return int(found[1]) if found else 0


async def _signal_dbm(port: AtPort) -> int | None:
    """Signal strength: 0..31 is -113..-51 dBm (TS 27.007, +CSQ)."""
    try:
        found = re.search(r"\+CSQ: ?(\d{1,2}),", " ".join(await port.command("AT+CSQ")))
    except AtError:
        return None
    steps = int(found[1]) if found else 99
    return 2 * steps - 113 if steps <= 31 else None


async def _operator(port: AtPort) -> str:
    try:
        found = re.search(r'\+COPS: ?\d,\d,"([^"]{1,32})"', " ".join(await port.command("AT+COPS?")))
    except AtError:
        return ""
    return found[1] if found else ""


async def _delete(port: AtPort, index: int) -> None:
    try:
        await port.command(f"AT+CMGD={index}")
    except AtError:
        log.warning("the modem does not delete SMS %d", index)


def _not_taken(error: AtError) -> SmsNotTaken:
    code = error.code
    if error.family == "CMS" and code in _NO_CREDIT:
        reason = f"the network refuses SMS of this SIM (code {code}): no credit, or barred"
        return SmsNotTaken(reason, ProblemCode.MODEM_NO_CREDIT)
    shown = "without a reason" if code is None else f"code {code}"
    for_good = error.family == "CMS" and code in _FOR_GOOD
    return SmsNotTaken(f"the network did not take an SMS ({shown})", for_good=for_good)
