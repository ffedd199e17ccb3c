"""What comes back from telephones: reports of the gateway, keys pressed during a call, and answers by SMS.

`docs/wire/phone-gateway.md` is the form. A number can be forged; what is said in its name can send the next contact out
or leave the others in peace, but takes no case from the operators' list: they see who said so and by which way.
"""

from __future__ import annotations

import logging
import unicodedata
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from central.alarm_cases.decision import Refused
from central.alarm_cases.placed_call import Leg
from central.carer_desk import CarerDesk
from central.case_desk import Done
from central.config import PhoneConfig
from central.delivery_desk import DeliveryDesk
from central.dial_desk import OF_OPERATORS, DialDesk
from central.notification.channels.voice import say_menu
from central.notification.delivery import DeliveryState
from central.notification.phone_gateway import delivery_of, in_gsm7, read_number
from central.storage import deliveries, phone, rota
from central.storage.database import Database
from central.storage.phone import Asked
from central.texts import Words, later, translator
from devices.rejection import Rejection

BODY_BYTES_MAX: Final = 4_096
"""A report has a few hundred bytes."""
ANSWER_READ_MAX: Final = 300
"""So much of an SMS is looked at for an answer."""
ETA_MAX_MIN: Final = 240

_ASKS_NOTHING: Final = ("llar-on-call-", "llar-test-")
"""Messages that no carer answers by key: to somebody on call, and tests, which are answered by their link."""

log = logging.getLogger(__name__)


class Told(StrEnum):
    """What a gateway reports."""

    SENT = "sent"
    RINGING = "ringing"
    DELIVERED = "delivered"
    ANSWERED = "answered"  # by a person
    DIGIT = "digit"
    FAILED = "failed"  # for good: no such number, barred
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    MACHINE = "machine"  # a mailbox: nobody has heard it
    UNREACHABLE = "unreachable"
    ENDED = "ended"


_STATES: Final = {
    Told.SENT: DeliveryState.SENT,
    Told.RINGING: DeliveryState.SENT,
    Told.DELIVERED: DeliveryState.DELIVERED,
    Told.ANSWERED: DeliveryState.OPENED,
    Told.FAILED: DeliveryState.FAILED_FOR_GOOD,
}


_OF_MESSAGES: Final = frozenset({Told.SENT, Told.DELIVERED, Told.DIGIT})
"""What says nothing of a call that was placed for an operator."""


class Report(msgspec.Struct, frozen=True):
    """One report. `id` names it for ever, `key` is what the centre called the message; `at` is Unix seconds.

    Of a call that was placed for an operator, `leg` says of which telephone it speaks, and `talk_s` in `ended` for how
    long both were connected.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    key: Annotated[str, msgspec.Meta(max_length=120)]
    state: Told
    at: Annotated[float, msgspec.Meta(ge=0, le=1e11)]
    digit: Annotated[str, msgspec.Meta(max_length=1)] = ""
    detail: Annotated[str, msgspec.Meta(max_length=200)] = ""
    leg: Leg = Leg.OTHER
    talk_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] | None = None


class Say(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the gateway does next with a call: says a text, then waits for a key, connects with `to`, or hangs up."""

    say: str = ""
    language: str = ""
    then: str = ""
    to: str = ""


_decoder = msgspec.json.Decoder(Report)


def read_report(body: bytes) -> Report | Rejection:
    """Reads a gateway's report; the Rejection is `bad_request`."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejection("bad_request", str(error)[:200])


class PhoneDesk:
    """Takes what telephones answer. From any thread.

    Args:
        address: of the centre as carers reach it, for the link that follows a "yes" by key; "" for none.
        calls: those placed for operators; None where there are none.
    """

    def __init__(
        self,
        database: Database,
        messages: DeliveryDesk,
        carers: CarerDesk,
        config: PhoneConfig,
        address: str = "",
        calls: DialDesk | None = None,
    ) -> None:
        self._database, self._messages, self._carers = database, messages, carers
        self._config, self._writes, self._calls = config, bool(address), calls

    def take(self, report: Report, now: float) -> Say | Rejection:
        """One report; what the gateway does next. The Rejection is `no_such_message`. Repeats change nothing."""
        if report.key.startswith(OF_OPERATORS) and self._calls is not None:
            return self._of_operator(self._calls, report, now)
        with self._database.read() as connection:
            asked = phone.find(connection, delivery_of(report.key))
        if asked is None and report.key.startswith(_ASKS_NOTHING):
            return Say()
        if asked is None:
            return Rejection("no_such_message", "a message that is not of ours")
        at = min(report.at, now)  # a clock that is ahead must not make somebody answer tomorrow
        if report.state is Told.DIGIT:
            return self._pressed(asked, report, at, now)
        if report.state is not Told.ENDED:
            key, detail = f"{report.id}:{report.state}", report.detail or report.state.value
            state = _STATES.get(report.state)
            if state is None:
                detail = f"{report.state}: {report.detail}" if report.detail else report.state.value
                self._messages.not_reached(asked.channel, key, now, delivery_id=asked.delivery_id, detail=detail)
            else:
                said = detail if state is DeliveryState.FAILED_FOR_GOOD else ""
                self._messages.report(asked.channel, key, state, at, now, delivery_id=asked.delivery_id, detail=said)
        return Say()

    @staticmethod
    def _of_operator(calls: DialDesk, report: Report, now: float) -> Say | Rejection:
        if report.state in _OF_MESSAGES:
            return Say()
        known = calls.take(report.key, report.leg, report.state.value, min(report.at, now), now, talk_s=report.talk_s)
        return Say() if known else Rejection("no_such_message", "a call that is not of ours")

    def answer_sms(self, sender: str, text: str, now: float) -> str | None:
        """An SMS that answers a message of ours: the text to answer with; None when it is from nobody who was asked."""
        asked = self._asked_at(sender, now)
        if asked is None:
            return None
        answer, minutes = read_answer(text)
        log.info("case %d: %s answers by SMS: %s", asked.case_id, asked.contact_id, answer)
        words = translator(asked.language)
        if answer == "going":
            return in_gsm7(self._going(asked, minutes if minutes is not None else asked.minutes_away, now, words))
        if answer == "cannot":
            return in_gsm7(self._cannot(asked, now, words))
        if answer == "here":
            done = self._carers.arrived(asked.case_id, asked.contact_id, now, asked.delivery_id)
            return in_gsm7(_over(words) if isinstance(done, Refused) else words.gettext(later("Thank you.")))
        self._carers.opened(asked.case_id, asked.contact_id, now, asked.delivery_id)
        return in_gsm7(words.gettext(later("Answer 1 if you are going, 2 if you cannot.")))

    def _pressed(self, asked: Asked, report: Report, at: float, now: float) -> Say:
        receipt = f"{asked.channel}:{report.id}:digit"
        with self._database.read() as connection:
            again = phone.is_told(connection, receipt)
        words = translator(asked.language)
        said = self._keyed(asked, report.digit, now - at, now, words, again=again)
        if not again:
            # after what was done, so that a crash in between does it twice rather than never
            with self._database.begin() as connection:
                state = f"digit {report.digit}"[:16]
                deliveries.add_receipt(connection, receipt, asked.delivery_id, state, at, now, "")
        return msgspec.structs.replace(said, language=asked.language)

    def _keyed(self, asked: Asked, digit: str, late_s: float, now: float, words: Words, *, again: bool) -> Say:
        if digit == "1":
            if again:
                return Say(words.gettext(later("Thank you.")), then="hang_up")
            eta = max(0, asked.minutes_away - int(late_s // 60))
            return Say(self._going(asked, eta, now, words, by_voice=True), then="hang_up")
        if digit == "2":
            said = words.gettext(later("Thank you.")) if again else self._cannot(asked, now, words)
            return Say(said, then="hang_up")
        self._carers.opened(asked.case_id, asked.contact_id, now, asked.delivery_id)
        home = read_number(asked.home_phone, self._config.country_code)
        to = home or read_number(self._config.centre_number, self._config.country_code)
        if digit == "3" and to:
            return Say(words.gettext(later("One moment, you are being connected.")), then="connect", to=to)
        menu = say_menu(asked.resident, asked.language)
        if digit == "3":
            return Say(f"{words.gettext(later('There is no number on file for the home.'))} {menu}", then="menu")
        return Say(menu, then="menu")

    def _going(self, asked: Asked, minutes: int, now: float, words: Words, *, by_voice: bool = False) -> str:
        """What is said to who goes. Who answers an SMS has its link; to who answers a call it is sent now: how to get
        in is read there, as the resident lets them, and never said aloud to whoever picks up."""
        sends = by_voice and self._writes
        done = self._carers.accepted(
            asked.case_id, asked.contact_id, minutes, now, asked.delivery_id, send_way_in=sends
        )
        if isinstance(done, Done):
            thanks = words.gettext(later("Thank you. We are telling everybody that you are going."))
            if not by_voice:
                return thanks
            more = later("Call the centre to hear how to get in.")
            with self._database.read() as connection:
                shared = "access_notes" in rota.profile(connection, asked.contact_id).consent
            if sends and shared:
                more = later("What you need to get in comes by text message to this telephone.")
            return f"{thanks} {words.gettext(more)}"
        if done.reason == "already_going":
            return words.say(
                later("{who} is going already. You need not do anything. Thank you."), who=done.called or "…"
            )
        return _over(words)

    def _cannot(self, asked: Asked, now: float, words: Words) -> str:
        done = self._carers.declined(asked.case_id, asked.contact_id, now, asked.delivery_id)
        if isinstance(done, Done):
            return words.gettext(later("Thank you for telling us. We are asking somebody else."))
        return _over(words)

    def _asked_at(self, sender: str, now: float) -> Asked | None:
        """The newest message to that number that still waits for an answer."""
        number = read_number(sender, self._config.country_code)
        if not number:
            return None
        with self._database.read() as connection:
            for asked in phone.waiting(connection, now):
                contact = rota.addressee(connection, asked.contact_id, asked.channel)
                theirs = contact.addresses if contact else ()
                if number in {read_number(one, self._config.country_code) for one in theirs}:
                    return asked
        return None


_CANNOT: Final = frozenset({"no", "not", "cannot", "cant", "impossible", "imposible"})
_GOING: Final = frozenset({"si", "yes", "vaig", "voy", "going", "vinc", "anire", "ire", "salgo", "surto"})
_HERE: Final = frozenset({"arribat", "llegado", "aqui", "here", "arrived"})


def read_answer(text: str) -> tuple[str, int | None]:
    """What an SMS answers ("going", "cannot", "here", "" for neither) and in how many minutes, None when not said.

    In Catalan, Spanish or English, with or without accents: "1", "SI", "VAIG 15", "voy en 10 min", "no puc". A "no"
    at the beginning holds; a later one beside a "yes" is unclear, and is asked again.
    """
    plain = unicodedata.normalize("NFKD", text[:ANSWER_READ_MAX]).encode("ascii", "ignore").decode().casefold()
    words = "".join(letter if letter.isalnum() else " " for letter in plain.replace("'", "")).split()
    if not words:
        return "", None
    said = set(words)
    minutes = next((int(it) for it in words[1:] if it.isdecimal() and len(it) <= 3), None)
    minutes = None if minutes is None else min(minutes, ETA_MAX_MIN)
    if words[0] in {"1", "2"} and not said & (_CANNOT if words[0] == "1" else _GOING):
        return ("going", minutes) if words[0] == "1" else ("cannot", None)
    no, yes = bool(said & _CANNOT), bool(said & _GOING)
    if no and (words[0] in _CANNOT or not yes):
        return "cannot", None
    if yes and not no:
        return "going", minutes
    return ("here", None) if said & _HERE and not no and not yes else ("", None)


def _over(words: Words) -> str:
    return words.gettext(later("This call is over. You need not do anything. Thank you."))
