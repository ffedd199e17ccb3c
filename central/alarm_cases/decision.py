"""What comes of an event: it happened, or why it may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from central.alarm_cases.case import Case, CaseEvent


@dataclass(frozen=True, slots=True)
class Decided:
    """The event happened: the case after it. The caller stores both in one transaction."""

    case: Case
    event: CaseEvent


@dataclass(frozen=True, slots=True)
class Refused:
    """The event may not happen; the case is unchanged.

    Attributes:
        reason: `not_possible` (not in the table), `taken`, `already_yours`, `not_yours`, `ringing`, `no_outcome`,
            `no_speech`, `no_explanation`, `no_exception`, `bad_recall`, `bad_triage`, `bad_step`, `no_reason`,
            `not_due`, `too_late`, `already_going`, `life_alone`, `no_such_case`, `no_such_contact`,
            `no_such_operator`, `already_asked`, `unreachable`.
        who: id of the operator who holds the case, where one does; for `already_going` the contact who goes.
        before_s: for `taken`: how many seconds earlier they took it.
        called: the name of `who`, filled in by the desk.
    """

    reason: str
    who: str = ""
    before_s: float = 0.0
    called: str = ""


Rule = Callable[[Case, CaseEvent], "Case | Refused"]
