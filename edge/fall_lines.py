"""What the agent and the process that looks for falls say to each other: lines of JSON."""

from __future__ import annotations

from typing import Annotated

import msgspec

from devices.wearable.site import Site


class Worn(msgspec.Struct, frozen=True):
    """One `[[worn]]` of the configuration: a wearable in whose movement falls are looked for.

    Attributes:
        device: its id in the enrolment.
        site: where it is worn.
        threshold: this wearer's, from which a fall is suspected; the model's own where it is left out. Lower finds more
            falls and asks more often for nothing.
    """

    device: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    site: Site
    threshold: Annotated[float, msgspec.Meta(ge=0.05, le=0.99)] | None = None


class WindowLine(msgspec.Struct, frozen=True):
    """A window of acceleration: the value of an `acceleration` reading of `device`, heard `at` (Unix seconds)."""

    device: str
    value: bytes
    at: float


class SaidLine(msgspec.Struct, frozen=True):
    """A reading that was concluded."""

    device: str
    kind: str
    value: float | str
    at: float
