"""What the installer wrote down about one device: which product it is, where it hangs, how it proves who it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.frames import Link


@dataclass(frozen=True, slots=True)
class EnrolledDevice:
    """One device that belongs to this home.

    Attributes:
        id: its name within the home, such as `hall-motion`; see `vocabulary.valid_device_id`.
        model: its product, a key of `catalogue.CATALOGUE`.
        link: the way it is heard.
        address: its address as in `Frame.sender`.
        room: where it is, in words that a carer understands.
        place_code: where it is, as a SCAIP location code (`lco`), or "" where none fits.
        key: its 16-byte secret, or None for a device that sends in the clear.
    """

    id: str
    model: str
    link: Link
    address: str
    room: str = ""
    place_code: str = ""
    key: bytes | None = field(default=None, repr=False)
