"""What kinds of calls are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from central.texts import later

AGENDA_KINDS: Final[Mapping[str, str]] = {
    "medication": later("Medication"),
    "special": later("Reminder"),
    "follow_up": later("Follow-up"),
    "courtesy": later("Courtesy call"),
    "birthday": later("Birthday"),
    "alert": later("Heat or cold alert"),
    "absence": later("Return home"),
    "check": later("Check call"),
    "suicide_risk": later("Follow-up that must not be left out"),
}
