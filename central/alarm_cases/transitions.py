"""The one table of what may happen to a case, in which state, and what becomes of it.

The theory
----------
A case is **in hand** when a person has it, or **ringing** when it asks for one (`ring_at` says since when). The two are
not states of their own: a case that Ana holds rings again when something new and grave joins it, and Ana keeps it
while it rings, because she may be speaking with the resident.

- An alarm opens a case, ringing. Only a named person taking it stops the ringing. Time never closes, takes or parks a
  case: all that time can do is ask more people (`escalated`), or make it ring again (`recalled`).
- Quiet at home is asked about at home first, where somebody can be asked: the case is `new` and does not ring, and
  wakes when the home has not said in time that it asks, and then when nobody has answered. "I am fine", or the end of
  the quiet, makes it `withdrawn`; whatever else comes of it or joins it makes it ring, and anybody may take it before.
  The people's time begins when they are called. A matter of life is never asked about first.
- `wake_at` is set in every open case: in a ringing one it is the next step of the ladder, in one in hand the time
  after which silence is suspicious, in a parked one the recall.
- An alarm of the same home joins. The priority may only rise. A joining alarm that raises the priority, that is a
  matter of life of another kind, or that meets a parked case, makes the case ring again, from the first step of its
  ladder, whoever holds it: a P1 is never hidden in what somebody already has. Repeats of the same kind in the hands of
  a person who is at it only count up.
- While a case in hand rings, its owner acknowledges by taking it again; anybody else may take it over. It cannot be
  closed until one of them has: nobody closes over an alarm that they have not seen.
- The home may withdraw alarms. A case nobody took, in which none stands any more, is `withdrawn`: it does not ring,
  but wants a check call, must be taken like any other and is closed by a person. Anything new in it makes it `new`.
- A case that nobody took within the time of its ladder's `exception` step opens a record: it cannot be closed before
  somebody has written why, be it then or in the closing words.
- What an operator holds is handed over when their shift ends: it rings for all. What is of life or urgent and lies at
  a console that is lost goes back to everybody by itself (`console_lost`): it rings as one that nobody has heard since.
- "No answer" begins a checklist; each step is done, skipped for a reason, or ticked by the system, and prompts once
  when its time is over. These prompts are timers of their own and stop nothing: `wake_at` goes on beside them. What is
  for when nobody comes waits as long as somebody does.
- A carer who accepts goes; a second one is told who does. One who turns back, or who asks for help at the resident's
  side, makes the case ring again. That somebody is going does not stop the ringing at the desk.
- A life case is closed only with an outcome, and only after speech, an arrival, or a reason written down.
- Many silent homes with one cause are one incident. Its cases keep their own life; a matter of life is never in one,
  and a case that becomes one leaves it.
- A closed case does not change, except that a named person may open it again within a day, for a reason, and then has
  it in hand. An alarm after closing opens a new case.

What is not in `TABLE` is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from central.alarm_cases import rules
from central.alarm_cases.case import Case, CaseEvent, EventType, State
from central.alarm_cases.decision import Decided, Refused, Rule
from central.alarm_cases.priority import Priority

__all__ = ["TABLE", "Decided", "Refused", "Rule", "opening", "rebuild", "transition"]


def opening(case_id: int, event: CaseEvent) -> Decided:
    """The case that `opened` begins: ringing, asked about at home first, or withdrawn when the home took back an alarm
    never seen here."""
    facts = event.facts
    blank = Case(
        id=case_id,
        home_id=facts.home,
        state=State.NEW if facts.standing else State.WITHDRAWN,
        priority=facts.priority,
        kind=facts.kind,
        owner_id=None,
        place=facts.place,
        repeats=1,
        standing=facts.standing,
        late_s=facts.late_s,
        opened_at=event.at,
        last_alarm_at=event.at,
        ring_at=None,
        taken_at=None,
        spoken_at=None,
        helper_id="",
        eta_at=None,
        arrived_at=None,
        closed_at=None,
        wake_at=None,
        wake_step="",
        version=1,
        plan=facts.plan,
    )
    asks = facts.ask_s > 0 and facts.priority is not Priority.LIFE
    begin = rules.withdrawn if not facts.standing else rules.asking if asks else rules.ringing
    return Decided(begin(blank, event.at), event)


def transition(case: Case, event: CaseEvent) -> Decided | Refused:
    """What becomes of `case` by `event` (which carries its time), or why it may not happen."""
    rule = TABLE.get((case.state, event.type))
    if rule is None:
        return Refused("not_possible", case.owner_id or "")
    after = rule(case, event)
    if isinstance(after, Refused):
        return after
    return Decided(replace(after, version=case.version + 1), event)


def rebuild(case_id: int, events: Iterable[CaseEvent]) -> Case:
    """The case that a log adds up to, exactly as it stands in the database.

    Raises:
        ValueError: the log does not begin with `opened`, or holds an event that the table refuses.
    """
    log = iter(events)
    first = next(log, None)
    if first is None or first.type is not EventType.OPENED:
        raise ValueError("a case's log begins with `opened`")
    case = opening(case_id, first).case
    for event in log:
        decided = transition(case, event)
        if isinstance(decided, Refused):
            raise ValueError(  # noqa: TRY004 - the log is wrong, not a type
                f"case {case_id}: {event.type} in state {case.state} is refused: {decided.reason}"
            )
        case = decided.case
    return case


_NEW, _TAKEN, _TALKING, _WAITING = State.NEW, State.TAKEN, State.TALKING, State.WAITING
_OPEN: Final = (_NEW, _TAKEN, _TALKING, _WAITING, State.WITHDRAWN)
_HELD: Final = (_TAKEN, _TALKING, _WAITING)

_ROWS: Final[tuple[tuple[EventType, tuple[State, ...], Rule], ...]] = (
    # from the home
    (EventType.JOINED, _OPEN, rules.joined),
    (EventType.UPDATED, _OPEN, rules.joined),
    (EventType.RETRACTED, _OPEN, rules.retracted),
    (EventType.COPIED, _OPEN, rules.kept),
    (EventType.ENDED, _OPEN, rules.ended),
    (EventType.ASKED, _OPEN, rules.asked),
    (EventType.ANSWERED, _OPEN, rules.answered),
    (EventType.COMFORTED, _OPEN, rules.kept),
    (EventType.ABANDONED, (_NEW,), rules.abandoned),
    # by an operator
    (EventType.TAKEN, _OPEN, rules.taken),
    (EventType.SPOKEN, (_TAKEN, _WAITING), rules.spoken),
    (EventType.NOTED, _OPEN, rules.kept_in_hand),
    (EventType.TRIAGED, _HELD, rules.triaged),
    (EventType.STEPPED, _OPEN, rules.stepped),
    (EventType.EXPLAINED, _OPEN, rules.explained),
    (EventType.PARKED, _HELD, rules.parked),
    (EventType.RELEASED, _HELD, rules.released),
    (EventType.HANDED_OVER, _HELD, rules.handed_over),
    (EventType.CONSOLE_LOST, (_TAKEN, _TALKING), rules.console_lost),
    (EventType.CALLED, _OPEN, rules.called),
    (EventType.CALL_ENDED, _OPEN, rules.call_ended),
    (EventType.RUNG, _OPEN, rules.kept_in_hand),
    (EventType.CLOSED, _HELD, rules.closed),
    (EventType.REOPENED, (State.CLOSED,), rules.reopened),
    # by an operator who was told so, or by a carer
    (EventType.ON_THE_WAY, _OPEN, rules.on_the_way),
    (EventType.DECLINED, _OPEN, rules.declined),
    (EventType.ARRIVED, _OPEN, rules.arrived),
    (EventType.INSIDE, _OPEN, rules.inside),
    (EventType.ALL_WELL, _OPEN, rules.kept),
    (EventType.NEEDS_HELP, _OPEN, rules.needs_help),
    # by the desk itself
    (EventType.PHONED, _OPEN, rules.kept),
    (EventType.TOLD, _OPEN, rules.kept),
    (EventType.GROUPED, _OPEN, rules.grouped),
    (EventType.ESCALATED, _OPEN, rules.escalated),
    (EventType.RECALLED, _OPEN, rules.recalled),
    (EventType.PROMPTED, _OPEN, rules.prompted),
)

TABLE: Final[dict[tuple[State, EventType], Rule]] = {
    (state, event_type): rule for event_type, states, rule in _ROWS for state in states
}
