"""Units whose radio hears nobody: a technical case for each, once, until the radio hears again."""

from __future__ import annotations

import logging
from typing import Final

from central.case_desk import CaseDesk
from central.detection.finding import Finding
from central.hub_states import Heard, HubStates
from central.storage import cases, homes
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import ProblemCode

LOOK_S: Final = 60.0
"""Between two looks at what units say: it is asked for after every alarm."""
DEAF_S: Final = 1_800.0
"""As for a silent unit. Until then it heals itself: it listens anew, resets its radio, starts its program again."""
RADIO_DEAF: Final = "radio_deaf"
_PREFIX: Final = "radio:"
_CODES: Final = frozenset({ProblemCode.BLE_DEAF.value, ProblemCode.BLE_MISSING.value})

log = logging.getLogger(__name__)


def deaf_since(heard: Heard) -> float | None:
    """Since when the unit says that its radio hears nobody, by the centre's clock; None while it hears."""
    found = [one.since for one in heard.state.problems if one.code in _CODES]
    if not found:
        return None
    return min(found) if heard.state.trusted else heard.received_at - (heard.state.at - min(found))


class RadioWatch:
    """Opens and ends the findings. `work` is for one thread; `states` is what units said last."""

    def __init__(self, desk: CaseDesk, states: HubStates) -> None:
        self._desk, self._states = desk, states
        self._open: dict[str, str] | None = None  # home -> key of its finding
        self._looked_at = 0.0

    def work(self, now: float) -> None:
        """Looks, when the time has come.

        Raises:
            DatabaseError: the database is away; what was not stored is stored at the next look.
        """
        if self._looked_at <= now < self._looked_at + LOOK_S:
            return
        self._looked_at = now
        if self._open is None:
            with self._desk.database.read() as connection:
                self._open = cases.open_findings(connection, _PREFIX)
        for hub, heard in self._states.complaining().items():
            since_at = deaf_since(heard)
            if heard.state.online and since_at is not None and now - since_at >= DEAF_S:
                self._found(self._open, hub, since_at, now)
        for home_id, key in list(self._open.items()):
            self._end_if_heard(self._open, home_id, key, now)

    def _found(self, known: dict[str, str], hub: str, since_at: float, now: float) -> None:
        with self._desk.database.read() as connection:
            home = homes.find_by_hub(connection, hub)
        if home is None or homes.is_unknown(home.home_id) or home.home_id in known:
            return
        key = f"{_PREFIX}{home.home_id}:{int(since_at)}"
        log.info("home %s: its radio hears nobody", home.home_id)
        self._desk.receive_finding(_finding(key, home.home_id, since_at, now), now)
        known[home.home_id] = key

    def _end_if_heard(self, known: dict[str, str], home_id: str, key: str, now: float) -> None:
        with self._desk.database.read() as connection:
            heard = self._states.of(homes.hub_of(connection, home_id))
        if heard is None or not heard.state.online or deaf_since(heard) is not None:
            return
        self._desk.receive_finding(_finding(key, home_id, now, now, active=False), now)
        del known[home_id]


def _finding(key: str, home_id: str, since_at: float, now: float, *, active: bool = True) -> Finding:
    facts: dict[str, str | float] = {"silent_s": round(now - since_at)}
    return Finding(key, home_id, AlarmKind.RADIO_DEAF, since_at, now, RADIO_DEAF, facts=facts, active=active)
