"""What a detector holds true now about a home, with its reasons."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import EVIDENCE_MAX, Record


class Finding(msgspec.Struct, frozen=True):
    """One finding. Detectors state it again and again while it holds; `key` says that it is still the same one.

    Attributes:
        key: `home:detector:subject:since+limit`, unique for ever; the same situation gives the same key after a
            restart, a longer limit that has passed as well gives another.
        home: id of the home.
        kind: what an alarm of it is called.
        since_at: when the situation began, Unix seconds, UTC.
        found_at: when the limit was passed (event time, not the moment of computing).
        reason: key of the sentence that says which expectation failed, such as `quiet_too_long`.
        facts: what the sentence is filled with: device, room, hours.
        evidence: the readings that led to it, as SenML records, newest last.
        active: false when the situation has ended by itself.
    """

    key: Annotated[str, msgspec.Meta(max_length=120)]
    home: Annotated[str, msgspec.Meta(max_length=32)]
    kind: AlarmKind
    since_at: float
    found_at: float
    reason: Annotated[str, msgspec.Meta(max_length=40)]
    facts: dict[str, str | float] = {}
    evidence: Annotated[list[Record], msgspec.Meta(max_length=EVIDENCE_MAX)] = []
    active: bool = True
