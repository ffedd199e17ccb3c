"""A telephone call through the phone gateway: a voice reads a text, keys answer it (`central.phone_desk`)."""

from __future__ import annotations

from typing import Final

from central.notification.channel import Message
from central.notification.channels.sms import text_of
from central.notification.delivery import STANDARD_RETRY, DeliveryState, Sent, Verdict
from central.notification.outgoing import Errands
from central.notification.phone_gateway import PhoneGateway, make_reference, read_number
from central.texts import later, translator

RING_S: Final = 30
"""Longer than this a mailbox answers, and the next one waits."""
RECEIPT_WAIT_S: Final = RING_S + 45.0
"""Ringing, and the menu read out twice."""


class VoiceChannel:
    """Calls; what comes of it is told by `PhoneDesk`. Who need not come is not rung up for it but written to."""

    name = "voice"
    receipts: frozenset[DeliveryState] = frozenset({DeliveryState.OPENED})
    retry = STANDARD_RETRY
    receipt_wait_s: float | None = RECEIPT_WAIT_S

    def __init__(self, gateway: PhoneGateway, errands: Errands | None = None) -> None:
        self._gateway = gateway
        self._errands = errands or Errands(self.name)

    def send(self, message: Message) -> Sent:
        """Asks the gateway to call."""
        number = read_number(message.to, self._gateway.country_code)
        if not number:
            return Sent(Verdict.NEVER, "not a telephone number")
        what = "messages"
        body: dict[str, str | int] = {"to": number, "text": text_of(message)}
        if message.purpose == "alarm":
            say = say_menu(message.resident, message.language, test=message.test)
            what = "calls"
            body = {"to": number, "say": say, "language": message.language, "ring_s": RING_S}
        reference = make_reference(message.key, number)
        return self._errands.run(lambda: self._gateway.ask(what, body, reference))


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
