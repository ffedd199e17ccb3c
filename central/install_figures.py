"""How quickly homes get their units. Pure.

How it is counted, after the TSA quality standard: an urgent installation is done within two working days (nine of ten),
and every one within five. The day of the order is no working day of it; the clock stops when the home's unit is heard
for the first time. Working days are Monday to Friday; holidays are not known here, so that a week with one looks a day
too slow, never too quick. Orders that were called off are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from central.service_figures import percentile

URGENT_DAYS: Final = 2
ALL_DAYS: Final = 5
URGENT_SHARE: Final = 0.9
"""Of the urgent ones within `URGENT_DAYS`; of all, everyone within `ALL_DAYS`."""


@dataclass(frozen=True, slots=True)
class Order:
    """An installation that was ordered. `installed_at`: when the home's unit was first heard, None while it was not;
    `hub`: the unit that is meant for the home, "" while there is none."""

    id: int
    home_id: str
    address: str
    municipality: str
    hub: str
    urgent: bool
    ordered_at: float
    installed_at: float | None


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that is not done: by when, and by how much it is overdue (negative: so long is left)."""

    order: Order
    due_at: float
    overdue_s: float


@dataclass(frozen=True, slots=True)
class Installs:
    """The figures of orders of a span. Shares are of those done or waiting longer than the limit.

    Attributes:
        orders: all of them; `waiting` are not done yet.
        counted_2, counted_5: of how many it is known whether they were done within the working days; within_*: those.
    """

    orders: int
    waiting: int
    counted_2: int
    within_2: int
    counted_5: int
    within_5: int
    p50_s: float | None
    max_s: float | None

    def share(self, days: int) -> float | None:
        """The share done within 2 or 5 working days; None when none is counted."""
        done, counted = (self.within_2, self.counted_2) if days == URGENT_DAYS else (self.within_5, self.counted_5)
        return done / counted if counted else None


def due_at(ordered_at: float, days: int, timezone: str) -> float:
    """The end of the so many-th working day after that of the order, Unix seconds."""
    zone = ZoneInfo(timezone)
    day = datetime.fromtimestamp(ordered_at, zone).date()
    left = days
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return datetime.combine(day + timedelta(days=1), time(), zone).timestamp()


def figures(orders: Iterable[Order], now: float, timezone: str) -> Installs:
    """The figures of many orders."""
    known = list(orders)
    spans = sorted(one.installed_at - one.ordered_at for one in known if one.installed_at is not None)
    waiting = [now - one.ordered_at for one in known if one.installed_at is None]
    counted_2, within_2 = _kept(known, URGENT_DAYS, now, timezone)
    counted_5, within_5 = _kept(known, ALL_DAYS, now, timezone)
    return Installs(
        orders=len(known),
        waiting=len(waiting),
        counted_2=counted_2,
        within_2=within_2,
        counted_5=counted_5,
        within_5=within_5,
        p50_s=percentile(spans, 50),
        max_s=max([*spans, *waiting], default=None),
    )


def _kept(orders: Iterable[Order], days: int, now: float, timezone: str) -> tuple[int, int]:
    counted = kept = 0
    for one in orders:
        limit_at = due_at(one.ordered_at, days, timezone)
        if one.installed_at is not None:
            counted += 1
            kept += one.installed_at < limit_at
        else:
            counted += now >= limit_at
    return counted, kept


def waiting(orders: Iterable[Order], now: float, timezone: str) -> list[OpenOrder]:
    """What is to be installed, in the order in which it is due."""
    found = []
    for order in orders:
        if order.installed_at is None:
            limit_at = due_at(order.ordered_at, URGENT_DAYS if order.urgent else ALL_DAYS, timezone)
            found.append(OpenOrder(order, limit_at, now - limit_at))
    return sorted(found, key=lambda one: (one.due_at, one.order.ordered_at, one.order.id))
