"""Recorded falls and daily activities, as `simulators.recorded_falls` reads them."""

from __future__ import annotations

from simulators.recorded_falls import ABSENT, FILES, RECORDED_HZ, Trial, load_trials, recordings_file

__all__ = ["ABSENT", "FILES", "RECORDED_HZ", "Trial", "load_trials", "recordings_file"]
