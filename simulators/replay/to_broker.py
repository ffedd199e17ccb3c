"""As a hub to a running centre: readings with their own times over MQTT; a fall as the hub's own detector judges it.

The centre judges by its own clock, and takes nothing from the future. So a home's days are moved up to now and sent as
what a hub held back; the last hours of them may be played faster than they were until they have caught up with the
present, and from there on the home lives at the pace of the wall clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import AlarmAnswer
from simulators.hub import SimulatedHub
from simulators.recording import Heard
from simulators.replay.sources import NO_NUMPY, RATE_HZ, NothingToPlay, Trial

CONNECT_WAIT_S: Final = 15.0
BACKLOG_MAX: Final = 5_000
LESSON_DAYS: Final = 2.5
LESSON_S: Final = 75.0
"""The centre learns when it judges, once a minute, and keeps four days in detail, of which one and a quarter may not be
closed yet: so many more may come in that time, and no day is lost."""
SETTLES_S: Final = 600.0
"""A hub that the centre heard before is back: so long it learns nothing, since more may come of the time before."""
BLOCK: Final = 5
_NAP_S: Final = 0.05


class Pace(NamedTuple):
    """How a home is played.

    Attributes:
        hours: so much before now is not sent at once, but played `speed` times as fast as it was.
        teach: whether the history is sent slowly enough for the centre to learn it all; first_time: that the centre
            has never heard of this hub, and need not wait for what it held back.
        stay: whether it goes on at the pace of the wall clock once now is reached.
    """

    hours: float = 0.0
    speed: float = float("inf")
    teach: bool = False
    stay: bool = True
    first_time: bool = False


async def connected(hub: SimulatedHub) -> asyncio.Task[None]:
    """Lets the hub run and waits for the broker to take it in. Raises NothingToPlay."""
    task = asyncio.create_task(hub.run())
    deadline = time.monotonic() + CONNECT_WAIT_S
    while not hub.online:
        if time.monotonic() > deadline:
            task.cancel()
            raise NothingToPlay(
                f"The broker does not take in the hub {hub.id}: does it run at that host and port, and is the password"
                " the one of that hub?"
            )
        await asyncio.sleep(_NAP_S)
    return task


async def play_home(
    hub: SimulatedHub, past: Sequence[Heard], coming: Iterable[Heard], pace: Pace, tell: Callable[[str], None]
) -> None:
    """Sends a home's past, catches up with the present, and lives on."""
    from_at = time.time() - pace.hours * 3600
    history = [heard for heard in past if heard.at <= from_at]
    await _send_history(hub, history, pace, tell)
    await _catch_up(hub, past[len(history) :], from_at, pace, tell)
    if not pace.stay:
        return
    tell("now is reached; the home lives on until Ctrl-C")
    for heard in coming:
        await asyncio.sleep(max(heard.at - time.time(), 0.0))
        hub.say(heard.reading)
    tell("the recording is at its end; the hub stays connected until Ctrl-C")
    await asyncio.get_running_loop().create_future()


async def _send_history(hub: SimulatedHub, history: Sequence[Heard], pace: Pace, tell: Callable[[str], None]) -> None:
    number = 0
    for lesson, pause_s in lessons(history, first_time=pace.first_time) if pace.teach else [(history, 0.0)]:
        for heard in lesson:
            hub.say(heard.reading)
            number += 1
            while hub.backlog > BACKLOG_MAX:
                tell(f"{number:,} of {len(history):,} readings sent")
                await asyncio.sleep(_NAP_S)
        await _sent(hub)
        if pause_s:
            tell(f"{number:,} of {len(history):,} readings sent; the centre learns from them, for {pause_s:.0f} s")
            await asyncio.sleep(pause_s)
    tell(f"{len(history):,} readings of the past are with the broker")


def lessons(history: Sequence[Heard], *, first_time: bool) -> Iterator[tuple[list[Heard], float]]:
    """A history in parts, each with the seconds in which the centre learns it; none after the last."""
    pause_s = LESSON_S if first_time else SETTLES_S + LESSON_S
    lesson: list[Heard] = []
    ends_at = history[0].at + LESSON_DAYS * 86_400 if history else 0.0
    for heard in history:
        if heard.at >= ends_at:
            yield lesson, pause_s
            lesson, pause_s = [], LESSON_S
            ends_at += LESSON_DAYS * 86_400
        lesson.append(heard)
    yield lesson, 0.0


async def _catch_up(
    hub: SimulatedHub, hours: Sequence[Heard], from_at: float, pace: Pace, tell: Callable[[str], None]
) -> None:
    began, told_at = time.monotonic(), 0.0
    for heard in hours:
        await asyncio.sleep(max((heard.at - from_at) / pace.speed - (time.monotonic() - began), 0.0))
        hub.say(heard.reading)
        if time.monotonic() - told_at >= 1.0:
            told_at = time.monotonic()
            tell(f"played up to {(time.time() - heard.at) / 3600:.1f} h before now")
    await _sent(hub)


async def _sent(hub: SimulatedHub) -> None:
    while hub.backlog:  # noqa: ASYNC110  a deadline would help nobody: it waits for the line
        await asyncio.sleep(_NAP_S)


async def play_fall(hub: SimulatedHub, trial: Trial, site: str, speed: float, tell: Callable[[str], None]) -> bool:
    """Gives the movement to the detector that hubs use; a suspected fall is an alarm. True when there was one."""
    try:
        import numpy as np

        from devices.wearable.fall import FallDetector
    except ImportError:
        raise NothingToPlay(NO_NUMPY) from None
    # there is no gyroscope in what a hub hears
    detector = FallDetector(site, RATE_HZ, gyroscope=False)
    rows = np.array(trial.rows)
    tell(f"{trial.what}; worn at the {site}")
    for at in range(0, len(rows), BLOCK):
        await asyncio.sleep(BLOCK / RATE_HZ / speed)
        for found in detector.push(rows[at : at + BLOCK]):
            after_s = (at + BLOCK) / RATE_HZ
            tell(f"after {after_s:.1f} s it is like a fall: score {found.score:.2f}, {found.impact_g:.1f} g")
            ref = hub.alarm(AlarmKind.FALL, device="worn")
            await _answered(hub, ref, tell)
            return True
    tell("nothing in it is like a fall: nobody is called")
    return False


async def _answered(hub: SimulatedHub, ref: str, tell: Callable[[str], None]) -> None:
    deadline = time.monotonic() + CONNECT_WAIT_S
    while ref not in hub.log.answers:
        if time.monotonic() > deadline:
            raise NothingToPlay("The alarm is sent, but no centre answers. Does the desk run?")
        await asyncio.sleep(_NAP_S)
    answer: AlarmAnswer = hub.log.answers[ref][0]
    tell(f"the centre has it: case {answer.case}" if answer.snu == 0 else f"the centre refuses it: {answer.snu}")
