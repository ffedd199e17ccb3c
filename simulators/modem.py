"""A GSM modem on a pseudo-terminal: obeys AT commands (3GPP TS 27.005, 27.007), with what goes wrong with modems."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Final, Literal

from simulators.phone_network import PhoneNetwork
from simulators.serial_port import SerialPort
from simulators.sms_pdus import STATUS_DELIVERED, STATUS_FAILED, read_submit, write_deliver, write_report

START_S: Final = 0.2
"""A real one needs some seconds to start again; tests are in a hurry."""
SIM_SLOTS: Final = 20
_INPUT_MAX: Final = 2_048
_SIM_ERROR: Final = {"none": 10, "busy": 14, "broken": 13}

Sim = Literal["ready", "none", "busy", "broken", "pin", "puk"]


class ModemTty:
    """A modem behind `path`, a link to a pseudo-terminal. Faults are its attributes; nothing happens before `plug_in`.

    Attributes:
        sim: state of the SIM; `pin` opens one that is in state "pin", three wrong ones make it "puk".
        registration: +CREG's number: 1 home, 2 searching, 3 denied, 5 roaming.
        signal: +CSQ's number, 0..31 or 99.
        send_error: what `AT+CMGS` answers instead of sending: "+CMS ERROR: 38", "ERROR"; None: it sends.
        mute: says nothing at all, until it is reset.
        prompt: how it asks for the text of an SMS.
        slow_s: waits so long before each answer.
        late_before: a command before whose answer the late "OK" to something earlier comes.
        chatty: speaks by itself in the middle of its answers.
        reports: whether the network sends status reports: "delivered", "failed" or "none".
        resets: how often it was told to start anew.
        commands: all that it was told.
    """

    def __init__(self, path: Path, number: str, network: PhoneNetwork) -> None:
        self.path, self.number = path, number
        self.sim: Sim = "ready"
        self.pin = "1234"
        self.pin_tries_left = 3
        self.registration = 1
        self.signal = 18
        self.send_error: str | None = None
        self.mute = False
        self.prompt = b"\r\n> "
        self.slow_s = 0.0
        self.late_before = ""
        self.chatty = False
        self.reports: Literal["delivered", "failed", "none"] = "delivered"
        self.resets = 0
        self.commands: list[str] = []
        self._network = network
        self._echo = True
        self._stored: dict[int, str] = {}
        self._network_id = 0
        self._port = SerialPort(path, self._read)
        self._received = b""
        self._takes_pdu = False
        self._tasks: set[asyncio.Task[None]] = set()
        network.connect(number, self.receive)

    @property
    def plugged_in(self) -> bool:
        """Whether the port exists."""
        return self._port.plugged_in

    def plug_in(self) -> None:
        """Makes the port appear."""
        if not self._port.plugged_in:
            self._forget()
            self._port.plug_in()

    def unplug(self) -> None:
        """Makes the port vanish, with whoever has it open."""
        for task in self._tasks:
            task.cancel()
        self._port.unplug()

    def register(self, registration: int) -> None:
        """The network is found or lost."""
        self.registration = registration
        self._say(f"+CREG: {registration}")

    def receive(self, sender: str, text: str) -> None:
        """An SMS comes from the network; it is stored and the host told."""
        if self.sim != "ready" or self.registration not in (1, 5) or len(self._stored) >= SIM_SLOTS:
            return
        index = next(index for index in range(1, SIM_SLOTS + 1) if index not in self._stored)
        self._stored[index] = write_deliver(sender, text)
        self._say(f'+CMTI: "SM",{index}')

    def rustle(self, data: bytes) -> None:
        """Bytes that mean nothing, as a loose plug makes them."""
        self._write(data)

    # the host's side

    def _read(self, data: bytes) -> None:
        self._received += data
        if self.mute:
            self._hear_reset_only()
            return
        while self._take_one():
            pass
        self._received = self._received[-_INPUT_MAX:]

    def _hear_reset_only(self) -> None:
        if b"AT+CFUN=1,1\r" in self._received:
            self._reset()
        self._received = self._received[-64:]

    def _take_one(self) -> bool:
        """Takes one command or one body of an SMS out of the input."""
        if self._takes_pdu:
            end = re.search(rb"[\x1a\x1b]", self._received)
            if end is None:
                return False
            body, self._received = self._received[: end.start()], self._received[end.end() :]
            self._takes_pdu = False
            if end[0] == b"\x1b":
                self._say("OK")
            else:
                self._begin(self._send(body.decode("ascii", "replace").strip()))
            return True
        line, found, rest = self._received.partition(b"\r")
        if not found:
            return False
        self._received = rest
        command = line.decode("ascii", "replace").strip("\n\x1b ")
        if command:
            self.commands.append(command)
            self._begin(self._obey(command))
        return True

    async def _obey(self, command: str) -> None:
        if self._echo:
            self._write(f"{command}\r".encode())
        await asyncio.sleep(self.slow_s)
        if command == self.late_before:
            self._say("OK")
        if self.chatty:
            self._say("+CREG: 1", "RING", '^BOOT:1,0,0,0,"x"', '+CUSD: 0,"saldo",15')
        if re.fullmatch(r"AT\+CMGS=\d+", command):
            if self.send_error is not None and self.send_error.startswith("prompt "):
                self._say(self.send_error.removeprefix("prompt "))
                return
            self._takes_pdu = True
            self._write(self.prompt)
            return
        if command == "AT+CFUN=1,1":
            self._say("OK")
            self._reset()
            return
        answer = self._answer(command)
        if self.chatty and len(answer) > 1:
            self._say(*answer[:-1], "RING", "+CREG: 1", answer[-1])
        else:
            self._say(*answer)

    def _answer(self, command: str) -> list[str]:
        if command in {"ATE0", "ATE1"}:
            self._echo = command == "ATE1"
            return ["OK"]
        if command == "AT" or command.startswith(("AT+CMEE=", "AT+CMGF=0", "AT+CNMI=")):
            return ["OK"]
        if command.startswith("AT+CPIN"):
            return self._sim_answer(command)
        if self.sim != "ready":
            return ["+CME ERROR: 10"]
        if command == "AT+CSQ":
            return [f"+CSQ: {self.signal},99", "OK"]
        if command in {"AT+CREG?", "AT+CEREG?"}:
            stat = self.registration if command == "AT+CREG?" else (4 if self.registration in (1, 5) else 0)
            return [f"{command[2:-1]}: 0,{stat}", "OK"]
        if command == "AT+COPS?":
            return ['+COPS: 0,0,"SIM-NET",7', "OK"]
        if command == "AT+CMGL=4":
            lists = [(f"+CMGL: {index},1,,{len(pdu) // 2 - 1}", pdu) for index, pdu in sorted(self._stored.items())]
            return [line for pair in lists for line in pair] + ["OK"]
        if read := re.fullmatch(r"AT\+CMGR=(\d+)", command):
            pdu = self._stored.get(int(read[1]))
            return [f"+CMGR: 0,,{len(pdu) // 2 - 1}", pdu, "OK"] if pdu else ["+CMS ERROR: 321"]
        if delete := re.fullmatch(r"AT\+CMGD=(\d+)", command):
            return ["OK"] if self._stored.pop(int(delete[1]), None) else ["+CMS ERROR: 321"]
        return ["ERROR"]

    def _sim_answer(self, command: str) -> list[str]:
        if self.sim in _SIM_ERROR:
            return [f"+CME ERROR: {_SIM_ERROR[self.sim]}"]
        if command == "AT+CPIN?":
            return [{"ready": "+CPIN: READY", "pin": "+CPIN: SIM PIN"}.get(self.sim, "+CPIN: SIM PUK"), "OK"]
        if self.sim != "pin":
            return ["+CME ERROR: 3"]
        if command == f'AT+CPIN="{self.pin}"':
            self.sim, self.pin_tries_left = "ready", 3
            return ["OK"]
        self.pin_tries_left -= 1
        if not self.pin_tries_left:
            self.sim = "puk"
        return ["+CME ERROR: 16"]

    async def _send(self, pdu: str) -> None:
        await asyncio.sleep(self.slow_s)
        if self.registration not in (1, 5):
            self._say("+CMS ERROR: 331")
        elif self.send_error is not None:
            with contextlib.suppress(ValueError, IndexError):
                refused = read_submit(pdu)
                self._network.refuse(self.number, refused.recipient, refused.text)
            self._say(self.send_error)
        else:
            try:
                submitted = read_submit(pdu)
            except (ValueError, IndexError):
                self._say("+CMS ERROR: 304")
                return
            self._network_id = network_id = (self._network_id + 1) % 256
            self._say(f"+CMGS: {network_id}", "OK")
            arrives = self.reports != "failed"
            if submitted.wants_report and self.reports != "none":
                status = STATUS_DELIVERED if arrives else STATUS_FAILED
                self._say("+CDS: 24", write_report(network_id, submitted.recipient, status))
            if arrives:
                self._network.carry(self.number, submitted.recipient, submitted.text)

    def _reset(self) -> None:
        self.resets += 1
        self._forget()

    def _forget(self) -> None:
        self.mute, self._echo, self._received, self._takes_pdu = False, True, b"", False

    def _say(self, *lines: str) -> None:
        self._write(b"".join(f"\r\n{line}\r\n".encode("ascii") for line in lines))

    def _write(self, data: bytes) -> None:
        if not self.mute:
            self._port.write(data)

    def _begin(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
