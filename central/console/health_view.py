"""What the desk process knows of its own health and of its neighbours'; given to the console by the wiring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.internal import ReceiverHealth
from central.restarts import Restart

RECEIVER_FRESH_S: Final = 15.0
"""The receiver speaks every few seconds; three missed words mean that something is wrong."""


@dataclass(frozen=True, slots=True)
class HealthView:
    """A look at the desk at one moment.

    Attributes:
        broker_connected: whether the desk's MQTT session stands.
        broker: where the broker is, and why it is not connected when it is not.
        receiver: the receiver's last word; None when it never spoke since the desk started.
        commits: alarm transactions since start.
        commit_p50_ms, commit_p99_ms: their latency over the latest few hundred; None before the first.
        database: "ok", or what is wrong in a few words.
        channels: the ways to carers that are set up, by the channels' names.
        paper: whether a paper list is to be written every night.
        paper_at: when the newest was written; None when there is none.
        ahead_s: how far the desk counts on ahead of the machine's clock, which was set back.
        restarts: the centre's processes that had to be started again lately, oldest first.
    """

    broker_connected: bool = False
    broker: str = ""
    receiver: ReceiverHealth | None = None
    commits: int = 0
    commit_p50_ms: float | None = None
    commit_p99_ms: float | None = None
    database: str = "ok"
    channels: tuple[str, ...] = ()
    ahead_s: float = 0.0
    restarts: tuple[Restart, ...] = ()
    paper: bool = False
    paper_at: float | None = None

    def receiver_state(self, now: float) -> str:
        """ "ok", "silent" (not heard lately), "store" (its telemetry store is down) or "never"."""
        if self.receiver is None:
            return "never"
        if now - self.ahead_s - self.receiver.at > RECEIVER_FRESH_S:
            return "silent"
        return "ok" if self.receiver.store == "ok" else "store"
