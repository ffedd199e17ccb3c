"""What can be wrong with a hub, in words: how grave it is, what a technician reads, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from central.texts import later
from gateway.contract.messages import Outcome, Path, ProblemCode


class Gravity(IntEnum):
    """How much a problem matters; lower is graver."""

    BAD = 0
    """An alarm may not be heard or may not get out."""
    WARN = 1
    """Somebody must see to it, but alarms come through."""
    NOTE = 2
    """Good to know."""


class ProblemWords(NamedTuple):
    """Sentences may name {what}: the room of a device with its id, a port, a radio."""

    gravity: Gravity
    says: str
    advice: str = ""


_BAD, _WARN, _NOTE = Gravity.BAD, Gravity.WARN, Gravity.NOTE

PROBLEMS: Final[Mapping[str, ProblemWords]] = {
    ProblemCode.BLE_MISSING: ProblemWords(
        _BAD,
        later("The radio is missing or does not answer: no radio pendant is heard."),
        later("Plug the radio adapter in again or change it."),
    ),
    ProblemCode.BLE_DEAF: ProblemWords(
        _BAD,
        later("The radio is deaf: it works and hears nobody, so no radio pendant is heard."),
        later("Take the unit's power away for a minute; if that does not help, change it."),
    ),
    ProblemCode.BLE_QUIET: ProblemWords(_NOTE, later("The radio hears nobody, as often in this home.")),
    ProblemCode.BLE_RESCANNED: ProblemWords(_NOTE, later("The unit began to listen anew by itself.")),
    ProblemCode.ADAPTER_RESET: ProblemWords(_NOTE, later("The unit reset its radio by itself.")),
    ProblemCode.AGENT_RESTARTED: ProblemWords(_NOTE, later("The unit restarted its software by itself.")),
    ProblemCode.DEVICE_SILENT: ProblemWords(
        _WARN,
        later("Nothing is heard of {what}."),
        later("Look whether it is there, near enough, and has a good battery."),
    ),
    ProblemCode.DEVICE_BATTERY_LOW: ProblemWords(
        _WARN, later("The battery of {what} is running low."), later("Change the battery at the next visit.")
    ),
    ProblemCode.DEVICE_NOT_UNDERSTOOD: ProblemWords(
        _WARN,
        later("{what} is heard but not understood."),
        later("Compare its key and model in the register with the device."),
    ),
    ProblemCode.DEVICE_UNREACHABLE: ProblemWords(
        _WARN, later("{what} cannot be connected to."), later("Look whether it is near enough and paired.")
    ),
    ProblemCode.DEVICE_NOT_LISTENED_TO: ProblemWords(
        _BAD,
        later("{what} can never be heard: the unit has nothing that listens for it."),
        later("Fit the missing radio or wire, or write its configuration."),
    ),
    ProblemCode.DEVICE_NOT_WORN: ProblemWords(
        _WARN,
        later("{what} tells how it moves, but no falls are looked for in it: where it is worn is not written down."),
        later("Add [[worn]] with the device and its place (wrist or waist) to the unit's configuration."),
    ),
    ProblemCode.VOICE_MISSING: ProblemWords(
        _NOTE,
        later("The home has no voice: what it says can only be read on its screen, if that is open."),
        later("Open the page on the unit, let it sound, and put recorded phrases or a voice there."),
    ),
    ProblemCode.SERIAL_UNPLUGGED: ProblemWords(
        _BAD, later("The wired receiver {what} is unplugged."), later("Plug it in again.")
    ),
    ProblemCode.BUTTON_STUCK: ProblemWords(
        _BAD, later("The button {what} is stuck: a press on it is not heard."), later("Free or change the button.")
    ),
    ProblemCode.BUTTON_MISSING: ProblemWords(
        _BAD, later("The button {what} is not there."), later("Plug it in again or change it.")
    ),
    ProblemCode.OUTBOX_DAMAGED: ProblemWords(
        _BAD,
        later("The unit's store was damaged and begun anew; what waited in it may be lost."),
        later("Change the memory card."),
    ),
    ProblemCode.OUTBOX_MEMORY: ProblemWords(
        _BAD,
        later("The unit cannot write to its disk: a power cut now would lose alarms that are not yet here."),
        later("Change the memory card."),
    ),
    ProblemCode.OUTBOX_FULL: ProblemWords(
        _WARN, later("The unit's store is full: its oldest measurements are dropped. Alarms are kept.")
    ),
    ProblemCode.DISK_FULL: ProblemWords(
        _BAD, later("The unit's disk is full."), later("Free room on it, or change the memory card.")
    ),
    ProblemCode.ALARM_REFUSED: ProblemWords(
        _BAD,
        later("The centre refused an alarm of this unit as it was written; a plainer one was sent."),
        later("Report this to the makers of the unit's software."),
    ),
    ProblemCode.BROADBAND_DOWN: ProblemWords(
        _WARN, later("The home's broadband is down."), later("Ask the provider; look at the router.")
    ),
    ProblemCode.MODEM_MISSING: ProblemWords(
        _WARN, later("The modem is missing: there is no second way."), later("Plug the modem in again or change it.")
    ),
    ProblemCode.MODEM_NO_SIM: ProblemWords(
        _WARN, later("The modem has no SIM card: there is no second way."), later("Put a SIM card in.")
    ),
    ProblemCode.MODEM_SIM_LOCKED: ProblemWords(
        _WARN, later("The SIM card is locked: there is no second way."), later("Take the PIN off the SIM card.")
    ),
    ProblemCode.MODEM_NOT_REGISTERED: ProblemWords(
        _WARN,
        later("The modem finds no network: there is no second way."),
        later("Look for a better place for the antenna."),
    ),
    ProblemCode.MODEM_DENIED: ProblemWords(
        _WARN, later("The network turns the modem away: there is no second way."), later("Ask who gave the SIM card.")
    ),
    ProblemCode.MODEM_NO_CREDIT: ProblemWords(
        _WARN, later("The SIM card has no credit: there is no second way."), later("Top the SIM card up.")
    ),
    ProblemCode.MODEM_MUTE: ProblemWords(
        _WARN, later("The modem does not answer: there is no second way."), later("Take the modem's power away once.")
    ),
    ProblemCode.MODEM_SMS_FAILED: ProblemWords(_WARN, later("An SMS could not be sent.")),
    ProblemCode.MODEM_NO_NUMBER: ProblemWords(
        _WARN,
        later("The modem has nobody to write to: there is no second way."),
        later("Set the centre's number or the contacts in its settings."),
    ),
    ProblemCode.CLOCK_UNTRUSTED: ProblemWords(_NOTE, later("The unit does not trust its clock yet.")),
    ProblemCode.SETTINGS_REFUSED: ProblemWords(
        _WARN, later("The unit refused its new settings."), later("Set something else; the same is not sent again.")
    ),
    ProblemCode.SETTINGS_ROLLED_BACK: ProblemWords(
        _WARN,
        later("The unit took its new settings back, because it did not reach the centre with them."),
        later("Set something else; the same is not sent again."),
    ),
    ProblemCode.FLOODED: ProblemWords(_WARN, later("The unit is flooded with messages on {what}.")),
    ProblemCode.LOOP_CRASHED: ProblemWords(
        _WARN,
        later("A part of the unit's software failed and was started again: {what}."),
        later("Report this to the makers of the unit's software."),
    ),
    ProblemCode.OTHER: ProblemWords(_WARN, later("The unit reports something that has no name here.")),
}

OUTCOMES: Final[Mapping[Outcome, tuple[Gravity, str]]] = {
    Outcome.WAITING: (_NOTE, later("Whether it helped is not known yet.")),
    Outcome.HELPED: (_NOTE, later("It helped.")),
    Outcome.FAILED: (_WARN, later("It did not help.")),
}

PATHS: Final[Mapping[Path, str]] = {
    Path.BROADBAND: later("by broadband"),
    Path.MOBILE: later("by mobile data"),
    Path.SMS: later("only by SMS"),
    Path.NONE: later("not at all"),
}
MEDIA: Final[Mapping[str, str]] = {
    "ble": later("radio"),
    "serial": later("wire"),
    "button": later("button"),
}
"""What a hub hears by, in its own short words."""
ON_BATTERY: Final = later("The unit has no mains power and runs on its battery.")
ON_BATTERY_AT: Final = later("The unit has no mains power and runs on its battery: {percent} % are left.")
MORE_PROBLEMS: Final = later("and {count} more problems that had no room in its report")
SETTINGS_WAIT: Final = later("Settings: version {wanted} is on its way, version {in_force} is in force.")
SETTINGS_DIFFER: Final = later("Settings: version {wanted} is wanted, version {in_force} is in force.")
SETTINGS_NONE: Final = later("Settings: version {wanted} is wanted, none is in force yet.")
