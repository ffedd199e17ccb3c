"""The loops of all configured drivers: who listens for this home's devices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Final, Protocol

from devices.catalogue import CATALOGUE
from devices.frames import Frame, Link
from edge.clock import Clock
from edge.config import ButtonConfig, Config, SerialConfig
from edge.drivers.ble_scanner import BleScanner
from edge.drivers.button_line import ButtonLine
from edge.drivers.gatt_reader import GattReader
from edge.drivers.serial_receiver import SerialReceiver
from edge.enrolment import Devices
from edge.health import Health, TellFault
from gateway.contract.messages import ProblemCode

Progress = Callable[[], None]


class TakesFrames(Protocol):
    """Where the drivers' frames go: the intake, or the ear of an installer's check."""

    def take(self, frame: Frame, reply: Callable[[bytes], None] | None = None) -> bool:
        """From a driver; false: no room, give it again."""


Loop = Callable[[Progress], Awaitable[None]]

LINKS: Final = {Link.BLE_ADVERT: "ble", Link.BLE_GATT: "ble", Link.SERIAL: "serial", Link.BUTTON: "button"}
"""The radio or wire by which a device is heard, as the state names it."""


class Listening:
    """Makes one loop for each driver that the configuration names."""

    def __init__(
        self, config: Config, devices: Devices, clock: Clock, intake: TakesFrames, health: Health, on_fault: TellFault
    ) -> None:
        self._config = config
        self._devices = devices
        self._clock = clock
        self._intake = intake
        self._health = health
        self._on_fault = on_fault
        self._may_restart: Callable[[], bool] = lambda: False
        self._restart: Callable[[], Awaitable[None]] | None = None
        self._connectable = [device for (link, _), device in devices.items() if link is Link.BLE_GATT]
        self._reader: GattReader | None = None
        self._scanner: BleScanner | None = None
        for (link, _), device in devices.items():
            if link in LINKS:
                silence_max_s = CATALOGUE[device.model].silence_max_s
                health.hearing.expect_device(device.id, LINKS[link], silence_max_s, clock.monotonic)

    def loops(self, may_restart: Callable[[], bool], restart: Callable[[], Awaitable[None]]) -> dict[str, Loop]:
        """Loops by name; each runs until cancelled, or raises and is started again.

        Args:
            may_restart: whether the program may be ended now.
            restart: ends the program when somebody starts it again.
        """
        self._may_restart, self._restart = may_restart, restart
        loops: dict[str, Loop] = {f"serial {port.port}": self._serial(port) for port in self._config.serial}
        loops |= {f"button {button.name}": self._button(button) for button in self._config.button}
        if self._config.ble is not None:
            loops["ble"] = self._ble
            if self._connectable:
                loops["gatt"] = self._gatt
            if not self._config.ble.is_transport:
                loops["adapter"] = self._adapter
        return loops

    def _serial(self, port: SerialConfig) -> Loop:
        self._health.expect_link("serial", self._clock.monotonic)

        async def run(progress: Progress) -> None:
            await _read_in("serial_asyncio_fast")
            receiver = SerialReceiver(
                port,
                on_frame=self._intake.take,
                on_refused=lambda reason: self._health.refused.update([reason]),
                on_hearing=lambda: self._health.heard_link("serial", self._clock.monotonic),
                on_progress=progress,
                on_fault=lambda sentence: self._on_fault(
                    f"serial {port.port}", sentence, ProblemCode.SERIAL_UNPLUGGED, port.port
                ),
            )
            await receiver.run()

        return run

    def _button(self, config: ButtonConfig) -> Loop:
        part = f"button {config.name}"
        self._health.expect_link("button", self._clock.monotonic)

        async def run(progress: Progress) -> None:
            line = ButtonLine(
                config.name,
                on_frame=self._intake.take,
                on_hearing=lambda: self._health.heard_link("button", self._clock.monotonic),
                on_progress=progress,
                on_fault=lambda sentence, code: self._on_fault(part, sentence, code, config.name),
            )
            if config.kind == "usb":
                from edge.drivers.buttons_usb import UsbButton

                await UsbButton(config.device, line).run()
            else:
                await _read_in("gpiozero", "gpiozero.pins.lgpio")
                from edge.drivers.buttons_gpio import GpioButton

                assert config.pin is not None
                await GpioButton(config.pin, line).run()

        return run

    async def _ble(self, progress: Progress) -> None:
        assert self._config.ble is not None
        by_transport = self._config.ble.is_transport
        await _read_in("bleak", "edge.drivers.hci_radio" if by_transport else "bleak.backends.bluezdbus.scanner")
        self._scanner = BleScanner(
            self._config.ble,
            {address for link, address in self._devices if link is Link.BLE_ADVERT},
            on_frame=self._intake.take,
            on_hearing=lambda: self._health.heard_link("ble", self._clock.monotonic),
            on_progress=progress,
            healing=self._health.hearing.healing("ble"),
            may_restart=self._may_restart,
            restart=self._restart,
            connectable={device.address for device in self._connectable},
            on_nearby=lambda heard: self._reader.nearby(heard) if self._reader is not None else None,
        )
        await self._scanner.run()

    async def _gatt(self, progress: Progress) -> None:
        assert self._config.ble is not None
        by_transport = self._config.ble.is_transport
        await _read_in("bleak", "edge.drivers.hci_client" if by_transport else "bleak.backends.bluezdbus.client")
        self._reader = GattReader(
            self._config.ble,
            self._connectable,
            on_frame=self._intake.take,
            on_fault=self._on_fault,
            on_progress=progress,
            listen_again=lambda: self._scanner.listen_again() if self._scanner is not None else None,
        )
        await self._reader.run()

    async def _adapter(self, progress: Progress) -> None:
        await _read_in("edge.drivers.bluez")
        from edge.drivers.bluez import AdapterWatch

        assert self._config.ble is not None
        watch = AdapterWatch(
            self._config.ble.adapter,
            {device.address for device in self._connectable},
            on_scan_lost=lambda: self._scanner.went_away() if self._scanner is not None else None,
            on_refused=lambda _address: self._health.refused.update(["pairing_refused"]),
            on_fault=lambda sentence: self._on_fault("adapter", sentence, ProblemCode.BLE_MISSING, "ble"),
            on_progress=progress,
        )
        await watch.run()


async def _read_in(*modules: str) -> None:
    """Reads libraries in a thread: from a slow SD card it takes many seconds, in which nobody would take a press."""
    for module in modules:
        # what is missing is told by the driver that needs it
        with contextlib.suppress(ImportError):
            await asyncio.to_thread(import_module, module)
