"""Fetches Node-RED and its InfluxDB node by npm: `python -m benchmarks.peers.install`. Only `ingest` uses them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main() -> int:
    """Runs npm in this folder; the packages land in `node_modules`, which git ignores."""
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed: sudo apt install npm", file=sys.stderr)
        return 1
    command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    return subprocess.run(command, cwd=FOLDER, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
