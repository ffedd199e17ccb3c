"""A serial port that fails in the middle of being opened is a port that is away, and is opened again."""

from __future__ import annotations

import asyncio
import errno
import termios
from pathlib import Path

import pytest

from devices.frames import Frame
from edge.config import SerialConfig
from edge.drivers.serial_receiver import SerialReceiver
from simulators.serial_bytes import FrameType, PendantMessage, frame
from simulators.serial_port import SerialPort
from tests.edge.conftest import PENDANT, until


@pytest.mark.parametrize("call", ["tcflush", "tcsetattr"])
async def test_a_receiver_that_is_pulled_out_while_it_is_opened_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The serial library lets this error of the terminal through as it is; it is no OSError."""
    real = getattr(termios, call)
    faults: list[str] = []
    heard: list[str] = []

    def gone(*arguments: object) -> object:
        monkeypatch.setattr(termios, call, real)
        raise termios.error(errno.EIO, "Input/output error")

    def take(frame: Frame, _reply: object) -> None:
        heard.append(frame.sender)

    port = SerialPort(tmp_path / "tty", lambda _data: None)
    port.plug_in()
    monkeypatch.setattr(termios, call, gone)
    receiver = SerialReceiver(
        SerialConfig(str(port.path), 115_200),
        on_frame=take,
        on_refused=lambda _reason: None,
        on_hearing=lambda: None,
        on_progress=lambda: None,
        on_fault=faults.append,
    )
    listening = asyncio.create_task(receiver.run())
    await until(lambda: faults[-1:] == [""] or listening.done(), "it is open")
    port.write(frame(PendantMessage(FrameType.BUTTON, PENDANT, 7, 5000, 2990, 1)))
    await until(lambda: heard or listening.done(), "a press is heard")
    listening.cancel()
    port.unplug()
    assert heard == [f"{PENDANT:08x}"]
    assert "Input/output error" in faults[0]
