"""An alarm case and its log. The log is the truth; the case is what the log adds up to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec

from central.alarm_cases.care_plan import STANDARD, CarePlan
from central.alarm_cases.priority import Priority
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import EVIDENCE_MAX, Record, Stage

NOTE_MAX = 2_000
"""Longest note of an operator, in characters: a page of text."""

TEAM = "~team"
"""The service's response team, where otherwise a contact's id stands; no contact is called so."""

RING_LIMIT = "ring_limit"
STEP_TIMER = "step:"
"""Names of the timers that prompt: a telephone that rings too long; "step:" and the step of the protocol at hand."""

ASK_UNHEARD = "ask_unheard"
"""The home was told to ask whether all is well, and has not said that it does."""
ASK_UNANSWERED = "ask_unanswered"
"""The home asks, and nobody has answered."""
FINE, HELP, NO_ANSWER, NOT_ASKED = ANSWERS = ("fine", "help", "none", "failed")
"""What the home says in the end: what was answered, that nobody did, or that it could ask nobody."""
LOST = "lost"
"""What the desk says in its stead: the unit is gone, and no answer can come."""
SAID, SHOWN, NOT_SAID = "said", "shown", "not_said"
"""What became of a word of comfort at home: heard aloud to its end, only shown, or neither."""
_ASKED_FIRST = frozenset({ASK_UNHEARD, ASK_UNANSWERED})

Note = Annotated[str, msgspec.Meta(max_length=NOTE_MAX)]


class State(StrEnum):
    """Where a case stands."""

    NEW = "new"
    TAKEN = "taken"
    TALKING = "talking"
    WAITING = "waiting"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


class Way(StrEnum):
    """By which way a message came: over the broker, or as an SMS."""

    LINE = "line"
    SMS = "sms"


class EventType(StrEnum):
    """What may happen to a case."""

    OPENED = "opened"
    JOINED = "joined"
    UPDATED = "updated"
    RETRACTED = "retracted"
    COPIED = "copied"
    ENDED = "ended"
    ASKED = "asked"
    ANSWERED = "answered"
    COMFORTED = "comforted"
    ABANDONED = "abandoned"
    TAKEN = "taken"
    SPOKEN = "spoken"
    NOTED = "noted"
    TRIAGED = "triaged"
    STEPPED = "stepped"
    EXPLAINED = "explained"
    PARKED = "parked"
    RELEASED = "released"
    HANDED_OVER = "handed_over"
    CONSOLE_LOST = "console_lost"
    CALLED = "called"
    CALL_ENDED = "call_ended"
    RUNG = "rung"
    PHONED = "phoned"
    TOLD = "told"
    ON_THE_WAY = "on_the_way"
    DECLINED = "declined"
    ARRIVED = "arrived"
    INSIDE = "inside"
    ALL_WELL = "all_well"
    NEEDS_HELP = "needs_help"
    GROUPED = "grouped"
    ESCALATED = "escalated"
    RECALLED = "recalled"
    PROMPTED = "prompted"
    CLOSED = "closed"
    REOPENED = "reopened"


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an event says, by type; fields that do not belong to a type keep their defaults and are not stored.

    Attributes:
        home: opened.
        hub, ref: opened, joined, updated, retracted, copied by an alarm; hub also "unknown unit" cases.
        way: by which way the alarm came; copied: by which other way it came too, `late_s` after the first copy.
        finding: opened, joined, ended by a finding: its key.
        kind, priority, place, device, text, evidence: of the alarm or finding.
        reason, details: of a finding: the sentence's key and what fills it; `reason` also of parking and release.
        event_at: when it happened in the home; late_s: how much later the centre heard of it, 0 when in time.
        ask_s: opened, asked: for how long the home asks before people are called; 0 where it does not.
        aloud: asked, and of an alarm that says that nobody answered: the home had a voice, as far as was known.
        standing: by how much the number of alarms not withdrawn changes: -1, 0 or 1.
        plan: opened, joined, updated: the care plan by which the ladder goes.
        recall_at: parked until.
        contact: called, told, on the way, declined, arrived, inside, all well, needs help: the contact's id, or `TEAM`;
            stepped by the system: who goes or is there; state, channel: of a delivery, or how a telephone call ended;
            needs help: "ambulance" or "advice"; answered: `ANSWERS` or `LOST`;
            comforted: `SAID`, `SHOWN` or `NOT_SAID`.
        contacts: escalated: everybody who was asked at that step.
        eta_minutes: on the way.
        operator: handed over: to whom, "" for whoever takes it first; console lost: whose, and event_at since when;
            told: the name of somebody on call.
        incident: grouped: under which incident.
        triage: triaged: 1 to 5; silent: nobody answers, and the line is open without a sound.
        step: escalated, recalled, prompted: which step was due; late_s tells how late it was acted on. stepped: which
            step of the protocol, with state "done", "skipped" (reason says why) or "by_system" (event_at: when). rung:
            the step that ringing there does; phoned: the same, where it was no contact who was called, with state
            "answered", "ended" or why nobody was reached.
        cause, action, outcome, told, label, follow_up, explanation: closed (codes of `central.alarm_cases.closing`);
            explanation also of explained: why nobody took it in time.
        limit_s: called by telephone: how long it may ring; 0 is as built in.
        talk_s: phoned: for how long they talked.
    """

    home: str = ""
    hub: str = ""
    ref: str = ""
    way: Way = Way.LINE
    finding: str = ""
    kind: AlarmKind = AlarmKind.OTHER
    priority: Priority = Priority.TEST
    place: str = ""
    device: str = ""
    text: Note = ""
    reason: str = ""
    details: dict[str, str | float] = {}
    evidence: Annotated[list[Record], msgspec.Meta(max_length=EVIDENCE_MAX)] = []
    event_at: float = 0.0
    late_s: float = 0.0
    ask_s: float = 0.0
    aloud: bool = False
    standing: int = 0
    plan: CarePlan = STANDARD
    recall_at: float = 0.0
    contact: str = ""
    contacts: tuple[str, ...] = ()
    channel: str = ""
    state: str = ""
    eta_minutes: int = 0
    operator: str = ""
    incident: int = 0
    triage: int = 0
    silent: bool = False
    step: str = ""
    cause: str = ""
    action: str = ""
    outcome: str = ""
    told: tuple[str, ...] = ()
    label: str = ""
    follow_up: str = ""
    explanation: Note = ""
    limit_s: float = 0.0
    talk_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One line of a case's log.

    Attributes:
        type: what happened.
        at: Unix seconds.
        actor: an operator's id, "hub", "desk", or "carer" (the contact is in the facts).
        facts: the particulars.
    """

    type: EventType
    at: float
    actor: str
    facts: Facts = field(default_factory=Facts)


class Timer(NamedTuple):
    """Something that becomes due in a case."""

    step: str
    due_at: float


@dataclass(frozen=True, slots=True)
class Case:
    """An alarm being handled. Times are Unix seconds, None where it has not happened.

    Attributes:
        id: the number that people use.
        home_id: whose it is.
        state: where it stands.
        priority: may only rise while the case is open.
        kind, place: of the newest evidence among the most urgent.
        owner_id: the operator who holds it (of a closed case: who closed it).
        repeats: alarms and findings joined, the first included.
        standing: how many of them the home has not withdrawn.
        late_s: worst delay between an event at home and its arrival here; 0 when all came in time.
        opened_at, last_alarm_at: first and latest alarm, by the centre's clock. Where the home was asked first, or had
            taken back what came before, `opened_at` is when people were called, or when somebody took it who had it in
            hand by then: they are not late for what they were not asked.
        ring_at: since when the case asks for somebody; None while a person has it in hand.
        taken_at: when its owner took it; spoken_at: when somebody first spoke with the resident.
        helper_id, eta_at: the contact (or `TEAM`) who is on the way, and when they are expected.
        arrived_at: when somebody first stood at the resident's side.
        closed_at: when it was closed.
        wake_at, wake_step: when the desk will act by itself if nothing else happens, and what it does then.
        version: number of events in the log.
        plan: by which its ladder goes.
        triage: what is needed, 1 to 5 (`protocol`); 0 while nobody has said.
        protocol, protocol_step, step_due_at: the checklist being followed, the step at hand ("" when all are done), and
            when the operator is prompted (None when they were).
        ring_limit_at: when a contact's telephone has rung long enough.
        exception_at: since when it must be explained why nobody took it in time; explained_at: when that was written.
        abandoned_at: when the home gave up before anybody had taken it.
        reopened: how often it was opened again after closing.
        incident_id: the incident that it is grouped under.
    """

    id: int
    home_id: str
    state: State
    priority: Priority
    kind: AlarmKind
    owner_id: str | None
    place: str
    repeats: int
    standing: int
    late_s: float
    opened_at: float
    last_alarm_at: float
    ring_at: float | None
    taken_at: float | None
    spoken_at: float | None
    helper_id: str
    eta_at: float | None
    arrived_at: float | None
    closed_at: float | None
    wake_at: float | None
    wake_step: str
    version: int
    plan: CarePlan = STANDARD
    triage: int = 0
    protocol: str = ""
    protocol_step: str = ""
    step_due_at: float | None = None
    ring_limit_at: float | None = None
    exception_at: float | None = None
    explained_at: float | None = None
    abandoned_at: float | None = None
    reopened: int = 0
    incident_id: int | None = None

    @property
    def timers(self) -> tuple[Timer, ...]:
        """All that the desk waits for in this case: what wakes it first, then prompts to whoever has it."""
        prompts = ((STEP_TIMER + self.protocol_step, self.step_due_at), (RING_LIMIT, self.ring_limit_at))
        waiting = ((self.wake_step, self.wake_at), *prompts)
        return tuple(Timer(step, due_at) for step, due_at in waiting if due_at is not None)

    @property
    def asked_first(self) -> bool:
        """Whether the home itself is being asked, and nobody was called yet."""
        return self.wake_step in _ASKED_FIRST

    @property
    def open(self) -> bool:
        """Whether somebody must still do something."""
        return self.state is not State.CLOSED

    @property
    def stage(self) -> Stage:
        """How far help has come, as the home may say it."""
        if self.state is State.CLOSED:
            return Stage.CLOSED
        if self.arrived_at is not None:
            return Stage.ARRIVED
        if self.helper_id:
            return Stage.ON_THE_WAY
        return Stage.TAKEN if self.owner_id is not None else Stage.RECEIVED
