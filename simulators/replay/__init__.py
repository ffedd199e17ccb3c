"""Recorded and simulated homes and falls, played through the real path: `python -m simulators.replay --help`."""
