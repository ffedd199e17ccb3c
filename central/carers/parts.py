"""What the pages of carers and residents need besides the console's own parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from central.notification.channel import Channel


@dataclass(frozen=True, slots=True)
class CarersParts:
    """`phone`: on which carers ring the centre, "" for none. `channels`: to send codes by. `retention_days`: of raw
    readings, as residents are told. `address`: the centre as carers reach it, "" for as whoever asks does."""

    phone: str = ""
    channels: Mapping[str, Channel] = field(default_factory=dict)
    retention_days: int = 30
    address: str = ""
