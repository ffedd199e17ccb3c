"""SMS through the phone gateway: one line, how to answer, and the link."""

from __future__ import annotations

from typing import Final

from central.notification.channel import Message
from central.notification.delivery import STANDARD_RETRY, DeliveryState, Sent, Verdict
from central.notification.outgoing import Errands
from central.notification.phone_gateway import PhoneGateway, fit_sms, make_reference, read_number
from central.texts import later, translator

RECEIPT_WAIT_S: Final = 30.0
"""Networks tell within seconds that a telephone which is on has it."""


class SmsChannel:
    """Sends texts; reports and answers come by `PhoneDesk`."""

    name = "sms"
    receipts: frozenset[DeliveryState] = frozenset({DeliveryState.DELIVERED})
    retry = STANDARD_RETRY
    receipt_wait_s: float | None = RECEIPT_WAIT_S

    def __init__(self, gateway: PhoneGateway, errands: Errands | None = None) -> None:
        self._gateway = gateway
        self._errands = errands or Errands(self.name)

    def send(self, message: Message) -> Sent:
        """Hands one message to the gateway."""
        number = read_number(message.to, self._gateway.country_code)
        if not number:
            return Sent(Verdict.NEVER, "not a telephone number")
        what, body = self._asked(message)
        reference = make_reference(message.key, number)
        return self._errands.run(lambda: self._gateway.ask(what, {"to": number, **body}, reference))

    def _asked(self, message: Message) -> tuple[str, dict[str, str | int]]:
        """What the gateway is asked for, and with what."""
        return "messages", {"text": text_of(message)}


def text_of(message: Message) -> str:
    """What stands on the telephone."""
    ask, says = "", message.short if message.short.endswith(".") else f"{message.short}."
    if message.purpose == "alarm":
        ask = translator(message.language).gettext(later("Answer 1 if you are going, 2 if you cannot."))
    return fit_sms(says, ask, message.link)
