"""Others that do the receiver's job, measured beside it on the same messages."""

from __future__ import annotations

from pathlib import Path
from typing import Final

NODE_MODULES: Final = Path(__file__).resolve().parent / "node_modules"
"""Where `python -m benchmarks.peers.install` puts Node-RED; git ignores it."""
