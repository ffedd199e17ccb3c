"""What a wired emergency button means by going down and up: a press, a long press, a stuck or chattering contact. Pure.

A press counts when the button goes down, not when it is let go: a person may hold on. One that is held already when
listening begins (the hub restarted, the plug was pulled) is told as such; `devices.models.button` decides whether it
counts. All times are of a monotonic clock, in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

LONG_S: Final = 3.0
"""Held for this long, a press is a long one."""
STUCK_S: Final = 30.0
"""Nobody holds a button for this long: it is jammed, or its cable is crushed."""
GPIO_DEBOUNCE_S: Final = 0.03
"""A bare contact bounces for 1 to 20 ms, and a long cable picks up needles of less; a thumb stays for 50 ms or more."""
CHATTER_WINDOW_S: Final = 60.0
CHATTER_PRESSES: Final = 30
"""As many presses in a window are a loose wire. From then on one a window is told, for a thumb may be among them."""


class Told(StrEnum):
    """What is told about a button."""

    PRESS = "press"
    HELD = "held"
    """Down already when listening began."""
    LONG = "long"
    RELEASE = "release"
    STUCK = "stuck"
    CHATTER = "chatter"
    STEADY = "steady"
    """A chattering button has become quiet."""


@dataclass(frozen=True, slots=True)
class Button:
    """One button between two moments; begins with `begin`.

    Attributes:
        level: whether the contact is closed.
        level_since: when it became so.
        was_down: whether the button counted as down, contact bounce apart.
        down_since: when it went down.
        told_long, told_stuck: whether that was told of this press.
        from_start: whether it was down when listening began.
        presses: when the presses of the last window were, at most `CHATTER_PRESSES`.
        told_at: when a press of a chattering button was last told; None for one that does not chatter.
    """

    level: bool
    level_since: float
    was_down: bool = False
    down_since: float = math.inf
    told_long: bool = False
    told_stuck: bool = False
    from_start: bool = False
    presses: tuple[float, ...] = ()
    told_at: float | None = None


def begin(level: bool, now: float) -> Button:
    """A button when listening begins."""
    return Button(level, now, from_start=level)


def advance(button: Button, level: bool, now: float, debounce_s: float) -> tuple[Button, list[Told]]:
    """Time has passed until `now`, and the contact is closed or open from now on.

    Args:
        button: as it was.
        level: as read now.
        now: not before the last call's.
        debounce_s: a level that does not stay for so long did not happen; 0 for a device that takes care itself.

    Returns:
        The button, and what is to be told, in order.
    """
    button, told = _settle(button, now, debounce_s)
    if level != button.level:
        # what went open again before it counted was no press, nor is the next one from before
        from_start = button.from_start and button.was_down
        button, more = _settle(replace(button, level=level, level_since=now, from_start=from_start), now, debounce_s)
        told += more
    return button, told


def due_at(button: Button, debounce_s: float) -> float:
    """When `advance` has something to tell though nothing moves; inf for never."""
    dues = [math.inf]
    if button.level != button.was_down:
        dues.append(button.level_since + debounce_s)
    if button.was_down and not button.told_long:
        dues.append(button.down_since + LONG_S)
    if button.was_down and not button.told_stuck:
        dues.append(button.down_since + STUCK_S)
    if button.told_at is not None:
        dues.append(button.presses[-1] + CHATTER_WINDOW_S)
    return min(dues)


def _settle(button: Button, now: float, debounce_s: float) -> tuple[Button, list[Told]]:
    """Everything that has come true by `now` with the level as it was until then."""
    told: list[Told] = []
    changed = button.level != button.was_down and now >= button.level_since + debounce_s
    held_until = button.level_since if changed and not button.level else now
    if button.was_down and not button.told_long and held_until >= button.down_since + LONG_S:
        button = replace(button, told_long=True)
        told.append(Told.LONG)
    if button.was_down and not button.told_stuck and held_until >= button.down_since + STUCK_S:
        button = replace(button, told_stuck=True)
        told.append(Told.STUCK)
    if button.told_at is not None and now >= button.presses[-1] + CHATTER_WINDOW_S:
        button = replace(button, told_at=None, presses=())
        told.append(Told.STEADY)
    if not changed:
        return button, told
    if not button.level:
        told.append(Told.RELEASE)
        return replace(button, was_down=False, from_start=False), told
    button, more = _pressed(button)
    # what was found late may have been held long ago
    button, later = _settle(button, now, debounce_s)
    return button, told + more + later


def _pressed(button: Button) -> tuple[Button, list[Told]]:
    at = button.level_since
    lately = tuple(press for press in button.presses if at - press < CHATTER_WINDOW_S)
    presses = (*lately, at)[-CHATTER_PRESSES:]
    button = replace(button, was_down=True, down_since=at, told_long=False, told_stuck=False, presses=presses)
    press = Told.HELD if button.from_start else Told.PRESS
    if button.told_at is not None:
        if at - button.told_at < CHATTER_WINDOW_S:
            return replace(button, told_long=True), []
        return replace(button, told_at=at), [press]
    if len(presses) == CHATTER_PRESSES:
        return replace(button, told_at=at), [press, Told.CHATTER]
    return button, [press]
