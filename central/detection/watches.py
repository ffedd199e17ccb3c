"""Under which numbers the detectors of presence keep what a home's ordinary life reached; those below 16 are budgets
of inactivity. They stand in what is stored, and never change."""

from __future__ import annotations

from enum import IntEnum


class Watch(IntEnum):
    """What is watched; the unit of its score in brackets."""

    NIGHT_EXIT = 16
    """Nobody noticed indoors after the door at night (minutes)."""
    DOOR_OPEN = 17
    """The door stands open at night (minutes)."""
    WANDERING = 18
    """Walking about at night (minutes)."""
    BATHROOM_DAY = 19
    BATHROOM_NIGHT = 20
    """Noticed in the bathroom and nowhere else (minutes)."""
    BED_LEFT = 21
    """Nobody noticed anywhere while the bed is empty at night (minutes)."""
    OVER_EAGER = 22
    """A sensor fires alone (steps)."""
