"""What each hub said last about itself, in memory: the broker keeps it and tells it again when the desk starts."""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

import msgspec

from gateway.contract.messages import HubState

HUBS_MAX: Final = 200_000
"""Hubs of which a state is kept: the broker vouches that they are ours, and this that a fault of it fills no memory."""


class Heard(NamedTuple):
    """A hub's state and when it arrived here, Unix seconds (of a retained one: when the broker told it again)."""

    state: HubState
    received_at: float


class HubStates:
    """Latest states by hub. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, Heard] = {}
        self._complaining: set[str] = set()
        self._changed: dict[str, int] = {}
        self._news: set[str] = set()

    def hear(self, hub: str, state: HubState, received_at: float) -> None:
        """Takes a state. One that only says "offline" (a last will) leaves what is known of the hub besides."""
        with self._lock:
            before = self._heard.get(hub)
            if before is None and len(self._heard) >= HUBS_MAX:
                return
            if not state.online and before is not None:
                self._heard[hub] = Heard(msgspec.structs.replace(before.state, online=False), before.received_at)
                return
            self._heard[hub] = Heard(state, received_at)
            if before is None or not before.state.online or _named(before.state) != _named(state):
                self._news.add(hub)
            if state.problems or state.faults or state.mains is False:
                self._complaining.add(hub)
            else:
                self._complaining.discard(hub)
            if state.online and (before is None or before.state.cfg != state.cfg):
                self._changed[hub] = state.cfg

    def of(self, hub: str) -> Heard | None:
        """The latest word of a hub, None when it has said nothing since the desk started."""
        with self._lock:
            return self._heard.get(hub)

    def can_ask(self, hub: str) -> bool:
        """Whether a hub is there, as far as is known, and says that somebody in its home can be asked something."""
        heard = self.of(hub)
        return heard is not None and heard.state.online and heard.state.asks

    def speaks(self, hub: str) -> bool:
        """Whether a hub said when it was last heard that what it asks is said aloud; silence says nothing."""
        heard = self.of(hub)
        return heard is not None and heard.state.speaks

    def complaining(self) -> dict[str, Heard]:
        """The latest words of those hubs that report anything wrong."""
        with self._lock:
            return {hub: self._heard[hub] for hub in self._complaining}

    def silent(self) -> list[str]:
        """Those hubs that are away by their last will."""
        with self._lock:
            return [hub for hub, heard in self._heard.items() if not heard.state.online]

    def take_news(self) -> set[str]:
        """The hubs that name other problems than when this was last asked, or are heard again."""
        with self._lock:
            news, self._news = self._news, set()
        return news

    def news_again(self, hubs: set[str]) -> None:
        """Gives back those of which the news could not be stored."""
        with self._lock:
            self._news |= hubs

    def take_changed(self) -> dict[str, int]:
        """Hub -> version of the settings in force, of those that have changed since this was last asked."""
        with self._lock:
            changed, self._changed = self._changed, {}
        return changed

    def changed_again(self, changed: dict[str, int]) -> None:
        """Gives back what was taken and could not be stored; what has changed since counts more."""
        with self._lock:
            self._changed = changed | self._changed


def _named(state: HubState) -> tuple[int, set[tuple[str, str]]]:
    return state.problems_more, {(one.code, one.subject) for one in state.problems}
