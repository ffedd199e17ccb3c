"""Products that report to the centre themselves, in SenML over MQTT: no hub hears them, so there is nothing to decode.

Such a device is a hub of its own and keeps to docs/wire/README.md. Its model names what it measures and how long it may
keep silent; `gateway.contract.senml` reads its packs, as it reads those of any hub.
"""

from __future__ import annotations

from devices.device_model import DeviceModel
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.rejection import Rejection
from devices.replay import ReplayMark


def direct_model(name: str, kinds: tuple[str, ...], *, silence_max_s: float) -> DeviceModel:
    """A product that measures `kinds` and is a hub of its own."""
    return DeviceModel(name, Link.MQTT, kinds, silence_max_s, _decode)


def _decode(_frame: Frame, _device: EnrolledDevice, _mark: ReplayMark) -> Rejection:
    return Rejection("wrong_link", "this product reports to the centre itself: no hub hears it")
