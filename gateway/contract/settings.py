"""Settings that the centre gives to a hub: retained on `dn/cfg`, put into force by version, taken back when they harm.

Only what a hub can truly put into force stands here. What the installer wrote into the hub's files stays there; a
setting that is present goes before it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final, Literal

import msgspec

from devices.rejection import Rejection
from devices.vocabulary import valid_device_id
from gateway.contract.messages import UnixSeconds

CONTACTS_MAX: Final = 5
"""Most people that a hub itself sends an SMS to: each costs ten seconds of the modem while help is waited for."""
DEVICES_MAX: Final = 64
"""Most devices of a home: a heartbeat lists each of them."""
SILENCE_MIN_S: Final = 60.0
SILENCE_MAX_S: Final = 2_592_000.0
"""A device may be silent for a minute at the least (radios lose adverts) and for 30 days at the most."""
CALLED_MAX: Final = 20
"""Longest name with which a sentence is still large on a small screen."""
MISTAKE_MAX_S: Final = 60.0
"""Longest time after a press in which it may be called a mistake: by then somebody has taken it, or should."""
CONFIRM_WITHIN_S: Final = 600.0
"""New settings are provisional: a hub that has not reached the centre with them for so long goes back to the former."""
PROVISIONAL_STARTS_MAX: Final = 3
"""A hub whose agent starts for the third time with provisional settings goes back at once: they may be what ends it."""

Language = Literal["ca", "es", "en"]
PhoneNumber = Annotated[str, msgspec.Meta(pattern=r"^\+[0-9]{6,15}$(?!\n)")]
"""E.164, with the plus: a modem abroad finds it too."""
NumberOrNone = Annotated[str, msgspec.Meta(pattern=r"^(\+[0-9]{6,15})?$(?!\n)")]
Called = Annotated[str, msgspec.Meta(max_length=CALLED_MAX, pattern=r"^[^\x00-\x1f]*$(?!\n)")]
PlaceCode = Annotated[int, msgspec.Meta(ge=0, le=999)]


class Contact(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody to whom the hub itself sends an SMS when neither broadband nor the centre's number answers.

    Attributes:
        name: as the person is called in the home.
        number: telephone number with plus and country code.
        language: what the person reads.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    number: PhoneNumber
    language: Language = "ca"


class DeviceSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is set for one enrolled device; an absent value leaves what the enrolment or the model says.

    Attributes:
        room: where it is, in words.
        place_code: SCAIP place code, 0 for none.
        silence_max_s: after so many seconds without a word from it, it counts as missing.
    """

    room: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    place_code: PlaceCode | None = None
    silence_max_s: Annotated[float, msgspec.Meta(ge=SILENCE_MIN_S, le=SILENCE_MAX_S)] | None = None


class HubSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """Settings of a hub, whole: what is absent is as the hub's own files say.

    Attributes:
        version: goes up with every change; the hub says in `cfg` of its state which one is in force.
        language: what the home speaks and shows.
        centre_number: the number of the centre that takes an alarm by SMS.
        contacts: people to whom the hub sends an SMS itself, in this order.
        devices: enrolled device -> what is set for it.
        detail_until: the hub logs in detail until then, Unix seconds; for looking into a fault.
        called: the name by which the home speaks to whoever lives there, "" for none.
        mistake_s: so long after a press the home offers to say that it was a mistake; 0 for never.
    """

    version: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    language: Language | None = None
    centre_number: NumberOrNone | None = None
    contacts: Annotated[list[Contact], msgspec.Meta(max_length=CONTACTS_MAX)] | None = None
    devices: Annotated[dict[str, DeviceSettings], msgspec.Meta(max_length=DEVICES_MAX)] = {}
    detail_until: UnixSeconds = 0.0
    called: Called | None = None
    mistake_s: Annotated[float, msgspec.Meta(ge=0, le=MISTAKE_MAX_S)] | None = None


def settings_fault(settings: HubSettings, devices: Collection[str]) -> Rejection | None:
    """Why a home with these enrolled devices cannot take the settings; None when it can.

    Reasons: `unknown_device`, `twice` (one number stands there twice). That it can be read at all is
    `encoding.decode`'s to say (`bad_json`, `bad_content`, `too_large`).
    """
    for device in settings.devices:
        if device not in devices:
            shown = device if valid_device_id(device) else "of that name"
            return Rejection("unknown_device", f"there is no device {shown} in this home")
    numbers = [contact.number for contact in settings.contacts or ()]
    if len(set(numbers)) != len(numbers):
        return Rejection("twice", "two contacts have the same number")
    return None
