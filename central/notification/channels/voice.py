"""A telephone call through the phone gateway: a voice reads a text, keys answer it (`central.phone_desk`)."""

from __future__ import annotations

from typing import Final

from central.notification.channel import Message
from central.notification.channels.sms import SmsChannel
from central.notification.delivery import DeliveryState
from central.texts import later, translator

RING_S: Final = 30
"""Longer than this a mailbox answers, and the next one waits."""
RECEIPT_WAIT_S: Final = RING_S + 45.0
"""Ringing, and the menu read out twice."""


class VoiceChannel(SmsChannel):
    """Calls; what comes of it is told by `PhoneDesk`. Who need not come is not rung up for it but written to."""

    name = "voice"
    receipts: frozenset[DeliveryState] = frozenset({DeliveryState.OPENED})
    receipt_wait_s: float | None = RECEIPT_WAIT_S

    def _asked(self, message: Message) -> tuple[str, dict[str, str | int]]:
        if message.purpose == "on_call" and message.urgent:
            # twice: whoever is woken by it misses the beginning
            say = f"{message.short} {message.short}"
            return "calls", {"say": say, "language": message.language, "ring_s": RING_S}
        if message.purpose != "alarm":
            return super()._asked(message)
        say = say_menu(message.resident, message.language, test=message.test)
        return "calls", {"say": say, "language": message.language, "ring_s": RING_S}


def say_menu(resident: str, language: str, *, test: bool = False) -> str:
    """What the voice reads: who may need somebody, and the keys. Nothing about health: another may pick up."""
    words = translator(language)
    name = resident or words.gettext(later("the home"))
    call = words.say(later("This is the telecare centre. {name} may need you. Can you go there now?"), name=name)
    keys = words.gettext(
        later(
            "Press 1 if you are going now. Press 2 if you cannot. "
            "Press 3 to be connected with the home. Press 9 to hear this again."
        )
    )
    drill = words.gettext(later("This is a test. Nobody needs help.")) if test else ""
    return " ".join(filter(None, (drill, call, keys)))
