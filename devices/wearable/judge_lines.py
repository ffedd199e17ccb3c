"""What is said to the process that looks for falls, and what it answers: lines of JSON."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from devices.wearable.site import Site

SILENT_S: Final = 4.0
"""A wearable that streamed and is silent for so long has perhaps fallen out of reach, with whoever wears it."""

Threshold = Annotated[float, msgspec.Meta(ge=0.05, le=0.99)]


class Worn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a wearable is worn in whose movement falls are looked for.

    Attributes:
        site: where.
        threshold: this wearer's, from which a fall is suspected; the model's own where it is left out. Lower finds more
            falls and asks more often for nothing.
    """

    site: Site
    threshold: Threshold | None = None


class WindowLine(msgspec.Struct, frozen=True):
    """A window of acceleration: the value of an `acceleration` reading of `device`, heard `at` (Unix seconds).

    `device` is any name by which whoever asks knows the wearable. An empty `value` says that it has been silent since
    `at`, for longer than its windows ever wait.
    """

    device: str
    worn: Worn
    value: bytes
    at: float


class SaidLine(msgspec.Struct, frozen=True):
    """A reading that was concluded."""

    device: str
    kind: str
    value: float | str
    at: float
