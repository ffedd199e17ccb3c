"""The second path at work: decides by `edge.sms_routes`, sends by the modem, keeps the ledger, reads answers."""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devices.rejection import Rejection
from edge import uplink
from edge.clock import Clock
from edge.config import ContactConfig, ModemConfig
from edge.drivers.gsm_modem import GsmModem, SmsNotTaken, SmsTaken
from edge.drivers.gsm_pdu import Incoming, Report, Reported
from edge.drivers.gsm_sim import ModemFault
from edge.health import Health, TellFault
from edge.home.contact_text import answered_text, contact_text
from edge.home.presence import Presence
from edge.outbox import Outbox, StoredAlarm
from edge.outbox_thread import OutboxThread
from edge.sms_ledger import ATTEMPTS_KEPT, SmsState, least_ages_s
from edge.sms_routes import (
    HOUR_MAX,
    Addressees,
    Call,
    SendSms,
    SmsWait,
    Tried,
    may_tell_of_answer,
    next_sms,
    to_write_about,
)
from gateway.contract.alarm_kinds import kind_of
from gateway.contract.messages import AlarmAnswer, ModemState, ProblemCode
from gateway.contract.sms import decode_answer_sms, encode_alarm_sms

log = logging.getLogger(__name__)

CENTRE_VALID_S: Final = 86_400.0
CONTACT_VALID_S: Final = 3_600.0
""""The centre has not answered yet" must not arrive when it is long untrue."""
REMEMBERED_S: Final = 7_200.0
"""Attempts about calls that are over are kept in memory for the hour's limit and the contacts' peace."""
KEPT_EACH: Final = 5
"""The newest attempts about a call to a number stay longer: the pauses grow, and the tries end, by their count."""
ANSWERS_MAX: Final = 32
"""Answers by SMS that wait to be taken in; a modem holds fewer."""
TELL_ANSWER_S: Final = 3_600.0
"""So long after the receipt a contact who was written to may still be told of it."""
LOOK_AGAIN_S: Final = 5.0
_OF_ANSWER: Final = "+"
"""Behind the ref, for the SMS that tells a contact of the centre's receipt: it is about no call any more."""
PIN_MARK: Final = "sim-pin-refused"
_OUT: Final = frozenset({SmsState.TAKEN, SmsState.DELIVERED})


@dataclass(slots=True)
class _Attempt:
    """One attempt, as this run knows it."""

    ref: str
    kind: tuple[int, int]
    recipient: str
    state: SmsState
    at: float
    network_id: int | None = None
    overtaken: bool = False
    """The receipt came while it was in the modem's hands."""


class SmsPath:
    """The modem, and what it is used for.

    Args:
        hub: our id.
        key: seals our SMS and proves the centre's.
        config, contacts: whom to write to.
        pin: of the SIM, "" for none.
        pin_fault: why the PIN is not known, "" when all is well.
        folder: of the hub's storage.
        clock, outbox, health: of this hub.
        presence: says in the home what was sent.
        tell_fault: takes what is wrong with a part.

    Attributes:
        on_change: called when there may be something to do.
        answers: the centre's answers that came by SMS.
    """

    def __init__(
        self,
        hub: str,
        key: bytes,
        config: ModemConfig,
        contacts: Iterable[ContactConfig],
        *,
        pin: str,
        pin_fault: str,
        folder: Path,
        clock: Clock,
        outbox: OutboxThread,
        health: Health,
        presence: Presence,
        tell_fault: TellFault,
    ) -> None:
        self._hub = hub
        self._key = key
        self._config = config
        self._pin_fault = pin_fault
        self.write_to(config.centre_number, contacts)
        self._clock = clock
        self._outbox = outbox
        self._health = health
        self._presence = presence
        self._tell_fault = tell_fault
        self.on_change: Callable[[], None] = lambda: None
        self.answers: deque[AlarmAnswer] = deque(maxlen=ANSWERS_MAX)
        self._attempts: list[_Attempt] = []
        self._to_tell: dict[str, tuple[str, float]] = {}
        self._reports_before: dict[int, Reported] = {}
        self._sending: asyncio.Task[None] | None = None
        self._writing: set[asyncio.Task[None]] = set()
        self._modem = GsmModem(
            config,
            pin,
            folder / PIN_MARK,
            on_sms=self._take_sms,
            on_report=self._take_report,
            on_change=self._changed,
            on_fault=self._take_fault,
        )

    def write_to(self, centre_number: str, contacts: Iterable[ContactConfig]) -> None:
        """Whom to write to from now on; what was sent already stays sent."""
        self._contacts = {contact.number: contact for contact in contacts}
        self._whom = Addressees(centre_number, tuple(self._contacts))

    @property
    def ready(self) -> bool:
        """Whether an SMS could be sent now."""
        return self._modem.ready

    @property
    def state(self) -> ModemState:
        """The modem's, for the state of the hub."""
        seen = self._modem.reception
        return ModemState(seen.registered, seen.operator, seen.dbm)

    @property
    def reaches_centre(self) -> bool:
        """Whether the centre could be written to now."""
        return self.ready and bool(self._whom.centre)

    async def run(self, on_progress: Callable[[], None]) -> None:
        """Keeps the modem up, until cancelled."""
        self._tell_fault("pin", self._pin_fault, ProblemCode.MODEM_SIM_LOCKED, self._config.port)
        try:
            await self._modem.run(on_progress)
        finally:
            if self._sending is not None:
                self._sending.cancel()
            pending = [*self._writing, *([self._sending] if self._sending else [])]
            await asyncio.gather(*pending, return_exceptions=True)

    async def load(self, waiting: Iterable[str]) -> None:
        """Takes up what an earlier run has sent. `waiting` are the refs without a receipt."""
        now, refs = self._clock.now(), set(waiting)
        attempts = await self._outbox.call(lambda box: box.sms.attempts())
        for kept, age_s in zip(attempts, least_ages_s([one.stamp for one in attempts], now), strict=True):
            at = now.monotonic - age_s
            if age_s > REMEMBERED_S and kept.ref not in refs:
                continue
            state = kept.state
            if state is SmsState.SENDING:
                # nobody knows whether the network took it: twice is better than never
                state = SmsState.UNSURE
                await self._settle(kept.ref, kept.recipient, state)
            self._attempts.append(_Attempt(kept.ref, kept.kind, kept.recipient, state, at, kept.network_id))

    def tell_home(self) -> None:
        """After a restart, once the home knows its calls: which of them were written about."""
        for attempt in self._attempts:
            self._tell_messaged(attempt)

    def step(
        self,
        alarms: Mapping[str, StoredAlarm],
        waiting: Iterable[Call],
        answered: Iterable[Call],
        down_since: float | None,
    ) -> float:
        """Starts the SMS that is due, if any; gives when to look again (inf: at the next change).

        Args:
            alarms: those without a receipt, by ref.
            waiting, answered: for `to_write_about`.
            down_since: since when there is no line, None while there seems to be one.
        """
        if self._sending is not None or not self.ready:
            return math.inf
        now = self._clock.monotonic
        tried = [Tried(one.ref, one.kind, one.recipient, one.state, one.at) for one in self._attempts]
        match next_sms(to_write_about(waiting, answered), tried, self._whom, down_since, now):
            case SendSms(ref, recipient):
                stored = alarms[ref]
                kind = (stored.alarm.dty, stored.alarm.stc)
                self._begin(ref, kind, recipient, lambda: self._text(stored, recipient))
                return math.inf
            case SmsWait(at, full):
                sentence = f"{HOUR_MAX} SMS in an hour or nearly so: what more there is waits for room"
                self._tell_fault("sms limit", sentence if full else "", ProblemCode.MODEM_SMS_FAILED, self._config.port)
                return min(at, self._tell_of_answers(tried, alarms, now))

    def hurry(self) -> None:
        """A call has come."""
        self._modem.hurry()

    def answered(self, ref: str) -> None:
        """The centre has the call, by whatever way."""
        about = [one for one in self._attempts if one.ref == ref and one.state in _OUT]
        for one in about:
            one.state = SmsState.ANSWERED
            self._owe_answer(one)
        for one in self._attempts:
            one.overtaken = one.overtaken or (one.ref == ref and one.state is SmsState.SENDING)
        if about:
            self._write_down(lambda box: box.sms.answered(ref))

    def _owe_answer(self, told: _Attempt) -> None:
        """A contact who was told that nobody has answered is told when that is no longer so."""
        if told.recipient != self._whom.centre:
            self._to_tell[told.recipient] = (told.ref, self._clock.monotonic)
            self.on_change()

    def _tell_of_answers(self, tried: list[Tried], waiting: Collection[str], now: float) -> float:
        """Starts the SMS that tells a contact of the centre's receipt, if one is due; when to look again."""
        self._to_tell = {
            number: owed
            for number, owed in self._to_tell.items()
            if number in self._contacts and now - owed[1] <= TELL_ANSWER_S
        }
        number = next((one for one in self._to_tell if may_tell_of_answer(one, tried, waiting, now)), None)
        if number is not None:
            ref, _ = self._to_tell.pop(number)
            text = answered_text(self._config.person, self._contacts[number].language)
            self._begin(ref + _OF_ANSWER, (0, 0), number, lambda: (text, CONTACT_VALID_S))
        return now + LOOK_AGAIN_S if self._to_tell and number is None else math.inf

    # sending

    def _begin(self, ref: str, kind: tuple[int, int], recipient: str, text: Callable[[], tuple[str, float]]) -> None:
        attempt = _Attempt(ref, kind, recipient, SmsState.SENDING, self._clock.monotonic)
        self._forget_old()
        self._attempts.append(attempt)
        self._sending = asyncio.create_task(self._send(text, attempt), name=f"sms {ref}")

    async def _send(self, text: Callable[[], tuple[str, float]], attempt: _Attempt) -> None:
        try:
            await self._try_to_send(text, attempt)
        except Exception:
            log.exception("alarm %s: an SMS failed", attempt.ref)
        finally:
            if attempt.state is SmsState.SENDING:
                attempt.state = SmsState.FAILED_FOR_NOW
            self._sending = None
            self.on_change()

    async def _try_to_send(self, text_of: Callable[[], tuple[str, float]], attempt: _Attempt) -> None:
        now = self._clock.now()
        ref, kind, recipient = attempt.ref, attempt.kind, attempt.recipient
        await self._outbox.call(lambda box: box.sms.begin(ref, kind, recipient, now))
        text, valid_s = text_of()
        self._reports_before.clear()
        outcome = await self._modem.send(attempt.recipient, text, valid_s)
        attempt.at = self._clock.monotonic
        if isinstance(outcome, SmsTaken):
            attempt.network_id = outcome.network_id
            attempt.state = SmsState.ANSWERED if attempt.overtaken else SmsState.TAKEN
            log.info("alarm %s: the network took an SMS to %s", attempt.ref, self._role(attempt.recipient))
            self._tell_fault("sms", "")
            self._tell_messaged(attempt)
            if attempt.overtaken:
                self._owe_answer(attempt)
        else:
            attempt.state = _state_of(outcome)
            log.warning("alarm %s: no SMS to %s: %s", attempt.ref, self._role(attempt.recipient), outcome.reason)
            sentence = f"modem {self._config.port}: {outcome.reason}; to {self._role(attempt.recipient)}"
            self._tell_fault("sms", sentence, outcome.code, self._config.port)
        await self._settle(ref, recipient, attempt.state, attempt.network_id)
        if attempt.network_id is not None and (early := self._reports_before.pop(attempt.network_id, None)):
            self._report(attempt, early)

    def _text(self, stored: StoredAlarm, recipient: str) -> tuple[str, float]:
        age_s = uplink.for_sending(stored, self._clock.now()).age
        alarm = stored.alarm
        contact = self._contacts.get(recipient)
        if contact is None or recipient == self._whom.centre:
            return encode_alarm_sms(self._hub, alarm, age_s, self._key), CENTRE_VALID_S
        kind = kind_of(alarm.dty, alarm.stc)
        return contact_text(kind, age_s, self._config.person, contact.language), CONTACT_VALID_S

    def _role(self, recipient: str) -> str:
        """Who that is, as a log may say it."""
        if recipient == self._whom.centre:
            return "the centre"
        return f"contact {1 + list(self._contacts).index(recipient)}" if recipient in self._contacts else "a contact"

    def _tell_messaged(self, attempt: _Attempt) -> None:
        if attempt.state in _OUT:
            self._presence.messaged(attempt.ref, self._named(attempt.recipient))

    def _named(self, recipient: str) -> tuple[str, ...]:
        """Whom the home may name as told: the contact, "" for one that is none any more, nobody for the centre."""
        if recipient == self._whom.centre:
            return ()
        return (self._contacts[recipient].name if recipient in self._contacts else "",)

    def _forget_old(self) -> None:
        since = self._clock.monotonic - REMEMBERED_S
        counts: Counter[tuple[str, str]] = Counter()
        kept: list[_Attempt] = []
        for one in reversed(self._attempts):
            counts[one.ref, one.recipient] += 1
            if one.at >= since or counts[one.ref, one.recipient] <= KEPT_EACH:
                kept.append(one)
        self._attempts = kept[:ATTEMPTS_KEPT][::-1]

    async def _settle(self, ref: str, recipient: str, state: SmsState, network_id: int | None = None) -> None:
        await self._outbox.call(lambda box: box.sms.settle(ref, recipient, state, network_id))

    def _write_down(self, work: Callable[[Outbox], None]) -> None:
        """In the background: what is only told later, and would be told again, is not waited for."""

        async def write() -> None:
            try:
                await self._outbox.call(work)
            except sqlite3.Error:
                log.exception("the SMS ledger cannot be written")

        task = asyncio.create_task(write())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    # what comes in

    def _take_sms(self, incoming: Incoming) -> None:
        read = decode_answer_sms(incoming.text, lambda hub: self._key if hub == self._hub else None)
        if isinstance(read, Rejection):
            log.info("an SMS that is no answer of the centre: %s", read.reason)
            self._health.refused[f"sms_{read.reason}"] += 1
            return
        self.answers.append(read[1])
        self.on_change()

    def _take_report(self, report: Report) -> None:
        found = [one for one in self._attempts if one.network_id == report.network_id and one.state is SmsState.TAKEN]
        if found:
            self._report(found[-1], report.outcome)
        else:
            self._reports_before[report.network_id] = report.outcome

    def _report(self, attempt: _Attempt, outcome: Reported) -> None:
        if outcome is Reported.TRYING:
            return
        delivered = outcome is Reported.DELIVERED
        attempt.state = state = SmsState.DELIVERED if delivered else SmsState.UNDELIVERED
        log.info("alarm %s: SMS to %s %s", attempt.ref, self._role(attempt.recipient), state.value)
        if not delivered:
            attempt.at = self._clock.monotonic
            sentence = f"modem {self._config.port}: an SMS to {self._role(attempt.recipient)} could not be delivered"
            self._tell_fault("sms", sentence, ProblemCode.MODEM_SMS_FAILED, self._config.port)
            out = [one.recipient for one in self._attempts if one.ref == attempt.ref and one.state in _OUT]
            left = tuple(name for one in out for name in self._named(one))
            self._presence.not_messaged(attempt.ref, left if out else None)
        ref, recipient = attempt.ref, attempt.recipient
        self._write_down(lambda box: box.sms.settle(ref, recipient, state))
        self.on_change()

    def _changed(self) -> None:
        self._presence.second_path(self.ready)
        self.on_change()

    def _take_fault(self, fault: ModemFault | None) -> None:
        if fault is None:
            self._tell_fault("modem", "")
        else:
            sentence = f"modem {self._config.port}: {fault.sentence}"
            self._tell_fault("modem", sentence, fault.code, self._config.port)


def _state_of(outcome: SmsNotTaken) -> SmsState:
    if outcome.for_good:
        return SmsState.FAILED
    return SmsState.UNSURE if outcome.unsure else SmsState.FAILED_FOR_NOW
