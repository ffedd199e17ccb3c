"""Tells the receiver what people said of its findings: per home one retained message with all labels of late.

Nothing is remembered here: the labels are in the closed cases. All are told again at the start and once a day, so
that neither a desk that died after a commit nor a broker that lost what it kept loses a label.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol

from central.alarm_cases.case import EventType
from central.alarm_cases.closing import Outcome
from central.case_change import CaseChange
from central.detection.labels import KEEP_S, LABELS_MAX, Label, Labels
from central.internal import encode, labels_topic
from central.storage.database import Database
from central.storage.quality import JudgedSign, homes_judged_since, judged_findings

ALL_AGAIN_S: Final = 86_400.0
RETRY_S: Final = 1.0
"""While the broker is away or its window is full."""

log = logging.getLogger(__name__)


class Publish(Protocol):
    """`AlarmLane.publish_kept`."""

    def __call__(self, to: str, payload: bytes, on_done: Callable[[bool], None]) -> bool: ...


class LabelDesk:
    """Publishes labels. `work` from one thread, `on_change` from any."""

    def __init__(self, database: Database, publish: Publish) -> None:
        self._database = database
        self._publish = publish
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._all_at = 0.0

    def on_change(self, change: CaseChange) -> None:
        """A listener of the desk: a closed case may hold findings."""
        if change.event_type == EventType.CLOSED:
            self._add({change.home_id})

    def work(self, now: float) -> float | None:
        """Tells what waits; when to go on, None when nothing waits.

        Raises:
            DatabaseError: the database is away; what was not told is told later.
        """
        since_at = now - KEEP_S
        if now - self._all_at >= ALL_AGAIN_S or now < self._all_at:
            with self._database.read() as connection:
                self._add(set(homes_judged_since(connection, since_at)))
            self._all_at = now
        with self._lock:
            waiting = sorted(self._waiting)
        for home_id in waiting:
            with self._lock:
                # before reading: what is closed meanwhile is told once more
                self._waiting.discard(home_id)
            with self._database.read() as connection:
                signs = judged_findings(connection, home_id, since_at)
            if not self._send(home_id, signs):
                return now + RETRY_S
        return None

    def _send(self, home_id: str, signs: list[JudgedSign]) -> bool:
        """False when the broker takes nothing now."""
        if not signs:
            return True

        def on_done(done: bool) -> None:
            if not done:
                self._add({home_id})

        body = encode(Labels(home_id, [_label(sign) for sign in signs[-LABELS_MAX:]]))
        if self._publish(labels_topic(home_id), body, on_done):
            log.info("labels of %s published: %d findings", home_id, len(signs))
            return True
        self._add({home_id})
        return False

    def _add(self, home_ids: set[str]) -> None:
        with self._lock:
            self._waiting |= home_ids


def _label(sign: JudgedSign) -> Label:
    hospital = sign.outcome == Outcome.HOSPITAL.value
    return Label(
        sign.finding, sign.detector[:40], sign.kind, sign.verdict.value, sign.since_at, sign.closed_at, hospital
    )
