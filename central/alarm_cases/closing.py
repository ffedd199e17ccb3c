"""The codes with which a case is closed."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from central.alarm_cases.case import Note


class Cause(StrEnum):
    """Why the home called."""

    HELP_NEEDED = "help_needed"
    FALL = "fall"
    UNWELL = "unwell"
    FIRE_GAS_WATER = "fire_gas_water"
    LONELY = "lonely"
    MISTAKE = "mistake"
    TEST = "test"
    SENSOR_FALSE = "sensor_false"
    EQUIPMENT = "equipment"
    VISITOR = "visitor"


class Action(StrEnum):
    """What was done."""

    TALKED = "talked"
    CONTACT_SENT = "contact_sent"
    TEAM_SENT = "team_sent"
    AMBULANCE = "ambulance"
    FIRE = "fire"
    POLICE = "police"
    CLINICIAN = "clinician"
    TECHNICIAN = "technician"
    NONE = "none"


class Outcome(StrEnum):
    """How it ended; NOT_SAID is not enough for a matter of life."""

    NOT_SAID = ""
    RESOLVED_BY_TALK = "resolved_by_talk"
    HELPED_AT_HOME = "helped_at_home"
    HOSPITAL = "hospital"
    REFUSED = "refused"
    NOT_AT_HOME = "not_at_home"
    DIED = "died"
    UNKNOWN = "unknown"


class Label(StrEnum):
    """What the operator tells detection: was the alarm right?"""

    NOT_SAID = ""
    TRUE = "true"
    FALSE = "false"


class FollowUp(StrEnum):
    """When somebody rings the resident again; the call stands in the agenda from then on."""

    NONE = ""
    TODAY = "today"
    TOMORROW = "tomorrow"
    WEEK = "week"


class Closing(msgspec.Struct, frozen=True):
    """An operator's closing words. `told` holds the ids of contacts who were told; `explanation` says why nobody took
    the case in time, where that was not written before."""

    cause: Cause
    action: Action = Action.NONE
    outcome: Outcome = Outcome.NOT_SAID
    told: tuple[str, ...] = ()
    note: Note = ""
    label: Label = Label.NOT_SAID
    explanation: Note = ""
    follow_up: FollowUp = FollowUp.NONE
