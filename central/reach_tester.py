"""Test messages to contacts: once a month, at a friendly hour, and whenever somebody asks for one.

What is not answered shows in the resident's file and on the carer's own page: somebody who cannot be reached is known
before it matters.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final

from central.alarm_cases.rota import availability
from central.notification.channel import Channel, Message
from central.notification.delivery import STANDARD_RETRY, Sent, Verdict
from central.storage import incidents, people, reach_tests, rota, settings
from central.storage.database import Database
from central.storage.people import Contact
from central.storage.reach_tests import ReachTest
from central.texts import later, local, translator

CHORE: Final = "reach_test"
EVERY_S: Final = 3_600.0
DAY_S: Final = 86_400.0
HOURS: Final = (10, 19)
"""Local hours in which a test does not wake or worry anybody."""
CLAIM_S: Final = 240.0
BATCH: Final = 20
LOOKED_AT_ONCE: Final = 500
"""Contacts looked at in one transaction."""

log = logging.getLogger(__name__)


class ReachTester:
    """Queues and sends test messages.

    Args:
        channels: by their names; address: of the centre as carers reach it, for the link; "" sends none.
        clock: tells the time after an attempt, which may take seconds.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        address: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._channels, self._address = database, channels, address.rstrip("/")
        self._clock = clock

    def work(self, now: float) -> float:
        """Queues what the calendar says, sends what is due; when to look again."""
        with self._database.read() as conn:
            every_days = settings.current(conn).desk.reach_test_days
        next_at = self._queue_by_calendar(now, every_days) if every_days else now + EVERY_S
        while self._send_due(now):
            pass
        with self._database.read() as conn:
            due_at = reach_tests.next_due_at(conn)
        return min(next_at, due_at) if due_at is not None else next_at

    def _queue_by_calendar(self, now: float, every_days: int) -> float:
        with self._database.begin() as conn:
            due_at = incidents.chore_due(conn, CHORE, now, now)
            if due_at > now:
                return due_at
            if not incidents.claim_chore(conn, CHORE, due_at, now + EVERY_S):
                return now + EVERY_S
        after = ""
        while True:
            with self._database.begin() as conn:
                # half of it: a whole month would pass over a day whose hour has drifted, or who asked for a test since
                since_at = now - every_days * DAY_S / 2
                found = reach_tests.not_tested_since(conn, since_at, after, LOOKED_AT_ONCE)
                for one in found:
                    if _turn(one.contact_id, one.timezone, every_days, now):
                        roster = rota.roster(conn, one.home_id, tuple(self._channels))
                        contact = next((it for it in roster if it.id == one.contact_id), None)
                        if contact is not None and availability(contact, now, one.timezone).can:
                            reach_tests.queue(conn, contact.id, contact.ways[0].channel, "desk", now)
            if len(found) < LOOKED_AT_ONCE:
                return now + EVERY_S
            after = found[-1].contact_id

    def _send_due(self, now: float) -> bool:
        with self._database.read() as conn:
            waiting = reach_tests.due(conn, now, BATCH)
        for test in waiting:
            self._attempt(test, now)
        return len(waiting) == BATCH

    def _attempt(self, test: ReachTest, now: float) -> None:
        with self._database.begin() as conn:
            token = reach_tests.claim(conn, test.id, now, max(now, self._clock()) + CLAIM_S)
            if token is None:
                return
            contact = people.contact(conn, test.contact_id)
            addressee = rota.addressee(conn, test.contact_id, test.channel)
        channel = self._channels.get(test.channel)
        sent = Sent(Verdict.NEVER, "no such channel, contact or address")
        if channel is not None and contact is not None and addressee is not None and addressee.addresses:
            message = self._message(test, contact, addressee.addresses[0], token)
            try:
                sent = channel.send(message)
            except Exception as error:  # a fault of ours in one message: counted as an attempt, so that it ends
                log.exception("reachability test %d cannot be sent", test.id)
                sent = Sent(Verdict.NOT_NOW, f"{type(error).__name__}: {error}")
        after = max(now, self._clock())
        log.info("reachability test %d by %s: %s %s", test.id, test.channel, sent.verdict, sent.fault)
        with self._database.begin() as conn:
            if sent.verdict is Verdict.TAKEN:
                reach_tests.sent(conn, test.id, after)
                return
            attempt = test.attempt + 1
            again = sent.verdict is Verdict.NOT_NOW and attempt < STANDARD_RETRY.attempts_max
            pause_s = STANDARD_RETRY.pauses_s[min(attempt, len(STANDARD_RETRY.pauses_s)) - 1]
            reach_tests.not_sent(conn, test.id, after, sent.fault, after + pause_s if again else None)

    def _message(self, test: ReachTest, contact: Contact, address: str, token: str) -> Message:
        words = translator(contact.language)
        link = f"{self._address}/c/test/{token}" if self._address else ""
        short = words.gettext(later("Llar, a test: does this reach you? Please open and confirm."))
        lines = [
            words.say(later("Hello {contact},"), contact=contact.called),
            "",
            words.gettext(later("This is a test. Nobody needs help.")),
            words.gettext(later("Once a month we make sure that we could reach you if something happened.")),
            words.gettext(later("Please open this address and confirm with one tap.")),
        ]
        return Message(
            to=address,
            key=f"llar-test-{test.id}",
            subject=words.gettext(later("TEST · does this reach you?")),
            text="\n".join(lines),
            short=f"TEST · {short}",
            link=link,
            language=contact.language,
            urgent=False,
            purpose="reach_test",
            case_id=0,
            resident="",
        )


def _turn(contact_id: str, timezone: str, every_days: int, now: float) -> bool:
    """Whether it is this contact's day and a friendly hour: tests are spread over the month."""
    moment: datetime = local(now, timezone)
    day = int(sha256(contact_id.encode()).hexdigest(), 16) % every_days
    return HOURS[0] <= moment.hour < HOURS[1] and moment.toordinal() % every_days == day
