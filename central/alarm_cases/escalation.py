"""Who is asked next, and when: due-times of a case that nobody has in hand."""

from __future__ import annotations

from typing import Final, NamedTuple

from central.alarm_cases.care_plan import AFTER_S_BOUNDS
from central.alarm_cases.case import Case, State
from central.alarm_cases.priority import Priority
from gateway.contract.alarm_kinds import SILENT_KINDS


class Step(NamedTuple):
    """What the desk does `after_s` seconds from when a case began to ring."""

    name: str
    after_s: float


SECOND_BURST: Final = "second_burst"
EVERY_OPERATOR: Final = "every_operator"
SUPERVISOR: Final = "supervisor"
FIRST_CARER: Final = "first_carer"
EVERY_CARER: Final = "every_carer"
HOME_REASSURED: Final = "home_reassured"
EXCEPTION: Final = "exception"
STILL_RINGING: Final = "still_ringing"
"""Comes again and again after the last step of a ladder, until a person takes the case."""
REVIEW: Final = "review"
"""A case in somebody's hands in which nothing has happened for long asks for attention again."""
RECALL: Final = "recall"
"""The time until which a case was parked."""
CHECK_CALL: Final = "check_call"
"""A withdrawn alarm still wants a friendly call."""

_LADDERS: Final[dict[Priority, tuple[Step, ...]]] = {
    Priority.LIFE: (
        Step(SECOND_BURST, 10),
        Step(EVERY_OPERATOR, 20),
        Step(SUPERVISOR, 30),
        Step(FIRST_CARER, 60),
        Step(EVERY_CARER, 90),
        Step(HOME_REASSURED, 120),
        Step(EXCEPTION, 180),
    ),
    Priority.URGENT: (Step(EVERY_OPERATOR, 60), Step(SUPERVISOR, 180), Step(EXCEPTION, 600)),
    Priority.ROUTINE: (Step(EVERY_OPERATOR, 900), Step(SUPERVISOR, 3_600)),
    Priority.TECHNICAL: (Step(SUPERVISOR, 86_400),),
    Priority.TEST: (Step(EVERY_OPERATOR, 3_600),),
}
_REPEAT_S: Final[dict[Priority, float]] = {
    Priority.LIFE: 60,
    Priority.URGENT: 300,
    Priority.ROUTINE: 3_600,
    Priority.TECHNICAL: 86_400,
    Priority.TEST: 86_400,
}
_REVIEW_S: Final[dict[Priority, float]] = {
    Priority.LIFE: 300,
    Priority.URGENT: 900,
    Priority.ROUTINE: 3_600,
    Priority.TECHNICAL: 86_400,
    Priority.TEST: 3_600,
}
CHECK_CALL_S: Final = 300.0
"""A withdrawn alarm is quiet for this long: the person may be busy with what made them cancel."""
PARKED_MAX_S: Final[dict[Priority, float]] = {
    Priority.LIFE: 1_800,
    Priority.URGENT: 14_400,
    Priority.ROUTINE: 604_800,
    Priority.TECHNICAL: 2_592_000,
    Priority.TEST: 604_800,
}
"""How far ahead a recall may lie: nobody parks a matter of life until tomorrow."""


FAMILY_FIRST_S: Final = 5.0
"""When the family is asked first, the best contact hears of it so soon after the operators' cards show it."""
FAMILY_NEXT_S: Final = 60.0
"""And the others, in a ladder that has no step for them by itself."""


_TONES: Final = frozenset({SECOND_BURST, EVERY_OPERATOR})
"""Steps that are heard at consoles, which go by `ring_at` themselves."""
_HEARD_AT_HOME: Final = frozenset({FIRST_CARER, EVERY_CARER, HOME_REASSURED})
"""Steps by which the home, or whoever may be there, hears that help was called."""


def ladder(case: Case) -> tuple[Step, ...]:
    """The steps that follow while nobody has the case in hand, as the case's care plan has them.

    A withdrawn one is never more than routine, and nobody's family is called out for it. Nor is it for one of somebody
    who is threatened, perhaps by family: nothing of it is heard at home.
    """
    steps = _LADDERS[_urgency(case)]
    if _urgency(case) > Priority.ROUTINE or case.state is State.WITHDRAWN:
        return steps
    after_s = {step.name: step.after_s for step in steps}
    if case.plan.first == "family":
        after_s[FIRST_CARER] = FAMILY_FIRST_S
        after_s.setdefault(EVERY_CARER, FAMILY_NEXT_S)
    for name, moved_s in case.plan.after_s.items():
        if name in after_s and name in AFTER_S_BOUNDS:
            least_s, most_s = AFTER_S_BOUNDS[name]
            after_s[name] = min(max(moved_s, least_s), most_s)
    if case.plan.carers != "first_then_all":
        after_s.pop(EVERY_CARER, None)
    if case.kind in SILENT_KINDS:
        after_s = {name: moment for name, moment in after_s.items() if name not in _HEARD_AT_HOME}
    return tuple(sorted((Step(*item) for item in after_s.items()), key=lambda step: step.after_s))


def due_times(case: Case) -> dict[str, float]:
    """When each step of its ladder comes, or came, by its name; nothing while the case does not ring."""
    return {} if case.ring_at is None else {step.name: case.ring_at + step.after_s for step in ladder(case)}


def exception_after_s(case: Case) -> float | None:
    """How long a case may ring before it must be explained; None where it need not be."""
    return next((step.after_s for step in ladder(case) if step.name == EXCEPTION), None)


def _urgency(case: Case) -> Priority:
    return max(case.priority, Priority.ROUTINE) if case.state is State.WITHDRAWN else case.priority


def review_s(priority: Priority) -> float:
    """How long a case may rest in somebody's hands without any event before it asks for attention again."""
    return _REVIEW_S[priority]


def step_after(case: Case, done: str, now: float) -> tuple[str, float]:
    """The step that follows `done` in a ringing case, and when it is due.

    Steps stand in their order from `ring_at`, so that after an outage all that were missed are made up one by one.
    """
    steps = ladder(case)
    names = [step.name for step in steps]
    position = names.index(done) + 1 if done in names else len(steps)
    if case.ring_at is None or position == len(steps):
        return STILL_RINGING, now + _REPEAT_S[_urgency(case)]
    return steps[position].name, case.ring_at + steps[position].after_s


def entered(case: Case, now: float) -> tuple[str, float]:
    """The step at which a case begins that has rung unheard since `ring_at`, and when that is due: the tones whose
    time is over are left out, nobody who is to be called is."""
    assert case.ring_at is not None
    for step in ladder(case):
        due_at = case.ring_at + step.after_s
        if step.name not in _TONES or due_at > now:
            return step.name, max(now, due_at)
    return STILL_RINGING, now


def carers_wanted(case: Case, step: str) -> int:
    """How many more contacts are asked at a step: 0 none, 1 the next, -1 all that are left."""
    if case.state is State.WITHDRAWN or case.helper_id or case.kind in SILENT_KINDS:
        return 0
    if step == FIRST_CARER:
        return -1 if case.plan.carers == "parallel" else 1
    if step == EVERY_CARER:
        return -1
    # a matter of life that nobody answers: one more at each step, and everybody a second time
    asked_by_now = step in {HOME_REASSURED, EXCEPTION, STILL_RINGING}
    return 1 if asked_by_now and case.priority is Priority.LIFE else 0


def built_in_after_s(step: str) -> float:
    """When a step of the ladder of matters of life comes, where nobody has moved it."""
    return next(one.after_s for one in _LADDERS[Priority.LIFE] if one.name == step)
