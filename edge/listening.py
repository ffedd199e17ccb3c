"""The loops of all configured drivers: who listens for this home's devices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from devices.frames import Link
from edge.clock import Clock
from edge.config import ButtonConfig, Config, SerialConfig
from edge.drivers.ble_scanner import BleScanner
from edge.drivers.button_line import ButtonLine
from edge.drivers.serial_receiver import SerialReceiver
from edge.enrolment import Devices
from edge.health import Health
from edge.intake import Intake

Progress = Callable[[], None]
Loop = Callable[[Progress], Awaitable[None]]
Fault = Callable[[str, str], object]
"""Takes a part's name and what is wrong with it, "" for nothing."""


class Listening:
    """Makes one loop for each driver that the configuration names."""

    def __init__(
        self, config: Config, devices: Devices, clock: Clock, intake: Intake, health: Health, on_fault: Fault
    ) -> None:
        self._config = config
        self._devices = devices
        self._clock = clock
        self._intake = intake
        self._health = health
        self._on_fault = on_fault

    def loops(self) -> dict[str, Loop]:
        """Loops by name; each runs until cancelled, or raises and is started again."""
        loops: dict[str, Loop] = {f"serial {port.port}": self._serial(port) for port in self._config.serial}
        loops |= {f"button {button.name}": self._button(button) for button in self._config.button}
        if self._config.ble is not None:
            loops["ble"] = self._ble
        return loops

    def _serial(self, port: SerialConfig) -> Loop:
        self._health.expect_link("serial", self._clock.monotonic)

        async def run(progress: Progress) -> None:
            receiver = SerialReceiver(
                port,
                on_frame=self._intake.take,
                on_refused=lambda reason: self._health.refused.update([reason]),
                on_hearing=lambda: self._health.heard_link("serial", self._clock.monotonic),
                on_progress=progress,
                on_fault=lambda sentence: self._on_fault(f"serial {port.port}", sentence),
            )
            await receiver.run()

        return run

    def _button(self, config: ButtonConfig) -> Loop:
        part = f"button {config.name}"
        self._health.expect_link(part, self._clock.monotonic)

        async def run(progress: Progress) -> None:
            line = ButtonLine(
                config.name,
                on_frame=self._intake.take,
                on_hearing=lambda: self._health.heard_link(part, self._clock.monotonic),
                on_progress=progress,
                on_fault=lambda sentence: self._on_fault(part, sentence),
            )
            if config.kind == "usb":
                from edge.drivers.buttons_usb import UsbButton

                await UsbButton(config.device, line).run()
            else:
                from edge.drivers.buttons_gpio import GpioButton

                assert config.pin is not None
                await GpioButton(config.pin, line).run()

        return run

    async def _ble(self, progress: Progress) -> None:
        assert self._config.ble is not None
        self._health.expect_link("ble", self._clock.monotonic)
        scanner = BleScanner(
            self._config.ble,
            {address for link, address in self._devices if link is Link.BLE_ADVERT},
            on_frame=self._intake.take,
            on_hearing=lambda: self._health.heard_link("ble", self._clock.monotonic),
            on_progress=progress,
        )
        await scanner.run()
