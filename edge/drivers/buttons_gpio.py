"""An emergency button or pull cord on a GPIO line of the hub, between the pin and ground; gpiozero reads it.

Raspberry Pi OS brings the pin library as `python3-lgpio`; it works on all models, also on a Pi 5.
"""

from __future__ import annotations

import asyncio
import logging
import time

from edge.drivers.button_line import ButtonLine
from edge.drivers.button_presses import GPIO_DEBOUNCE_S

log = logging.getLogger(__name__)


class GpioButton:
    """One button.

    Args:
        pin: its GPIO number (17 for GPIO17), not the pin's place on the header.
        line: where its presses go.
    """

    def __init__(self, pin: int, line: ButtonLine) -> None:
        self._pin = pin
        self._line = line

    async def run(self) -> None:
        """Listens until cancelled.

        Raises:
            OSError: there is no such pin, or somebody else uses it; the supervisor tries again.
        """
        from gpiozero import Device, DigitalInputDevice
        from gpiozero.exc import GPIOZeroError

        try:
            if Device.pin_factory is None:
                from gpiozero.pins.lgpio import LGPIOFactory

                Device.pin_factory = LGPIOFactory()
            contact = DigitalInputDevice(self._pin, pull_up=True)
        except ImportError as error:
            reason = f"{error}: install the package python3-lgpio"
            self._line.missing(reason)
            raise OSError(reason) from error
        except Exception as error:
            # what a pin library raises for a missing chip, a busy line or a missing permission is its own affair
            self._line.missing(f"GPIO{self._pin}: {error}")
            raise OSError(f"GPIO{self._pin}: {error}") from error
        levels: asyncio.Queue[tuple[bool, float]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def changed(level: bool) -> None:
            """On gpiozero's thread."""
            loop.call_soon_threadsafe(levels.put_nowait, (level, time.monotonic()))

        contact.when_activated = lambda: changed(True)
        contact.when_deactivated = lambda: changed(False)
        log.info("listening to the button %s on GPIO%d", self._line.name, self._pin)
        try:
            await self._line.watch(levels, lambda: bool(contact.value), debounce_s=GPIO_DEBOUNCE_S)
        except GPIOZeroError as error:
            raise OSError(f"GPIO{self._pin}: {error}") from error
        finally:
            contact.close()
