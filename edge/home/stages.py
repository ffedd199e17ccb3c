"""What the home may truthfully say. Pure: driven only by things that have happened.

heard (stored on the hub's disk) -> received (the centre's receipt) -> taken -> on the way -> arrived -> closed.
The centre's newest word counts, also when it takes something back: an operator may hand a case on, and then nobody is
with the person. Closed is final, and nothing is said before its event.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from edge.home.question import About
from gateway.contract.alarm_kinds import SILENT_KINDS, AlarmKind
from gateway.contract.messages import AlarmAnswer, Stage

TRYING_AFTER_S: Final = 10.0
"""Without a receipt for this long the home says that it is still trying."""
SAME_CALL_S: Final = 600.0
"""So long after the centre's word on a call, another of the same kind that has not got through asks for the same help:
the centre joins them to one case within this time."""
CLOSED_SHOWN_S: Final = 45.0
"""The word of farewell stays this long."""
FORGOTTEN_AFTER_S: Final = 12 * 3_600.0
"""A call that nobody closed leaves the screen after this long: no help is still on its way then."""
GLAD_SHOWN_S: Final = 12.0
"""So long the home says that it is glad that all is well."""
AGAIN_S: Final = 120.0
"""Whoever waits hears the same word again so often: no dead silence."""
ASKED_AGAIN_S: Final = 30.0
"""Whether all is well is asked again so often."""
ALARMS_MAX: Final = 32
"""Most alarms held; the oldest go first."""

_RANK: Final = {stage: rank for rank, stage in enumerate(Stage)}


class SceneName(StrEnum):
    """What the home shows; each has its phrases in every language."""

    IDLE = "idle"
    HEARD = "heard"
    TRYING = "trying"
    MESSAGED = "messaged"
    RECEIVED = "received"
    TAKEN = "taken"
    ON_THE_WAY = "on_the_way"
    ARRIVED = "arrived"
    CLOSED = "closed"
    ASKING = "asking"
    GLAD = "glad"


_SCENE_OF: Final = {
    Stage.RECEIVED: SceneName.RECEIVED,
    Stage.TAKEN: SceneName.TAKEN,
    Stage.ON_THE_WAY: SceneName.ON_THE_WAY,
    Stage.ARRIVED: SceneName.ARRIVED,
    Stage.CLOSED: SceneName.CLOSED,
}


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An alarm of this home. Moments are of the monotonic clock; `stage` is None before the receipt.

    `answered_at` is the centre's own time of its newest word, which orders its words; `reassured` says that the centre
    has asked the home to comfort a person for whom nobody is free yet. `messaged_at` is when the telephone network took
    an SMS about it, and `contacts_told` names the contacts to whom one went ("" for a name that is not known): nobody
    has answered any of them. Until `mistake_until` it can be called a mistake at home; `mistaken`: it was.
    """

    ref: str
    kind: AlarmKind
    heard_at: float
    stage: Stage | None = None
    told_at: float = 0.0
    answered_at: float = 0.0
    case: str = ""
    who: str = ""
    eta_minutes: int | None = None
    reassured: bool = False
    messaged_at: float | None = None
    contacts_told: tuple[str, ...] = ()
    mistake_until: float = -math.inf
    mistaken: bool = False


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """What is asked, between these moments."""

    id: str
    about: About
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Home:
    """Everything the screen is made from. `alarms` are oldest first; `second_path`: the modem could take an SMS now.

    `question` is open now; `well_at` is when one was answered by "I am fine", or (`well_after_press`) a press called a
    mistake.
    """

    alarms: tuple[OpenAlarm, ...] = ()
    connected: bool = False
    second_path: bool = False
    question: OpenQuestion | None = None
    well_at: float | None = None
    well_after_press: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shown now. `kind` is what happened, `eta_minutes` counts down, `connected` is the line's state.

    `reached_before` says, while still trying, that the centre has an earlier call; `reassured`, that somebody has
    waited long for an answer; `contacts_told`, to which contacts an SMS went; `second_path`, that without a line
    there still is a modem. `question` names what is asked, `about` says about what, and `left_s` is how long its
    answer is waited for. `mistake`: the press can be called one, for as long. `again` counts how often the same word is
    to be said again to whoever waits.
    """

    name: SceneName
    kind: AlarmKind = AlarmKind.OTHER
    who: str = ""
    eta_minutes: int | None = None
    connected: bool = True
    reached_before: bool = False
    reassured: bool = False
    contacts_told: tuple[str, ...] = ()
    second_path: bool = False
    question: str = ""
    about: About = About.FALL
    mistake: bool = False
    left_s: float = 0.0
    again: int = 0


def heard(home: Home, ref: str, kind: AlarmKind, now: float, mistake_s: float = 0.0) -> Home:
    """An alarm has been stored on the hub's disk. A press may be called a mistake for `mistake_s`, and with it those
    just before it: fright presses many times."""
    if kind is not AlarmKind.HELP or not mistake_s:
        return restored(home, OpenAlarm(ref, kind, now))
    until = now + mistake_s
    longer = tuple(replace(a, mistake_until=until) if _may_be_mistake(a, now) else a for a in home.alarms)
    return restored(replace(home, alarms=longer), OpenAlarm(ref, kind, now, mistake_until=until))


def mistakes(home: Home, ref: str, now: float) -> tuple[str, ...]:
    """The presses that are taken back when the one named is called a mistake; none when it is too late for that."""
    refs = tuple(alarm.ref for alarm in home.alarms if _may_be_mistake(alarm, now))
    return refs if ref in refs else ()


def mistaken(home: Home, refs: Collection[str], now: float) -> Home:
    """These presses were a mistake. The centre has them all the same, and may still have somebody call."""
    alarms = tuple(replace(a, mistaken=True) if a.ref in refs else a for a in home.alarms)
    return replace(home, alarms=alarms, well_at=now, well_after_press=True)


def _may_be_mistake(alarm: OpenAlarm, now: float) -> bool:
    return now < alarm.mistake_until and not alarm.mistaken and alarm.stage in {None, Stage.RECEIVED}


def restored(home: Home, alarm: OpenAlarm) -> Home:
    """An alarm is known, from before a restart or just now. One of somebody who is threatened is never shown."""
    if alarm.kind in SILENT_KINDS or any(known.ref == alarm.ref for known in home.alarms):
        return home
    return replace(home, alarms=(*home.alarms, alarm)[-ALARMS_MAX:])


def answered(home: Home, answer: AlarmAnswer, now: float) -> Home:
    """The centre has spoken about an alarm, and so about every alarm of the same case.

    Only `snu` 0 is good news; a word that was overtaken by a later one changes nothing.
    """
    if answer.snu != 0:
        return home
    return replace(
        home,
        alarms=tuple(_told(alarm, answer, now) if _is_about(answer, alarm) else alarm for alarm in home.alarms),
    )


def _is_about(answer: AlarmAnswer, alarm: OpenAlarm) -> bool:
    return alarm.ref == answer.ref or (bool(answer.case) and alarm.case == answer.case)


def reassured(home: Home) -> Home:
    """The centre asks the home to comfort whoever waits: calls that it has and that nobody has taken."""
    waiting = tuple(replace(a, reassured=True) if a.stage is Stage.RECEIVED else a for a in home.alarms)
    return replace(home, alarms=waiting)


def messaged(home: Home, ref: str, now: float, contacts: tuple[str, ...]) -> Home:
    """The telephone network took an SMS about the call, for the centre or for one of these contacts. Nobody has
    answered it."""
    return _changed(
        home, ref, lambda a: replace(a, messaged_at=now, contacts_told=_each_once(a.contacts_told, contacts))
    )


def not_messaged(home: Home, ref: str, left: tuple[str, ...] | None = None) -> Home:
    """The network has given up an SMS about the call. `left`: to which contacts there still is one; None when there is
    none to anybody."""
    if left is None:
        return _changed(home, ref, lambda a: replace(a, messaged_at=None, contacts_told=()))
    return _changed(home, ref, lambda a: replace(a, contacts_told=left))


def _each_once(*names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


def renamed(home: Home, ref: str, new_ref: str) -> Home:
    """A call goes on under another reference."""
    return _changed(home, ref, lambda a: replace(a, ref=new_ref))


def _changed(home: Home, ref: str, change: Callable[[OpenAlarm], OpenAlarm]) -> Home:
    return replace(home, alarms=tuple(change(alarm) if alarm.ref == ref else alarm for alarm in home.alarms))


def second_path(home: Home, *, ready: bool) -> Home:
    """The modem can take an SMS, or no longer."""
    return replace(home, second_path=ready)


def asked(home: Home, question: str, about: About, since: float, until: float) -> Home:
    """Something is asked, between these moments; then help is called. One that is known goes on as it began."""
    if home.question is not None and home.question.id == question:
        return home
    return replace(home, question=OpenQuestion(question, about, since, until), well_at=None)


def not_asked(home: Home, now: float, *, is_well: bool) -> Home:
    """The question is over; `is_well`: nobody needs help."""
    return replace(home, question=None, well_at=now if is_well else None, well_after_press=False)


def line(home: Home, *, connected: bool) -> Home:
    """The line to the centre has come or gone."""
    return replace(home, connected=connected)


def _told(alarm: OpenAlarm, answer: AlarmAnswer, now: float) -> OpenAlarm:
    case = answer.case or alarm.case
    if alarm.stage is not None and order(answer.stage, answer.at) < order(alarm.stage, alarm.answered_at):
        return replace(alarm, case=case)
    who = answer.who or (alarm.who if answer.stage is alarm.stage else "")
    return replace(
        alarm,
        stage=answer.stage,
        told_at=now,
        answered_at=answer.at,
        case=case,
        who=who,
        eta_minutes=answer.eta_minutes,
    )


def order(stage: Stage, at: float) -> tuple[bool, float, int]:
    """Sorts the centre's words on an alarm: the end comes last, else the later one, else the further one."""
    return stage is Stage.CLOSED, at, _RANK[stage]


def scene(home: Home, now: float) -> Scene:
    """What the home shows: the newest open alarm, with the newest word on the case it belongs to; and whether a press
    can still be called a mistake."""
    shown = _scene(home, now)
    until = max((a.mistake_until for a in home.alarms if _may_be_mistake(a, now)), default=now)
    if until <= now or shown.kind is not AlarmKind.HELP or shown.name not in _NOBODY_YET:
        return shown
    newest = [alarm.ref for alarm in home.alarms if _may_be_mistake(alarm, now)][-1]
    return replace(shown, mistake=True, question=newest, left_s=until - now)


_NOBODY_YET: Final = frozenset({SceneName.HEARD, SceneName.TRYING, SceneName.MESSAGED, SceneName.RECEIVED})


def _scene(home: Home, now: float) -> Scene:
    if home.question is not None:
        return Scene(
            SceneName.ASKING,
            AlarmKind.FALL,
            connected=home.connected,
            question=home.question.id,
            about=home.question.about,
            left_s=max(home.question.until - now, 0.0),
            again=_asked_again(home.question, now),
        )
    shown = [alarm for alarm in home.alarms if not _is_over(alarm, now)]
    if home.well_at is not None and now - home.well_at < GLAD_SHOWN_S and not [a for a in shown if _is_open(a)]:
        kind = AlarmKind.HELP if home.well_after_press else AlarmKind.FALL
        return Scene(SceneName.GLAD, kind, connected=home.connected)
    if not shown:
        return Scene(SceneName.IDLE, connected=home.connected, second_path=home.second_path)
    newest = max(reversed(shown), key=_weight)
    waits_s = now - newest.heard_at
    if newest.stage is None and waits_s < TRYING_AFTER_S:
        return Scene(SceneName.HEARD, newest.kind, connected=home.connected)
    known = [alarm for alarm in shown if alarm.stage is not None and alarm.stage is not Stage.CLOSED]
    if newest.stage is None:
        same = [a for a in known if a.kind is newest.kind and now - a.told_at < SAME_CALL_S]
        if not same and (written := _written_about(newest, shown, now)):
            told = _each_once(*(alarm.contacts_told for alarm in written))
            again = _again(newest.heard_at, now)
            return Scene(SceneName.MESSAGED, newest.kind, connected=home.connected, contacts_told=told, again=again)
        if not same:
            reached = any(alarm.kind is not AlarmKind.TEST for alarm in known)
            again = _again(newest.heard_at, now)
            return Scene(SceneName.TRYING, newest.kind, connected=home.connected, reached_before=reached, again=again)
        newest = same[-1]
    together = [alarm for alarm in shown if alarm is newest or (newest.case and alarm.case == newest.case)]
    last = max(together, key=lambda alarm: order(alarm.stage, alarm.answered_at) if alarm.stage else (False, -1.0, 0))
    assert last.stage is not None
    comforted = last.reassured and last.stage is Stage.RECEIVED
    return Scene(
        _SCENE_OF[last.stage],
        newest.kind,
        last.who,
        _minutes_left(last, now),
        connected=home.connected,
        reassured=comforted,
        # the word of comfort is another one: it is said when it comes
        again=_again(last.told_at, now) + comforted if last.stage in _WAITS else 0,
    )


_WAITS: Final = frozenset({Stage.RECEIVED, Stage.TAKEN, Stage.ON_THE_WAY})
"""With somebody at the door, or when it is over, nothing is said again."""


def _asked_again(question: OpenQuestion, now: float) -> int:
    """Whoever is quiet may be in another room; after a fall the answer is due before it could be asked again."""
    return max(0, int((now - question.since) // ASKED_AGAIN_S)) if question.about is About.QUIET else 0


def _again(since: float, now: float) -> int:
    return max(0, int((now - since) // AGAIN_S))


def _written_about(call: OpenAlarm, shown: list[OpenAlarm], now: float) -> list[OpenAlarm]:
    """The calls for the same help, without an answer, about which an SMS went out lately."""
    return [
        a
        for a in shown
        if a.stage is None and a.messaged_at is not None and (a is call or a.kind is call.kind)
        if a is call or now - a.messaged_at < SAME_CALL_S
    ]


def changes_at(home: Home, now: float) -> float:
    """The next moment at which `scene` may change by itself (inf: never)."""
    moments = [alarm.heard_at + TRYING_AFTER_S for alarm in home.alarms if alarm.stage is None]
    moments += [alarm.told_at + CLOSED_SHOWN_S for alarm in home.alarms if alarm.stage is Stage.CLOSED]
    moments += [alarm.told_at + SAME_CALL_S for alarm in home.alarms if alarm.stage is not None]
    moments += [alarm.messaged_at + SAME_CALL_S for alarm in home.alarms if alarm.messaged_at is not None]
    moments += [alarm.heard_at + FORGOTTEN_AFTER_S for alarm in home.alarms]
    if home.question is not None:
        moments += [home.question.since + ASKED_AGAIN_S * (1 + _asked_again(home.question, now))]
    moments += [alarm.mistake_until for alarm in home.alarms]
    moments += [home.well_at + GLAD_SHOWN_S] if home.well_at is not None else []
    moments += [
        now + 60.0 - (now - alarm.told_at) % 60.0 for alarm in home.alarms if alarm.eta_minutes and alarm.told_at <= now
    ]
    waited = [alarm.heard_at if alarm.stage is None else alarm.told_at for alarm in home.alarms if _is_open(alarm)]
    moments += [since + AGAIN_S * (1 + _again(since, now)) for since in waited]
    return min((moment for moment in moments if moment > now), default=math.inf)


def _weight(alarm: OpenAlarm) -> tuple[bool, bool]:
    """A farewell does not hide a call that is still open, nor a test one that is meant."""
    return alarm.stage is not Stage.CLOSED, alarm.kind is not AlarmKind.TEST


def _is_open(alarm: OpenAlarm) -> bool:
    return alarm.stage is not Stage.CLOSED


def _is_over(alarm: OpenAlarm, now: float) -> bool:
    if alarm.mistaken and alarm.stage in {None, Stage.RECEIVED}:
        return True
    if alarm.stage is Stage.CLOSED:
        return now - alarm.told_at >= CLOSED_SHOWN_S
    return now - alarm.heard_at >= FORGOTTEN_AFTER_S


def _minutes_left(alarm: OpenAlarm, now: float) -> int | None:
    """A promise of minutes grows old with the clock; once it is used up nothing is promised."""
    if alarm.stage is not Stage.ON_THE_WAY or alarm.eta_minutes is None:
        return None
    left = alarm.eta_minutes - int((now - alarm.told_at) // 60)
    return left if left > 0 else None
