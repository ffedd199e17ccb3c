"""What a channel to carers is: one file in `channels/` each, and the message that it carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from central.notification.delivery import DeliveryState, Retry, Sent


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel sends, in the carer's language.

    Attributes:
        to: the address, as the channel reads it.
        key: names the message for ever; a repeat has the same.
        subject, text: the long form, for e-mail and the like.
        short: one line for a lock screen or an SMS: nothing about health, and no link.
        link: where the carer opens and answers it without an account; "" when the centre has no address for carers.
        language: of the texts.
        urgent: whether it may break through silence where a channel can do that.
        purpose: "alarm" (please come), "stand_down" (somebody else is going), "summary" (how it ended), "on_call" (no
            operator has taken it); more may come.
        case_id: the number to name on the telephone.
        resident: the name to be used, for a voice that reads a menu.
        test: whether it is a drill: nobody needs help.
    """

    to: str
    key: str
    subject: str
    text: str
    short: str
    link: str
    language: str
    urgent: bool
    purpose: str
    case_id: int
    resident: str
    test: bool = False


class Channel(Protocol):
    """A way to people. `send` is called from one thread, takes seconds at most, and does not raise for what the other
    side does.

    Attributes:
        name: as in `Address.channel` and `deliveries.channel`.
        receipts: what it can tell after `sent` by itself (in reports or at once); empty for e-mail.
        retry: how it is tried again.
        receipt_wait_s: how long its first receipt may take before another way is tried. A channel without receipts of
            its own may name one too: opening the link is the receipt then. None: nothing is awaited.
    """

    name: str
    receipts: frozenset[DeliveryState]
    retry: Retry
    receipt_wait_s: float | None

    def send(self, message: Message) -> Sent:
        """Sends one message, or says why not."""
        ...
