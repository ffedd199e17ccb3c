"""Whether an alarm was right, as the closing of its case says."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Final

from central.alarm_cases.closing import Cause, Label
from central.alarm_cases.priority import Priority, priority_of
from gateway.contract.alarm_kinds import AlarmKind


class Verdict(StrEnum):
    """What became of an alarm or finding."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


_RIGHT: Final = frozenset({Cause.HELP_NEEDED.value, Cause.FALL.value, Cause.UNWELL.value, Cause.FIRE_GAS_WATER.value})
_WRONG: Final = frozenset({Cause.MISTAKE.value, Cause.SENSOR_FALSE.value, Cause.VISITOR.value, Cause.EQUIPMENT.value})


def verdict(kind: AlarmKind, among: AbstractSet[AlarmKind], cause: str, label: str) -> Verdict:
    """The verdict on one alarm or finding of a closed case.

    What the operator said of detection (`label`) comes first; without it the cause tells, where it can. A technical
    matter that stood beside a person's is not judged by what became of the person; and a cause that speaks of a
    mistake does not say which of several kinds was mistaken.

    Args:
        kind: of the alarm or finding; `among` are the kinds of all that are in the case.
        cause, label: codes of `central.alarm_cases.closing`.
    """
    technical = is_technical(kind)
    if technical and not all(is_technical(other) for other in among):
        return Verdict.UNKNOWN
    if label in {Label.TRUE.value, Label.FALSE.value}:
        return Verdict(label)
    if technical and cause == Cause.EQUIPMENT.value:
        return Verdict.TRUE
    if not technical and (cause in _RIGHT or (kind is AlarmKind.HELP and cause == Cause.LONELY.value)):
        return Verdict.TRUE
    if cause in _WRONG and len(among) == 1:
        return Verdict.FALSE
    return Verdict.UNKNOWN


def is_technical(kind: AlarmKind) -> bool:
    """Whether it is about equipment and not about a person."""
    return priority_of(kind) is Priority.TECHNICAL
