"""What became of a restless home's presses and readings at the centre: lost, doubled, out of order. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from simulators.outages import Beat, Press

BUFFER_S: Final = 5.0
"""Readings that nobody acknowledges may wait this long in memory (`edge.intake.ROUTINE_FLUSH_S`)."""
SLACK_S: Final = 1.5
"""For the commit itself, and for what a busy computer makes of times."""


class ArrivedAlarm(msgspec.Struct, frozen=True):
    """One alarm as the centre has it; `pendant` is its number within the home, `copies` its rows at the centre."""

    sequence: int
    epoch: str
    pendant: int
    ref: str
    copies: int = 1


class Life(msgspec.Struct, frozen=True):
    """The hub surely heard what was sent from `from_at` on, and died at `to_at`; Unix seconds."""

    from_at: float
    to_at: float


class Verdict(msgspec.Struct):
    """What one home can say afterwards; all but the counts of what was done should be 0.

    Attributes:
        presses, acknowledged: made, and acknowledged to the pendant.
        lost: presses without an alarm at the centre.
        doubled: alarms at the centre that no press stands behind.
        misordered: pairs of presses, the second made after the first was acknowledged, numbered the wrong way round.
        gaps: numbers between the first and the last alarm that the centre does not have.
        door_changes, door_wrong: acknowledged readings, and how many of them are not at the centre in their order.
        beats, beats_arrived: readings that nobody acknowledges.
        beats_heard_lost: such that were lost although the hub had heard them longer than `BUFFER_S` before it died.
        lost_before_death_s: how long before a death the earliest reading was lost, the worst case.
        shifted_s: of heartbeats that were surely heard, the largest difference between when one was sent and the time
            that the centre has for it.
    """

    presses: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    misordered: int = 0
    gaps: int = 0
    door_changes: int = 0
    door_wrong: int = 0
    beats: int = 0
    beats_arrived: int = 0
    beats_heard_lost: int = 0
    lost_before_death_s: float = 0.0
    shifted_s: float = 0.0

    @property
    def faultless(self) -> bool:
        """Whether every promise was kept."""
        wrong = self.lost + self.doubled + self.misordered + self.gaps + self.door_wrong + self.beats_heard_lost
        return wrong == 0 and self.acknowledged == self.presses > 0


def judge_presses(verdict: Verdict, presses: Sequence[Press], alarms: Sequence[ArrivedAlarm]) -> None:
    """Compares the presses with the alarms; the k-th press of a pendant is its k-th alarm."""
    pressed: dict[int, list[Press]] = defaultdict(list)
    for press in presses:
        pressed[press.pendant].append(press)
    arrived: dict[int, list[ArrivedAlarm]] = defaultdict(list)
    for alarm in sorted(alarms, key=lambda alarm: alarm.sequence):
        arrived[alarm.pendant].append(alarm)
    verdict.presses = len(presses)
    verdict.acknowledged = sum(press.acknowledged_at is not None for press in presses)
    numbers: dict[int, int] = {}
    for pendant in pressed.keys() | arrived.keys():
        surplus = len(arrived[pendant]) - len(pressed[pendant])
        verdict.lost += max(-surplus, 0)
        verdict.doubled += max(surplus, 0)
        if surplus == 0:
            numbers |= {id(p): a.sequence for p, a in zip(pressed[pendant], arrived[pendant], strict=True)}
    verdict.doubled += sum(alarm.copies - 1 for alarm in alarms)
    verdict.misordered = _misordered([(press, numbers[id(press)]) for press in presses if id(press) in numbers])
    taken = [alarm.sequence for alarm in alarms]
    epochs = len({alarm.epoch for alarm in alarms})
    verdict.gaps = max(taken, default=0) - len(set(taken)) + max(epochs - 1, 0)


def _misordered(numbered: Sequence[tuple[Press, int]]) -> int:
    wrong = 0
    for at, (press, number) in enumerate(numbered):
        for later, later_number in numbered[at + 1 :]:
            after = press.acknowledged_at is not None and press.acknowledged_at < later.pressed_at
            wrong += after and number > later_number
    return wrong


def judge_door(verdict: Verdict, changes: int, values: Sequence[float]) -> None:
    """The door opens first; each change was acknowledged before the next."""
    expected = [float((number + 1) % 2) for number in range(changes)]
    verdict.door_changes = changes
    verdict.door_wrong = sum(a != b for a, b in zip(expected, values, strict=False)) + abs(len(values) - changes)


def judge_beats(verdict: Verdict, beats: Sequence[Beat], arrived: dict[int, float], lives: Sequence[Life]) -> None:
    """Compares heartbeats with what the centre has of them (number -> time); the last life has not ended in a death."""
    verdict.beats = len(beats)
    for beat in beats:
        at = arrived.get(beat.number)
        life = next((life for life in lives if life.from_at <= beat.sent_at <= life.to_at), None)
        if at is not None:
            verdict.beats_arrived += 1
            if life:
                verdict.shifted_s = max(verdict.shifted_s, abs(at - beat.sent_at))
            continue
        if life is None:
            continue
        ago = life.to_at - beat.sent_at
        verdict.lost_before_death_s = max(verdict.lost_before_death_s, ago)
        verdict.beats_heard_lost += ago > BUFFER_S + SLACK_S
