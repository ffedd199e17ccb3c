"""The second path of Maria's hub: a GSM modem, a phone network, the centre's SMS gateway, and who is written to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from simulators.demo import city
from simulators.modem import ModemTty
from simulators.phone_network import PhoneNetwork, Sms

TRAVEL_S: Final = 2.0
"""How long an SMS is under way: as fast as real ones are on a good day, and slow enough to be seen."""
SHOWN_MAX: Final = 2
"""Newest messages that a phone shows: a question and its answer."""
NO_CREDIT: Final = "+CMS ERROR: 50"
"""What networks answer to a SIM without credit (3GPP TS 24.011, annex E-2: requested facility not subscribed)."""

ModemIs = Literal["up", "no_credit", "mute", "no_sim"]


class Phones:
    """The modem, and all telephones that hear from it. `plug_in` on the event loop, `stop` at the end."""

    def __init__(self, modem_port: Path, webhook: str, token: str) -> None:
        """`webhook`: where the centre takes SMS; `token`: by which its gateway proves itself there."""
        self.network = PhoneNetwork(travel_s=TRAVEL_S)
        self.network.add_gateway(city.CENTRE_NUMBER, webhook, token)
        self.modem = ModemTty(modem_port, city.SIM_NUMBER, self.network)

    def plug_in(self) -> None:
        """The modem gets its port."""
        self.modem.plug_in()

    async def stop(self) -> None:
        """Ends what is under way."""
        self.modem.unplug()
        await self.network.close()

    @property
    def modem_is(self) -> ModemIs:
        """How the modem is."""
        if self.modem.mute:
            return "mute"
        if self.modem.sim != "ready":
            return "no_sim"
        return "up" if self.modem.send_error is None else "no_credit"

    @property
    def gateway_up(self) -> bool:
        """Whether the centre gets its SMS."""
        return city.CENTRE_NUMBER not in self.network.shut

    @gateway_up.setter
    def gateway_up(self, is_up: bool) -> None:
        if is_up:
            self.network.shut.discard(city.CENTRE_NUMBER)
        else:
            self.network.shut.add(city.CENTRE_NUMBER)

    def credit(self, *, is_left: bool) -> None:
        """The SIM's money runs out, or somebody pays."""
        self.modem.send_error = None if is_left else NO_CREDIT

    def sim(self, *, is_in: bool) -> None:
        """The SIM is taken out, or put back."""
        self.modem.sim = "ready" if is_in else "none"

    @property
    def all_sms(self) -> list[Sms]:
        """Every SMS that the network was asked to take, in order."""
        return sorted([*self.network.carried, *self.network.refused], key=lambda sms: sms.at)

    def shown(self, from_centre: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """What the page shows of each telephone but the hub's own: the hub's SMS, and what came from the centre."""
        told = []
        for phone in dict.fromkeys([*TELEPHONES, *from_centre]):
            number, more = TELEPHONES.get(phone, ""), from_centre.get(phone, {})
            messages = [
                {"at": sms.at, "text": sms.text, "state": sms.progress.value, "out": sms.sender == number}
                for sms in self.all_sms
                if number and number in (sms.sender, sms.recipient)
            ]
            messages = sorted([*messages, *more.get("messages", [])], key=lambda message: message["at"])
            told.append(
                {
                    "id": phone,
                    "number": spoken_number(number or more["number"]),
                    "messages": messages[-SHOWN_MAX:],
                    "answers": bool(more.get("messages")),
                    "call": more.get("call"),
                }
            )
        return told


TELEPHONES: Final = {
    "centre": city.CENTRE_NUMBER,
    **{contact["called"].casefold(): city.sms_number(contact["phone"]) for contact in city.SMS_CONTACTS},
}
"""Telephone -> number, as the page names them."""


def phone_of(number: str) -> str:
    """The telephone that has a number, "" for the hub's."""
    return next((phone for phone, own in TELEPHONES.items() if own == number), "")


def spoken_number(number: str) -> str:
    """In groups of three digits."""
    digits = number.removeprefix("+")
    return " ".join(digits[at : at + 3] for at in range(0, len(digits), 3))
