"""How long somebody is noticed in the bathroom and nowhere else.

A visit begins with the last sign in the bathroom of a step in which other rooms were noticed as well, and ends with
the next sign from anywhere else: a room, the front door, the bed. Whether somebody is really still there nobody can
know: who left through a room without a sensor looks the same. So the limit is what this home's own visits show, and
where they show that leaving is seldom seen, visits are not judged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from central.detection.activity import Sign
from central.detection.profile import Limits

BATHROOM_CODES: Final = frozenset({11, 37})
"""Of SCAIP table D: bathroom or toilet, accessible toilet."""
UNSEEN_MINUTES: Final = 180.0
"""Where visits often seem to last so long, leaving is not seen there."""
KNOWN_DAYS: Final = 3
"""So many days must have been learned before: what a home without a sensor next to the bathroom shows in them."""
_BATHROOM: Final = re.compile(
    r"\b(bath|bathroom|toilet|wc|shower|lavatory|bany|lavabo|lavabos|dutxa|vàter|baño|aseo|ducha|servicio)\b"
)


class Visit(NamedTuple):
    """A visit to the bathroom: its first sign, its last, the device of that, and its end (None = not yet)."""

    begin_at: float
    last_at: float
    device: str
    end_at: float | None


@lru_cache(maxsize=1_000)
def is_bathroom(room: str) -> bool:
    """Whether a room's name, in Catalan, Spanish or English, is that of a bathroom or toilet."""
    return _BATHROOM.search(room.casefold()) is not None


def bathroom_devices(limits: Limits) -> frozenset[str]:
    """The devices that stand in a bathroom, by the code of their place or by the name of their room."""
    return frozenset(
        device.id
        for device in limits.devices.values()
        if device.place_code in BATHROOM_CODES or is_bathroom(device.room)
    )


def visits(signs: Iterable[Sign], bathroom: Collection[str]) -> list[Visit]:
    """All visits, oldest first; only the last may go on."""
    found: list[Visit] = []
    going = False
    for sign in signs:
        if going and not sign.devices <= frozenset(bathroom):
            found[-1] = found[-1]._replace(end_at=sign.first_at)
            going = False
        if sign.device in bathroom:
            if going:
                found[-1] = found[-1]._replace(last_at=sign.at, device=sign.device)
            else:
                found.append(Visit(sign.at, sign.at, sign.device, None))
                going = True
    return found
