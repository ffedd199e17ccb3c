"""How far a position is from a zone, on the plane that touches the earth there.

Within the hundred kilometres that matter here, the equirectangular projection (x = R cos(latitude) * d_longitude,
y = R * d_latitude; Snyder, "Map Projections: A Working Manual", USGS 1395, 1987, chapter 12) errs by less than a
thousandth, which is less than a locator does.
"""

from __future__ import annotations

from itertools import pairwise
from math import atan2, cos, degrees, hypot, radians
from typing import Final

from central.detection.care_plan import Zone

EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean radius (IUGG)."""
WINDS: Final = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")

Place = tuple[float, float]
"""Latitude and longitude in degrees (WGS 84)."""


def plane(of: Place, origin: Place) -> tuple[float, float]:
    """Metres east and north of `origin`."""
    across = (of[1] - origin[1] + 180.0) % 360.0 - 180.0
    east = EARTH_RADIUS_M * radians(across) * cos(radians((of[0] + origin[0]) / 2))
    return east, EARTH_RADIUS_M * radians(of[0] - origin[0])


def distance_m(one: Place, other: Place) -> float:
    """Metres between two places."""
    return hypot(*plane(one, other))


def direction(of: Place, origin: Place) -> str:
    """In which of the eight `WINDS` a place lies, seen from `origin`."""
    east, north = plane(of, origin)
    return WINDS[round(degrees(atan2(east, north)) / 45.0) % 8]


def middle(zone: Zone) -> Place:
    """The centre of a circle, or of a polygon's corners."""
    if zone.center is not None:
        return zone.center
    # relative to one corner: a zone may lie across the 180th meridian
    first = zone.corners[0]
    count = len(zone.corners)
    latitude = sum(corner[0] for corner in zone.corners) / count
    across = sum((corner[1] - first[1] + 180.0) % 360.0 - 180.0 for corner in zone.corners) / count
    return latitude, first[1] + across


def outside_m(place: Place, zone: Zone) -> float:
    """Metres from a place to the zone's border, below 0 inside."""
    if zone.center is not None:
        return distance_m(place, zone.center) - (zone.radius_m or 0.0)
    corners = [plane(corner, place) for corner in zone.corners]
    edges = list(pairwise([*corners, corners[0]]))
    nearest = min(_to_edge(begin, end) for begin, end in edges)
    crossings = sum(_crosses(begin, end) for begin, end in edges)
    return -nearest if crossings % 2 else nearest


def _to_edge(begin: tuple[float, float], end: tuple[float, float]) -> float:
    """Metres from the origin to a line between two points."""
    along = end[0] - begin[0], end[1] - begin[1]
    length = along[0] ** 2 + along[1] ** 2
    share = 0.0 if not length else max(0.0, min(1.0, -(begin[0] * along[0] + begin[1] * along[1]) / length))
    return hypot(begin[0] + share * along[0], begin[1] + share * along[1])


def _crosses(begin: tuple[float, float], end: tuple[float, float]) -> bool:
    """Whether the ray from the origin eastwards crosses an edge."""
    if (begin[1] > 0) == (end[1] > 0):
        return False
    return begin[0] - begin[1] * (end[0] - begin[0]) / (end[1] - begin[1]) > 0
