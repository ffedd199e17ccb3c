"""Writes down what units say and what must outlast them: that they are heard where one was ordered, what is wrong."""

from __future__ import annotations

from typing import Final

from central.hub_states import Heard, HubStates
from central.repair_figures import REPORTED
from central.storage import homes, hub_faults, installations
from central.storage.database import Database
from central.storage.hub_faults import Reported

HUBS_AT_ONCE: Final = 50
"""Units in one transaction: after a start many may have news, and an alarm waits for no more than that."""


class UnitWatch:
    """Looks at what units said last; `work` is for one thread."""

    def __init__(self, database: Database, states: HubStates) -> None:
        self._database = database
        self._states = states

    def work(self, now: float) -> None:
        """Writes what is new.

        Raises:
            DatabaseError: the database is away; what was not written is written later.
        """
        self._end_orders()
        news = self._states.take_news()
        try:
            while news:
                self._note_faults(sorted(news)[:HUBS_AT_ONCE], now)
                news -= set(sorted(news)[:HUBS_AT_ONCE])
        finally:
            self._states.news_again(news)

    def _end_orders(self) -> None:
        with self._database.read() as connection:
            waiting = installations.waiting(connection)
        for order in waiting:
            heard = self._states.of(order.hub) if order.hub else None
            if heard is not None and heard.state.online:
                with self._database.begin() as connection:
                    installations.installed(connection, order.id, max(order.ordered_at, heard.received_at))

    def _note_faults(self, hubs: list[str], now: float) -> None:
        said = {hub: heard for hub in hubs if (heard := self._states.of(hub)) is not None and heard.state.online}
        with self._database.read() as connection:
            known = hub_faults.going_on(connection, list(said))
        changed = [hub for hub, heard in said.items() if _faults(heard) != known.get(hub, set())]
        if not changed:
            return
        with self._database.begin() as connection:
            for hub in changed:
                where = homes.find_by_hub(connection, hub)
                if where is not None and not homes.is_unknown(where.home_id):
                    whole = said[hub].state.problems_more == 0
                    hub_faults.keep(connection, hub, where.home_id, _faults(said[hub]), now, whole=whole)


def _faults(heard: Heard) -> set[Reported]:
    return {Reported(one.code, one.subject) for one in heard.state.problems if one.code in REPORTED}
