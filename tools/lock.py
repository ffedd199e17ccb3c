"""Pins every package that Llar uses into requirements/lock.txt: names and versions only, no addresses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
OPTIONS = ["--extra=dev", "--strip-extras", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate"]
OPTIONS += ["--no-header", "--allow-unsafe", "--quiet", "--upgrade"]


def main() -> None:
    """Writes the lock file; the project itself is left out of it."""
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "pip-tools"], check=True)
    command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, "-o", "-", "pyproject.toml"]
    pins = subprocess.run(command, cwd=HOUSE, check=True, capture_output=True, text=True).stdout
    kept = [line for line in pins.splitlines() if line and not line.startswith(("llar", "#", "-"))]
    (HOUSE / "requirements" / "lock.txt").write_text("\n".join(kept) + "\n")


if __name__ == "__main__":
    main()
