"""Alarms that come as an SMS: read, proved by the hub's seal, and taken into a case exactly as those from the broker.

The seal decides, never the sender's number. A text that no hub has sealed changes nothing and is counted; only when it
comes from the number of a hub of ours does a person get to see it, as a routine case, because a life may hang on it.
Numbers are forged easily, so there is at most one such case an hour for a hub, and few for all together.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from central.alarm_cases.case import Way
from central.alarm_cases.priority import SMS_UNVERIFIED
from central.case_desk import CaseDesk
from central.detection.finding import Finding
from central.refusals import RefusalCounter
from central.sealing import Sealer
from central.storage import cases, homes
from central.storage.cases import AlarmRef
from central.storage.database import Database
from central.storage.homes import HomeAndHub
from central.storage.hub_secrets import password_of
from devices.rejection import Rejection
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import Alarm, MessageType
from gateway.contract.sms import TEXT_READ_MAX, decode_alarm_sms, encode_answer_sms, sms_key

BODY_BYTES_MAX: Final = 8_192
"""Largest request of a gateway: the longest text that is looked at, eight times over."""
UNVERIFIED_EVERY_S: Final = 3_600.0
"""Texts of one hub that cannot be verified are one case in this time."""
UNVERIFIED_MAX: Final = 20
"""... and so many such cases at most in this time for all hubs together: more are an attack, and only counted."""
TEXT_SHOWN_MAX: Final = 160

log = logging.getLogger(__name__)

_NUMBER = re.compile(r"\+?[0-9]{3,20}\Z")


class IncomingSms(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """What a gateway delivers to `POST /sms/in`; see `docs/wire/sms.md`."""

    sender: Annotated[str, msgspec.Meta(max_length=64)]
    text: Annotated[str, msgspec.Meta(max_length=4_000)]
    to: Annotated[str, msgspec.Meta(max_length=64)] = ""
    id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    received_at: Annotated[str, msgspec.Meta(max_length=64)] = ""


_decoder = msgspec.json.Decoder(IncomingSms)


def read_sms(body: bytes) -> IncomingSms | Rejection:
    """Reads a gateway's request; the Rejection is `bad_request`."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejection("bad_request", str(error)[:200])


class SmsIntake:
    """Takes what SMS gateways deliver. From any thread."""

    def __init__(
        self,
        database: Database,
        desk: CaseDesk,
        refusals: RefusalCounter,
        sealer: Sealer,
        answer_of_carer: Callable[[str, str, float], str | None] | None = None,
    ) -> None:
        """`answer_of_carer` takes sender, text and time of what no hub has sealed; None: no carer's answer."""
        self._database = database
        self._answer_of_carer = answer_of_carer
        self._desk = desk
        self._refusals = refusals
        self._sealer = sealer
        self._lock = threading.Lock()
        self._unverified: deque[tuple[float, str]] = deque()

    def refuse(self, rejection: Rejection, now: float) -> None:
        """Counts a request that was not even an SMS."""
        self._refusals.count("sms", rejection, now)

    def take(self, sms: IncomingSms, now: float) -> str:
        """One SMS; the text to answer with, "" when there is nothing to say. Stored before it returns.

        Raises:
            DatabaseError: nothing was stored; the gateway shall deliver again.
            SealError: the keys of hubs cannot be read here; the same.
        """
        found = decode_alarm_sms(sms.text, self._key_of)
        if isinstance(found, Rejection):
            reply = self._answer_of_carer(sms.sender, sms.text, now) if self._answer_of_carer else None
            if reply is not None:
                return reply
            self._take_unverified(sms, found, now)
            return ""
        hub, alarm = found
        number = self._worth_knowing(hub, alarm, sms.sender)
        answer = self._desk.receive_alarm(hub, alarm, _shown(sms.text, TEXT_READ_MAX).encode(), now, Way.SMS)
        log.info("alarm %s of %s by SMS %s, handed over at %s", alarm.ref, hub, _shown(sms.id), _shown(sms.received_at))
        if number:
            with self._database.begin() as connection:
                homes.keep_phone(connection, hub, number)
        key = self._key_of(hub)
        return "" if key is None else encode_answer_sms(hub, answer, key)

    def _worth_knowing(self, hub: str, alarm: Alarm, sender: str) -> str:
        """The number that is taken for the hub's own from now on, "" for none.

        A stranger may play back what a hub once sealed, so only an alarm that nobody heard before changes a number.
        """
        number = _number(sender)
        with self._database.read() as connection:
            known = homes.phone_of(connection, hub)
            fresh = alarm.mty is not MessageType.TEST and cases.find_alarm(connection, AlarmRef(hub, alarm.ref)) is None
        return number if number != known and (fresh or not known) else ""

    def _key_of(self, hub: str) -> bytes | None:
        with self._database.read() as connection:
            password = password_of(connection, self._sealer, hub)
        return None if password is None else sms_key(password)

    def _take_unverified(self, sms: IncomingSms, rejection: Rejection, now: float) -> None:
        number = _number(sms.sender)
        with self._database.read() as connection:
            place = homes.hub_of_phone(connection, number) if number else None
        sender = place.hub_id if place else f"…{number[-3:]}"
        self._refusals.count("sms", rejection, now, sender=sender)
        if place is None or not self._may_open(place.hub_id, now):
            return
        log.warning("%s: an SMS from its number cannot be verified: %s", place.hub_id, rejection.reason)
        self._desk.receive_finding(_finding(place, sms.text, rejection, now), now)

    def _may_open(self, hub: str, now: float) -> bool:
        """Whether a hub's text may still become a case, by the number of those that did lately."""
        with self._lock:
            while self._unverified and self._unverified[0][0] <= now - UNVERIFIED_EVERY_S:
                self._unverified.popleft()
            if len(self._unverified) >= UNVERIFIED_MAX or hub in {name for _, name in self._unverified}:
                return False
            self._unverified.append((now, hub))
            return True


def _finding(place: HomeAndHub, text: str, rejection: Rejection, now: float) -> Finding:
    return Finding(
        key=f"{place.home_id}:sms:{place.hub_id}:{now // UNVERIFIED_EVERY_S:.0f}",
        home=place.home_id,
        kind=AlarmKind.SMS_UNVERIFIED,
        since_at=now,
        found_at=now,
        reason=SMS_UNVERIFIED,
        facts={"text": _shown(text), "fault": rejection.reason},
    )


def _number(sender: str) -> str:
    """A telephone number without what people put between its digits; "" when it is a word or nothing."""
    digits = re.sub(r"[\s().-]", "", sender)
    return digits if _NUMBER.match(digits) else ""


def _shown(text: str, most: int = TEXT_SHOWN_MAX) -> str:
    """Without control characters: PostgreSQL stores no NUL, and a log line is one line."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:most])
