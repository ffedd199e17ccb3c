"""Commands to a modem and its answers (3GPP TS 27.007, V.250), on a port where it may also speak by itself."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Final

READ_BYTES: Final = 512
LINE_BYTES_MAX: Final = 1_024
"""Longer than any SMS in hex; more without a line end is noise."""
LINES_MAX: Final = 200
"""Of one answer: a SIM full of SMS has some 60 lines."""
ANSWER_S: Final = 10.0
PROMPT_S: Final = 10.0
"""A modem that works asks for the text at once; only what the network does with it takes long."""

_FINAL_ERROR: Final = re.compile(r"(?:\+(CME|CMS) ERROR: ?(.*)|ERROR|COMMAND NOT SUPPORT|NO CARRIER)\Z")
_WITH_PDU: Final = ("+CMT:", "+CDS:", "+CBM:")
_NEWS: Final = (
    "+CMTI:",
    "+CDSI:",
    "+CUSD:",
    "+CRING:",
    "+CLIP:",
    "+CTZ",
    "+QIND:",
    "^",
    "*",
    "RING",
    "+WIND:",
    "+PBREADY",
)
_ALSO_NEWS: Final = ("+CREG:", "+CEREG:", "+CGREG:", "+CPIN:", "+CFUN:", "+CSQ:")
"""News, unless the command that is under way asks for just that."""

News = Callable[[str, str], None]
"""Takes what the modem says by itself: the line, and the PDU that follows some of them."""


class AtError(Exception):
    """The modem refused. `family` is "CME", "CMS" or "", `code` its number, None when it gave none."""

    def __init__(self, command: str, family: str, code: int | None) -> None:
        self.family = family
        self.code = code
        super().__init__(f"{command} was refused ({f'{family} error {code}' if family else 'error'})")


class LostError(Exception):
    """The modem said no more. `given`: it had been given the body of the command, and may have carried it out."""

    def __init__(self, what: str, *, given: bool = False) -> None:
        self.given = given
        super().__init__(what)


class MuteError(LostError):
    """The modem did not answer in time."""


class GoneError(LostError):
    """The modem was unplugged."""


class AtPort:
    """One open modem. `listen` must run while `command` is used; commands wait for one another.

    Args:
        reader, writer: of the port.
        on_news: called with what the modem says by itself.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_news: News) -> None:
        self._reader = reader
        self._writer = writer
        self._on_news = on_news
        self._lock = asyncio.Lock()
        self._answer: asyncio.Future[list[str]] | None = None
        self._command = ""
        self._body: str | None = None
        self._wants = ""
        self._given = False
        self._lines: list[str] = []
        self._news_head = ""
        self._gone = False

    async def command(self, text: str, *, body: str | None = None, wants: str = "", within_s: float = 0.0) -> list[str]:
        """Sends a command; gives the lines of the answer before its "OK".

        Args:
            text: without the line end.
            body: what is sent when the modem prompts for it, as `AT+CMGS` does.
            wants: how a line of the answer begins: an "OK" before that is the late answer to something earlier.
            within_s: longest wait for the answer, 0 for `ANSWER_S`.

        Raises:
            AtError: it was refused.
            MuteError: no answer in time.
            GoneError: the port is gone.
        """
        within_s = within_s or ANSWER_S
        async with self._lock:
            if self._gone:
                raise GoneError("the modem was unplugged")
            self._command, self._body, self._lines = text, body, []
            self._wants, self._given = wants, False
            self._answer = asyncio.get_running_loop().create_future()
            # without a prompt the body was never given: that is known sooner, and the modem is reset sooner
            until_prompt = asyncio.get_running_loop().call_later(PROMPT_S, self._expect_prompt) if body else None
            try:
                self._writer.write(f"{text}\r".encode("ascii"))
                async with asyncio.timeout(within_s):
                    return await self._answer
            except TimeoutError:
                what = f"no answer to {_public(text)} within {within_s:.0f} s"
                raise MuteError(what, given=self._given) from None
            finally:
                self._answer, self._body = None, None
                if until_prompt is not None:
                    until_prompt.cancel()

    def blurt(self, text: str) -> None:
        """Sends a command and does not care for the answer."""
        if not self._writer.transport.is_closing():
            self._writer.write(f"{text}\r".encode("ascii"))

    async def listen(self) -> None:
        """Reads what the modem says.

        Raises:
            GoneError: always at the end: the port is gone.
        """
        rest = b""
        try:
            while data := await self._reader.read(READ_BYTES):
                *lines, rest = re.split(rb"[\r\n]", rest + data)
                for line in lines:
                    if line.strip():
                        self._take(line[:LINE_BYTES_MAX].decode("ascii", "replace").strip())
                rest = self._prompted(rest[-LINE_BYTES_MAX:])
            raise GoneError("the modem was unplugged")
        except OSError as error:
            raise GoneError(error.strerror or str(error)) from error
        finally:
            self._gone = True
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(GoneError("the modem was unplugged", given=self._given))

    def close(self) -> None:
        """Gives the port back."""
        with contextlib.suppress(OSError):
            self._writer.close()

    def _prompted(self, rest: bytes) -> bytes:
        """Gives the modem the body that it asks for; what is left of the line."""
        if self._body is None or not rest.lstrip().startswith(b">"):
            return rest
        self._give()
        return b""

    def _give(self) -> None:
        self._writer.write(f"{self._body}\x1a".encode("ascii"))
        self._body, self._given = None, True

    def _expect_prompt(self) -> None:
        if self._body is not None and self._answer is not None and not self._answer.done():
            what = f"no prompt after {_public(self._command)} within {PROMPT_S:.0f} s"
            self._answer.set_exception(MuteError(what))

    def _take(self, line: str) -> None:
        if self._news_head:
            head, self._news_head = self._news_head, ""
            self._on_news(head, line)
        elif line.startswith(_WITH_PDU):
            self._news_head = line
        elif line.startswith(_NEWS) or (line.startswith(_ALSO_NEWS) and not self._is_asked_for(line)):
            self._on_news(line, "")
        elif line == ">" and self._body is not None:
            # news came on the prompt's heels and ended its line
            self._give()
        elif self._answer is None or self._answer.done() or line in {self._command, f"> {self._command}"}:
            return
        elif line == "OK":
            if not self._wants or any(said.startswith(self._wants) for said in self._lines):
                self._answer.set_result(self._lines)
        elif error := _FINAL_ERROR.match(line):
            code = error[2] if error[2] and error[2].isdigit() else None
            self._answer.set_exception(AtError(_public(self._command), error[1] or "", int(code) if code else None))
        elif len(self._lines) < LINES_MAX:
            self._lines.append(line)

    def _is_asked_for(self, line: str) -> bool:
        return self._answer is not None and line.partition(":")[0] in self._command


def _public(command: str) -> str:
    """The command as it may be logged: without a PIN."""
    return "AT+CPIN" if command.startswith("AT+CPIN=") else command
