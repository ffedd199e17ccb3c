"""When to scan anew, reset the adapter, or restart the program, for a radio that hears nobody. Pure.

Steps get stronger and rarer, and each has an outcome. What was learned and how often a restart did not help stands in a
note that outlives the program, so that a quiet house in the country is not restarted every night.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from edge.rhythm import Rhythm
from gateway.contract.messages import Outcome, ProblemCode

DEAF_AFTER_S: Final = 110.0
"""A radio that has heard nobody at all for this long is reported, so that the centre knows within 2 minutes: nearly
every home has a neighbour's telephone."""
RESCAN_AFTER_S: Final = 60.0
"""So long a press may go unheard by a scan gone deaf."""
RESCAN_PAUSE_MAX_S: Final = 600.0
RESCANS_CREDITED: Final = 2
DOUBLINGS_MAX: Final = 16
"""Pauses double with each step in vain up to their own limits, which come sooner."""
RESET_AFTER_S: Final = 90.0
RESET_PAUSE_S: Final = 900.0
RESET_PAUSE_MAX_S: Final = 6 * 3600.0
RESTART_AFTER_S: Final = 180.0
"""In a home that is never quiet, as a day of listening has shown."""
RESTART_UNLEARNED_S: Final = 600.0
"""In others, and when strangers are heard."""
RESTART_PAUSES_S: Final = (3600.0, 6 * 3600.0, 24 * 3600.0, 72 * 3600.0)
"""Between two restarts, by how many of the last ones did not help; the last one for ever."""
QUIET_TIMES: Final = 1.5
"""A silence this many times the longest usual one is not usual."""
QUIET_PATIENCE_S: Final = 2 * 3600.0
"""The longest that a silence in a quiet home is taken for usual: then it is told as deafness, and the adapter reset."""
RESTART_PATIENCE_S: Final = 12 * 3600.0
QUIET_FOR_S: Final = 3600.0
"""After a long silence a home counts as quiet for this long, so that the state does not flicker."""
HELPED_WITHIN_S: Final = 20.0
"""Adverts that come so soon after a step are its merit."""
STARTED_WITHIN_S: Final = 60.0
"""So long a program that was started again may need to hear somebody."""
OWN_HELPED_WITHIN_S: Final = 120.0
"""The home's own devices may take this long to be heard after a step."""
WELL_AFTER_S: Final = 600.0
"""A radio that has heard without a pause for so long is well: healing begins anew with its mildest step."""
TOLD_FOR_S: Final = 24 * 3600.0
"""For so long the newest step of each kind stands in the state."""


class Step(StrEnum):
    """What can be done, the mildest first."""

    RESCAN = "rescan"
    RESET = "reset"
    RESTART = "restart"


_TOLD: Final = {
    Step.RESCAN: (ProblemCode.BLE_RESCANNED, "scanned anew"),
    Step.RESET: (ProblemCode.ADAPTER_RESET, "adapter reset"),
    Step.RESTART: (ProblemCode.AGENT_RESTARTED, "restarted"),
}


class Note(msgspec.Struct, omit_defaults=True):
    """What outlives the program.

    Attributes:
        longest_s, observed_s: what was learned of the radio's silences, see `Rhythm`.
        restarts_in_vain: how many of the last restarts did not help.
        boot: the boot in which it was written; the moments below hold in this boot only.
        restarted_at: when the program was last restarted by itself.
        awaited: whether it is not yet known if that helped.
        ours: whether it was restarted because none of the home's devices was heard, though others were.
        silent_since: when the radio was last heard.
        devices: device -> its longest usual silence, for how long it was observed, and when it was last heard.
    """

    longest_s: float = 0.0
    observed_s: float = 0.0
    restarts_in_vain: int = 0
    boot: str = ""
    restarted_at: float | None = None
    awaited: bool = False
    ours: bool = False
    silent_since: float | None = None
    devices: dict[str, tuple[float, float, float]] = {}


class Done(NamedTuple):
    """A step that was taken, and whether it helped."""

    at: float
    sentence: str
    code: ProblemCode
    outcome: Outcome


class _Taken(msgspec.Struct):
    at: float
    within_s: float
    for_ours: bool
    outcome: Outcome = Outcome.WAITING
    why: str = ""
    times: int = 1


class RadioHealing:
    """One radio.

    Args:
        now: when listening begins.
        boot: names the run of the monotonic clock.
        note: what the program knew before it was started again.
    """

    def __init__(self, now: float, boot: str, note: Note | None = None) -> None:
        note = note or Note()
        same_boot = note.boot == boot
        since = note.silent_since if same_boot and note.awaited and note.silent_since is not None else now
        self._rhythm = Rhythm(min(since, now), note.longest_s, note.observed_s, now)
        self._boot = boot
        self._in_vain = note.restarts_in_vain
        self._taken: dict[Step, _Taken] = {}
        self._on_trial = note.awaited
        self._rescans = self._resets = 0
        self._reset_asked = False
        self._well_since = now
        self._ours_missing_since = now
        self.none_of_ours = False
        self.quiet_since = now
        self._quiet_until = -1e12
        self._restarted_at: float | None = None
        if note.restarted_at is not None:
            self._restarted_at = note.restarted_at if same_boot and note.restarted_at <= now else now
        if note.awaited:
            # the program must start and scan before it can help
            within_s = OWN_HELPED_WITHIN_S if note.ours else STARTED_WITHIN_S
            self._taken[Step.RESTART] = _Taken(now, within_s, note.ours)

    # what happens

    def heard(self, now: float) -> bool:
        """Somebody was heard; true when that ends a silence in which nobody could be."""
        silence_s = now - self._rhythm.last_at
        if self.none_of_ours or (silence_s < RESCAN_AFTER_S and not self._on_trial):
            self._rhythm.heard(now)
            return False
        was_deaf = self.is_deaf(now)
        # strangers prove nothing when it was our own devices that were missing
        helped = self._credit(now, ours=False)
        # after many scans in vain, one that seems to have helped has only met the end of a natural silence
        helped = helped and self._rescans <= RESCANS_CREDITED
        self._rhythm.heard(now, natural=not helped)
        if silence_s < RESCAN_AFTER_S:
            return helped
        self._well_since = now
        self._rescans = 0
        if silence_s > DEAF_AFTER_S and not helped:
            if now > self._quiet_until:
                self.quiet_since = now
            self._quiet_until = now + QUIET_FOR_S
        return was_deaf or helped

    def heard_own(self, now: float) -> bool:
        """A device of the home was heard; true when none of them could be before."""
        if not self.none_of_ours and not self._on_trial:
            return False
        helped, self.none_of_ours = self._credit(now, ours=True) or self.none_of_ours, False
        self._well_since = now
        return helped

    def took(self, step: Step, now: float, failure: str = "") -> None:
        """A step was taken; `failure` says why it could not be."""
        times = self._taken[step].times + 1 if step in self._taken else 1
        within_s = OWN_HELPED_WITHIN_S if self.none_of_ours else HELPED_WITHIN_S
        outcome = Outcome.FAILED if failure else Outcome.WAITING
        self._taken[step] = _Taken(now, within_s, self.none_of_ours, outcome, failure, times)
        self._on_trial = self._on_trial or not failure
        if step is Step.RESCAN:
            self._rescans = min(self._rescans + 1, DOUBLINGS_MAX)
        elif step is Step.RESET:
            self._reset_asked = False
            self._resets = min(self._resets + 1, DOUBLINGS_MAX)
        elif not failure:
            self._restarted_at = now

    def ask_reset(self) -> None:
        """The system's own Bluetooth says that only a reset helps."""
        self._reset_asked = True

    def look(self, now: float) -> None:
        """Time passes: what has not helped by now has not."""
        for step, taken in self._taken.items():
            if taken.outcome is Outcome.WAITING and now - taken.at > taken.within_s:
                taken.outcome = Outcome.FAILED
                if step is Step.RESTART:
                    self._in_vain += 1
        self._on_trial = any(taken.outcome is Outcome.WAITING for taken in self._taken.values())
        if not self.none_of_ours:
            self._ours_missing_since = now
        if not self._silence_s(now) > RESCAN_AFTER_S and now - self._well_since > WELL_AFTER_S:
            self._rescans = self._resets = 0

    def _credit(self, now: float, *, ours: bool) -> bool:
        """Gives the steps that are on trial the credit."""
        helped = False
        for step, taken in self._taken.items():
            on_trial = taken.outcome is Outcome.WAITING and now - taken.at <= taken.within_s
            if not on_trial or (taken.for_ours and not ours):
                continue
            helped = True
            taken.outcome = Outcome.HELPED
            if step is Step.RESTART:
                self._in_vain = 0
        self._on_trial = any(taken.outcome is Outcome.WAITING for taken in self._taken.values())
        return helped

    # what is so

    def is_deaf(self, now: float) -> bool:
        """Whether nobody is heard, or none of the home's devices, for longer than is usual."""
        return self._silence_s(now) > (self._usual_limit_s(now, QUIET_PATIENCE_S) or DEAF_AFTER_S)

    def is_quiet(self, now: float) -> bool:
        """Whether nobody is heard, or was not until lately, as it is usual in this home."""
        return not self.is_deaf(now) and (now < self._quiet_until or now - self._rhythm.last_at > DEAF_AFTER_S)

    def silent_since(self, now: float) -> float:
        """Since when."""
        return now - self._silence_s(now)

    def next_step(self, now: float, *, may_restart: bool) -> Step | None:
        """What should be done now."""
        silence_s = self._silence_s(now)
        restart = self._taken.get(Step.RESTART)
        if restart is not None and restart.outcome is Outcome.WAITING:
            return None
        if may_restart and self._restart_is_due(silence_s, now):
            return Step.RESTART
        if self._reset_asked and self._is_over(Step.RESET, RESCAN_AFTER_S, now):
            return Step.RESET
        reset_after_s = max(RESET_AFTER_S, self._usual_limit_s(now, QUIET_PATIENCE_S))
        pause_s = min(RESET_PAUSE_S * 2.0 ** (self._resets - 1), RESET_PAUSE_MAX_S)
        if silence_s >= reset_after_s and self._is_over(Step.RESET, pause_s, now):
            return Step.RESET
        pause_s = min(RESCAN_AFTER_S * 2.0 ** (self._rescans - 1), RESCAN_PAUSE_MAX_S)
        if silence_s >= RESCAN_AFTER_S and self._is_over(Step.RESCAN, pause_s, now):
            return Step.RESCAN
        return None

    def done(self, now: float) -> list[Done]:
        """The newest step of each kind, of the last day."""
        found = []
        for step, taken in self._taken.items():
            code, words = _TOLD[step]
            if now - taken.at < TOLD_FOR_S:
                sentence = f"{words}, time {taken.times}" + (f": {taken.why}" if taken.why else "")
                found.append(Done(taken.at, sentence, code, taken.outcome))
        return found

    def note(self, now: float, *, restarting: bool = False) -> Note:
        """What should outlive the program."""
        return Note(
            longest_s=round(self._rhythm.usual_s(now), 1),
            observed_s=round(self._rhythm.observed_s, 1),
            restarts_in_vain=self._in_vain,
            boot=self._boot,
            restarted_at=self._restarted_at,
            awaited=restarting,
            ours=restarting and self.none_of_ours,
            silent_since=self._rhythm.last_at,
        )

    def _restart_is_due(self, silence_s: float, now: float) -> bool:
        is_sure = self._rhythm.learned and not self.none_of_ours
        after_s = RESTART_AFTER_S if is_sure else RESTART_UNLEARNED_S
        after_s = max(after_s, self._usual_limit_s(now, RESTART_PATIENCE_S))
        reset = self._taken.get(Step.RESET)
        reset_in_vain = reset is not None and reset.outcome is Outcome.FAILED and reset.at > now - silence_s
        pause_s = RESTART_PAUSES_S[min(self._in_vain, len(RESTART_PAUSES_S) - 1)]
        rested = self._restarted_at is None or now - self._restarted_at >= pause_s
        return silence_s >= after_s and reset_in_vain and rested

    def _is_over(self, step: Step, pause_s: float, now: float) -> bool:
        taken = self._taken.get(step)
        return taken is None or now - taken.at >= pause_s

    def _silence_s(self, now: float) -> float:
        since = now - self._rhythm.last_at
        return max(since, now - self._ours_missing_since) if self.none_of_ours else since

    def _usual_limit_s(self, now: float, most_s: float) -> float:
        """How long a silence is usual in this home; 0 for a home that is never quiet for long, or not yet known."""
        usual_s = self._rhythm.usual_s(now) * QUIET_TIMES
        return min(usual_s, most_s) if self._rhythm.learned and usual_s > DEAF_AFTER_S else 0.0
