"""How well people are answered today, as every console's top strip shows it: counted as quality and wallboard do."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from central import service_figures as figures
from central.console.templating import CENTRE_TIMEZONE
from central.storage import service_quality, settings
from central.storage.service_quality import Scope
from central.texts import local


@dataclass(frozen=True, slots=True)
class AnswerTimes:
    """How many calls since `since_at` are counted, and how many of them were answered within so many seconds.

    `aims` are the service's own targets by those seconds, shares in per cent.
    """

    since_at: float
    counted: int
    within_50_s: int
    within_60_s: int
    within_180_s: int
    aims: dict[int, float]


def midnight_before(now: float) -> float:
    """When today began by the centre's clock."""
    return local(now, CENTRE_TIMEZONE).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def answers_today(conn: Connection, municipalities: frozenset[str] | None, now: float) -> AnswerTimes:
    """Today's answers so far, of some municipalities (None: of all)."""
    since_at = midnight_before(now)
    total = figures.answers(service_quality.calls(conn, Scope(since_at, now + 1, municipalities), CENTRE_TIMEZONE), now)
    targets = settings.current(conn).targets
    within = total.within
    aims = {50: targets.share_50, 60: targets.share_60, 180: targets.share_180}
    return AnswerTimes(since_at, total.counted, within[50], within[60], within[180], aims)
