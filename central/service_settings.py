"""What a service settles for itself, beyond the configuration file: each with a real effect, versioned, within bounds.

- `targets`: what quality page and wallboard measure by.
- `ladder`: when the next are asked, for homes whose care plan says nothing else.
- `protocols`: what operators read for a kind of alarm, where the care plan has no text of its own.
- `closings`: templates for closing a case with one press.
- `on_call`: who is called when no operator takes a case.
- `team`: the response team that is sent when no contact comes.
- `retention`: how long each class of records is kept.
- `desk`: numbers of daily work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec

from central.alarm_cases.care_plan import AFTER_S_BOUNDS, PROTOCOL_TEXT_MAX, CarePlan
from central.alarm_cases.closing import Action, Cause, Label, Outcome
from central.alarm_cases.incidents import HOMES_MIN
from central.alarm_cases.protocol import RING_LIMIT_S, STEP_S_BOUNDS
from central.privacy.retention import CLASSES
from gateway.contract.alarm_kinds import AlarmKind

CLOSINGS_MAX: Final = 20
"""Templates that fit a dialog without searching in it."""
ON_CALL_MAX: Final = 8
"""Called one after the other: with more, the last hears it too late."""
Percent = Annotated[float, msgspec.Meta(ge=50, le=100)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Targets(_Strict, frozen=True):
    """Shares of calls, in per cent, that should be answered within 50, 60 and 180 s; of helpers at the door within 45
    minutes. The defaults are those of TSA's standard; 50 s is the strictest promise of a Spanish city's charter."""

    share_50: Percent = 95.0
    share_60: Percent = 97.5
    share_180: Percent = 99.0
    help_45_min: Percent = 90.0


class Ladder(_Strict, frozen=True):
    """Seconds from when a case began to ring until the next are asked, by step; empty: as built in."""

    after_s: dict[str, float] = {}


class Protocols(_Strict, frozen=True):
    """Text by kind of alarm; "" is for kinds without one of their own."""

    text: dict[str, Annotated[str, msgspec.Meta(max_length=PROTOCOL_TEXT_MAX)]] = {}


class ClosingTemplate(_Strict, frozen=True):
    """A closing that returns: its name, and the words that it fills in."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    cause: Cause
    action: Action = Action.TALKED
    outcome: Outcome = Outcome.RESOLVED_BY_TALK
    label: Label = Label.NOT_SAID
    note: Annotated[str, msgspec.Meta(max_length=300)] = ""


class Closings(_Strict, frozen=True):
    """The templates in the order in which they are offered."""

    templates: Annotated[tuple[ClosingTemplate, ...], msgspec.Meta(max_length=CLOSINGS_MAX)] = ()


class OnCallPerson(_Strict, frozen=True):
    """Somebody on call: a name, a way that the centre has set up, and the address or number there."""

    called: Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")]
    channel: Literal["voice", "sms", "apprise", "email"]
    address: Annotated[str, msgspec.Meta(min_length=3, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
    language: Literal["ca", "es", "en"] = "ca"


class OnCall(_Strict, frozen=True):
    """Those who are called, all at the same step of the ladder, in this order."""

    people: Annotated[tuple[OnCallPerson, ...], msgspec.Meta(max_length=ON_CALL_MAX)] = ()


class Team(_Strict, frozen=True):
    """The response team: what it is called, as the home says it ("... is coming"), and its number; "" for none."""

    called: Annotated[str, msgspec.Meta(max_length=60, pattern=r"^[^\x00-\x1f]*$(?!\n)")] = ""
    phone: Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[0-9+() .-]*$(?!\n)")] = ""


class Retention(_Strict, frozen=True):
    """Months that a class of records is kept (`central.privacy.retention.CLASSES`); one not named: the default."""

    months: dict[str, int] = {}

    def of(self, name: str) -> int:
        """The term of a class."""
        return self.months.get(name, CLASSES[name].months)


class Desk(_Strict, frozen=True):
    """Numbers of daily work.

    Attributes:
        flood_homes: so many homes silent within five minutes from one cause are one technical incident.
        ring_limit_s: a contact's telephone rings so long before the operator is prompted to ring the next.
        wrap_up_s: so long after closing a case an operator writes it up, before the next is offered to them.
        reach_test_days: how often each contact gets a test message that asks for one tap; 0: only when somebody asks.
        call_back: the centre's own telephone number, as it is told to the emergency services.
        step_s: seconds that steps of the checklist take, within `protocol.STEP_S_BOUNDS`; one not named: as built in.
    """

    flood_homes: Annotated[int, msgspec.Meta(ge=3, le=100)] = HOMES_MIN
    ring_limit_s: Annotated[float, msgspec.Meta(ge=15, le=120)] = RING_LIMIT_S
    wrap_up_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 60.0
    reach_test_days: Annotated[int, msgspec.Meta(ge=0, le=366)] = 30
    call_back: Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[^\x00-\x1f]*$(?!\n)")] = ""
    step_s: dict[str, float] = {}


class ServiceSettings(msgspec.Struct, frozen=True):
    """All of them; what nobody has set is as built in."""

    targets: Targets = Targets()
    ladder: Ladder = Ladder()
    protocols: Protocols = Protocols()
    closings: Closings = Closings()
    on_call: OnCall = OnCall()
    team: Team = Team()
    retention: Retention = Retention()
    desk: Desk = Desk()


Setting = Targets | Ladder | Protocols | Closings | OnCall | Team | Retention | Desk
TYPES: Final[Mapping[str, type[Setting]]] = {
    "targets": Targets,
    "ladder": Ladder,
    "protocols": Protocols,
    "closings": Closings,
    "on_call": OnCall,
    "team": Team,
    "retention": Retention,
    "desk": Desk,
}
"""Name of a setting -> what it is."""


def read_setting(name: str, body: object) -> Setting | str:
    """A setting from untrusted data, or in one sentence what is wrong with it."""
    if name not in TYPES:
        return f"there is no setting {name!r}"
    try:
        setting = msgspec.convert(body, TYPES[name])
    except msgspec.ValidationError as error:
        return str(error)
    return next(_faults(setting), setting)


def _faults(setting: object) -> Iterator[str]:
    if isinstance(setting, Ladder):
        yield from _out_of_bounds(setting.after_s, AFTER_S_BOUNDS)
    if isinstance(setting, Desk):
        yield from _out_of_bounds(setting.step_s, STEP_S_BOUNDS)
    if isinstance(setting, Protocols):
        yield from (f"{kind!r} is no kind of alarm" for kind in setting.text if kind and kind not in set(AlarmKind))
    if isinstance(setting, Closings):
        names = [template.name for template in setting.templates]
        yield from (f"{name!r} stands there twice" for name in names if names.count(name) > 1)
    if isinstance(setting, Retention):
        for name, months in setting.months.items():
            known = CLASSES.get(name)
            if known is None:
                yield f"{name!r} is no class of records"
            elif not known.least <= months <= known.most:
                yield f"{name}: {months} months is not between {known.least} and {known.most}"
    if isinstance(setting, OnCall):
        ways = [(person.channel, person.address) for person in setting.people]
        yield from (
            f"{address!r} stands there twice" for channel, address in ways if ways.count((channel, address)) > 1
        )


def _out_of_bounds(given_s: Mapping[str, float], bounds_s: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    for step, seconds in given_s.items():
        bounds = bounds_s.get(step)
        if bounds is None:
            yield f"{step!r} is not a step that may be moved"
        elif not bounds[0] <= seconds <= bounds[1]:
            yield f"{step}: {seconds:g} s is not between {bounds[0]:g} and {bounds[1]:g} s"


def as_body(setting: Setting) -> dict[str, Any]:
    """A setting as it is stored."""
    body: dict[str, Any] = msgspec.to_builtins(setting)
    return body


def plan_within(plan: CarePlan, service: ServiceSettings, kind: str) -> CarePlan:
    """A care plan with what the service has settled where the plan says nothing."""
    after_s = {**service.ladder.after_s, **plan.after_s}
    text = plan.protocol_text or service.protocols.text.get(kind, "") or service.protocols.text.get("", "")
    return msgspec.structs.replace(plan, after_s=after_s, step_s=service.desk.step_s, protocol_text=text)
