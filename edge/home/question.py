"""The questions to whoever is at home: "Have you fallen?" after a suspected fall, and "Are you all right?" when the
centre asks for it because the home has been quiet for long. Pure: told what happened and when, it says what follows.

One question is open at most. After a fall it ends in one of these ways:

- nobody answers in time: an alarm, that says so. After a power cut too: nobody knows what was answered meanwhile;
- help is wanted, or somebody in the home calls for anything else, or lies still: an alarm at once;
- "I am fine", or whoever fell walks again: no alarm. What was answered is told to the centre as a reading.

A hub that stops right after a hard blow, before it was judged, asks when it is back.

After long quiet it is the centre that waits: it calls people when it hears of no answer. So here only a wish for help
is an alarm, as from a pressed button; whatever else ends the question is told. A fall that is suspected meanwhile is an
alarm at once.

An answer may come from any presence in the home: a screen, a wired button, a voice. Whoever cannot be asked is not
asked: then the suspicion is an alarm at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from devices.vocabulary import Reading
from edge.clock import Stamp
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind, kind_of
from gateway.contract.messages import Alarm
from gateway.contract.senml import to_record

ASK_S: Final = 25.0
"""So long the answer is waited for: time to reach the button, and not much to lie on the floor."""
ASK_MIN_S: Final = 20.0
ASK_MAX_S: Final = 30.0
ASKED_AGAIN_S: Final = 75.0
"""Stillness so soon after "I am fine" asks once more, instead of calling: the aftermath of a blow is looked at for a
minute, and somebody who sat down to recover sits still."""

Alarms = list[tuple[Alarm, Stamp]]


class Answer(StrEnum):
    """What can be answered, by whichever means."""

    FINE = "fine"
    HELP = "help"
    MISTAKE = "mistake"
    """To no question, but to what the home says after a press."""


class About(StrEnum):
    """What is asked about; each has its phrases, of the same name."""

    FALL = "asking"
    QUIET = "check_in"


class Outcome(StrEnum):
    """Why a question is over without "I am fine". Where it became an alarm, the phrases have a sentence for it."""

    NO_ANSWER = "no_answer"
    HELP_WANTED = "help_wanted"
    ANOTHER_CALL = "another_call"
    SEEN_ABOUT = "seen_about"


class Question(msgspec.Struct, frozen=True):
    """One open question.

    Attributes:
        id: names it, so that no answer is taken for one to another question.
        alarm: after a fall what is raised unless it is answered, with its evidence; after long quiet, what is raised
            when help is wanted.
        stamp: when the fall was suspected, or the centre asked.
        is_blow: nobody was asked yet: there was a blow, and what it was is still looked at.
        about: what is asked.
        wait_s: so long the answer is waited for; 0 for the home's own time after a fall.
    """

    id: str
    alarm: Alarm
    stamp: Stamp
    is_blow: bool = False
    about: About = About.FALL
    wait_s: float = 0.0


class Dialogue(msgspec.Struct, frozen=True):
    """What is asked now, and who last said that all is well, at which moment of the monotonic clock."""

    question: Question | None = None
    fine: str = ""
    fine_at: float = -math.inf


class Step(msgspec.Struct, frozen=True):
    """What follows.

    Attributes:
        dialogue: as it is from now on.
        alarms: to be raised now.
        ended: why the question is over, where nobody said that all is well.
        readings: to be told to the centre.
    """

    dialogue: Dialogue
    alarms: Alarms = []
    ended: Outcome | None = None
    readings: tuple[Reading, ...] = ()


def heard(
    dialogue: Dialogue, declared: Alarms, readings: Sequence[Reading], stamp: Stamp, *, can_ask: bool, new_id: str
) -> Step:
    """Something was heard of one device.

    Args:
        dialogue: as it is.
        declared: the alarms that it calls for.
        readings: what was heard.
        stamp: when.
        can_ask: whether there is somebody to put a question to whoever fell.
        new_id: of the question, if there is to be one.
    """
    open_ = dialogue.question
    alarms: Alarms = []
    for alarm, when in declared:
        if _is_fall(alarm) and _is_to_ask(dialogue, alarm, stamp, can_ask=can_ask):
            open_ = open_ or Question(new_id, alarm, when)
        elif _is_fall(alarm) and open_ is not None and open_.alarm.did == alarm.did:
            # the same fall, of which more is known by now
            open_ = None
            alarms.append((alarm, when))
        else:
            alarms.append((alarm, when))
    if alarms and open_ is not None:
        also = [_raised(open_, stamp)] if open_.about is About.FALL else []
        return Step(_closed(dialogue), [*alarms, *also], Outcome.ANOTHER_CALL)
    if open_ is not None and any(_is_recovery(reading, open_.alarm.did) for reading in readings):
        open_ = None
    return Step(msgspec.structs.replace(dialogue, question=open_), alarms)


def asked(dialogue: Dialogue, question: str, wait_s: float, stamp: Stamp, *, can_ask: bool) -> Step:
    """The centre has it asked whether all is well; nothing changes where nobody can be asked, or something else is."""
    if dialogue.question is not None or not can_ask:
        return Step(dialogue)
    dty, stc = SCAIP_CODES[AlarmKind.HELP]
    alarm = Alarm("0", dty, max(stamp.wall, 0.0), stc, pri=9, trusted=stamp.trusted)
    open_ = Question(question, alarm, stamp, about=About.QUIET, wait_s=wait_s)
    return Step(msgspec.structs.replace(dialogue, question=open_))


def seen_about(dialogue: Dialogue, question: str) -> Step:
    """The centre need not know any more: whoever was quiet was seen about."""
    open_ = dialogue.question
    if open_ is None or open_.id != question or open_.about is not About.QUIET:
        return Step(dialogue)
    return Step(_closed(dialogue), ended=Outcome.SEEN_ABOUT)


def answered(dialogue: Dialogue, question: str, answer: Answer, stamp: Stamp) -> Step:
    """Somebody in the home has answered; an answer to another question than the open one changes nothing."""
    open_ = dialogue.question
    if open_ is None or open_.id != question or answer is Answer.MISTAKE:
        return Step(dialogue)
    if answer is Answer.HELP:
        return Step(_closed(dialogue), [_raised(open_, stamp)], Outcome.HELP_WANTED)
    if open_.about is About.QUIET:
        return Step(_closed(dialogue))
    said = Reading(open_.alarm.did, "fall", "fine", stamp.wall)
    return Step(Dialogue(None, open_.alarm.did, stamp.monotonic), readings=(said,))


def overdue(dialogue: Dialogue, stamp: Stamp) -> Step:
    """The time for the answer is over."""
    open_ = dialogue.question
    if open_ is None:
        return Step(dialogue)
    alarms = [_raised(open_, stamp, "unanswered")] if open_.about is About.FALL else []
    return Step(_closed(dialogue), alarms, Outcome.NO_ANSWER)


def due_at(dialogue: Dialogue, boot: str, ask_s: float) -> float:
    """Until when the answer is waited for, by the monotonic clock; at once after a power cut, inf for no question.

    `ask_s` is the home's own time after a fall.
    """
    if dialogue.question is None:
        return math.inf
    stamp = dialogue.question.stamp
    return stamp.monotonic + (dialogue.question.wait_s or ask_s) if stamp.boot == boot else -math.inf


def _is_to_ask(dialogue: Dialogue, alarm: Alarm, stamp: Stamp, *, can_ask: bool) -> bool:
    device = alarm.did
    is_asked = dialogue.question is not None and dialogue.question.alarm.did == device
    if dialogue.question is not None and dialogue.question.about is About.QUIET:
        return False
    if alarm.evidence and alarm.evidence[-1].vs == "confirmed":
        was_fine = dialogue.fine == device and stamp.monotonic - dialogue.fine_at < ASKED_AGAIN_S
        return was_fine and can_ask and not is_asked
    return is_asked or (can_ask and dialogue.question is None)


def _raised(question: Question, stamp: Stamp, word: str = "") -> tuple[Alarm, Stamp]:
    """The alarm, dated now where this is known to be the same boot and the right time; else when the fall was."""
    alarm, was = question.alarm, question.stamp
    if word:
        at = was.wall + (stamp.monotonic - was.monotonic) if was.boot == stamp.boot else stamp.wall
        said = to_record(Reading(alarm.did, "fall", word, at))
        alarm = msgspec.structs.replace(alarm, evidence=[*alarm.evidence, said])
    if was.boot != stamp.boot or not was.trusted:
        return alarm, was
    return msgspec.structs.replace(alarm, tim=max(stamp.wall, 0.0)), stamp


def _closed(dialogue: Dialogue) -> Dialogue:
    return msgspec.structs.replace(dialogue, question=None)


def _is_fall(alarm: Alarm) -> bool:
    return kind_of(alarm.dty, alarm.stc) is AlarmKind.FALL


def _is_recovery(reading: Reading, device: str) -> bool:
    return reading.device == device and reading.kind == "fall" and reading.value == "recovered"
