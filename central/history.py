"""A history as a JSON file holds it: cases of the past and of now with all their steps, and what stands around homes.

For moving in from another system, and for trying things out on a city that has lived. Everything goes through the
rules of the desk: a case is the sum of its steps, each at its own time, and what the desk would have done by itself in
between (asking more people, prompting) is done too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from central.agenda.rules import Kind, Rule
from central.alarm_cases.case import EventType
from central.alarm_cases.closing import Action, Cause, Label, Outcome
from central.alarm_cases.rota import Share
from central.register import read_file
from central.service_settings import OnCall, Team
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import Ref

Text = Annotated[str, msgspec.Meta(max_length=1_000)]
Short = Annotated[str, msgspec.Meta(max_length=80)]
At = Annotated[float, msgspec.Meta(ge=0, le=2**34)]
STEPS_MAX: Final = 200


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class PastStep(_Strict, frozen=True):
    """Something that happened in a case, `after_s` seconds after it was opened. `by` is an operator's id, "hub" or
    "carer"; the other fields are those of `central.alarm_cases.case.Facts` that belong to what was done."""

    after_s: Annotated[float, msgspec.Meta(ge=0)]
    do: EventType
    by: Short
    text: Text = ""
    reason: Text = ""
    contact: Short = ""
    channel: Short = ""
    state: Short = ""
    step: Short = ""
    operator: Short = ""
    eta_minutes: Annotated[int, msgspec.Meta(ge=0, le=1_440)] = 0
    triage: Annotated[int, msgspec.Meta(ge=0, le=5)] = 0
    silent: bool = False
    standing: Annotated[int, msgspec.Meta(ge=-1, le=1)] = 0
    recall_after_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    cause: Cause | None = None
    action: Action = Action.NONE
    outcome: Outcome = Outcome.NOT_SAID
    told: tuple[Short, ...] = ()
    label: Label = Label.NOT_SAID
    explanation: Text = ""


class PastMessage(_Strict, frozen=True):
    """A message to a contact and what became of it: queued `after_s` after the case was opened."""

    contact: Short
    channel: Short
    after_s: Annotated[float, msgspec.Meta(ge=0)]
    state: Literal["delivered", "opened", "accepted", "declined", "failed_for_good", "cancelled"]
    took_s: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    fault: Annotated[str, msgspec.Meta(max_length=200)] = ""


class PastCase(_Strict, frozen=True):
    """A case from its alarm on; closed when its last step closes it, else still open.

    `detector`: the centre's own detector found it, with `reason` for its sentence; else the home's unit sent it.
    """

    home: str
    ref: Ref
    kind: AlarmKind
    at: At
    steps: Annotated[tuple[PastStep, ...], msgspec.Meta(max_length=STEPS_MAX)] = ()
    place: Annotated[str, msgspec.Meta(max_length=64)] = ""
    device: Annotated[str, msgspec.Meta(max_length=32)] = ""
    detector: Annotated[str, msgspec.Meta(max_length=24)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=40)] = ""
    details: dict[str, str | float] = {}
    since_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    messages: Annotated[tuple[PastMessage, ...], msgspec.Meta(max_length=50)] = ()
    late_reason: Text = ""


class PastAbsence(_Strict, frozen=True):
    """When a resident is away; see `central.storage.absences`."""

    resident: str
    from_at: At
    until_at: At
    reason: Annotated[str, msgspec.Meta(max_length=20)]
    announced_at: At
    by: Short
    note: Annotated[str, msgspec.Meta(max_length=300)] = ""


class PastCondition(_Strict, frozen=True):
    """What is known of somebody's health, and where from."""

    resident: str
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    source: Annotated[str, msgspec.Meta(max_length=120)]
    written_at: At
    by: Short
    since: Annotated[str, msgspec.Meta(max_length=10)] = ""


class PastKey(_Strict, frozen=True):
    """A key of a home and where it belongs; with `out_to` it was handed out."""

    home: str
    tag: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    kept: Literal["contact", "key_safe", "team_safe"]
    registered_at: At
    by: Short
    place: Short = ""
    contact: str = ""
    out_to: Short = ""
    out_at: At = 0.0
    back_by_at: At = 0.0


class PastAgenda(_Strict, frozen=True):
    """Calls that are to be made, from a moment on."""

    home: str
    kind: Kind
    rule: Rule
    made_at: At
    by: Short
    resident: str = ""
    title: Annotated[str, msgspec.Meta(max_length=160)] = ""
    assigned_to: str = ""


class PastConsent(_Strict, frozen=True):
    """What a resident agreed to."""

    resident: str
    what: Annotated[str, msgspec.Meta(max_length=24)]
    given_at: At
    by: Short


class PastAudit(_Strict, frozen=True):
    """A call that was drawn and gone through; `home` and `ref` name its case."""

    home: str
    ref: Ref
    month: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}$(?!\n)")]
    drawn_at: At
    by: Short
    result: Literal["", "good", "to_improve", "poor"] = ""
    remarks: Text = ""


class PastShares(_Strict, frozen=True):
    """What a resident let a contact see from then on, and who said so."""

    resident: str
    contact: str
    shares: Annotated[tuple[Share, ...], msgspec.Meta(max_length=6)]
    at: At
    by: Short
    said_by: Short = ""


class PastNote(_Strict, frozen=True):
    """A slow change that was told the care team; see `central.detection.drift.CareNote`."""

    home: str
    day: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$(?!\n)")]
    measure: Annotated[str, msgspec.Meta(max_length=24)]
    before: Annotated[float, msgspec.Meta(ge=0, le=255)]
    after: Annotated[float, msgspec.Meta(ge=0, le=255)]
    weeks: Annotated[int, msgspec.Meta(ge=1, le=52)]


class PastReachTest(_Strict, frozen=True):
    """A test message to a contact: answered after so long, or failed with a fault, or neither."""

    contact: str
    channel: Annotated[str, msgspec.Meta(max_length=16)]
    at: At
    answered_after_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    fault: Short = ""


class PastDrillPlan(_Strict, frozen=True):
    """A test of a home's path every so many days, the next at a moment."""

    home: str
    every_days: Annotated[int, msgspec.Meta(ge=1, le=366)]
    next_at: At
    by: Short


class PastInstallation(_Strict, frozen=True):
    """A unit that was ordered for a home, and when it was first heard there; `installed_at` 0: not yet."""

    home: str
    ordered_at: At
    by: Short
    urgent: bool = False
    installed_at: At = 0.0


class PastReadings(_Strict, frozen=True):
    """What one sensor has said: Unix seconds and value."""

    home: str
    device: Annotated[str, msgspec.Meta(max_length=32)]
    kind: Annotated[str, msgspec.Meta(max_length=32)]
    points: tuple[tuple[At, bool | float], ...]


class History(_Strict, frozen=True):
    """The whole file."""

    cases: tuple[PastCase, ...] = ()
    absences: tuple[PastAbsence, ...] = ()
    conditions: tuple[PastCondition, ...] = ()
    keys: tuple[PastKey, ...] = ()
    agenda: tuple[PastAgenda, ...] = ()
    consents: tuple[PastConsent, ...] = ()
    audits: tuple[PastAudit, ...] = ()
    shares: tuple[PastShares, ...] = ()
    notes: tuple[PastNote, ...] = ()
    reach_tests: tuple[PastReachTest, ...] = ()
    drill_plans: tuple[PastDrillPlan, ...] = ()
    installations: tuple[PastInstallation, ...] = ()
    readings: tuple[PastReadings, ...] = ()
    on_call: OnCall = OnCall()
    """Who is called when no operator takes a case; what the centre's settings say already stands."""
    team: Team = Team()
    """The response team; likewise."""


def load(path: Path) -> History:
    """The history in a file; raises as `central.register.read_file` does."""
    return read_file(path, History, faults)


def faults(history: History) -> Iterator[str]:
    """What is wrong in a history that its types do not rule out."""
    seen: set[tuple[str, str]] = set()
    for case in history.cases:
        name = (case.home, case.ref)
        if name in seen:
            yield f"case {case.home}/{case.ref} stands there twice"
        seen.add(name)
        times = [step.after_s for step in case.steps]
        if times != sorted(times):
            yield f"case {case.home}/{case.ref}: its steps are not in order"
        for step in case.steps:
            if step.do is EventType.CLOSED and step.cause is None:
                yield f"case {case.home}/{case.ref}: it is closed without a cause"
    for key in history.keys:
        if key.out_to and not key.out_at:
            yield f"key {key.tag}: it is out, and nobody says since when"
