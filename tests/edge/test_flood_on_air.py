"""Strangers by the thousand on the hub's own radio leave nothing behind."""

from __future__ import annotations

from edge.drivers.hci_radio import SENDERS_MAX, scanner_backend
from simulators.advert_flood import Jammer, pour
from simulators.radio import HubController, VirtualAir
from tests.edge.conftest import MOTION_ADDRESS, until


async def test_strangers_with_ever_new_addresses_are_forgotten() -> None:
    controller = HubController(VirtualAir())
    await controller.start()
    heard: set[str] = set()
    radio = scanner_backend(controller.transport, lambda: None)(
        lambda device, _advert: heard.add(device.address), None, "active"
    )
    await radio.start()
    jammer = Jammer({MOTION_ADDRESS: b"\x40\x21\x01"})
    sent = await pour(controller, jammer.stranger, per_s=1000, for_s=3)
    await until(lambda: len(heard) > sent * 0.99, "all are heard")
    assert sent > 2 * SENDERS_MAX
    assert len(radio.seen_devices) <= SENDERS_MAX + 1
    assert len(radio._radio.device.advertisement_accumulators) <= SENDERS_MAX + 2  # type: ignore[attr-defined]
    await radio.stop()
    await controller.die()
