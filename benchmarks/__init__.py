"""Figures of the running system, as ratios within one run: `make bench` (see docs/benchmarks.md)."""
