"""A day of a home becomes part of its habits, once it is over and somebody was surely at home afterwards.

What is not ordinary life is left out: hours in which the home was not heard, times that the registry names (announced
absences, confirmed events), and absences: a time without strong evidence that is longer than anybody stays out, with
no more signs in it than stray triggers give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from central.detection.activity import KEEP_S, NOBODY, STEP_S, Act, Activity
from central.detection.day_summary import Day, summary_of
from central.detection.drift import review
from central.detection.fixed_limit import OUT_S, STRAY_PER_DAY
from central.detection.habits import SHORTEST_STEPS, SLOTS, Habits
from central.detection.past_silences import DAY_STEPS
from central.detection.presence_learning import learn_presence
from central.detection.profile import Limits
from central.detection.silence import budget_key, budget_of, start_of
from central.detection.suspicion import Eager, eager_devices, since_of

CLOSES_AFTER_S: Final = 6 * 3600.0
"""A day is learned so long after it: by then its night is over, and what hubs hold back has arrived."""
DAYS_AT_ONCE: Final = 60
UP_AFTER_S: Final = 5 * 3600.0
"""Who is about after that is up; before, at night."""
OUT_STEPS: Final = int(OUT_S) // STEP_S
"""An empty home tells nothing of what is usual in it."""


def learnable_day(strong_at: float, zone: ZoneInfo) -> int:
    """The last local day, as an ordinal, that is learned once there was strong evidence at that time."""
    return datetime.fromtimestamp(strong_at - CLOSES_AFTER_S, zone).toordinal() - 1


def learn(habits: Habits, activity: Activity, limits: Limits, strong_at: float) -> bool:
    """Learns the days that are over; True when there was one.

    Each is learned from what was known when it closed, with the first strong evidence after it: so whenever this is
    done, a little later after a restart, it teaches the same.
    """
    zone = limits.zone()
    upto = learnable_day(strong_at, zone)
    first_at = activity.first_at()
    if first_at is None:
        return False
    day = habits.learned_day + 1 if habits.learned_day else datetime.fromtimestamp(first_at, zone).toordinal()
    if day > upto:
        return False
    eager = eager_devices(activity, habits, limits, strong_at, rested=True)
    for ordinal in range(max(day, upto - DAYS_AT_ONCE), upto + 1):
        closed_at = _closed_at(activity, limits, midnight(ordinal + 1, zone) + CLOSES_AFTER_S, eager)
        known = activity.upto(strong_at if closed_at is None else closed_at)
        _learn_day(habits, known, limits, ordinal, zone)
        activity.forget_before(midnight(ordinal, zone))
    return True


def _closed_at(activity: Activity, limits: Limits, since_at: float, eager: Mapping[str, Eager]) -> float | None:
    """When there was strong evidence for the first time from then on, as far as was clear by then."""
    clear_at = min((found.found_at for found in eager.values()), default=float("inf"))
    for without, until in ((NOBODY, clear_at), (since_of(eager), float("inf"))):
        for act in activity.acts(since_at, limits.room_of, limits.entry_doors, without):
            if act.strong and since_at <= act.at < until:
                return act.at
    return None


def midnight(ordinal: int, zone: ZoneInfo) -> float:
    """When a local day begins, Unix time."""
    return datetime.combine(date.fromordinal(ordinal), time(), zone).timestamp()


def _learn_day(habits: Habits, activity: Activity, limits: Limits, ordinal: int, zone: ZoneInfo) -> None:
    begin, end = midnight(ordinal, zone), midnight(ordinal + 1, zone)
    last_at = activity.last_at() or end
    without = since_of(eager_devices(activity, habits, limits, last_at, rested=True))
    acts = activity.acts(begin - KEEP_S, limits.room_of, limits.entry_doors, without)
    left_out: list[tuple[float, float]] = []
    strong = [place for place, act in enumerate(acts) if act.strong]
    if not strong or acts[strong[0]].at >= begin:
        left_out.append((begin, acts[strong[0]].at if strong else end))
    for before, after in pairwise(strong):
        if not begin <= acts[after].at < end:
            continue
        episode = acts[before : after + 1]
        if _out_of_the_ordinary(episode, limits):
            left_out.append((episode[0].at, episode[-1].at))
        else:
            left_out += _learn_episode(habits, activity, limits, episode, zone)
    for act in acts:
        if act.strong and begin + UP_AFTER_S <= act.at < end:
            if not any(since <= act.at < until for since, until in left_out):
                habits.note_morning(start_of(act, zone).step, act.room)
            break
    _close(habits, activity, ordinal, acts, left_out, begin, end)
    strange = _strange(acts, limits)
    learn_presence(habits, activity, limits, ordinal, (begin, end), strange, without)
    summary = summary_of(Day(ordinal, acts, strange), activity, limits, visits=limits.visits_counted)
    habits.summaries.add(ordinal, summary)
    review(habits.summaries, ordinal)


def _strange(acts: Sequence[Act], limits: Limits) -> list[tuple[float, float]]:
    """All times that were no ordinary life, as far as acts are kept; what was before the first strong evidence is not
    known."""
    strong = [place for place, act in enumerate(acts) if act.strong]
    found = [(float("-inf"), acts[strong[0]].at if strong else float("inf"))]
    for before, after in pairwise(strong):
        episode = acts[before : after + 1]
        if _out_of_the_ordinary(episode, limits):
            found.append((episode[0].at, episode[-1].at))
    return found


def _out_of_the_ordinary(episode: Sequence[Act], limits: Limits) -> bool:
    begin, end = episode[0].at, episode[-1].first_at
    if any(begin < until and since < end for since, until in limits.unusual):
        return True
    if limits.away_until_at is not None and begin < limits.away_until_at < end:
        return True
    lasted_s = end - begin
    return lasted_s >= limits.inactivity_away_hours * 3600 and len(episode) - 2 <= STRAY_PER_DAY * lasted_s / 86_400


def _learn_episode(
    habits: Habits, activity: Activity, limits: Limits, episode: Sequence[Act], zone: ZoneInfo
) -> list[tuple[float, float]]:
    """The silences from one strong evidence to the next; returns the times in which nobody seems to have been in."""
    out = []
    for before, after in pairwise(episode):
        steps = int((after.first_at - before.at) // STEP_S)
        if steps < SHORTEST_STEPS or not activity.heard_throughout(before.at, after.first_at):
            continue
        start = start_of(before, zone)
        score = habits.scores(start)[min(steps, DAY_STEPS)]
        habits.note_worst(budget_key(budget_of(start, limits), strong=False), start.day, score)
        habits.add(start, steps, after.room)
        if start.door and steps >= OUT_STEPS:
            out.append((before.at, after.first_at))
    first, last = episode[0], episode[-1]
    steps = int((last.first_at - first.at) // STEP_S)
    if steps >= SHORTEST_STEPS and activity.heard_throughout(first.at, last.first_at):
        start = start_of(first, zone)
        score = habits.scores(start)[min(steps, DAY_STEPS)]
        habits.note_worst(budget_key(budget_of(start, limits), strong=True), start.day, score)
    return out


def _close(
    habits: Habits,
    activity: Activity,
    ordinal: int,
    acts: Sequence[Act],
    left_out: Sequence[tuple[float, float]],
    begin: float,
    end: float,
) -> None:
    active = {int(act.at // STEP_S) for act in acts if begin <= act.at < end}
    seen, watched = [0.0] * SLOTS, [0.0] * SLOTS
    number = int(begin // STEP_S)
    for step in range(int((end - begin) // STEP_S)):
        at = begin + step * STEP_S
        if any(since < at < until for since, until in left_out) or not activity.heard_throughout(at - 3600, at + 3600):
            continue
        # on the day of a clock change the half hours are those since midnight: a day in sixty, by an hour
        slot = min(step * SLOTS // DAY_STEPS, SLOTS - 1)
        watched[slot] += 1
        seen[slot] += number + step in active
    habits.close_day(ordinal, seen, watched)
