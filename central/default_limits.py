"""The limits that hold for every home, as the centre's configuration says."""

from __future__ import annotations

from central.config import CentralConfig
from central.detection.profile import Limits


def default_limits(config: CentralConfig) -> Limits:
    """The centre's default limits, as configured."""
    given = config.detection
    plain = Limits()
    return Limits(
        hub_silent_shown_s=given.hub_silent_shown_s,
        hub_silent_technical_s=given.hub_silent_technical_s,
        hub_silent_alarm_s=given.hub_silent_alarm_s,
        sensor_grace_s=given.sensor_grace_s,
        inactivity_hours=given.inactivity_hours,
        inactivity_night_hours=max(given.inactivity_hours, plain.inactivity_night_hours),
        inactivity_away_hours=max(given.inactivity_hours, plain.inactivity_away_hours),
    )
