"""The latest word on every alarm that homes may still be showing, so that it can be told again. In memory only."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, NamedTuple

from central.case_change import CaseChange
from central.storage.cases import AlarmRef
from gateway.contract.messages import AlarmAnswer, Stage

CLOSED_TOLD_S: Final = 12 * 3_600.0
"""How long homes are told again that a case is closed: by then they have given up an open call by themselves."""


class Told(NamedTuple):
    """A word on an alarm. `order` (case, version) tells which of two words is the later one."""

    order: tuple[int, int]
    answer: AlarmAnswer


def answer_of(change: CaseChange, name: AlarmRef) -> AlarmAnswer:
    """The word on one alarm of a case, after a change."""
    return AlarmAnswer(
        name.ref, 0, change.at, change.stage, str(change.case_id), change.who, eta_minutes=change.eta_minutes
    )


class Progress:
    """Latest words by hub and reference. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, dict[str, Told]] = {}
        self._closed: deque[tuple[float, AlarmRef]] = deque()

    def note(self, name: AlarmRef, told: Told) -> bool:
        """Keeps the latest word on an alarm; false when a later one is known (threads may announce in any order)."""
        at, stage = told.answer.at, told.answer.stage
        with self._lock:
            before = self._told.get(name.hub, {}).get(name.ref)
            if before is not None and before.order > told.order:
                return False
            self._told.setdefault(name.hub, {})[name.ref] = told
            if stage is Stage.CLOSED:
                self._closed.append((at, name))
            while self._closed and self._closed[0][0] < at - CLOSED_TOLD_S:
                self._forget(self._closed.popleft()[1])
        return True

    def of(self, name: AlarmRef) -> AlarmAnswer | None:
        """The latest word on an alarm, None when there was none besides its receipt."""
        with self._lock:
            told = self._told.get(name.hub, {}).get(name.ref)
        return told.answer if told else None

    def of_hub(self, hub: str) -> dict[AlarmRef, AlarmAnswer]:
        """The latest words on the alarms of one hub."""
        with self._lock:
            return {AlarmRef(hub, ref): told.answer for ref, told in self._told.get(hub, {}).items()}

    def all(self) -> dict[AlarmRef, AlarmAnswer]:
        """The latest words on all alarms."""
        with self._lock:
            return {AlarmRef(hub, ref): it.answer for hub, told in self._told.items() for ref, it in told.items()}

    def _forget(self, name: AlarmRef) -> None:
        of_hub = self._told.get(name.hub, {})
        told = of_hub.get(name.ref)
        if told is not None and told.answer.stage is Stage.CLOSED:
            del of_hub[name.ref]
        if not of_hub:
            self._told.pop(name.hub, None)
