"""What happens to somebody, by script: a collapse, an illness, a night of wandering, a holiday."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.truth import What


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to the person. Use the functions of this module to make one.

    Attributes:
        what: what it is.
        at: Unix seconds from which it may begin; some wait for the right moment (asleep, at home), and then the truth
            of the recording says when it was.
        lasts_s: until somebody helps, or until it is over.
        strength: of drifts the factor; of a collapse how often the person still stirs, times an hour.
    """

    what: What
    at: float
    lasts_s: float
    strength: float = 0.0
