"""Where a sensor of movement is worn."""

from __future__ import annotations

from enum import StrEnum


class Site(StrEnum):
    """There is a fall model for each."""

    WRIST = "wrist"
    WAIST = "waist"
