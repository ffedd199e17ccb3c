"""`python tools/train_falls.py [wrist] [waist]`: makes the weights of the fall models anew, from recordings.

Needs the recordings (simulators/recorded_falls.py says which and where) and `pip install .[train]`. The same
recordings and the same versions of numpy and scikit-learn give the same files, bit for bit. How good the models are
for people whom they have not seen is measured by `python -m benchmarks falls`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from benchmarks.fall_training import fit, gather  # noqa: E402
from devices.wearable.fall_model import model_file, save_model  # noqa: E402
from devices.wearable.site import Site  # noqa: E402
from simulators.recorded_falls import ABSENT, trials_of  # noqa: E402


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description="Makes the weights of the fall models anew, from recordings.")
    parser.add_argument("sites", nargs="*", type=Site, default=list(Site), metavar="SITE", help="wrist, waist")
    parser.add_argument("--into", type=Path, default=PROJECT / "devices/wearable", metavar="FOLDER")
    options = parser.parse_args()
    for site in options.sites:
        trials = trials_of(site)
        if not trials:
            print(ABSENT, file=sys.stderr)
            return 1
        examples = gather(trials, site)
        print(f"{site}: {len(examples.numbers)} windows, {int(examples.is_fall.sum())} of them falls", flush=True)
        for gyroscope in (True, False):
            path = options.into / model_file(site, gyroscope=gyroscope)
            model = fit(examples, site, gyroscope=gyroscope)
            save_model(model, path)
            print(f"{path.name}: {len(model.vectors)} support vectors, {path.stat().st_size} bytes", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
