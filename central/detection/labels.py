"""What people said of past findings, and the times of a home that are not to be learned from because of it.

A confirmed event is no ordinary life: the time from its begin until its case was closed is left out, and so is what
follows until strong evidence of somebody, since learning leaves out a silence as a whole when any of it is named. A
stay in hospital often begins after the case is closed, while helpers still walk about at home: a day more is left out.

A false label changes no limit by itself. The silence that was called for nothing is in the home's past already and has
raised the limit as far as one silence does; to push once more would count it twice, and one careless label, or a few
where somebody really lay, would make the home deaf. It is counted, and people decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from central.alarm_cases.verdict import Verdict, is_technical
from gateway.contract.alarm_kinds import AlarmKind

LABELS_MAX: Final = 64
"""Labels of a home that are told and kept, the newest: one every other day for four months."""
KEEP_S: Final = 130 * 86_400.0
"""Older ones mean nothing any more: habits reach 120 days back."""
HOSPITAL_S: Final = 86_400.0


class Label(msgspec.Struct, frozen=True):
    """What the closing of a case says of one finding in it.

    Attributes:
        key: the finding's; detector: whose it was.
        verdict: "true", "false" or "unknown".
        since_at: when the situation began; closed_at: when the case was closed. Unix seconds.
        hospital: whether the case ended there.
    """

    key: Annotated[str, msgspec.Meta(max_length=120)]
    detector: Annotated[str, msgspec.Meta(max_length=40)]
    kind: AlarmKind
    verdict: Annotated[str, msgspec.Meta(max_length=8)]
    since_at: float
    closed_at: float
    hospital: bool = False


class Labels(msgspec.Struct, frozen=True):
    """All labels of a home in the last months. Those of one finding never change: any order and number is the same."""

    home: Annotated[str, msgspec.Meta(max_length=32)]
    labels: Annotated[list[Label], msgspec.Meta(max_length=LABELS_MAX)] = []


def merged(known: Iterable[Label], told: Iterable[Label]) -> list[Label]:
    """Both without doubles, the longest closed first, the newest of them that are kept."""
    by_key = {label.key: label for label in (*known, *told)}
    newest_at = max((label.closed_at for label in by_key.values()), default=0.0)
    kept = [label for label in by_key.values() if label.closed_at >= newest_at - KEEP_S]
    return sorted(kept, key=lambda label: (label.closed_at, label.key))[-LABELS_MAX:]


def unusual_times(labels: Iterable[Label]) -> tuple[tuple[float, float], ...]:
    """From and until, for `Limits.unusual`. What was confirmed about equipment says nothing of the residents' life, and
    the hours that were not heard are left out anyway."""
    return tuple(
        (label.since_at, label.closed_at + (HOSPITAL_S if label.hospital else 0.0))
        for label in labels
        if label.verdict == Verdict.TRUE and not is_technical(label.kind)
    )
