"""What a care plan says of one home beyond plain limits: ranges, measurements and doses expected, places.

Each is read strictly: a key or value that is not understood is told in words and leaves the default standing.
The default ranges are those of NEWS2 (Royal College of Physicians, "National Early Warning Score (NEWS) 2", London
2017): "far" is where one value alone scores 3, the nearer limit where it scores 2; a high body temperature scores 1
and 2. NEWS2 has no upper limit of blood pressure short of 220: 180/110 mmHg is grade 3 hypertension (Williams et al.,
"2018 ESC/ESH Guidelines", European Heart Journal 39, 2018), 120 mmHg diastolic the threshold of a crisis (Whelton et
al., "2017 ACC/AHA Guideline", Hypertension 71, 2018). They begin a conversation with the person's doctor, and are no
diagnosis.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Final, Literal

import msgspec

LocalTime = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Minutes = Annotated[float, msgspec.Meta(ge=5, le=720)]
BodyKind = Literal["body_temperature", "diastolic", "heart_rate", "spo2", "systolic", "weight"]
BodyName = Annotated[
    str,
    msgspec.Meta(pattern=r"^([a-z0-9][a-z0-9_-]{0,31}/)?(body_temperature|diastolic|heart_rate|spo2|systolic|weight)$"),
]
"""A kind, or the kind as one device measures it: `cuff-2/systolic`, where two people live."""
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
CORNERS_MAX: Final = 64
"""Most corners of a zone: each is reckoned with for each position."""
ZONES_MAX: Final = 16


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Values that are usual for a person, both limits included; None = no such limit.

    Attributes:
        low, high: outside, somebody of the care team looks at it.
        far_low, far_high: outside, it is told as far out of range; with `urgent`, as an urgent case.
    """

    low: float | None = None
    high: float | None = None
    far_low: float | None = None
    far_high: float | None = None
    urgent: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError when the limits do not stand in their order."""
        given = [one for one in (self.far_low, self.low, self.high, self.far_high) if one is not None]
        if not given or any(before > after for before, after in pairwise(given)):
            raise ValueError("limits must stand in the order far_low, low, high, far_high, and one must be given")


DEFAULT_RANGES: Final[dict[str, Range]] = {
    "heart_rate": Range(high=110.0, far_low=41.0, far_high=130.0),
    "spo2": Range(low=94.0, far_low=92.0),
    "systolic": Range(low=101.0, high=179.0, far_low=91.0, far_high=219.0),
    "diastolic": Range(high=109.0, far_high=120.0),
    "body_temperature": Range(high=38.0, far_low=35.1, far_high=39.0),
}


class WeightChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much weight may change within `days`; None = is not looked at.

    A gain of more than 2 kg in 3 days is when people with heart failure are to tell their team: McDonagh et al., "2021
    ESC Guidelines for acute and chronic heart failure", European Heart Journal 42, 2021 (advice on self-care).
    """

    gain_kg: Annotated[float, msgspec.Meta(gt=0, le=6)] | None = 2.0
    loss_kg: Annotated[float, msgspec.Meta(gt=0, le=6)] | None = None
    days: Annotated[float, msgspec.Meta(ge=1, le=7)] = 3.0


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A measurement that is to come between two times of a day: "weight daily before 10:00"."""

    kind: BodyKind
    by: LocalTime
    since: LocalTime = "00:00"
    days: tuple[Weekday, ...] = WEEKDAYS

    def __post_init__(self) -> None:
        """Raises ValueError when the end is not after the begin."""
        if self.by <= self.since:
            raise ValueError("`by` must be later in the day than `since`")


class Dose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dose at a time of the day; it counts as taken from `early_minutes` before to `late_minutes` after."""

    at: LocalTime
    early_minutes: Minutes = 60.0
    late_minutes: Minutes = 60.0
    days: tuple[Weekday, ...] = WEEKDAYS
    device: Annotated[str, msgspec.Meta(max_length=32)] = ""


class Climate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How cold or hot a room may be, in °C, for `hours` on end.

    WHO recommends at least 18 °C indoors in the cold season ("Housing and health guidelines", Geneva 2018), and less
    than 32 °C by day in heat ("Public health advice on preventing health effects of heat", WHO Europe 2011). Many homes
    are at 17 °C all winter: a call goes out below 16 °C, where the risk to the airways rises (Collins, "Low indoor
    temperatures and morbidity in the elderly", Age and Ageing 15, 1986).

    Attributes:
        rise_c: a rise within half an hour that may be a fire, once it is hotter than people have it.
        ignore: devices that do not measure a room: in a fridge, on a balcony.
    """

    cold_c: Annotated[float, msgspec.Meta(ge=0, le=25)] | None = 16.0
    hot_c: Annotated[float, msgspec.Meta(ge=25, le=45)] | None = 32.0
    hours: Annotated[float, msgspec.Meta(ge=1, le=3.5)] = 3.0
    rise_c: Annotated[float, msgspec.Meta(ge=5, le=50)] | None = 15.0
    ignore: tuple[str, ...] = ()


class Zone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a person is safe: a circle or a polygon, always or at some times.

    Attributes:
        name: as people call it.
        center: latitude and longitude in degrees; with `radius_m` a circle.
        corners: of a polygon, at least three; the last is joined to the first.
        days, since, until: when it holds, in local time; until before since is over midnight, to the next morning.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    center: tuple[Latitude, Longitude] | None = None
    radius_m: Annotated[float, msgspec.Meta(ge=50, le=200_000)] | None = None
    corners: Annotated[tuple[tuple[Latitude, Longitude], ...], msgspec.Meta(max_length=CORNERS_MAX)] = ()
    days: tuple[Weekday, ...] = WEEKDAYS
    since: LocalTime = "00:00"
    until: LocalTime = "00:00"

    def __post_init__(self) -> None:
        """Raises ValueError when it is neither a circle nor a polygon."""
        circle = self.center is not None and self.radius_m is not None
        half = (self.center is None) != (self.radius_m is None)
        if half or circle == bool(self.corners) or 0 < len(self.corners) < 3:
            raise ValueError("give either `center` and `radius_m`, or at least three `corners`")


class Locator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked for in the positions of who carries a locator. Without it positions are stored and not judged.

    Attributes:
        zones: where the person is safe: in any one that holds at the time. While none holds, anywhere.
        vehicle_kmh: faster than anybody walks or is pushed; None = is not looked at.
        silent_minutes: so long without a position somebody asks after it; None = nobody does.
    """

    zones: Annotated[tuple[Zone, ...], msgspec.Meta(max_length=ZONES_MAX)] = ()
    vehicle_kmh: Annotated[float, msgspec.Meta(ge=10, le=200)] | None = 25.0
    silent_minutes: Annotated[float, msgspec.Meta(ge=10, le=2_880)] | None = 120.0
